"""Windows to be measured, from the rows that converters and models give."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.evaluation.measures import Performances


def from_grid(grid: NDArray[Any], qpms: NDArray[Any] | float = 120.0, **meter: int) -> Performances:
    """The windows of vectors [9 hits, 9 velocities, 9 offsets], (n, steps, 27)."""
    hits, velocities, offsets = np.split(np.asarray(grid, np.float32), 3, axis=-1)
    tempos = np.broadcast_to(np.asarray(qpms, np.float64), len(grid))
    return Performances(hits > 0.5, velocities, offsets, tempos, **meter)
