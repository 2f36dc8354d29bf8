"""The bars of a MIDI file on the grid: the steps of each, in whatever meters.

A bar begins on a step. So the grid is counted anew in every bar, as drummers count, and a bar that
is cut short by a change of meter, or no whole number of steps long, takes nothing from the next.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.config import MAX_STEPS
from groovefast.errors import GrooveFastError
from groovefast.midi.meters import Meter, meters_of
from groovefast.midi.score import Score

_ROUNDING = 1e-9
_COMMON_TIME = Meter(0.0, 4, 4)


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
    def of(cls, score: Score, finer: int, steps_per_quarter: int, name: str) -> GridBars:
        """Returns the bars of a score, up to the one after its last note.

        Args:
            score: What was read of the file, with its notes.
            finer: Ticks to make of one of the score's.
            steps_per_quarter: Of the grid.
            name: What to call the file in an error.

        Raises:
            GrooveFastError: There are too many.
        """
        per_quarter = score.ticks_per_quarter * finer
        step_ticks = per_quarter / steps_per_quarter
        stretches = list(_stretches(score, finer))
        steps = sum(stretch.num_ticks for stretch in stretches) / step_ticks
        if steps > MAX_STEPS:
            bars = steps / (4 * steps_per_quarter)
            raise GrooveFastError(f"{name}: {bars:,.0f} bars are too long; give a part")
        songs, meters, first_ticks, end_ticks = (
            np.concatenate(column)
            for column in zip(
                *(stretch.bars(per_quarter, step_ticks) for stretch in stretches), strict=True
            )
        )
        # A model hears every bar as one of 4/4.
        if len(songs) * 4 * steps_per_quarter > MAX_STEPS:
            raise GrooveFastError(f"{name}: {len(songs):,} bars are too many; give a part")
        lengths = (end_ticks - first_ticks) / step_ticks
        num_steps = np.ceil(lengths - _ROUNDING).astype(np.int64)
        begins = np.flatnonzero(np.diff(songs, prepend=-1))
        numbers = 1 + np.arange(len(songs)) - np.repeat(begins, np.diff([*begins, len(songs)]))
        return cls(
            songs, numbers, first_ticks, end_ticks, num_steps, meters, step_ticks, steps_per_quarter
        )

    def __len__(self) -> int:
        return len(self.songs)

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """The first step of each, and the end of the last, all steps counted through."""
        return np.concatenate(([0], np.cumsum(self.num_steps)))

    def first(self, count: int) -> GridBars:
        """Returns only the first ones."""
        arrays = {
            field.name: getattr(self, field.name)[:count]
            for field in dataclasses.fields(self)
            if field.name not in ("step_ticks", "steps_per_quarter")
        }
        return dataclasses.replace(self, **arrays)

    def places_of(
        self, songs: NDArray[np.int64], ticks: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the bar and the step in it that is nearest to each of some ticks.

        What is nearest to the end of a bar is the first step of the next.
        """
        bars = np.zeros(len(ticks), np.int64)
        for song in np.unique(songs):
            mine, (first, end) = songs == song, np.searchsorted(self.songs, [song, song + 1])
            after = np.searchsorted(self.first_ticks[first:end], ticks[mine], side="right")
            bars[mine] = first + after - 1
        positions = (ticks - self.first_ticks[bars]) / self.step_ticks
        steps = np.floor(positions + 0.5).astype(np.int64)
        early = steps >= self.num_steps[bars]
        return bars + early, np.where(early, 0, steps)

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


_Table = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


class _Stretch(NamedTuple):
    """What is played of a song in one meter: from a tick on, to a tick at which bars are wanted.

    The next change of meter may come later, and cuts the last bar if it comes within it.
    """

    song: int
    meter: Meter
    first: int
    end: float
    next_change: float

    @property
    def num_ticks(self) -> float:
        return self.end - self.first

    def bars(self, per_quarter: int, step_ticks: float) -> _Table:
        """Songs, meters, first ticks and ends of the bars.

        Nobody counts bars that are shorter than a step: where they are, bars of 4/4 go on.
        """
        meter = self.meter
        if meter.bar * per_quarter < step_ticks:
            meter = _COMMON_TIME
        bar_ticks = meter.bar * per_quarter
        count = math.ceil(self.num_ticks / bar_ticks - _ROUNDING)
        lines = np.minimum(self.first + np.arange(count + 1) * bar_ticks, self.next_change)
        songs, meters = (
            np.full(count, self.song, np.int64),
            np.full((count, 2), meter[1:], np.int64),
        )
        return songs, meters, lines[:-1], lines[1:]


def _stretches(score: Score, finer: int) -> Iterator[_Stretch]:
    """The meters of each song that has notes, up to its last note and a little more."""
    notes, per_quarter = score.notes, score.ticks_per_quarter * finer
    songs = score.songs
    for song in np.unique(songs).tolist():
        # A quarter note is more than half a step, which may take the last note over a bar line.
        end = int(notes["tick"][songs == song].max()) * finer + per_quarter
        meters = meters_of(score, song)
        starts = [round(meter.quarters * per_quarter) for meter in meters]
        for meter, first, following in zip(meters, starts, (*starts[1:], math.inf), strict=True):
            if first < end:
                yield _Stretch(song, meter, first, min(end, following), following)
