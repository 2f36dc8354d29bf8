"""What each config does to a performance before the model sees it.

One implementation for both array libraries: `xp` is `numpy` or `tensorflow`, and only functions are
used that both have under one name and with one meaning. The converter calls it on one file's
windows, the input pipeline on a batch inside a graph.

The order is Magenta's: note dropout, tapify, humanize, fixed velocities, instruments removed. The
targets stay as performed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from groovefast.config import ConverterConfig
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.windows.rows import Array, Grid, RowLayout

TAP_CLASS = DRUM_CLASSES.index("open hi-hat")
_LEAST_DROPOUT_WEIGHT = 0.2


class DropoutDraws(NamedTuple):
    """Uniform draws from [0, 1) that decide which hits note dropout takes away."""

    windows: Array
    """Shape (n, 1, 1): how strongly each window is thinned."""
    hits: Array
    """Shape (n, steps, 9): which of its hits go."""


def apply(
    config: ConverterConfig,
    xp: Any,
    hits: Array,
    velocities: Array,
    offsets: Array,
    dropout: DropoutDraws | None = None,
    heard: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Returns (inputs, outputs, controls) of performed windows, ready for the model.

    Args:
        config: What to do to the inputs and how to lay out the rows.
        xp: The module `numpy` or `tensorflow`.
        hits: Shape (n, steps, 9), see `Grid`.
        velocities: Shape (n, steps, 9).
        offsets: Shape (n, steps, 9).
        dropout: Draws for note dropout; without them no note is dropped. They have no effect under
            a config without note dropout.
        heard: Which hits to leave in the inputs, 1 or 0, (n, steps, 9), before all else; all if
            None.

    Returns:
        float32 of shapes (n, rows, depth), (n, rows, depth) and (n, rows, control_depth), with
        `RowLayout.rows_per_step` rows to a step.
    """
    performed = Grid(hits, velocities, offsets)
    left = performed if heard is None else Grid(*(values * heard for values in performed))
    inputs = transform_inputs(config, xp, left, dropout)
    layout = RowLayout.of(config)
    return (
        layout.assemble(xp, inputs),
        layout.assemble(xp, performed),
        layout.controls(xp, hits),
    )


def transform_inputs(
    config: ConverterConfig, xp: Any, grid: Grid, dropout: DropoutDraws | None = None
) -> Grid:
    """Returns what the model hears of a performance; arguments as of `apply`."""
    if dropout is not None and config.max_note_dropout_probability:
        grid = _drop_notes(config.max_note_dropout_probability, xp, grid, dropout)
    silent = config.humanize or config.fixed_velocities
    if config.tapify:
        grid = _tapify(xp, grid, silent)
    elif silent:
        grid = grid._replace(velocities=xp.zeros_like(grid.velocities))
    if config.humanize:
        grid = grid._replace(offsets=xp.zeros_like(grid.offsets))
    if config.add_instruments:
        kept = np.array([drum not in config.add_instruments for drum in range(NUM_CLASSES)])
        grid = _keep_where(xp, kept, grid)
    return grid


def _drop_notes(max_probability: float, xp: Any, grid: Grid, draws: DropoutDraws) -> Grid:
    """Takes hits away, soft ones rather than loud ones."""
    weights = xp.maximum(1.0 - grid.velocities, _LEAST_DROPOUT_WEIGHT)
    return _keep_where(xp, draws.hits >= max_probability * draws.windows * weights, grid)


def _tapify(xp: Any, grid: Grid, silent: bool) -> Grid:
    """Moves the loudest hit of each step (of equals the lowest class) to the tap class."""
    loudest = xp.argmax(grid.velocities, axis=-1)
    below = xp.zeros_like(grid.hits[..., :TAP_CLASS])
    above = xp.zeros_like(grid.hits[..., TAP_CLASS + 1 :])

    def tapped(values: Array) -> Array:
        tap = xp.expand_dims(_of_drums(xp, values, loudest), -1)
        return xp.concat((below, tap, above), axis=-1)

    velocities = xp.zeros_like(grid.velocities) if silent else tapped(grid.velocities)
    return Grid(tapped(grid.hits), velocities, tapped(grid.offsets))


def _of_drums(xp: Any, values: Array, drums: Array) -> Array:
    """Of values (n, steps, 9) those of one drum at each step, int64 (n, steps)."""
    if xp is np:  # several times as fast as take_along_axis on one file's windows
        cells = drums.reshape(-1) + np.arange(0, values.size, NUM_CLASSES)
        return values.reshape(-1).take(cells).reshape(drums.shape)
    return xp.gather(values, drums, axis=-1, batch_dims=2)


def _keep_where(xp: Any, kept: Array, grid: Grid) -> Grid:
    """Empties the cells that are not `kept`."""
    weights = _as_weights(xp, kept)
    return Grid(*(values * weights for values in grid))


def _as_weights(xp: Any, chosen: Array) -> Array:
    """1 where chosen, else 0. A product with it is much faster than choosing in numpy."""
    return xp.where(chosen, np.float32(1), np.float32(0))
