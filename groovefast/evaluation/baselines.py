"""Cheap ways to drum, which a model has to beat: fitted on the training split in seconds.

A fit returns a `Predictor`. It is shown what was played and uses of it only what the model is given
too: the hits where hits are kept, the tap where a tap is heard, nothing where all is to be chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.evaluation.measures import ALL_CLASSES, Performances
from groovefast.windows import transforms

Predictor: TypeAlias = Callable[[Performances], Performances]

_PRIOR_HITS = 10.0
"""A mean by step is drawn towards that of its class as by so many hits."""
_REACH = 16
"""Steps before and after a hit that linear regression looks at."""
_RIDGE = 100.0
_WINDOWS_AT_ONCE = 512


def quantized(played: Performances) -> Performances:
    """The hits exactly on the grid, their velocities unknown (NaN)."""
    unknown = np.full_like(played.velocities, np.nan)
    return played.replace(offsets=np.zeros_like(played.offsets), velocities=unknown)


def fit_means(train: Performances) -> Predictor:
    """Keeps the hits; each gets the mean offset and velocity of its class and step of the bar."""
    offsets, velocities = (_cell_means(train, v) for v in (train.offsets, train.velocities))

    def predict(played: Performances) -> Performances:
        return _filled(played, played.hits, offsets, velocities)

    return predict


def fit_linear(train: Performances) -> Predictor:
    """Keeps the hits; their offsets and velocities are linear in the hits around them.

    One ridge regression for each class: of offset and velocity on which drums are hit within a
    bar before and after, and on the place in the bar.
    """
    weights = [_fit_ridge(train, drum) for drum in ALL_CLASSES]

    def predict(played: Performances) -> Performances:
        offsets, velocities = np.zeros_like(played.offsets), np.zeros_like(played.velocities)
        for drum in ALL_CLASSES:
            for chunk in _chunks(played):
                features, where = _features(played, drum, chunk)
                offset, velocity = (features @ weights[drum]).T
                offsets[chunk, :, drum][where] = np.clip(offset, -1, 1)
                velocities[chunk, :, drum][where] = np.clip(velocity, 0, 1)
        return played.replace(offsets=offsets, velocities=velocities)

    return predict


def fit_common_groove(train: Performances, classes: Sequence[int] = ALL_CLASSES) -> Predictor:
    """Plays one bar over and over: the cells whose choice gives the best F1 on `train`.

    Offsets and velocities are the means of each cell. Drums that are not of `classes` stay as
    played.
    """
    hits = _by_bar(train, train.hits).sum(axis=0)
    chosen = np.zeros_like(hits, dtype=bool)
    bars = np.full_like(hits, len(train) * train.bars)
    chosen[:, classes] = best_cells(hits[:, classes], bars[:, classes])
    offsets, velocities = (_cell_means(train, v) for v in (train.offsets, train.velocities))

    def predict(played: Performances) -> Performances:
        hits = played.hits.copy()
        hits[..., classes] = chosen[played.steps_of_bar][:, classes]
        return _filled(played, hits, offsets, velocities)

    return predict


def fit_tap_by_step(train: Performances) -> Predictor:
    """At each tap plays the drums usual at taps on that step of the bar, with the tap's offset.

    The cells are those whose choice gives the best F1 on `train`; velocities are their means.
    """
    taps = _by_bar(train, _tap(train)[0]).sum(axis=0)
    hits = _by_bar(train, train.hits).sum(axis=0)
    chosen = best_cells(hits, np.broadcast_to(taps, hits.shape))
    velocities = _cell_means(train, train.velocities)

    def predict(played: Performances) -> Performances:
        tapped, offsets = _tap(played)
        hits = chosen[played.steps_of_bar] & tapped
        return _filled(played, hits, offsets, velocities)

    return predict


def fit_tap_copied(train: Performances) -> Predictor:
    """Plays the tap as it is heard, on the tap's own class, with the mean velocity of each step."""
    velocities = _cell_means(train, train.velocities)

    def predict(played: Performances) -> Performances:
        tapped, offsets = _tap(played)
        hits = np.zeros_like(played.hits)
        hits[..., transforms.TAP_CLASS] = tapped[..., 0]
        return _filled(played, hits, offsets, velocities)

    return predict


def fit_tap_on_its_drum(train: Performances) -> Predictor:
    """Plays each tap on the drum it was made from, which no model is told, and no other drum."""
    velocities = _cell_means(train, train.velocities)

    def predict(played: Performances) -> Performances:
        return _filled(played, _loudest(played), played.offsets, velocities)

    return predict


