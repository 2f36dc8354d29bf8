"""Ways through the latent space, in numpy."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = "npt.NDArray[np.float32]"


def slerp(a: Vector, b: Vector, at: npt.ArrayLike) -> Vector:
    """Spherical interpolation between two vectors.

    Args:
        a: The vector at 0, (z_size,).
        b: The vector at 1, (z_size,).
        at: Where between the two, (num,), 0..1.

    Returns:
        (num, z_size); on the straight line where a and b point the same way or opposite ways, or
        one is 0.
    """
    part = np.asarray(at, np.float32)[:, None]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    angle = math.acos(min(1.0, max(-1.0, float(np.dot(a, b)) / lengths))) if lengths else 0.0
    if math.sin(angle) < 1e-6:
        weights = 1 - part, part
    else:
        weights = tuple(np.sin(share * angle) / math.sin(angle) for share in (1 - part, part))
    return np.asarray(weights[0] * a + weights[1] * b, np.float32)
