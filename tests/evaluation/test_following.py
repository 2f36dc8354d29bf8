from __future__ import annotations

import numpy as np
import pytest
from measured import from_grid

from groovefast.evaluation.following import measure_following
from groovefast.evaluation.measures import Performances


def windows(*bars: np.ndarray, velocity: float = 0.5) -> Performances:
    """One window of these bars, (16, 9) each."""
    hits = np.concatenate(bars)[None].astype(np.float32)
    return from_grid(np.concatenate([hits, velocity * hits, 0.25 * hits], axis=-1))


def bar(*cells: tuple[int, int]) -> np.ndarray:
    hits = np.zeros((16, 9), bool)
    hits[tuple(np.transpose(cells))] = True
    return hits


ONE = bar((0, 0), (4, 1), (8, 0), (12, 1))
HALF = bar((0, 0), (4, 1))
OTHER = bar((1, 2), (3, 2))


def test_what_repeats_the_bar_before() -> None:
    found = measure_following(windows(OTHER, ONE), windows(ONE, ONE), windows(ONE, ONE))
    assert (found.repeats, found.bar_before, found.f1) == (1, 1, 1)
    assert found.heard == pytest.approx(0.5)
    assert (found.hits_per_bar, found.velocity, found.offset) == (0, 0, 0)


def test_what_does_not() -> None:
    found = measure_following(
        windows(ONE, ONE), windows(HALF, HALF, velocity=0.75), windows(ONE, OTHER)
    )
    assert found.repeats == 0.5
    assert found.bar_before == pytest.approx((0.5 + 1) / 2)
    assert found.heard == pytest.approx(0.5)
    assert found.f1 == pytest.approx(2 * 2 / (4 + 6))
    assert found.hits_per_bar == pytest.approx(1)
    assert found.velocity == pytest.approx(0.25)


def test_silence_is_like_silence() -> None:
    silence = np.zeros((16, 9), bool)
    found = measure_following(windows(ONE, silence), windows(silence, ONE), windows(ONE, ONE))
    assert found.repeats == 0.5
    assert found.bar_before == 0.5
    assert found.to_json()["heard"] == pytest.approx(0.5)
