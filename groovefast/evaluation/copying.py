"""How near grooves are to those the model was trained on: whether it drums or plays back."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR = 8
"""Cells in which a window may differ from another and still be called a copy."""
_AT_ONCE = 2048
_FAR = np.iinfo(np.int32).max


@dataclasses.dataclass(frozen=True)
class Copying:
    """How far windows are from the nearest training window, in cells of hits that differ.

    Attributes:
        low: A twentieth of the windows is nearer.
        median: Half of them are nearer.
        near: The share that is within `NEAR` cells.
    """

    low: float
    median: float
    near: float

    @classmethod
    def of(cls, distances: NDArray[Any]) -> Copying:
        """Returns the figures of what `nearest` gave."""
        if not len(distances):
            return cls(*[float("nan")] * 3)
        low, median = np.quantile(distances, (0.05, 0.5))
        return cls(float(low), float(median), float(np.mean(distances <= NEAR)))


def nearest(
    hits: NDArray[np.bool_],
    train: NDArray[np.bool_],
    groups: NDArray[Any] | None = None,
    train_groups: NDArray[Any] | None = None,
) -> NDArray[np.int32]:
    """Returns the Hamming distance of each window's hits to the nearest training window's, (n,).

    |a xor b| = |a| + |b| - 2 a·b, which makes it a product of matrices; float32 is exact there.

    Args:
        hits: bool (n, steps, 9).
        train: bool (m, steps, 9).
        groups: The performance of each, (n,), where they are of the training split themselves:
            its own windows are left out.
        train_groups: The performances of the training windows, (m,), numbered alike.
    """
    flat, flat_train = (each.reshape(len(each), -1) for each in (hits, train))
    sizes = flat.sum(axis=1, dtype=np.int32)
    found = np.full(len(flat), _FAR, np.int32)
    for first in range(0, len(flat_train), _AT_ONCE):
        block = slice(first, first + _AT_ONCE)
        others = flat_train[block].astype(np.float32)
        others_sizes = others.sum(axis=1)
        for start in range(0, len(flat), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            distances = others_sizes - 2 * (flat[rows].astype(np.float32) @ others.T)
            if groups is not None and train_groups is not None:
                distances[groups[rows, None] == train_groups[block]] = np.inf
            least = distances.min(axis=1)
            known = np.isfinite(least)
            whole = np.where(known, least, 0).astype(np.int32) + sizes[rows]
            found[rows] = np.minimum(found[rows], np.where(known, whole, _FAR))
    return found
