"""How far sets of grooves differ as sets: distances within one against distances to another.

From Yang & Lerch, "On the evaluation of generative models in music" (Neural Computing and
Applications, 2018). Each feature gives a distribution of distances between windows of the played
set and one of distances from the made to the played. The more the two overlap, the more a made
window is to the played ones as they are to each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.evaluation.measures import Performances

_MOST_WINDOWS = 2000
_BINS = 2000
_ROWS_AT_ONCE = 250
_REACH = 4
"""Bandwidths of a kernel after which it is as good as 0."""
_LEAST_DENSITY = 1e-10
"""Of a distribution that is held against another: keeps the divergence finite."""

_Array: TypeAlias = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Overlap:
    """How two distributions of distances lie to each other.

    Attributes:
        area: The area under both densities, 0 to 1.
        divergence: KL(within the played || between made and played), in nats.
    """

    area: float = float("nan")
    divergence: float = float("nan")


def overlap(made: Performances, played: Performances, seed: int = 0) -> Overlap:
    """Returns the means of `overlaps` over the features."""
    found = overlaps(made, played, seed).values()
    areas, divergences = (
        [getattr(each, name) for each in found] for name in ("area", "divergence")
    )
    return Overlap(float(np.mean(areas)), float(np.mean(divergences)))


def overlaps(made: Performances, played: Performances, seed: int = 0) -> dict[str, Overlap]:
    """Returns how made windows lie among played ones, by the features of `features`.

    Distances are Euclidean; within the played they are those of windows of different performances.
    Densities are of Gaussian kernels with Scott's bandwidth, on a common grid.

    Args:
        made: Windows of the length of `played`.
        played: What they are held against; of performances that are not those of `made`.
        seed: Of each more than 2,000 windows so many are drawn.

    Returns:
        NaN where there are no two performances, or nothing made.
    """
    made, played = (_drawn(each, seed) for each in (made, played))
    ours, theirs = features(made), features(played)
    return {name: _overlap(ours[name], theirs[name], played.groups) for name in theirs}


def features(grooves: Performances) -> dict[str, _Array]:
    """Returns 13 features, (n, size) each: the paper's, for drums, and four of touch.

    Number of drums used, share of the hits of each drum, share of each drum after each other one
    in steps that follow each other; hits, hits in each bar, share of the hits on each step of the
    bar; mean time between steps that are hit, shares of these times, and of each after each other;
    mean and spread of velocity and of offset. Of the paper's those that need pitches are left out,
    and times of a bar or more are one.
    """
    hits = grooves.hits
    counts = hits.sum(axis=(1, 2), dtype=np.float64)[:, None]
    bars = hits.reshape(len(hits), grooves.bars, grooves.steps_per_bar, NUM_CLASSES)
    by_drum, by_step = hits.sum(axis=1), bars.sum(axis=(1, 3))
    return {
        "drums used": (by_drum > 0).sum(axis=1, dtype=np.float64)[:, None],
        "drums": _shares(by_drum),
        "drum after drum": _shares(_drum_transitions(hits)),
        "hits": counts,
        "hits by bar": bars.sum(axis=(2, 3), dtype=np.float64),
        "steps of the bar": _shares(by_step),
        **_times(hits, grooves.steps_per_bar),
        **_moments("velocity", grooves.velocities, hits),
        **_moments("offset", grooves.sixteenths, hits),
    }


def _drawn(grooves: Performances, seed: int) -> Performances:
    if len(grooves) <= _MOST_WINDOWS:
        return grooves
    order = np.random.default_rng(seed).permutation(len(grooves))
    return grooves.take(np.sort(order[:_MOST_WINDOWS]))


def _drum_transitions(hits: NDArray[np.bool_]) -> _Array:
    """How often each drum is hit in the next step that is hit after each, (n, 81)."""
    windows, steps = np.nonzero(hits.any(axis=2))
    follows = windows[1:] == windows[:-1]
    window, before, after = windows[1:][follows], steps[:-1][follows], steps[1:][follows]
    transitions = np.zeros((len(hits), NUM_CLASSES, NUM_CLASSES))
    for drum in range(NUM_CLASSES):
        from_drum = hits[window, before, drum]
        np.add.at(transitions[:, drum], window[from_drum], hits[window, after][from_drum])
    return transitions.reshape(len(hits), NUM_CLASSES**2)


def _times(hits: NDArray[np.bool_], longest: int) -> dict[str, _Array]:
    """The features of the times between steps that are hit."""
    windows, steps = np.nonzero(hits.any(axis=2))
    window = windows[1:][windows[1:] == windows[:-1]]
    times = np.diff(steps)[windows[1:] == windows[:-1]]
    places = np.minimum(times, longest) - 1
    follows = window[1:] == window[:-1]
    pairs = (places[:-1] * longest + places[1:])[follows]
    histogram = _counts(window, places, (len(hits), longest))
    total = np.bincount(window, times, len(hits))
    return {
        "time between hits": (total / np.maximum(histogram.sum(axis=1), 1))[:, None],
        "times": _shares(histogram),
        "time after time": _shares(_counts(window[1:][follows], pairs, (len(hits), longest**2))),
    }


def _counts(rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    flat = rows * shape[1] + columns
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)


def _shares(counts: NDArray[Any]) -> _Array:
    """Each row divided by its sum; of nothing 0."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float64)


