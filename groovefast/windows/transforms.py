"""What each config does to a performance before the model sees it.

One implementation for both array libraries: `xp` is `numpy` or `tensorflow`, and only functions are
used that both have under one name and with one meaning. The converter calls it on one file's
windows, the input pipeline on a batch inside a graph.

The order is Magenta's: note dropout, tapify, humanize, fixed velocities, instruments removed. The
targets stay as performed.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from groovefast.config import ConverterConfig
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES

Array: TypeAlias = Any
"""A numpy array or a TensorFlow tensor, float32 unless said otherwise."""

TAP_CLASS = DRUM_CLASSES.index("open hi-hat")
VELOCITIES = (np.arange(128) / 127).astype(np.float32)
"""What each MIDI velocity is in the grid. A table to look up, because TensorFlow's graph optimizer
turns x / 127 into x * (1 / 127), which rounds differently."""
VELOCITY_RANGE = (0.0, 1.0)
OFFSET_RANGE = (-1.0, 1.0)

_LEAST_DROPOUT_WEIGHT = 0.2
_EDGE_MARGIN = 1e-4


class Grid(NamedTuple):
    """Windows of drum hits, each array of shape (n, steps, 9)."""

    hits: Array
    """1 where a drum is hit, else 0."""
    velocities: Array
    """0..1, 0 where there is no hit."""
    offsets: Array
    """-1..1 in half steps, positive is early; 0 where there is no hit."""


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

    Returns:
        float32 of shapes (n, rows, depth), (n, rows, depth) and (n, rows, control_depth), with
        `config.rows_per_step` rows to a step.
    """
    performed = Grid(hits, velocities, offsets)
    heard = transform_inputs(config, xp, performed, dropout)
    return (
        assemble(config, xp, heard),
        assemble(config, xp, performed),
        assemble_controls(config, xp, performed),
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


def assemble(config: ConverterConfig, xp: Any, grid: Grid) -> Array:
    """Returns the model's rows of a grid.

    Args:
        config: Whether instruments are split, and how many bins there are.
        xp: The module `numpy` or `tensorflow`.
        grid: Arrays of shape (n, steps, 9).

    Returns:
        Shape (n, steps, 27) with rows [9 hits, 9 velocities, 9 offsets]. Binned values take one
        one-hot a drum in place of the value. With `split_instruments` (n, steps * 9, depth), each
        row [hit, velocity, offset] of one drum.
    """
    features = (
        xp.expand_dims(grid.hits, -1),
        _binned(xp, grid.velocities, *VELOCITY_RANGE, config.num_velocity_bins),
        _binned(xp, grid.offsets, *OFFSET_RANGE, config.num_offset_bins),
    )
    steps = grid.hits.shape[1]
    if config.split_instruments:
        return xp.reshape(xp.concat(features, axis=-1), (-1, steps * NUM_CLASSES, config.depth))
    flat = [xp.reshape(each, (-1, steps, NUM_CLASSES * each.shape[-1])) for each in features]
    return xp.concat(flat, axis=-1)


def disassemble(config: ConverterConfig, xp: Any, rows: Array) -> Grid:
    """Returns the grid of the model's rows: the inverse of `assemble`.

    Args:
        config: As of `assemble`.
        xp: The module `numpy` or `tensorflow`.
        rows: Shape (n, rows, depth).

    Returns:
        Hits, velocities and offsets of shape (n, steps, 9); binned ones (n, steps, 9, bins).
    """
    bins = (0, config.num_velocity_bins, config.num_offset_bins)
    steps = rows.shape[1] // config.rows_per_step
    drums = 1 if config.split_instruments else NUM_CLASSES
    parts, first = [], 0
    for num_bins in bins:
        last = first + drums * (num_bins or 1)
        shape = (-1, steps, NUM_CLASSES, num_bins) if num_bins else (-1, steps, NUM_CLASSES)
        parts.append(xp.reshape(rows[..., first:last], shape))
        first = last
    return Grid(*parts)


def assemble_controls(config: ConverterConfig, xp: Any, grid: Grid) -> Array:
    """Returns the control rows of performed windows, (n, rows, control_depth).

    Args:
        config: Whether hits are controls and instruments are split.
        xp: The module `numpy` or `tensorflow`.
        grid: The performance, arrays of shape (n, steps, 9).

    Returns:
        The hits, 9 a step; with `split_instruments` rows of [hit, if it is a control] and the
        one-hot of the row's drum; of width 0 where there is nothing to tell.
    """
    if not config.split_instruments:
        return grid.hits if config.hits_as_controls else grid.hits[..., :0]
    rows = grid.hits.shape[1] * NUM_CLASSES
    drums = np.tile(np.eye(NUM_CLASSES, dtype=np.float32), (grid.hits.shape[1], 1))
    controls = xp.broadcast_to(drums, (xp.shape(grid.hits)[0], rows, NUM_CLASSES))
    if config.hits_as_controls:
        controls = xp.concat([xp.reshape(grid.hits, (-1, rows, 1)), controls], axis=-1)
    return controls


def _binned(xp: Any, values: Array, low: float, high: float, num_bins: int) -> Array:
    """`values` with a last axis of one-hots over `num_bins`, or of 1 when they are not binned."""
    values = xp.expand_dims(values, -1)
    if not num_bins:
        return values
    edges = _float32_below(np.linspace(low, high + _EDGE_MARGIN, num_bins))
    below = np.concatenate(([np.float32(-np.inf)], edges[:-1]))
    return xp.where((values > below) & (values <= edges), np.float32(1), np.float32(0))


def _float32_below(edges: Array) -> Array:
    """The largest float32 not above each double: float32 values compare alike with either."""
    rounded = edges.astype(np.float32)
    return np.where(rounded > edges, np.nextafter(rounded, np.float32(-np.inf)), rounded)
