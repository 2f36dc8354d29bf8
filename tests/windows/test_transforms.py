from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_families import MAGENTAS_GROOVAE

from groovefast.config import CONFIGS, ConverterConfig
from groovefast.windows import transforms
from groovefast.windows.rows import Grid, RowLayout
from groovefast.windows.transforms import DropoutDraws

GOLDEN_CONFIGS = {
    **{name: CONFIGS[name].converter for name in MAGENTAS_GROOVAE if "dropout" not in name},
    "tapify_keep_velocity": ConverterConfig(tapify=True),
    "split_instruments": ConverterConfig(split_instruments=True),
    "split_instruments_hits_control": ConverterConfig(
        split_instruments=True, hits_as_controls=True
    ),
    "categorical_8_8": ConverterConfig(num_velocity_bins=8, num_offset_bins=8),
}
DROPOUT = CONFIGS["groovae_2bar_tap_fixed_velocity_note_dropout"].converter
ALL_CONFIGS = {
    **GOLDEN_CONFIGS,
    "groove_rnn": CONFIGS["groove_rnn"].converter,
    "note_dropout": DROPOUT,
    "all_at_once": ConverterConfig(
        humanize=True,
        add_instruments=(0, 3),
        split_instruments=True,
        hits_as_controls=True,
        num_velocity_bins=5,
        num_offset_bins=7,
        max_note_dropout_probability=0.5,
    ),
}


@pytest.fixture(scope="module")
def golden(dataset_golden_dir: Path) -> dict[str, np.ndarray]:
    with np.load(dataset_golden_dir / "transforms.npz") as archive:
        return dict(archive)


@pytest.fixture(params=["numpy", "tensorflow"])
def xp(request: pytest.FixtureRequest) -> ModuleType:
    return pytest.importorskip(request.param)


def random_grid(seed: int, windows: int = 6, steps: int = 32) -> Grid:
    rng = np.random.default_rng(seed)
    hits = (rng.random((windows, steps, 9)) < 0.3).astype(np.float32)
    velocities = (rng.integers(1, 128, hits.shape) / 127).astype(np.float32) * hits
    offsets = rng.uniform(-1, 1, hits.shape).astype(np.float32) * hits
    return Grid(hits, velocities, offsets)


def random_draws(seed: int, grid: Grid) -> DropoutDraws:
    rng = np.random.default_rng(seed)
    windows = rng.random((len(grid.hits), 1, 1), np.float32)
    return DropoutDraws(windows, rng.random(grid.hits.shape, np.float32))


@pytest.mark.parametrize("name", GOLDEN_CONFIGS)
def test_every_config_is_magentas(name: str, golden: dict[str, np.ndarray], xp: ModuleType) -> None:
    config = GOLDEN_CONFIGS[name]
    source = "groovae_4bar" if config.split_bars == 4 else "groovae_2bar_humanize"
    performed = Grid(*np.split(golden[f"{source}/outputs"], 3, axis=-1))

    inputs, outputs, controls = transforms.apply(config, xp, *performed)

    for made, kind in ((inputs, "inputs"), (outputs, "outputs"), (controls, "controls")):
        expected = golden[f"{name}/{kind}"]
        assert made.dtype == xp.float32
        assert made.shape == expected.shape
        np.testing.assert_array_equal(made, expected)
    assert inputs.shape[-1] == outputs.shape[-1] == RowLayout.of(config).depth
    assert controls.shape[-1] == RowLayout.of(config).control_depth


