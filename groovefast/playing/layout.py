"""How a performance is laid under the windows of a model, and what they say laid over it again.

A model knows bars of one length, such as the sixteen steps of 4/4. A bar that fits is laid into one
of the model's, so that its beginning is heard as the beginning of a bar; in a shorter one, of 3/4
or 7/8, the rest is silence. A longer bar, of 5/4 or 12/8, has no silence put into it: it is played
in parts, and for each part the music goes on before and after as it does, with the part where one
of the model's bars begins.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.playing.grid_bars import GridBars
from groovefast.windows.fading import cross_fade

_NO_ROW = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a model over the rows of a performance.

    Attributes:
        rows: The row under each step, or -1 where there is silence; shape (windows, steps).
        counts: Where what the model says counts, same shape.
        units: Number of the bar, or part of a long one, under the first step; shape (windows,).
            It may be negative, or beyond the last.
    """

    rows: NDArray[np.int64]
    counts: NDArray[np.bool_]
    units: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Windows:
        return Windows(self.rows[chosen], self.counts[chosen], self.units[chosen])

    def cut(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns windows of rows: (windows, steps, 9) of (rows, 9), zeros where there is none."""
        padded = np.concatenate((values, np.zeros((1, NUM_CLASSES), values.dtype)))
        return np.asarray(padded[self.rows])

    def blend(self, values: NDArray[np.float32], num_rows: int) -> NDArray[np.float32]:
        """Returns what overlapping windows say of each row, cross-faded: each counts most mid-way.

        Args:
            values: Shape (windows, steps, 9).
            num_rows: Of the performance.

        Returns:
            Shape (num_rows, 9); 0 where no window counts.
        """
        fade = cross_fade(self.rows.shape[1]) * self.counts
        total, weight = np.zeros((num_rows + 1, NUM_CLASSES)), np.zeros((num_rows + 1, 1))
        np.add.at(total, self.rows, values * fade[..., None])
        np.add.at(weight, self.rows, fade[..., None])
        blended = total / np.maximum(weight, 1e-12)
        return np.asarray(blended[:num_rows], np.float32)


class Layout:
    """The bars of a performance, as a model with bars of `bar_steps` steps can take them."""

    def __init__(self, bars: GridBars, bar_steps: int) -> None:
        """Divides long bars into parts.

        Args:
            bars: The bars of the performance.
            bar_steps: Steps in a bar of the model.
        """
        self._bar_steps = bar_steps
        parts = [bars.parts(bar, bar_steps) for bar in range(len(bars))]
        numbers = np.array([len(each) for each in parts], np.int64)
        lengths = np.array([steps for each in parts for steps in each], np.int64)
        self._units = np.stack((np.cumsum(lengths) - lengths, lengths), axis=1)
        """First row and number of rows of each bar or part of a long one, shape (units, 2)."""
        self._is_part = np.repeat(bars.num_steps > bar_steps, numbers)
        self._songs = np.repeat(bars.songs, numbers)

    def windows(self, num_bars: int, hop_bars: int) -> Windows:
        """Returns overlapping windows that between them cover all bars, and no two songs.

        Args:
            num_bars: Bars of the model in a window.
            hop_bars: From the start of a window to the next.
        """
        found = [*self._over_short_bars(num_bars, hop_bars), *self._over_parts(num_bars, hop_bars)]
        rows, counts, units = zip(*found, strict=True) if found else ([], [], [])
        shape = (-1, num_bars * self._bar_steps)
        return Windows(
            np.array(rows, np.int64).reshape(shape),
            np.array(counts, np.bool_).reshape(shape),
            np.array(units, np.int64),
        )

    @property
    def sequence(self) -> NDArray[np.int64]:
        """The row under each step of a model that hears everything once, -1 where it is silence.

        Each bar, or part of a long one, begins where one of the model's does.
        """
        return self._slots().reshape(-1)

    def looped(self, like: Windows) -> Windows:
        """Returns windows of this performance, played in a loop, for those of another one.

        Args:
            like: What `windows` of the other's layout returned.
        """
        slots = self._slots()
        num_bars = like.rows.shape[1] // self._bar_steps
        units = (like.units[:, None] + np.arange(num_bars)) % len(slots)
        rows = slots[units].reshape(like.rows.shape)
        return Windows(rows, rows != _NO_ROW, like.units)

    def _slots(self) -> NDArray[np.int64]:
        """The rows of each unit from the beginning of a model's bar on, shape (units, steps)."""
        steps = np.arange(self._bar_steps)
        first, count = self._units[:, :1], self._units[:, 1:]
        return np.where(steps < count, first + steps, _NO_ROW)

    def _over_short_bars(self, num_bars: int, hop_bars: int) -> Iterator[tuple[Any, ...]]:
        """Windows of consecutive bars, the last one at their end."""
        slots = self._slots()
        empty = np.full((num_bars, self._bar_steps), _NO_ROW)
        for first, end in self._runs():
            last = max(end - num_bars, first)
            for start in sorted({*range(first, last, hop_bars), last}):
                bars = slots[start : min(start + num_bars, end)]
                rows = np.concatenate((bars, empty[len(bars) :])).reshape(-1)
                yield rows, rows != _NO_ROW, start

    def _runs(self) -> Iterator[tuple[int, int]]:
        """First and end of the units that are neighbouring bars, and fit."""
        keys = np.where(self._is_part, -1, self._songs)
        bounds = [0, *(1 + np.flatnonzero(np.diff(keys))).tolist(), len(keys)]
        for first, end in itertools.pairwise(bounds):
            if first < end and not self._is_part[first]:
                yield first, end

    def _over_parts(self, num_bars: int, hop_bars: int) -> Iterator[tuple[Any, ...]]:
        """For each part of a long bar the windows that have it where a bar of theirs begins."""
        length = num_bars * self._bar_steps
        for unit in np.flatnonzero(self._is_part).tolist():
            first, count = self._units[unit].tolist()
            of_song = np.searchsorted(self._songs, self._songs[unit] + np.arange(2))
            begin, end = int(self._units[of_song[0], 0]), int(self._units[of_song[1] - 1].sum())
            for bar in _best_places(first, begin, end, length, self._bar_steps, hop_bars):
                rows = first - bar * self._bar_steps + np.arange(length)
                rows = np.where((rows >= begin) & (rows < end), rows, _NO_ROW)
                yield rows, (rows >= first) & (rows < first + count), unit - bar


def _best_places(
    first: int, begin: int, end: int, length: int, bar_steps: int, hop_bars: int
) -> list[int]:
    """The bars of a window in which to put what begins at row `first`, so that all of it is music.

    If there are none, the one that takes in the least silence before `begin` and after `end`.
    """

    def silence(bar: int) -> int:
        start = first - bar * bar_steps
        return max(begin - start, 0) + max(start + length - end, 0)

    num_bars = length // bar_steps
    full = [bar for bar in range(0, num_bars, hop_bars) if not silence(bar)]
    return full or [min(range(num_bars), key=silence)]
