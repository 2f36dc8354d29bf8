"""Bars and beats of music that may change its meter, with places counted in quarter notes."""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from groovefast.midi.score import Score

STEPS_PER_QUARTER = 4
"""Of the grid that tells which bar an onset belongs to, one of 16ths."""
MAX_DENOMINATOR_POWER = 31

_SLACK = 1e-6
"""Quarters within which two places are one: less than any file's tick, more than rounding."""


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
    """The bars of a piece. A change of meter begins one; the last meter goes on without end."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        """Counts the bars.

        Args:
            meters: By place, the first at 0.
        """
        self.meters = meters
        self._starts = [meter.quarters for meter in meters]

    @functools.cached_property
    def _numbers(self) -> list[int]:
        """The number of the bar with which each meter begins."""
        numbers = [0]
        for before, after in zip(self.meters, self.meters[1:], strict=False):
            length = after.quarters - before.quarters - _slack(before)
            # One that was cut short counts.
            numbers.append(numbers[-1] + max(1, math.ceil(length / before.bar)))
        return numbers

    def at(self, place: float) -> Bar:
        """Returns the bar that a place lies in; a place on a bar line lies after it."""
        index = self._meter_at(place)
        meter = self.meters[index]
        count = max(0, math.floor((place + _slack(meter) - meter.quarters) / meter.bar))
        start = meter.quarters + count * meter.bar
        end = min(start + meter.bar, self.until(place))
        return Bar(self._numbers[index] + count, start, end, meter)

    def numbered(self, number: int) -> Bar:
        """Returns the bar of a number, counted from 0."""
        index = bisect.bisect_right(self._numbers, number) - 1
        meter = self.meters[index]
        return self.at(meter.quarters + (number - self._numbers[index]) * meter.bar)

    def line(self, place: float) -> float:
        """Returns the first bar line at or after a place."""
        bar = self.at(place)
        return bar.start if place <= bar.start + _slack(bar.meter) else bar.end

    def until(self, place: float) -> float:
        """Returns where the meter in force at a place gives way to the next."""
        following = self._meter_at(place) + 1
        return self._starts[following] if following < len(self._starts) else math.inf

    def _meter_at(self, place: float) -> int:
        return max(bisect.bisect_right(self._starts, place + _SLACK) - 1, 0)

    def steps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the place of the 16th that each onset belongs to.

        16ths are counted from where the meter began, so that they go on through bars that are no
        whole number of them (`GridBars` counts anew in every bar). An onset that comes nearest to
        the 16th at which the meter changes belongs to what follows, and one before the beginning to
        the beginning.
        """
        starts = np.array(self._starts)
        index = np.maximum(np.searchsorted(starts, places, side="right") - 1, 0)
        origin = starts[index]
        steps = np.floor((places - origin) * STEPS_PER_QUARTER + 0.5) / STEPS_PER_QUARTER + origin
        limits = np.append(starts[1:], np.inf)[index]
        nearest: NDArray[np.float64] = np.where(steps > limits - _SLACK, limits, steps)
        return np.maximum(nearest, 0.0)


def meters_of(score: Score, song: int = 0) -> list[Meter]:
    """Returns the meters of a song, the first at 0; 4/4 holds where none is named.

    One that says again what holds, on a bar line, is left out.

    Args:
        score: What was read of a file.
        song: In format 2, where each track is a song, its number from 0.
    """
    meters = {0: Meter(0.0, 4, 4)}
    for signature in score.time_signatures[["tick", "numerator", "denominator", "track"]].tolist():
        tick, numerator, denominator, track = signature
        if score.format != 2 or track == song:
            meters[tick] = Meter(tick / score.quarter_ticks, numerator, denominator)
    kept: list[Meter] = []
    for _, meter in sorted(meters.items()):
        if not kept or not _goes_on(kept[-1], meter):
            kept.append(meter)
    return kept


def _goes_on(before: Meter, after: Meter) -> bool:
    """Whether a meter is the same as the one before and does not cut a bar of it short."""
    bar = Bars([before]).at(after.quarters)
    return before[1:] == after[1:] and math.isclose(bar.start, after.quarters, abs_tol=_SLACK)


def _slack(meter: Meter) -> float:
    return min(_SLACK, meter.bar / 1000)