def _moments(what: str, values: NDArray[Any], hits: NDArray[np.bool_]) -> dict[str, _Array]:
    """Mean and spread over the hits of each window, 0 of none."""
    count = np.maximum(hits.sum(axis=(1, 2), keepdims=True), 1)
    mean = np.where(hits, values, 0).sum(axis=(1, 2), keepdims=True, dtype=np.float64) / count
    square = np.where(hits, (values - mean) ** 2, 0).sum(axis=(1, 2), keepdims=True) / count
    return {what: mean[..., 0], f"spread of {what}": np.sqrt(square)[..., 0]}


def _overlap(made: _Array, played: _Array, groups: NDArray[np.int64]) -> Overlap:
    centre = played.mean(axis=0) if len(played) else 0.0
    made, played = made - centre, played - centre
    most = 2 * np.sqrt(max(np.sum(each**2, axis=1).max(initial=0) for each in (made, played)))
    between, within = np.zeros(_BINS), np.zeros(_BINS)
    for _, places in _places(made, played, most):
        between += np.bincount(places.ravel(), minlength=_BINS)
    for rows, places in _places(played, played, most):
        others = groups[rows, None] != groups
        within += np.bincount(places[others], minlength=_BINS)
    if not between.any() or not within.any():
        return Overlap()
    # Each pair of played windows was counted twice, which the bandwidth should not know.
    p, q = _density(within / 2), _density(between)
    divergence = np.sum(p * np.log(np.maximum(p, _LEAST_DENSITY) / np.maximum(q, _LEAST_DENSITY)))
    return Overlap(float(np.minimum(p, q).sum()), float(divergence))


def _places(a: _Array, b: _Array, most: float) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """The bins of the distances of some rows of `a` to all of `b`; none is above `most`."""
    squares, scale = np.sum(b**2, axis=1), (_BINS - 1) / (most or 1.0)
    for first in range(0, len(a), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        square = np.sum(a[rows] ** 2, axis=1)[:, None] + squares - 2 * (a[rows] @ b.T)
        yield rows, (np.sqrt(np.maximum(square, 0)) * scale).astype(np.intp)


def _density(histogram: _Array) -> _Array:
    """The kernel density of a histogram's bins, which sums to 1; what leaves the bins is cut."""
    places, total = np.arange(len(histogram)), histogram.sum()
    mean = places @ histogram / total
    spread = np.sqrt((places - mean) ** 2 @ histogram / total)
    bandwidth = max(spread * total**-0.2, 0.5)
    reach = int(np.ceil(_REACH * bandwidth))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / bandwidth) ** 2)
    smooth = np.convolve(histogram, kernel)[reach : reach + len(histogram)]
    return np.asarray(smooth / smooth.sum(), np.float64)