def _filled(
    played: Performances, hits: NDArray[np.bool_], offsets: Any, velocities: Any
) -> Performances:
    """`hits` with offsets and velocities given by step of the bar, or by step of the window."""

    def at_hits(values: Any) -> NDArray[np.float32]:
        by_step = values[played.steps_of_bar] if values.ndim == 2 else values
        return np.asarray(np.where(hits, by_step, 0), np.float32)

    return played.replace(hits=hits, offsets=at_hits(offsets), velocities=at_hits(velocities))


def _by_bar(grooves: Performances, cells: NDArray[Any]) -> NDArray[Any]:
    """(n, steps, ...) -> (n * bars, steps of a bar, ...)."""
    return cells.reshape(-1, grooves.steps_per_bar, *cells.shape[2:])


def _cell_means(train: Performances, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of `values` at the hits by step of the bar and class, (steps of a bar, 9)."""
    counts = _by_bar(train, train.hits).sum(axis=0)
    totals = _by_bar(train, np.where(train.hits, values, 0)).sum(axis=0, dtype=np.float64)
    by_class = totals.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    return np.asarray((totals + _PRIOR_HITS * by_class) / (counts + _PRIOR_HITS), np.float32)


def best_cells(hits: NDArray[Any], chances: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns the cells whose choice has the highest F1, bool.

    These are all cells hit at more than some rate: they are found along the cells sorted by it.

    Args:
        hits: How often each cell was hit.
        chances: Of how many, in the same shape.
    """
    rates = hits / np.maximum(chances, 1)
    order = np.argsort(-rates, axis=None, kind="stable")
    right, guessed = np.cumsum(hits.ravel()[order]), np.cumsum(chances.ravel()[order])
    f1 = 2 * right / np.maximum(guessed + hits.sum(), 1)
    chosen = np.zeros(hits.size, dtype=bool)
    chosen[order[: int(np.argmax(f1)) + 1]] = True
    return chosen.reshape(hits.shape)


def _loudest(played: Performances) -> NDArray[np.bool_]:
    """Where each step's loudest hit is; of equals the lowest class."""
    loudness = np.where(played.hits, played.velocities, -1)
    loudest = loudness.argmax(axis=-1)[..., np.newaxis]
    return np.asarray(played.hits & (loudest == np.arange(NUM_CLASSES)))


def _tap(played: Performances) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Where a tap is heard, and its offset, (n, steps, 1) each."""
    loudest = _loudest(played)
    offsets = np.where(loudest, played.offsets, 0).sum(axis=-1)
    return np.logical_or.reduce(loudest, axis=-1)[..., np.newaxis], offsets[..., np.newaxis]


def _chunks(grooves: Performances) -> list[slice]:
    return [slice(i, i + _WINDOWS_AT_ONCE) for i in range(0, len(grooves), _WINDOWS_AT_ONCE)]


def _features(
    grooves: Performances, drum: int, chunk: slice
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What linear regression knows of each hit of a drum: (hits, features), and where they are."""
    hits = grooves.hits[chunk]
    padded = np.pad(hits, ((0, 0), (_REACH, _REACH), (0, 0)))
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1, axis=1)
    where = hits[..., drum]
    windows, steps = np.nonzero(where)
    place = np.eye(grooves.steps_per_bar, dtype=np.float32)[steps % grooves.steps_per_bar]
    near = around[windows, steps].reshape(len(windows), NUM_CLASSES * (2 * _REACH + 1))
    return np.concatenate([near, place], axis=1, dtype=np.float32), where


def _fit_ridge(train: Performances, drum: int) -> NDArray[np.float32]:
    """Weights of offset and velocity, (features, 2), from the normal equations."""
    # The place stands for the intercept: a penalty of 1 only keeps the equations solvable.
    near, place = NUM_CLASSES * (2 * _REACH + 1), train.steps_per_bar
    gram = np.diag(np.repeat([_RIDGE, 1.0], [near, place]))
    moment = np.zeros((near + place, 2))
    for chunk in _chunks(train):
        features, where = _features(train, drum, chunk)
        values = (train.offsets, train.velocities)
        targets = np.stack([value[chunk, :, drum][where] for value in values], axis=1)
        gram += features.T @ features
        moment += features.T @ targets
    return np.linalg.solve(gram, moment).astype(np.float32)
