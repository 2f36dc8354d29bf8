"""What a row of the model is: which columns mean what, and what numbers they stand for.

One implementation for both array libraries: `xp` is `numpy` or `tensorflow`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from groovefast.config import ConverterConfig
from groovefast.drums import NUM_CLASSES

Array: TypeAlias = Any
"""A numpy array or a TensorFlow tensor, float32 unless said otherwise."""

_VELOCITY_RANGE = (0.0, 1.0)
_OFFSET_RANGE = (-1.0, 1.0)
_EDGE_MARGIN = 1e-4


class Grid(NamedTuple):
    """Windows of drum hits, each array of shape (n, steps, 9)."""

    hits: Array
    """1 where a drum is hit, else 0."""
    velocities: Array
    """0..1, 0 where there is no hit."""
    offsets: Array
    """-1..1 in half steps, positive is early; 0 where there is no hit."""


class RowLayout(NamedTuple):
    """The columns of a row: hits of some drums, then their velocities, then their offsets.

    Velocities and offsets are a number for each drum or, where they are binned, a one-hot.

    Attributes:
        drums: Drums in a row: 9, or 1 with `split_instruments`, where a step is 9 rows.
        velocity_bins: Size of a velocity's one-hot; 0 for a number.
        offset_bins: The same of an offset.
        hits_as_controls: Whether hits are among the controls.
    """

    drums: int
    velocity_bins: int
    offset_bins: int
    hits_as_controls: bool

    @classmethod
    def of(cls, converter: ConverterConfig) -> RowLayout:
        """Returns the rows that a converter makes."""
        return cls(
            1 if converter.split_instruments else NUM_CLASSES,
            converter.num_velocity_bins,
            converter.num_offset_bins,
            converter.hits_as_controls,
        )

    @property
    def rows_per_step(self) -> int:
        """Rows the model sees for each grid step."""
        return NUM_CLASSES // self.drums

    @property
    def widths(self) -> tuple[int, int, int]:
        """Columns of hits, of velocities and of offsets."""
        return (
            self.drums,
            self.drums * (self.velocity_bins or 1),
            self.drums * (self.offset_bins or 1),
        )

    @property
    def depth(self) -> int:
        """Width of a row of outputs: 27 unless split or binned."""
        return sum(self.widths)

    @property
    def input_depth(self) -> int:
        """Width of a row of inputs: that of `depth`."""
        return self.depth

    @property
    def control_depth(self) -> int:
        """Width of a row of controls: hits, if they are controls, and the one-hot of its drum."""
        return self.drums * self.hits_as_controls + self._drum_width

    @property
    def _drum_width(self) -> int:
        """Of the one-hot that tells which drum a row is of, where that is not always the same."""
        return 0 if self.rows_per_step == 1 else NUM_CLASSES

    def assemble(self, xp: Any, grid: Grid) -> Array:
        """Returns the rows of a grid.

        Args:
            xp: The module `numpy` or `tensorflow`.
            grid: Arrays of shape (n, steps, 9).

        Returns:
            Shape (n, steps, 27) with rows [9 hits, 9 velocities, 9 offsets]. Binned values take one
            one-hot a drum in place of the value. With `split_instruments` (n, steps * 9, depth),
            each row [hit, velocity, offset] of one drum.
        """
        features = (
            xp.expand_dims(grid.hits, -1),
            _binned(xp, grid.velocities, *_VELOCITY_RANGE, self.velocity_bins),
            _binned(xp, grid.offsets, *_OFFSET_RANGE, self.offset_bins),
        )
        steps = grid.hits.shape[1]
        if self.rows_per_step > 1:
            rows = xp.concat(features, axis=-1)
            return xp.reshape(rows, (-1, steps * self.rows_per_step, self.depth))
        flat = [xp.reshape(each, (-1, steps, NUM_CLASSES * each.shape[-1])) for each in features]
        return xp.concat(flat, axis=-1)

    def split(self, xp: Any, rows: Array) -> tuple[Array, Array, Array]:
        """Returns the columns of hits, velocities and offsets of rows, (..., depth)."""
        if xp is np:  # slices are made much sooner than np.split has parted anything
            first, second = self.widths[0], sum(self.widths[:2])
            return rows[..., :first], rows[..., first:second], rows[..., second:]
        hits, velocities, offsets = xp.split(rows, self.widths, -1)
        return hits, velocities, offsets

    def disassemble(self, xp: Any, rows: Array) -> Grid:
        """Returns the grid of rows: the inverse of `assemble`.

        Args:
            xp: The module `numpy` or `tensorflow`.
            rows: Shape (n, rows, depth).

        Returns:
            Hits, velocities and offsets of shape (n, steps, 9); binned ones (n, steps, 9, bins).
        """
        steps = rows.shape[1] // self.rows_per_step
        bins = (0, self.velocity_bins, self.offset_bins)
        shapes = [(-1, steps, NUM_CLASSES, *([size] if size else [])) for size in bins]
        return Grid(*map(xp.reshape, self.split(xp, rows), shapes))

    def numbers(self, rows: Array) -> Grid:
        """Returns the grid of rows, (n, rows, depth) in numpy, with numbers also for bins.

        The number of a bin is its lower end in a range of as many equal parts, float64.
        """
        grid = self.disassemble(np, rows)
        return Grid(
            grid.hits,
            _number(grid.velocities, *_VELOCITY_RANGE, self.velocity_bins),
            _number(grid.offsets, *_OFFSET_RANGE, self.offset_bins),
        )

    @property
    def hit_columns(self) -> Array:
        """Of each column of a row that of the hit it tells of, int (depth,), numpy."""
        drums = np.arange(self.drums)
        return np.concatenate([np.repeat(drums, width // self.drums) for width in self.widths])

    @property
    def silence(self) -> Array:
        """The row of a step at which nothing is hit, float32 (depth,), numpy."""
        nothing = np.zeros((1, 1, NUM_CLASSES), np.float32)
        rows = self.assemble(np, Grid(nothing, nothing, nothing))
        return np.asarray(rows[0, 0], np.float32)

    def drawn(self, rows: Array, rng: np.random.Generator | None) -> Grid:
        """Returns the grid of rows, (n, rows, depth) in numpy, with numbers also for bins.

        Args:
            rows: Those of a model.
            rng: Draws numbers evenly from their bins; None for the middle of these.

        Returns:
            float64. The first rows are the same however many there are.
        """
        grid = self.disassemble(np, rows)
        shape = (*grid.hits.shape, 2)
        shares = np.full(shape, 0.5) if rng is None else rng.random(shape)
        velocities = _within(grid.velocities, *_VELOCITY_RANGE, self.velocity_bins, shares[..., 0])
        offsets = _within(grid.offsets, *_OFFSET_RANGE, self.offset_bins, shares[..., 1])
        return Grid(grid.hits, velocities, offsets)

    def controls(self, xp: Any, hits: Array) -> Array:
        """Returns the controls of windows.

        Args:
            xp: The module `numpy` or `tensorflow`.
            hits: Those of the performance, (n, steps, 9).

        Returns:
            Shape (n, rows, control_depth), see `control_depth`; of width 0 where there is nothing
            to tell.
        """
        if self.rows_per_step == 1:
            return hits if self.hits_as_controls else hits[..., :0]
        rows = hits.shape[1] * self.rows_per_step
        controls = xp.broadcast_to(
            self.controls_without_hits(xp, rows), (xp.shape(hits)[0], rows, self._drum_width)
        )
        if self.hits_as_controls:
            controls = xp.concat([xp.reshape(hits, (-1, rows, 1)), controls], axis=-1)
        return controls

    def controls_without_hits(self, xp: Any, rows: Any) -> Array:
        """Returns the controls that are the same for every window, (rows, 0 or 9)."""
        of_step = np.eye(self.rows_per_step, self._drum_width, dtype=np.float32)
        steps = (rows + self.rows_per_step - 1) // self.rows_per_step
        return xp.tile(of_step, (steps, 1))[:rows]


def _binned(xp: Any, values: Array, low: float, high: float, num_bins: int) -> Array:
    """`values` with a last axis of one-hots over `num_bins`, or of 1 when they are not binned."""
    values = xp.expand_dims(values, -1)
    if not num_bins:
        return values
    edges = _float32_below(np.linspace(low, high + _EDGE_MARGIN, num_bins))
    below = np.concatenate(([np.float32(-np.inf)], edges[:-1]))
    return xp.where((values > below) & (values <= edges), np.float32(1), np.float32(0))


def _number(values: Array, low: float, high: float, num_bins: int) -> Array:
    """The inverse of `_binned`, as far as there is one."""
    if not num_bins:
        return values
    return low + (high - low) * (values.argmax(axis=-1) / num_bins)


def _within(values: Array, low: float, high: float, num_bins: int, shares: Array) -> Array:
    """So far, 0..1, from the lower end of each value's bin to its upper end."""
    if not num_bins:
        return values
    edges = np.minimum(np.linspace(low, high + _EDGE_MARGIN, num_bins), high)
    upper = values.argmax(axis=-1)
    lower = edges[np.maximum(upper - 1, 0)]
    return lower + shares * (edges[upper] - lower)


def _float32_below(edges: Array) -> Array:
    """The largest float32 not above each double: float32 values compare alike with either."""
    rounded = edges.astype(np.float32)
    return np.where(rounded > edges, np.nextafter(rounded, np.float32(-np.inf)), rounded)
