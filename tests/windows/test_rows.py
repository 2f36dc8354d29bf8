"""What the columns of a row mean; the goldens of `test_transforms` hold what is in them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from model_families import GROOVAE

from groovefast.config import CONFIGS, ConverterConfig
from groovefast.windows.rows import Grid, RowLayout

LAYOUTS = [
    RowLayout(drums, velocity_bins, offset_bins, hits_as_controls)
    for drums, velocity_bins, offset_bins, hits_as_controls in itertools.product(
        (9, 1), (0, 5), (0, 7), (False, True)
    )
]


@pytest.mark.parametrize("name", [name for name in GROOVAE if name.startswith("groovae")])
def test_rows_of_the_named_configs(name: str) -> None:
    layout = RowLayout.of(CONFIGS[name].converter)
    assert (layout.depth, layout.rows_per_step) == (27, 1)


@pytest.mark.parametrize(
    ("options", "depth", "control_depth", "rows_per_step"),
    [
        ({}, 27, 0, 1),
        ({"hits_as_controls": True}, 27, 9, 1),
        ({"split_instruments": True}, 3, 9, 9),
        ({"split_instruments": True, "hits_as_controls": True}, 3, 10, 9),
        ({"num_velocity_bins": 8, "num_offset_bins": 8}, 153, 0, 1),
        ({"split_instruments": True, "num_velocity_bins": 4, "num_offset_bins": 6}, 11, 9, 9),
    ],
)
def test_widths_follow_from_the_options(
    options: dict[str, object], depth: int, control_depth: int, rows_per_step: int
) -> None:
    layout = RowLayout.of(ConverterConfig(**options))
    assert (layout.depth, layout.control_depth) == (depth, control_depth)
    assert layout.rows_per_step == rows_per_step
    assert sum(layout.widths) == depth


def random_grid(seed: int = 0) -> Grid:
    rng = np.random.default_rng(seed)
    hits = (rng.random((2, 6, 9)) < 0.4).astype(np.float32)
    velocities = rng.random(hits.shape, np.float32) * hits
    return Grid(hits, velocities, (2 * rng.random(hits.shape, np.float32) - 1) * hits)


@pytest.mark.parametrize("xp", [np, tf], ids=["numpy", "tensorflow"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_grid_is_got_back_from_its_rows(layout: RowLayout, xp: object) -> None:
    grid = random_grid()
    rows = layout.assemble(xp, grid)
    assert rows.shape == (2, 6 * layout.rows_per_step, layout.depth)
    assert tuple(each.shape[-1] for each in layout.split(xp, rows)) == layout.widths
    back = layout.disassemble(xp, rows)
    np.testing.assert_array_equal(back.hits, grid.hits)
    for values, wanted, bins in (
        (back.velocities, grid.velocities, layout.velocity_bins),
        (back.offsets, grid.offsets, layout.offset_bins),
    ):
        if bins:
            assert values.shape == (2, 6, 9, bins)
            np.testing.assert_array_equal(np.sum(values, -1), 1)
        else:
            np.testing.assert_array_equal(values, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_numbers_of_rows_are_near_those_of_the_grid(layout: RowLayout) -> None:
    grid = random_grid()
    numbers = layout.numbers(layout.assemble(np, grid))
    np.testing.assert_array_equal(numbers.hits, grid.hits)
    width_of_bin = 1 / (layout.velocity_bins or np.inf), 2 / (layout.offset_bins or np.inf)
    for values, wanted, width in zip(numbers[1:], grid[1:], width_of_bin, strict=True):
        assert np.abs(values - wanted).max() <= 1.5 * width


def test_the_number_of_a_bin_is_its_lower_end() -> None:
    layout = RowLayout(9, 4, 4, False)
    rows = np.zeros((1, 1, layout.depth), np.float32)
    _, velocities, offsets = layout.split(np, rows)
    velocities.reshape(9, 4)[:, 3] = offsets.reshape(9, 4)[:, 3] = 1
    numbers = layout.numbers(rows)
    assert np.unique(numbers.velocities).tolist() == [0.75]
    assert np.unique(numbers.offsets).tolist() == [0.5]


@pytest.mark.parametrize("xp", [np, tf], ids=["numpy", "tensorflow"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_controls_tell_hits_and_the_drum_of_a_row(layout: RowLayout, xp: object) -> None:
    hits = random_grid().hits
    controls = np.asarray(layout.controls(xp, hits))
    assert controls.shape == (2, 6 * layout.rows_per_step, layout.control_depth)
    told = layout.drums * layout.hits_as_controls
    if told:
        np.testing.assert_array_equal(controls[..., :told].reshape(hits.shape), hits)
    drums = layout.controls_without_hits(xp, controls.shape[1])
    np.testing.assert_array_equal(controls[..., told:], np.broadcast_to(drums, (2, *drums.shape)))
    if layout.drums == 1:
        np.testing.assert_array_equal(np.argmax(drums, -1), np.arange(54) % 9)
        assert layout.controls_without_hits(xp, 5).shape == (5, 9)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_silence_is_what_a_step_without_hits_is(layout: RowLayout) -> None:
    nothing = np.zeros((1, 2, 9), np.float32)
    rows = layout.assemble(np, Grid(nothing, nothing, nothing))
    assert (rows == layout.silence).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_column_is_of_a_hit(layout: RowLayout) -> None:
    """What changes with one hit are the columns that are of it."""
    nothing = np.zeros((1, 1, 9), np.float32)
    for drum in range(9):
        hits = nothing.copy()
        hits[..., drum] = 1
        grid = Grid(hits, 0.9 * hits, 0.8 * hits)
        rows = layout.assemble(np, grid)
        row = rows[0, drum if layout.drums == 1 else 0]
        changed = np.flatnonzero(row != layout.silence)
        column = 0 if layout.drums == 1 else drum
        assert column in changed
        assert set(layout.hit_columns[changed]) == {column}
        assert len(changed) == 1 + (layout.velocity_bins > 0) + (layout.offset_bins > 0) + sum(
            not bins for bins in (layout.velocity_bins, layout.offset_bins)
        ) + sum(bins > 0 for bins in (layout.velocity_bins, layout.offset_bins))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_numbers_are_drawn_from_within_their_bins(layout: RowLayout) -> None:
    rng = np.random.default_rng(0)
    hits = np.ones((3, 16, 9), np.float32)
    velocities, offsets = rng.uniform(0, 1, hits.shape), rng.uniform(-1, 1, hits.shape)
    grid = Grid(hits, velocities.astype(np.float32), offsets.astype(np.float32))
    rows = layout.assemble(np, grid)
    drawn = layout.drawn(rows, np.random.default_rng(1))
    again = Grid(hits, *(values.astype(np.float32) for values in drawn[1:]))
    np.testing.assert_allclose(layout.assemble(np, again), rows, atol=1e-6)
    few = layout.drawn(rows[:1, : 4 * layout.rows_per_step], np.random.default_rng(1))
    many = layout.drawn(rows[:1], np.random.default_rng(1))
    for first, whole in zip(few, many, strict=True):
        np.testing.assert_array_equal(first, whole[:, :4])
    middle = layout.drawn(rows, None)
    if layout.velocity_bins and layout.offset_bins:
        assert np.abs(middle.velocities - grid.velocities).max() <= 0.5 / 4 + 1e-3
        assert not np.array_equal(drawn.offsets, middle.offsets)
