"""The bars of a MIDI file on the grid: the steps of each, in whatever meters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from groovefast.midi.meters import Meter


@dataclasses.dataclass(frozen=True, eq=False)
class GridBars:
    """Bars one after the other, of one song after the other; arrays have shape (bars,).

    Attributes:
        songs: The song, the number of its track in a format 2 file, else 0.
        numbers: Counted from 1 in each song.
        first_ticks: Where it begins, float64.
        end_ticks: Where the next one begins, float64.
        num_steps: Steps in it; one that is cut short counts.
        meters: Numerator and denominator, shape (bars, 2).
        step_ticks: Ticks in a step.
        steps_per_quarter: Of the grid.
    """

    songs: NDArray[np.int64]
    numbers: NDArray[np.int64]
    first_ticks: NDArray[np.float64]
    end_ticks: NDArray[np.float64]
    num_steps: NDArray[np.int64]
    meters: NDArray[np.int64]
    step_ticks: float
    steps_per_quarter: int

    @classmethod
    def of(cls, bars: NDArray[np.void], ticks_per_quarter: int, steps_per_quarter: int) -> GridBars:
        """Returns the bars that the core has laid out.

        Args:
            bars: Of `_midi.Placements`.
            ticks_per_quarter: Of the file.
            steps_per_quarter: Of the grid.
        """
        return cls(
            bars["song"].astype(np.int64),
            bars["number"].astype(np.int64),
            bars["first_tick"],
            bars["end_tick"],
            bars["num_steps"],
            np.stack((bars["numerator"], bars["denominator"]), axis=1).astype(np.int64),
            ticks_per_quarter / steps_per_quarter,
            steps_per_quarter,
        )

    def __len__(self) -> int:
        return len(self.songs)

    @property
    def in_quarters(self) -> NDArray[np.bool_]:
        """Which bars are counted in quarter notes or halves, bool of shape (bars,)."""
        beats = [Meter(0.0, *meter).beat for meter in self.meters.tolist()]
        return np.array([beat in (1.0, 2.0) for beat in beats], np.bool_)

    def parts(self, bar: int, longest: int) -> list[int]:
        """Returns the steps of the parts that a bar is counted in, none above `longest`.

        A longer bar is divided at its beats, as evenly as they allow, the longer parts first: 5/4
        as 3 + 2, 12/8 as 6 + 6.
        """
        steps = int(self.num_steps[bar])
        if steps <= longest:
            return [steps]
        beat = self._beat_steps(bar)
        if beat > longest:
            beat = 1
        beats = math.ceil(steps / beat)
        number = math.ceil(beats / (longest // beat))
        each, more = divmod(beats, number)
        lengths = [beat * (each + (index < more)) for index in range(number)]
        lengths[-1] = steps - sum(lengths[:-1])
        return lengths

    def _beat_steps(self, bar: int) -> int:
        """Steps in a beat of a bar; 1 where it is no whole number."""
        beat = Meter(0.0, *self.meters[bar].tolist()).beat * self.steps_per_quarter
        return int(beat) if beat == int(beat) > 0 else 1


def describe_bars(numbers: Iterable[int]) -> str:
    """Returns bars in words, as in `bar 3` or `bars 1 to 4, 9 and 12`."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    words = [" to ".join(map(str, each)) for each in ranges]
    several = len(ranges) > 1 or len(ranges[0]) > 1
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"bar{'s' if several else ''} {listed}"
