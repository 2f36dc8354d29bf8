"""How much repeats of a bar differ: the spread of a cell over bars with the same hits.

A drummer who plays a bar again plays each hit a little sooner or later, softer or louder. Bars of
one performance that have exactly the same hits are its repeats. Of each cell hit in them, the
squared deviations from its own mean over the repeats are summed, and divided by the number of
repeats less one: the unbiased variance within cells, pooled over cells, patterns and performances,
as in an analysis of variance.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES
from groovefast.evaluation.measures import ALL


@dataclasses.dataclass(frozen=True)
class Repeats:
    """The spread of repeats, standard deviations; NaN where nothing was repeated.

    Attributes:
        velocity: Of velocities, 0..1.
        offset: Of offsets, in half steps as they are in the grid.
        repeated: Hits beyond the first of each cell and pattern: what the spreads rest on.
    """

    velocity: float
    offset: float
    repeated: int


def spread_over_repeats(
    hits: NDArray[Any],
    velocities: NDArray[np.floating],
    offsets: NDArray[np.floating],
    performances: NDArray[Any],
) -> dict[str, Repeats]:
    """Measures bars, none of them twice: windows that overlap count a bar as its own repeat.

    Args:
        hits: (bars, steps, drums), 1 or true where there is one.
        velocities: Same shape.
        offsets: Same shape.
        performances: Of which each bar is, (bars,).

    Returns:
        The spread under `ALL` and the name of each drum.
    """
    hit = np.asarray(hits) > 0
    flat = hit.reshape(len(hit), -1)
    _, numbers = np.unique(np.asarray(performances), return_inverse=True)
    keys = np.concatenate([numbers[:, None], flat], axis=1)
    _, patterns = np.unique(keys, axis=0, return_inverse=True)
    patterns = patterns.reshape(-1)
    count = np.bincount(patterns)
    more = np.zeros(hit.shape[2])
    squares = np.zeros((2, hit.shape[2]))
    for pattern in np.flatnonzero(count > 1):
        bars = np.flatnonzero(patterns == pattern)
        cells = hit[bars[0]]
        more += (len(bars) - 1) * cells.sum(axis=0)
        for channel, values in enumerate((velocities, offsets)):
            deviations = values[bars] - values[bars].mean(axis=0, dtype=np.float64)
            squares[channel] += np.where(cells, deviations**2, 0).sum(axis=(0, 1))
    rows = {name: [drum] for drum, name in enumerate(DRUM_CLASSES)}
    rows[ALL] = list(range(len(DRUM_CLASSES)))
    return {name: _repeats(squares[:, drums], more[drums]) for name, drums in rows.items()}


def _repeats(squares: NDArray[np.float64], more: NDArray[np.float64]) -> Repeats:
    number = int(more.sum())
    if not number:
        return Repeats(float("nan"), float("nan"), 0)
    velocity, offset = np.sqrt(squares.sum(axis=1) / number)
    return Repeats(float(velocity), float(offset), number)
