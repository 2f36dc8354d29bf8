"""Touch: the scatter of a player around a model's velocities and offsets, which are means.

A hit's velocity and offset are drawn together with those of all other hits of the same music. In
normal scores, each by drum and place in the beat,

    played = slope · predicted + spread · looseness · noise

where `noise` is a Gaussian field over bars, steps and drums: a sum of independent parts, each the
product of a kernel over bars, one over steps and a covariance between drums. What is part of the
take stays from its first bar to the last, what drifts is forgotten over some bars, and what is
fresh is another in each bar. Looseness, one number a take, tells a tight drummer from a loose one.

The scores are mapped to values by quantiles of what was played, so the result has the spread, skew
and bounds of played drumming: a Gaussian copula, in which soft hits stay soft and accents loud.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.errors import check_number
from groovefast.windows.rows import Grid, RowLayout

Array: TypeAlias = NDArray[np.float32]
Seed: TypeAlias = "int | np.random.Generator | None"

SCORES = np.linspace(-3, 3, 41).astype(np.float32)
"""The normal scores at which quantiles are kept."""
CHANNELS = 2
"""Velocities and offsets, which scatter independently: their correlation at a hit is below .05."""
VELOCITY, OFFSET = range(CHANNELS)

BARS_OF_DRIFT: Mapping[str, float] = {"take": math.inf, "drift": 16.0, "phrase": 1.5, "bar": 0.0}
"""Kernels over bars by name: the bars after which a part is forgotten but for 1/e."""
STEPS_NEAR = 1.5
"""The same in steps, of what is shared by neighbouring hits."""
PARTS: tuple[tuple[str, str], ...] = (
    ("take", "all"),
    ("take", "half"),
    ("take", "beat"),
    ("take", "cell"),
    ("drift", "all"),
    ("drift", "half"),
    ("drift", "beat"),
    ("drift", "cell"),
    ("phrase", "all"),
    ("bar", "all"),
    ("bar", "near"),
    ("bar", "cell"),
)
"""The parts of the field: kernel over bars, and which steps of a bar share a draw.

`all` do, those at the same place of a half bar of 4/4, or of a beat, those `near` each other more
than others, or each `cell` has its own.
"""

_LEAST_VELOCITY = 1 / 127
_WINDOWS_AT_ONCE = 64
"""Few enough that the noise of all parts stays in the processor's cache."""


