"""How near grooves are to those the model was trained on: whether it drums or plays back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR = 8
"""Cells in which a window may differ from another and still be called a copy."""
_AT_ONCE = 2048


@dataclasses.dataclass(frozen=True)
class Copying:
    """How far windows are from the nearest training window, in cells of hits that differ.

    Attributes:
        low: A twentieth of the windows is nearer.
        median: Half of them are nearer.
        near: The share that is within `NEAR` cells.
    """

    low: float = float("nan")
    median: float = float("nan")
    near: float = float("nan")

    @classmethod
    def of(cls, distances: Sequence[int] | NDArray[Any]) -> Copying:
        """Returns the figures of what `nearest` gave; NaN of nothing."""
        if not len(distances):
            return cls()
        low, median = np.quantile(distances, (0.05, 0.5))
        return cls(float(low), float(median), float(np.mean(np.less_equal(distances, NEAR))))


def nearest(
    hits: NDArray[np.bool_],
    train: NDArray[np.bool_],
    groups: NDArray[Any] | None = None,
    train_groups: NDArray[Any] | None = None,
) -> NDArray[np.float32]:
    """Returns the Hamming distance of each window's hits to the nearest training window's, (n,).

    |a xor b| = |a| + |b| - 2 a·b, which makes it a product of matrices; float32 is exact there.

    Args:
        hits: bool (n, steps, 9).
        train: bool (m, steps, 9).
        groups: The performance of each, (n,), where they are of the training split themselves:
            its own windows are left out.
        train_groups: The performances of the training windows, (m,), numbered alike.

    Returns:
        Infinity where there is no training window, or none of another performance.
    """
    flat, flat_train = (each.reshape(len(each), -1) for each in (hits, train))
    sizes, train_sizes = (each.sum(axis=1, dtype=np.float32) for each in (flat, flat_train))
    found = np.full(len(flat), np.inf, np.float32)
    for columns in _blocks(len(flat_train)):
        others = flat_train[columns].astype(np.float32).T
        for rows in _blocks(len(flat)):
            common = flat[rows].astype(np.float32) @ others
            distances = sizes[rows, None] + train_sizes[columns] - 2 * common
            if groups is not None and train_groups is not None:
                distances[groups[rows, None] == train_groups[columns]] = np.inf
            found[rows] = np.minimum(found[rows], distances.min(axis=1))
    return found


def _blocks(size: int) -> list[slice]:
    return [slice(first, first + _AT_ONCE) for first in range(0, size, _AT_ONCE)]