@pytest.mark.parametrize("name", ALL_CONFIGS)
def test_both_libraries_agree_in_a_graph(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    config, grid = ALL_CONFIGS[name], random_grid(1)
    draws = random_draws(2, grid)
    signature = [tf.TensorSpec((None, 32, 9), tf.float32)] * 3
    in_graph = tf.function(
        lambda *grid: transforms.apply(config, tf, *grid, DropoutDraws(*draws)),
        input_signature=signature,
    )

    expected = transforms.apply(config, np, *grid, draws)

    for ours, theirs in zip(expected, in_graph(*grid), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ALL_CONFIGS)
def test_no_windows_keep_their_shape(name: str) -> None:
    config = ALL_CONFIGS[name]
    rows = 32 * RowLayout.of(config).rows_per_step
    inputs, outputs, controls = transforms.apply(config, np, *random_grid(0, windows=0))
    assert inputs.shape == outputs.shape == (0, rows, RowLayout.of(config).depth)
    assert controls.shape == (0, rows, RowLayout.of(config).control_depth)


def test_targets_are_never_changed() -> None:
    grid = random_grid(3)
    before = Grid(*(values.copy() for values in grid))
    _, outputs, _ = transforms.apply(DROPOUT, np, *grid, random_draws(4, grid))
    np.testing.assert_array_equal(outputs, np.concatenate(before, axis=-1))
    for values, untouched in zip(grid, before, strict=True):
        np.testing.assert_array_equal(values, untouched)


def test_tap_of_equals_is_the_lowest_class() -> None:
    hits, velocities, offsets = np.zeros((3, 1, 1, 9), np.float32)
    hits[0, 0, [2, 5]] = 1
    velocities[0, 0, [2, 5]] = 0.5
    offsets[0, 0, [2, 5]] = -0.25, 0.75
    heard = transforms.transform_inputs(
        ConverterConfig(tapify=True), np, Grid(hits, velocities, offsets)
    )
    assert [values[0, 0, 3] for values in heard] == [1, 0.5, -0.25]
    assert np.count_nonzero(heard) == 3


def test_humanize_after_tapify_keeps_the_tap() -> None:
    both = dataclasses.replace(CONFIGS["groovae_2bar_humanize"].converter, tapify=True)
    grid = random_grid(5)
    heard = transforms.transform_inputs(both, np, grid)
    np.testing.assert_array_equal(heard.hits[..., 3], grid.hits.max(axis=-1))
    assert not heard.velocities.any()
    assert not heard.offsets.any()


def test_without_draws_no_note_is_dropped() -> None:
    grid = random_grid(6)
    kept = dataclasses.replace(DROPOUT, max_note_dropout_probability=0.0)
    for ours, plain in zip(
        transforms.apply(DROPOUT, np, *grid), transforms.apply(kept, np, *grid), strict=True
    ):
        np.testing.assert_array_equal(ours, plain)


@given(st.integers(0, 2**32 - 1))
def test_note_dropout_follows_its_formula(seed: int) -> None:
    config = ConverterConfig(max_note_dropout_probability=0.8)
    grid = random_grid(seed, windows=2, steps=16)
    draws = random_draws(seed + 1, grid)

    heard = transforms.transform_inputs(config, np, grid, draws)

    for window, step, drum in np.argwhere(grid.hits):
        weight = max(0.2, 1 - float(grid.velocities[window, step, drum]))
        chance = 0.8 * float(draws.windows[window, 0, 0]) * weight
        draw = float(draws.hits[window, step, drum])
        if abs(draw - chance) < 1e-6:
            continue
        kept = draw >= chance
        for values, performed in zip(heard, grid, strict=True):
            assert values[window, step, drum] == kept * performed[window, step, drum]


def test_soft_notes_are_dropped_more_often() -> None:
    config = ConverterConfig(max_note_dropout_probability=0.8)
    hits = np.ones((2000, 1, 9), np.float32)
    velocities = np.broadcast_to(np.linspace(0.1, 1, 9, dtype=np.float32), hits.shape)
    grid = Grid(hits, velocities, np.zeros_like(hits))
    heard = transforms.transform_inputs(config, np, grid, random_draws(7, grid))
    dropped = 1 - heard.hits.mean(axis=(0, 1))
    # The mean of U(0, 0.8) is 0.4.
    np.testing.assert_allclose(dropped, 0.4 * np.maximum(0.2, 1 - velocities[0, 0]), atol=0.04)


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=9, max_size=9),
    st.integers(2, 40),
)
def test_bins_are_those_of_digitize(values: list[float], num_bins: int) -> None:
    config = ConverterConfig(num_offset_bins=num_bins)
    offsets = np.asarray(values, np.float32).reshape(1, 1, 9)
    grid = Grid(np.ones_like(offsets), np.ones_like(offsets), offsets)
    one_hots = RowLayout.of(config).assemble(np, grid)[0, 0, 18:].reshape(9, num_bins)
    expected = np.digitize(offsets[0, 0], np.linspace(-1, 1 + 1e-4, num_bins), right=True)
    np.testing.assert_array_equal(one_hots.sum(axis=1), 1)
    np.testing.assert_array_equal(one_hots.argmax(axis=1), expected)


def test_tensorflow_is_not_imported(run_python: Callable[[str], str]) -> None:
    loaded = run_python(
        "import sys, groovefast.windows.transforms; print('tensorflow' in sys.modules)"
    )
    assert loaded == "False"