@dataclasses.dataclass(frozen=True, eq=False)
class Touch:
    """What is known of a model's residuals; arrays are float32.

    Attributes:
        steps_per_quarter: Of the grid.
        predicted: Quantiles of the model's values at `SCORES`, (2, drums, places, scores), places
            being the steps of a beat; strictly increasing.
        played: The same of played values.
        slope: How far played scores follow predicted ones, (2, drums).
        spread: Deviation of the noise in scores, (2, drums).
        factors: A matrix for each of `PARTS`, (parts, 2, drums, drums): its product with its
            transpose is the covariance between drums. The variances of all parts add up to 1.
        looseness: Deviation of the logarithm of a take's looseness, (2,).
    """

    steps_per_quarter: int
    predicted: Array
    played: Array
    slope: Array
    spread: Array
    factors: Array
    looseness: Array

    def draw(
        self,
        hits: NDArray[np.generic],
        velocities: NDArray[np.floating],
        offsets: NDArray[np.floating],
        amount: float = 1.0,
        seed: Seed = None,
        *,
        steps_per_bar: int = 16,
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Returns the velocities and offsets of windows as a player may have played them.

        Args:
            hits: (n, steps, 9), 1 or true where there is one; nothing changes elsewhere.
            velocities: Of the model, 0..1, same shape.
            offsets: Of the model, -1..1 half steps, same shape.
            amount: From 0, the values as they are, to 1, all of a player's scatter.
            seed: The same seed gives the same result. The first windows are the same however many
                there are.
            steps_per_bar: Of the windows; they begin where a bar does.

        Raises:
            OptionError: An amount out of its range.
        """
        check_number("touch", amount, 0, 1)
        if not amount:
            return velocities, offsets
        rng = np.random.default_rng(seed)
        steps = np.arange(hits.shape[1])
        bars, steps = steps // steps_per_bar, steps % steps_per_bar
        parts = []
        for first in range(0, len(hits), _WINDOWS_AT_ONCE):
            at = slice(first, first + _WINDOWS_AT_ONCE)
            parts.append(
                self._touched(hits[at], velocities[at], offsets[at], amount, rng, bars, steps)
            )
        if not parts:
            return velocities, offsets
        drawn_velocities, drawn_offsets = zip(*parts, strict=True)
        return np.concatenate(drawn_velocities), np.concatenate(drawn_offsets)

    def draw_take(
        self,
        hits: NDArray[np.generic],
        velocities: NDArray[np.floating],
        offsets: NDArray[np.floating],
        amount: float = 1.0,
        seed: Seed = None,
        *,
        bars: NDArray[np.integer],
        steps: NDArray[np.integer],
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Returns the velocities and offsets of one long take, of any meter.

        Args:
            hits: (rows, 9), as for `draw`.
            velocities: Same shape.
            offsets: Same shape.
            amount: As for `draw`.
            seed: As for `draw`.
            bars: The bar of each row, from 0, (rows,).
            steps: The step in its bar of each row, from 0, (rows,).

        Raises:
            OptionError: An amount out of its range.
        """
        check_number("touch", amount, 0, 1)
        if not amount or not len(hits):
            return velocities, offsets
        rng = np.random.default_rng(seed)
        take = hits[None], velocities[None], offsets[None]
        touched = self._touched(*take, amount, rng, np.asarray(bars), np.asarray(steps))
        return touched[0][0], touched[1][0]

    def touch_rows(self, rows: Array, layout: RowLayout, amount: float, seed: Seed) -> Array:
        """Returns a model's rows of windows, (n, rows, depth), with touch; bins stay bins."""
        check_number("touch", amount, 0, 1)
        if not amount:
            return rows
        hits, velocities, offsets = layout.numbers(rows)
        bar = 4 * self.steps_per_quarter
        drawn = self.draw(hits, velocities, offsets, amount, seed, steps_per_bar=bar)
        values = (np.asarray(each, np.float32) for each in drawn)
        return np.asarray(layout.assemble(np, Grid(hits, *values)), np.float32)

    def _touched(
        self,
        hits: NDArray[np.generic],
        velocities: NDArray[np.floating],
        offsets: NDArray[np.floating],
        amount: float,
        rng: np.random.Generator,
        bars: NDArray[np.integer],
        steps: NDArray[np.integer],
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Some windows, (n, rows, 9), as `draw`; each takes as many random numbers as any."""
        noise = self.noise(len(hits), int(bars.max()) + 1, int(steps.max()) + 1, rng)
        window, row, drum = np.nonzero(np.asarray(hits) > 0)
        bar, step = bars[row], steps[row]
        groups = _Groups(drum * self.steps_per_quarter + step % self.steps_per_quarter)
        touched = []
        for channel, values in ((VELOCITY, velocities), (OFFSET, offsets)):
            before = values[window, row, drum]
            scores = groups.scores(before, _flat(self.predicted[channel]))
            scores *= self.slope[channel, drum]
            scores += self.spread[channel, drum] * noise[window, channel, bar, step, drum]
            after = groups.values(scores, _flat(self.played[channel]))
            result = values.copy()
            result[window, row, drum] = before + amount * (after - before)
            touched.append(result)
        return touched[0], touched[1]

    def noise(self, n: int, bars: int, steps: int, rng: np.random.Generator) -> Array:
        """Returns n draws of the field, each of variance 1, (n, 2, bars, steps, 9)."""
        shapes = [self._shape(*part, bars, steps) for part in PARTS]
        sizes = [CHANNELS] + [math.prod(shape) for shape in shapes]
        draws = rng.standard_normal((n, sum(sizes)), np.float32)
        loose, *parts = np.split(draws, np.cumsum(sizes)[:-1], axis=1)
        field = np.zeros((n, CHANNELS, bars, steps, NUM_CLASSES), np.float32)
        for (time, place), factor, shape, white in zip(
            PARTS, self.factors, shapes, parts, strict=True
        ):
            if not factor.any():
                continue
            mixed = white.reshape(n, CHANNELS, -1, NUM_CLASSES) @ factor.transpose(0, 2, 1)
            mixed = _over_bars(mixed.reshape(n, *shape), time)
            field += self._over_steps(mixed, place, steps)
        # Of mean square 1.
        field *= np.exp(self.looseness * loose - self.looseness**2)[:, :, None, None, None]
        return field

    def _shape(self, time: str, place: str, bars: int, steps: int) -> tuple[int, int, int, int]:
        beat = self.steps_per_quarter
        places = {"all": 1, "half": 2 * beat, "beat": beat, "cell": steps, "near": steps}
        return CHANNELS, 1 if time == "take" else bars, places[place], NUM_CLASSES

    def _over_steps(self, draws: Array, place: str, steps: int) -> Array:
        """Draws of places of a bar, (…, places, 9), at each of its steps."""
        if place == "near":
            return np.asarray(_near(steps) @ draws, np.float32)
        if place in ("half", "beat"):
            return draws[..., np.arange(steps) % draws.shape[-2], :]
        return draws


class _Groups:
    """Hits by drum and place in the beat, to look each up in the table of its own."""

    def __init__(self, groups: NDArray[np.intp]) -> None:
        self._groups = groups
        self._order = np.argsort(groups, kind="stable")
        self._found, first = np.unique(groups[self._order], return_index=True)
        self._bounds = [*first.tolist(), len(groups)]

    def scores(self, values: NDArray[np.floating], tables: Array) -> Array:
        """The scores of values, with a table of quantiles, (groups, scores), for each group."""
        ordered, scores = values[self._order], np.empty(len(values), np.float32)
        for place, group in enumerate(self._found):
            at = slice(self._bounds[place], self._bounds[place + 1])
            scores[self._order[at]] = np.interp(ordered[at], tables[group], SCORES)
        return scores

    def values(self, scores: Array, tables: Array) -> Array:
        """The values of scores: the inverse of `scores`."""
        last = len(SCORES) - 1
        place = np.clip((scores - SCORES[0]) / (SCORES[1] - SCORES[0]), 0, last)
        below = np.minimum(place.astype(np.intp), last - 1)
        low, high = tables[self._groups, below], tables[self._groups, below + 1]
        return np.asarray(low + (place - below) * (high - low), np.float32)


def scores_of(hits: NDArray[np.bool_], values: Array, tables: Array) -> Array:
    """The scores of the values at hits, by tables of (drums, places, scores); 0 elsewhere.

    Args:
        hits: (bars, steps, drums).
        values: Same shape.
        tables: One of the two halves of `Touch.predicted` or `Touch.played`.
    """
    bar, step, drum = np.nonzero(hits)
    beat = tables.shape[1]
    result = np.zeros(hits.shape, np.float32)
    groups = _Groups(drum * beat + step % beat)
    result[bar, step, drum] = groups.scores(values[bar, step, drum], _flat(tables))
    return result


def _flat(tables: Array) -> Array:
    return tables.reshape(-1, tables.shape[-1])


def _over_bars(draws: Array, time: str) -> Array:
    """Independent draws of each bar, (n, 2, bars, places, 9), as they follow one another."""
    bars = BARS_OF_DRIFT[time]
    if not bars or math.isinf(bars):
        return draws
    kept = math.exp(-1 / bars)
    fresh = math.sqrt(1 - kept * kept)
    for bar in range(1, draws.shape[2]):
        draws[:, :, bar] *= fresh
        draws[:, :, bar] += kept * draws[:, :, bar - 1]
    return draws


def _near(steps: int) -> Array:
    """A triangular matrix that gives independent draws the correlation of `near`."""
    distances = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    return np.asarray(np.linalg.cholesky(np.exp(-distances / STEPS_NEAR)), np.float32)
