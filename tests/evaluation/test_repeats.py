"""The spread of repeated bars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from groovefast.evaluation.repeats import spread_over_repeats


def looped(bars: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hits = np.zeros((bars, 16, 9), bool)
    hits[:, ::4, 0] = True
    hits[:, 4::8, 1] = True
    usual = rng.uniform(0.3, 0.7, (1, 16, 9))
    velocities = usual + 0.1 * rng.standard_normal(hits.shape)
    return hits, velocities, 0.2 * rng.standard_normal(hits.shape)


def test_the_spread_of_a_loop_is_that_it_was_drawn_with() -> None:
    hits, velocities, offsets = looped(500)
    spread = spread_over_repeats(hits, velocities, offsets, np.zeros(500))
    for drum in ("kick", "snare", "all"):
        assert spread[drum].velocity == pytest.approx(0.1, rel=0.06)
        assert spread[drum].offset == pytest.approx(0.2, rel=0.06)
    assert spread["kick"].repeated == 499 * 4
    assert spread["all"].repeated == 499 * 6
    assert math.isnan(spread["ride"].velocity)


def test_pairs_of_repeats_are_enough() -> None:
    """The divisor makes few repeats as good as many."""
    hits, velocities, offsets = looped(2000)
    spread = spread_over_repeats(hits, velocities, offsets, np.arange(2000) // 2)
    assert spread["kick"].velocity == pytest.approx(0.1, rel=0.06)


def test_only_equal_bars_of_one_performance_are_repeats() -> None:
    hits, velocities, offsets = looped(3)
    hits[1, 2, 2] = True
    velocities[2] = velocities[0]
    velocities[1] += 10
    offsets[2] = offsets[0]
    spread = spread_over_repeats(hits, velocities, offsets, np.zeros(3))
    assert (spread["all"].velocity, spread["all"].offset) == (0, 0)
    assert spread["all"].repeated == 6
    apart = spread_over_repeats(hits, velocities, offsets, np.array([0, 0, 1]))
    assert apart["all"].repeated == 0
