from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from groovefast.model.latent import Vector, slerp

vectors = st_numpy.arrays(np.float32, 4, elements=st.floats(-4, 4, width=16))


@given(vectors, vectors, st.floats(0, 1))
def test_slerp_stays_between_the_lengths_of_its_ends(a: Vector, b: Vector, at: float) -> None:
    start, between, end = slerp(a, b, np.array([0, at, 1]))
    np.testing.assert_allclose(start, a, atol=1e-4)
    np.testing.assert_allclose(end, b, atol=1e-4)
    assert np.isfinite(between).all()


def test_slerp_keeps_the_length_of_equals() -> None:
    path = slerp(np.array([2.0, 0]), np.array([0, 2.0]), np.linspace(0, 1, 7))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-6)
    np.testing.assert_allclose(path[3], [2**0.5, 2**0.5], atol=1e-6)
