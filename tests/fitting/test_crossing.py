"""Crossed windows, of made-up performances."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.fitting.crossing import cross, fills, partners
from groovefast.windows.dataset import PlayedWindows
from groovefast.windows.rows import Grid

KICK, SNARE, HAT, TOM, RIDE = (
    DRUM_CLASSES.index(name) for name in ("kick", "snare", "closed hi-hat", "mid tom", "ride")
)
BAR, STEPS = 16, 32


def grid_of(*windows: list[tuple[int, int]]) -> Grid:
    """Windows of two bars of (step, drum); the velocity of the k-th is k / 10."""
    hits = np.zeros((len(windows), STEPS, NUM_CLASSES), np.float32)
    for number, window in enumerate(windows):
        for step, drum in window:
            hits[number, step, drum] = 1
    velocities = hits * np.arange(1, len(windows) + 1, dtype=np.float32)[:, None, None] / 10
    return Grid(hits, velocities, -velocities)


def played(styles: list[str], performances: list[int], qpms: list[float]) -> PlayedWindows:
    grid = grid_of(*([(0, KICK)] for _ in styles))
    return PlayedWindows(grid, np.array(qpms), np.array(performances), np.array(styles))


def cells(grid: Grid, window: int = 0) -> list[tuple[int, int]]:
    return [(int(step), int(drum)) for step, drum in np.argwhere(grid.hits[window])]


def test_the_time_is_the_partners() -> None:
    grid = grid_of([(0, KICK), (0, HAT), (4, SNARE), (8, HAT)], [(1, KICK), (2, RIDE), (20, HAT)])
    crossed = cross(grid, np.array([0, 1]), np.array([1, 0]), BAR)
    assert cells(crossed) == [(0, KICK), (2, RIDE), (4, SNARE), (20, HAT)]
    assert cells(crossed, 1) == [(0, HAT), (1, KICK), (8, HAT)]
    assert crossed.velocities[0, 4, SNARE] == pytest.approx(0.1)
    assert crossed.velocities[0, 2, RIDE] == pytest.approx(0.2)
    assert crossed.offsets[0, 2, RIDE] == pytest.approx(-0.2)


def test_nobody_has_three_hands() -> None:
    grid = grid_of([(4, SNARE), (4, TOM), (4, KICK), (8, SNARE)], [(4, HAT), (8, HAT)])
    crossed = cross(grid, np.array([0]), np.array([1]), BAR)
    assert cells(crossed) == [(4, KICK), (4, SNARE), (4, TOM), (8, SNARE), (8, HAT)]


def test_bars_with_a_fill_stay(  # of either
) -> None:
    fill = [(step, TOM) for step in (17, 18, 19)]
    one, other = [(0, KICK), (16, HAT)], [(2, HAT), (20, HAT)]
    first = cross(grid_of([*one, *fill], other), np.array([0]), np.array([1]), BAR)
    second = cross(grid_of(one, [*other, *fill]), np.array([0]), np.array([1]), BAR)
    assert cells(first) == sorted([(0, KICK), (2, HAT), (16, HAT), *fill])
    assert cells(second) == [(0, KICK), (2, HAT), (16, HAT)]


def test_where_fills_are() -> None:
    grid = grid_of([(step, TOM) for step in (0, 1, 16, 17, 18)], [])
    assert fills(grid, BAR).tolist() == [[False, True], [False, False]]


def test_partners_play_the_same_style_at_about_the_tempo() -> None:
    rng = np.random.default_rng(0)
    styles = ["funk", "funk", "jazz", "funk", "jazz"] * 20
    performances = (np.arange(100) % 10).tolist()
    qpms = rng.uniform(80, 160, 100).tolist()
    windows = played(styles, performances, qpms)
    found = partners(windows, rng.standard_normal((100, 4)), BAR, rng)
    others = found != np.arange(100)
    assert others.mean() > 0.8
    assert (windows.styles[found] == windows.styles).all()
    assert (windows.performances[found] != windows.performances)[others].all()
    ratio = windows.qpms[found] / windows.qpms
    assert ratio.max() < 1.1001
    assert ratio.min() > 1 / 1.1001


def test_partners_are_near() -> None:
    n = 400
    windows = played(["funk"] * n, list(range(n)), [100.0] * n)
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((n, 3))
    found = partners(windows, latents, BAR, rng)
    far = np.linalg.norm(latents - latents[found], axis=1)
    assert far.mean() < 0.8 * np.linalg.norm(latents - latents[rng.permutation(n)], axis=1).mean()


def test_who_has_no_partner_is_left_alone() -> None:
    windows = played(["funk", "jazz", "rock", "rock"], [0, 1, 2, 2], [100, 100, 100, 100])
    found = partners(windows, np.zeros((4, 2)), BAR, np.random.default_rng(0))
    assert found.tolist() == [0, 1, 2, 3]
    crossed = cross(windows.grid, found, found, BAR)
    for one, other in zip(crossed, windows.grid, strict=True):
        np.testing.assert_array_equal(one, other)
