"""The attributes of windows, of made-up ones whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.windows.attributes import ATTRIBUTES, attributes_of
from groovefast.windows.rows import Grid


def window(*hits: tuple[int, str, float, float], steps: int = 16) -> Grid:
    """One window of (step, drum, velocity, offset)."""
    grid = Grid(*(np.zeros((1, steps, NUM_CLASSES), np.float32) for _ in range(3)))
    for step, drum, velocity, offset in hits:
        cell = 0, step, DRUM_CLASSES.index(drum)
        grid.hits[cell], grid.velocities[cell], grid.offsets[cell] = 1, velocity, offset
    return grid


def of(grid: Grid) -> dict[str, float]:
    (values,) = attributes_of(grid)
    return dict(zip(ATTRIBUTES, values.tolist(), strict=True))


BAR = (
    (0, "kick", 1.0, 0.0),
    (1, "ride", 0.5, -1.0),
    (3, "snare", 0.25, -0.5),
    (4, "snare", 0.75, 0.5),
    (6, "closed hi-hat", 0.5, 0.0),
    (8, "ride", 0.5, 0.0),
    (9, "low tom", 0.5, -1.0),
    (10, "high tom", 0.0, 0.0),
)


def test_numbers_of_a_bar() -> None:
    assert of(window(*BAR)) == pytest.approx(
        {
            "density": 8,
            "loudness": 0.5,
            "laid-back": 0.125,  # 2 half steps late in all, over 8 hits
            "syncopation": 3 / 8,
            "kick": 1,
            "ride": 2 / 3,
            "toms": 2,
            "ghost notes": 1,
        }
    )


def test_counts_are_by_bar() -> None:
    one, two = of(window(*BAR)), of(window(*BAR, steps=32))
    counted = {"density", "kick", "toms", "ghost notes"}
    assert {name: two[name] / one[name] for name in ATTRIBUTES} == pytest.approx(
        {name: 0.5 if name in counted else 1 for name in ATTRIBUTES}
    )


def test_a_quarter_of_bars_of_another_length() -> None:
    (values,) = attributes_of(window(*BAR), steps_per_bar=8, steps_per_quarter=2)
    assert values[0] == 4
    assert values[3] == 3 / 8


def test_silence_is_zero() -> None:
    assert set(of(window()).values()) == {0.0}


def test_what_is_not_hit_does_not_count() -> None:
    grid = window(*BAR)
    noisy = grid._replace(velocities=grid.velocities + 0.5 * (grid.hits == 0))
    noisy = noisy._replace(offsets=grid.offsets + 0.5 * (grid.hits == 0))
    assert of(noisy) == of(grid)


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(1, 40))
def test_each_window_by_itself(seed: int, n: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    hits = (rng.random((n, steps, NUM_CLASSES)) < 0.2).astype(np.float32)
    grid = Grid(hits, hits * rng.random(hits.shape), hits * rng.uniform(-1, 1, hits.shape))
    values = attributes_of(grid)
    assert values.shape == (n, len(ATTRIBUTES))
    assert np.isfinite(values).all()
    for number in range(n):
        alone = attributes_of(Grid(*(x[number : number + 1] for x in grid)))
        np.testing.assert_allclose(alone[0], values[number], rtol=1e-6, atol=1e-9)
