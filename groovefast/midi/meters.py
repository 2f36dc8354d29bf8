"""Bars and beats of music that may change its meter, with places counted in quarter notes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast import _midi

if TYPE_CHECKING:
    from groovefast.midi.score import Score

STEPS_PER_QUARTER = 4
"""Of the grid that tells which bar an onset belongs to, one of 16ths."""
MAX_DENOMINATOR_POWER = 31


class Meter(NamedTuple):
    """A meter and the place from which it holds, where a bar begins.

    Attributes:
        quarters: The place, in quarter notes from the beginning.
        numerator: 1..255.
        denominator: A power of two up to 2^31.
    """

    quarters: float
    numerator: int
    denominator: int

    @property
    def name(self) -> str:
        """As musicians write it, such as 7/8."""
        return f"{self.numerator}/{self.denominator}"

    @property
    def bar(self) -> float:
        """Quarter notes in a bar."""
        return 4 * self.numerator / self.denominator

    @property
    def beat(self) -> float:
        """Quarter notes in a beat, which is dotted in compound meters such as 6/8 and 12/8."""
        is_compound = self.denominator >= 8 and self.numerator > 3 and self.numerator % 3 == 0
        return (3 if is_compound else 1) * 4 / self.denominator

    @property
    def is_valid(self) -> bool:
        """Whether MIDI can express it."""
        powers = range(MAX_DENOMINATOR_POWER + 1)
        return 1 <= self.numerator <= 255 and self.denominator in (1 << power for power in powers)


class Bar(NamedTuple):
    """A bar, or what there is of one before a change of meter.

    Attributes:
        number: From 0.
        start: Where it begins, in quarter notes.
        end: Where the next begins.
        meter: Of the bar.
    """

    number: int
    start: float
    end: float
    meter: Meter


class Bars:
    """The bars of a piece. A change of meter begins one; the last meter goes on without end.

    They are those of the grid, with 16ths for its steps: bars shorter than that nobody counts, and
    where they are, bars of 4/4 go on. Places that are a millionth of a step apart are one.
    """

    def __init__(self, meters: Iterable[Meter]) -> None:
        """Counts the bars.

        Args:
            meters: By place, the first at 0. Of several at one place the last counts; one that says
                again what holds, less than half a step from a bar line, is none.
        """
        self._lines = _midi.BarLines(meters)
        self.meters = tuple(Meter(*meter) for meter in self._lines.meters())
        """Those that count."""

    def at(self, place: float) -> Bar:
        """Returns the bar that a place lies in; a place on a bar line lies after it."""
        return self._bar(*self._lines.at(place))

    def numbered(self, number: int) -> Bar:
        """Returns the bar of a number, counted from 0."""
        return self._bar(*self._lines.numbered(number))

    def _bar(self, meter: int, number: int, start: float, end: float) -> Bar:
        return Bar(number, start, end, self.meters[meter])

    def line(self, place: float) -> float:
        """Returns the first bar line at or after a place."""
        return self._lines.line(place)

    def until(self, place: float) -> float:
        """Returns where the meter in force at a place gives way to the next."""
        following = self._lines.at(place)[0] + 1
        return self.meters[following].quarters if following < len(self.meters) else math.inf

    def steps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the place of the 16th that is nearest to each onset, of two the later.

        16ths are counted anew in every bar. An onset that is nearest to the next bar line belongs
        there, and one before the beginning to the beginning.
        """
        return self._lines.nearest(np.ascontiguousarray(places, np.float64))


def meters_of(score: Score, song: int = 0) -> list[Meter]:
    """Returns the meters of a song that count, the first at 0; 4/4 holds where none is named.

    Args:
        score: What was read of a file.
        song: In format 2, where each track is a song, its number from 0.
    """
    signatures = score.time_signatures[["tick", "numerator", "denominator", "track"]].tolist()
    named = (
        Meter(tick / score.quarter_ticks, numerator, denominator)
        for tick, numerator, denominator, track in signatures
        if score.format != 2 or track == song
    )
    return list(Bars(named).meters)
