"""What a classifier is told of a window that is played or made: numbers a musician would look at.

Two lists. `structure` is of the hits alone: how many, where, on what, and how bars repeat each
other. `touch` is of velocities and offsets. A number that cannot be taken, such as the mean
velocity of a drum that is silent, is NaN, which the classifier of `two_sample` takes as it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, HI_HATS, NUM_CLASSES, TIMEKEEPERS
from groovefast.evaluation.measures import Performances
from groovefast.windows.attributes import GHOST_VELOCITY

_KICK, _SNARE = DRUM_CLASSES.index("kick"), DRUM_CLASSES.index("snare")
_OTHERS = [drum for drum in range(NUM_CLASSES) if drum not in (_KICK, _SNARE, *TIMEKEEPERS)]
_PARTS: Mapping[str, Sequence[int]] = {
    "all": list(range(NUM_CLASSES)),
    "kick": [_KICK],
    "snare": [_SNARE],
    "hats and ride": TIMEKEEPERS,
    "others": _OTHERS,
}
_MOST_AT_ONCE = 4
_LOUD = 0.9
"""Velocities above it are accents."""

_Array: TypeAlias = NDArray[np.float64]
Features: TypeAlias = dict[str, _Array]
"""Numbers of each window, (n,), by what they are; of windows of one length always the same."""


def matrix(features: Features) -> NDArray[np.float32]:
    """Returns one row a window, (n, features)."""
    return np.stack(list(features.values()), axis=1).astype(np.float32)


def all_features(grooves: Performances) -> Features:
    """Returns `structure` and `touch`."""
    return structure(grooves) | touch(grooves)


def structure(grooves: Performances) -> Features:
    """Returns what is known of the hits; of four bars of 16 steps 117 numbers.

    Hits of each drum a bar; hits at each step of the bar, of all drums and of four parts of the
    kit; the shares of steps with at least 1 to 4 hits, and with 3 besides the kick; how many drums
    are used; how often both hi-hats sound at once, and a step repeats the one before; the likeness
    of each pair of bars, and the mean, least and greatest of these; whether bars are identical; how
    density wanders from bar to bar; the likeness of the halves of bars, and of kick, snare and
    cymbals in bars that follow each other.
    """
    hits = grooves.hits
    features = _hits_by_drum(grooves) | _hits_by_step(grooves)
    at_once = hits.sum(axis=2)
    for least in range(1, _MOST_AT_ONCE + 1):
        features[f"steps with {least} hits"] = np.mean(at_once >= least, axis=1)
    features["steps with 3 hits besides the kick"] = np.mean(at_once - hits[..., _KICK] >= 3, 1)
    features["drums used"] = hits.any(axis=1).sum(axis=1).astype(np.float64)
    features["both hi-hats at once"] = hits[..., HI_HATS].all(axis=2).mean(axis=1)
    same = (hits[:, 1:] == hits[:, :-1]).all(axis=2) & (at_once[:, 1:] > 0)
    features["steps as the one before"] = same.mean(axis=1)
    return features | _likeness_of_bars(grooves) | _wandering(grooves) | _likeness_of_parts(grooves)


def touch(grooves: Performances) -> Features:
    """Returns what is known of velocities and offsets (16ths); of a grid of 16ths 59 numbers.

    Of both: mean and spread by drum and in all, mean by position in the beat, extremes, the spread
    of the means of bars, how far the same cell of neighbouring bars differs. Of velocities the
    shares of ghost notes and of loud ones, of offsets their spread within a step.
    """
    loudness = np.where(grooves.hits, grooves.velocities, np.nan).astype(np.float64)
    earliness = np.where(grooves.hits, grooves.sixteenths, np.nan).astype(np.float64)
    hits = np.maximum(grooves.hits.sum(axis=(1, 2)), 1)
    return {
        **_moments("velocity", loudness, grooves),
        "ghost notes": np.sum(loudness < GHOST_VELOCITY, axis=(1, 2)) / hits,
        "loud hits": np.sum(loudness > _LOUD, axis=(1, 2)) / hits,
        **_moments("offset", earliness, grooves),
        "offset: spread within steps": _mean(_spread(earliness, 2), 1),
    }


def bars_of(grooves: Performances) -> NDArray[np.bool_]:
    """Returns the hits of each bar, bool (n, bars, steps of a bar, 9)."""
    return grooves.hits.reshape(len(grooves), grooves.bars, grooves.steps_per_bar, NUM_CLASSES)


def jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> _Array:
    """Returns the Jaccard likeness of bars, (..., steps, 9); 1 where both are empty."""
    either, both = (cells.sum(axis=(-2, -1), dtype=np.float64) for cells in (a | b, a & b))
    return _quotient(both, either, 1.0)


def likeness_of_bars(grooves: Performances) -> _Array:
    """Returns the Jaccard likeness of each pair of bars, (n, pairs).

    Of the cells hit in either bar, the share that is hit in both; 1 if both are empty.
    """
    bars = bars_of(grooves)
    pairs = itertools.combinations(range(grooves.bars), 2)
    columns = [jaccard(bars[:, one], bars[:, other]) for one, other in pairs]
    return np.stack(columns, axis=1) if columns else np.empty((len(grooves), 0))


def _hits_by_drum(grooves: Performances) -> Features:
    counts = grooves.hits.sum(axis=1) / grooves.bars
    return {f"{name} a bar": counts[:, drum] for drum, name in enumerate(DRUM_CLASSES)}


def _hits_by_step(grooves: Performances) -> Features:
    by_step = bars_of(grooves).sum(axis=1)
    return {
        f"{name} on step {step}": by_step[:, step, drums].sum(axis=1).astype(np.float64)
        for name, drums in _PARTS.items()
        for step in range(grooves.steps_per_bar)
    }


def _likeness_of_bars(grooves: Performances) -> Features:
    if grooves.bars == 1:
        return {}
    likeness = likeness_of_bars(grooves)
    pairs = itertools.combinations(range(1, grooves.bars + 1), 2)
    named = zip(pairs, likeness.T, strict=True)
    return {
        **{f"likeness of bars {one} and {other}": column for (one, other), column in named},
        "likeness of bars: mean": likeness.mean(axis=1),
        "likeness of bars: least": likeness.min(axis=1),
        "likeness of bars: greatest": likeness.max(axis=1),
        "identical bars": np.mean(likeness == 1, axis=1),
    }


def _wandering(grooves: Performances) -> Features:
    if grooves.bars == 1:
        return {}
    density = bars_of(grooves).sum(axis=(2, 3))
    return {
        "density of bars: spread": density.std(axis=1),
        "density of bars: largest change": _greatest(np.abs(np.diff(density, axis=1))),
    }


def _likeness_of_parts(grooves: Performances) -> Features:
    bars, half = bars_of(grooves), grooves.steps_per_bar // 2
    halves = jaccard(bars[:, :, :half], bars[:, :, half : 2 * half])
    features = {
        "likeness of half bars: mean": halves.mean(axis=1),
        "likeness of half bars: least": halves.min(axis=1),
    }
    if grooves.bars > 1:
        for name in ("kick", "snare", "hats and ride"):
            part = bars[..., _PARTS[name]]
            likeness = jaccard(part[:, 1:], part[:, :-1])
            features[f"likeness of {name} from bar to bar: mean"] = likeness.mean(axis=1)
            features[f"likeness of {name} from bar to bar: least"] = likeness.min(axis=1)
    return features


def _moments(what: str, values: _Array, grooves: Performances) -> Features:
    """Of values that are NaN where there is no hit, (n, steps, 9)."""
    by_drum, spread = _mean(values, 1), _spread(values, 1)
    n, steps = len(values), grooves.steps_per_quarter
    by_position = _mean(values.reshape(n, -1, steps, NUM_CLASSES), (1, 3))
    bars = values.reshape(n, grooves.bars, grooves.steps_per_bar, NUM_CLASSES)
    flat = values.reshape(n, -1)
    silent = np.isnan(flat).all(axis=1)
    features = {
        **{f"{what} of {name}": by_drum[:, i] for i, name in enumerate(DRUM_CLASSES)},
        **{f"{what} of {name}: spread": spread[:, i] for i, name in enumerate(DRUM_CLASSES)},
        what: _mean(values, (1, 2)),
        f"{what}: spread": _spread(flat, 1),
        **{f"{what} at step {i} of the beat": by_position[:, i] for i in range(steps)},
        f"{what}: least": np.where(silent, np.nan, np.nanmin(flat, 1, initial=np.inf)),
        f"{what}: greatest": np.where(silent, np.nan, np.nanmax(flat, 1, initial=-np.inf)),
    }
    if grooves.bars > 1:
        change = np.abs(np.diff(bars, axis=1))
        features[f"{what}: spread of bars"] = _spread(_mean(bars, (2, 3)), 1)
        features[f"{what}: change from bar to bar"] = _mean(change, (1, 2, 3))
    return features


def _greatest(values: NDArray[Any]) -> _Array:
    return np.asarray(values.max(axis=1), np.float64)


def _mean(values: _Array, axis: int | Iterable[int]) -> _Array:
    """The mean of what is not NaN; NaN of nothing."""
    axes = axis if isinstance(axis, int) else tuple(axis)
    count = np.sum(~np.isnan(values), axis=axes)
    total = np.nansum(values, axis=axes)
    return _quotient(total, count, np.nan)


def _spread(values: _Array, axis: int) -> _Array:
    """The standard deviation of what is not NaN; NaN of fewer than two."""
    mean = np.expand_dims(_mean(values, axis), axis)
    square = _mean((values - mean) ** 2, axis)
    few = np.sum(~np.isnan(values), axis=axis) < 2
    return np.where(few, np.nan, np.sqrt(square))


def _quotient(above: NDArray[Any], below: NDArray[Any], of_nothing: float) -> _Array:
    quotient = np.full(above.shape, of_nothing)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient
