"""The decoder and the conductor in NumPy, as `decoder` and `conductor` have them in TensorFlow.

Windows are the last axis, see `numpy_layers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.model.inputs import Kept
from groovefast.model.numpy_layers import (
    Cell,
    Dense,
    Known,
    State,
    by_section,
    first_states,
    in_a_row,
    through,
)
from groovefast.model.numpy_rows import NumpyRow
from groovefast.progress import Progress

Array: TypeAlias = NDArray[np.float32]


class NumpyConductor(NamedTuple):
    """What lays out the bars: what makes first states of z, and layers from the lowest."""

    initial_states: Dense
    cells: Sequence[Cell]

    def __call__(self, z: Array, bars: int) -> Array:
        """Returns the embeddings of so many bars, (units, bars, n), of z, (z_size, n)."""
        silence = np.zeros((1, bars, z.shape[1]), np.float32)
        return through(self.cells, silence, first_states(self.cells, self.initial_states, z))


class NumpyDecoder(NamedTuple):
    """What writes rows, or a part of them.

    Attributes:
        row: What it writes.
        initial_states: From what it is told to its first c and h; None where it is told nothing.
        cells: The layers, from the lowest, which hears only its own last row.
        known: What else the lowest hears.
        output: From the last layer to the logits of a row.
        alone: The layers as they write: where rows are sparse, the lowest does not hear them.
        own: The kernel that they meet instead, (depth, width).
    """

    row: NumpyRow
    initial_states: Dense | None
    cells: Sequence[Cell]
    known: Known
    output: Dense
    alone: Sequence[Cell]
    own: Array | None

    @classmethod
    def of(
        cls, row: NumpyRow, initial_states: Dense | None, cells: Sequence[Cell], output: Dense
    ) -> NumpyDecoder:
        """Returns a decoder of these layers, the lowest of which hears all there is."""
        first, known = cells[0].split(row.depth)
        cells, alone, own = [first, *cells[1:]], first, None
        if row.is_sparse:
            alone, without = first.split(0)  # its bias is in `known`
            own = np.ascontiguousarray(without.dense.kernel.T)
        return cls(row, initial_states, cells, known, output, [alone, *cells[1:]], own)

    def write(
        self,
        told: Array,
        controls: Array,
        draws: Array,
        temperature: float,
        kept: Kept,
        progress: Progress,
    ) -> Array:
        """Returns rows, (n, steps, depth), each written from those before it.

        Args:
            told: Of each section of the windows, (width, sections, n).
            controls: Of each step, (width, steps, n).
            draws: Uniform, (draws, steps, n).
            temperature: How boldly to draw.
            kept: Hits to keep, (drums, steps, n).
            progress: Is told of each step.
        """
        moments = self._moments(told, controls)
        return self._written(moments, None, draws, temperature, kept, progress)

    def go_on(
        self,
        rows: Array,
        controls: Array,
        draws: Array,
        temperature: float,
        kept: Kept,
        heard: Progress,
        written: Progress,
    ) -> Array:
        """Returns what follows rows where the decoder is told nothing, (n, steps, depth).

        Args:
            rows: What was played, (depth, steps, n).
            controls: As of `write`, of these steps and of the new ones.
            draws: As of `write`, for the new steps.
            temperature: As of `write`.
            kept: As of `write`, in the new steps.
            heard: Is told of each step of what was played, for each layer.
            written: Is told of each new step.
        """
        (_, played, n), steps = rows.shape, draws.shape[1]
        nothing = np.zeros((0, n), np.float32)
        known = self.known(nothing, controls)
        states = first_states(self.alone, self.initial_states, nothing)
        through(self.cells, _before(rows), states, heard, known[:, :played])
        moments = ((states, known[:, t]) for t in range(played, played + steps))
        last = rows[:, -1] if played else None
        return self._written(moments, last, draws, temperature, kept, written)

    def _moments(self, told: Array, controls: Array) -> Iterator[tuple[list[State], Array]]:
        """For each step the states, which are new in each section, and what is known of it."""
        sections = told.shape[1]
        for section, of_section in enumerate(np.split(controls, sections, axis=1)):
            here = told[:, section]
            states = first_states(self.alone, self.initial_states, here)
            known = self.known(here, of_section)
            for t in range(of_section.shape[1]):
                yield states, known[:, t]

    def _written(
        self,
        moments: Iterable[tuple[Sequence[State], Array]],
        row: Array | None,
        draws: Array,
        temperature: float,
        kept: Kept,
        progress: Progress,
    ) -> Array:
        """Rows at some moments, after one or none, (n, steps, depth)."""
        _, steps, n = draws.shape
        noise = self.row.noise(draws, temperature)
        written = np.empty((n, steps, self.row.depth), np.float32)
        for t, (states, known) in enumerate(moments):
            logits = self._step(row, states, known)
            here = Kept(kept.values[:, t], kept.mask[:, t])
            row = self.row.draw(logits, noise[:, t], temperature, here)
            written[:, t] = row.T
            progress.advance(n)
        return written

    def _step(self, row: Array | None, states: Sequence[State], known: Array) -> Array:
        """The logits of the step after a row, (depth, n), or of the first; leaves the states."""
        if row is None:
            row = np.zeros((self.row.depth, known.shape[1]), np.float32)
        elif self.own is not None:
            known = known + self.row.product(row, self.own)
        x = row if self.own is None else row[:0]
        first, *others = self.alone
        x = first.step(x, states[0], known)
        for cell, state in zip(others, states[1:], strict=True):
            x = cell.step(x, state)
        return self.output(x)

    def teacher_forced(
        self, told: Array, rows: Array, controls: Array, progress: Progress
    ) -> Array:
        """Returns the logits of rows, (n, steps, depth), each given the true ones before it.

        All sections are gone through at once; arguments as of `write`, rows as (depth, steps, n).
        """
        sections = told.shape[1]
        told = told.reshape(len(told), sections * told.shape[2])
        known = self.known(told, by_section(controls, sections))
        states = first_states(self.cells, self.initial_states, told)
        x = through(self.cells, by_section(_before(rows), sections), states, progress, known)
        return np.asarray(in_a_row(self.output(x), sections).T)


def _before(rows: Array) -> Array:
    """What is heard at each step of rows, (depth, steps, n): the one before."""
    heard = np.zeros(rows.shape, np.float32)
    heard[:, 1:] = rows[:, :-1]
    return heard
