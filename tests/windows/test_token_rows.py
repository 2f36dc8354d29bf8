from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from groovefast.config import CONFIGS, TokensConfig
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import TokenLayout, layout_of

LIBRARIES = pytest.mark.parametrize("xp", [np, tf], ids=["numpy", "tensorflow"])


@pytest.mark.parametrize(
    ("tokens", "input_depth", "depth"),
    [
        (TokensConfig("drums"), 512, 512),
        (TokensConfig("drums", roll_input=True), 10, 512),
        (TokensConfig("drums", add_end_token=True), 513, 513),
        (TokensConfig("drums", roll_input=True, add_end_token=True), 11, 513),
        (TokensConfig("melody"), 90, 90),
        (TokensConfig("melody", add_end_token=True), 91, 91),
        (TokensConfig("trio"), 692, 692),
    ],
)
def test_widths(tokens: TokensConfig, input_depth: int, depth: int) -> None:
    layout = TokenLayout.of(tokens)
    assert (layout.input_depth, layout.depth) == (input_depth, depth)
    assert (layout.control_depth, layout.rows_per_step, layout.drums) == (0, 1, 0)
    assert layout.controls_without_hits(np, 4).shape == (4, 0)


@LIBRARIES
def test_a_roll_is_of_the_classes_hit(xp: ModuleType) -> None:
    layout = TokenLayout.of(TokensConfig("drums", roll_input=True))
    (silence, kick, both, all_of_them), *_ = np.asarray(
        layout.inputs(xp, np.array([[0, 1, 2 + 256, 511]]))
    )
    np.testing.assert_array_equal(silence, [0] * 9 + [1])
    np.testing.assert_array_equal(kick, [1] + [0] * 9)
    np.testing.assert_array_equal(np.flatnonzero(both), [1, 8])
    np.testing.assert_array_equal(all_of_them, [1] * 9 + [0])


@LIBRARIES
def test_the_end_has_a_column_before_that_of_silence(xp: ModuleType) -> None:
    layout = TokenLayout.of(TokensConfig("drums", roll_input=True, add_end_token=True))
    heard = np.asarray(layout.inputs(xp, np.array([[0, 512, 511]])))[0]
    np.testing.assert_array_equal(heard.argmax(-1), [10, 9, 0])
    np.testing.assert_array_equal(heard.sum(-1), [1, 1, 9])


@given(st.integers(0, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_rows_tell_the_tokens_they_were_made_of(n: int, steps: int, seed: int) -> None:
    for tokens in (TokensConfig("drums"), TokensConfig("melody"), TokensConfig("trio")):
        layout, rng = TokenLayout.of(tokens), np.random.default_rng(seed)
        made_of = rng.integers(0, layout.tokens, (n, steps, len(layout.tokens)))
        made_of = made_of.reshape(layout.shape(n, steps))
        for xp in (np, tf):
            rows = np.asarray(layout.outputs(xp, made_of))
            assert rows.shape == (n, steps, layout.depth)
            assert (rows.sum(-1) == len(layout.tokens)).all()
            np.testing.assert_array_equal(layout.told(xp, rows), made_of)
            np.testing.assert_array_equal(layout.inputs(xp, made_of), rows)


def test_the_rows_of_a_config() -> None:
    for config in CONFIGS.values():
        assert isinstance(layout_of(config), TokenLayout if config.tokens else RowLayout)
