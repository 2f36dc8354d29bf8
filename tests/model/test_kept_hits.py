"""`GrooVAE.decode` with hits that are given."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from groovefast.config import CONFIGS, Config
from groovefast.errors import GrooveFastError
from groovefast.model.groovae import GrooVAE

HUMANIZE = CONFIGS["groovae_2bar_humanize"].with_hparams(
    "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"
)
Z = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
HITS = (np.random.default_rng(1).random((5, 32, 9)) < 0.3).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> GrooVAE:
    return lively(HUMANIZE)


def lively(config: Config) -> GrooVAE:
    """A model whose steps depend on those before them."""
    model, rng = GrooVAE(config), np.random.default_rng(2)
    for variable in model.weights.values():
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return model


def decode(
    model: GrooVAE, hits: np.ndarray | None = None, given: np.ndarray | None = None
) -> np.ndarray:
    return np.asarray(model.decode(Z, temperature=1.0, seed=3, hits=hits, given=given))


def test_given_hits_are_written(model: GrooVAE) -> None:
    assert np.array_equal(decode(model, HITS)[..., :9], HITS)


def test_given_hits_are_heard_by_later_steps_only(model: GrooVAE) -> None:
    free, changed = decode(model), decode(model)[..., :9].copy()
    changed[:, 10] = 1 - changed[:, 10]
    kept = decode(model, changed)
    np.testing.assert_array_equal(kept[:, :11, 9:], free[:, :11, 9:])
    assert np.abs(kept[:, 11:, 9:] - free[:, 11:, 9:]).max() > 0.01


def test_own_hits_given_back_change_nothing(model: GrooVAE) -> None:
    free = decode(model)
    np.testing.assert_array_equal(decode(model, free[..., :9]), free)


def test_the_model_chooses_where_no_hit_is_given(model: GrooVAE) -> None:
    others = np.arange(9) != 2
    written = decode(model, HITS, others)[..., :9]
    assert np.array_equal(written[..., others], HITS[..., others])
    assert set(np.unique(written[..., 2])) == {0, 1}
    np.testing.assert_array_equal(decode(model, HITS, np.zeros(9, bool)), decode(model))


def test_single_hits_can_be_given(model: GrooVAE) -> None:
    given = np.random.default_rng(4).random(HITS.shape) < 0.5
    free, written = decode(model)[..., :9], decode(model, HITS, given)[..., :9]
    assert np.array_equal(written[given], HITS[given])
    assert (written[~given] != HITS[~given]).any()
    assert np.array_equal(written[:, 0][~given[:, 0]], free[:, 0][~given[:, 0]])


def test_hits_of_split_instruments_are_given_row_by_row() -> None:
    converter = dataclasses.replace(HUMANIZE.converter, split_instruments=True)
    model = lively(dataclasses.replace(HUMANIZE, converter=converter))
    hits = HITS.reshape(5, 32 * 9, 1)
    assert np.array_equal(decode(model, hits)[..., :1], hits)


def test_hits_of_another_shape_are_refused(model: GrooVAE) -> None:
    with pytest.raises(GrooveFastError, match=r"hits: shape \(5, 32, 9\) wanted, \(4, 32, 9\)"):
        decode(model, HITS[:4])
