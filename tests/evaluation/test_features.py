"""What is told of windows, on windows made by hand and on noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from window_records import random_windows

from groovefast.evaluation.features import (
    all_features,
    likeness_of_bars,
    matrix,
    structure,
    touch,
)
from groovefast.evaluation.measures import Performances

KICK, SNARE, CLOSED, OPEN = range(4)


def noise(n: int, bars: int = 4, seed: int = 0, **meter: int) -> Performances:
    steps = meter.get("steps_per_quarter", 4) * meter.get("quarters_per_bar", 4) * bars
    windows = random_windows(n, steps, seed)
    velocities = (windows.velocities / 127).astype(np.float32)
    hits = velocities > 0
    return Performances(hits, velocities, windows.offsets, np.full(n, 120.0), **meter)


def by_hand(*hits: tuple[int, int, float, float], bars: int = 2) -> Performances:
    """One window of (step, drum, velocity, offset)."""
    grid = np.zeros((3, 1, 16 * bars, 9), np.float32)
    for step, drum, velocity, offset in hits:
        grid[:, 0, step, drum] = 1, velocity, offset
    return Performances(grid[0] > 0, grid[1], grid[2], np.full(1, 120.0))


def test_four_bars_of_sixteenths_have_the_numbers_that_are_documented() -> None:
    grooves = noise(3)
    assert (len(structure(grooves)), len(touch(grooves))) == (117, 59)
    assert matrix(all_features(grooves)).shape == (3, 176)
    assert not structure(grooves).keys() & touch(grooves).keys()


@pytest.mark.parametrize(
    ("bars", "meter"),
    [(1, {}), (2, {}), (4, {}), (3, {"quarters_per_bar": 3}), (2, {"steps_per_quarter": 3})],
)
def test_windows_of_any_length_and_meter_have_features(bars: int, meter: dict[str, int]) -> None:
    grooves, other = noise(5, bars, **meter), noise(5, bars, seed=1, **meter)
    rows = matrix(all_features(grooves))
    assert list(all_features(grooves)) == list(all_features(other))
    assert np.isfinite(matrix(structure(grooves))).all()
    assert len(np.unique(rows, axis=0)) == 5


def test_numbers_of_two_bars() -> None:
    of = {
        name: value[0]
        for name, value in all_features(
            by_hand(
                (0, KICK, 1.0, 0.5),
                (0, CLOSED, 0.25, 0.0),
                (0, OPEN, 0.5, -0.5),
                (4, SNARE, 0.2, 0.0),
                (16, KICK, 0.5, 0.0),
                (17, KICK, 0.75, 0.5),
            )
        ).items()
    }
    expected = {
        "kick a bar": 1.5,
        "kick on step 0": 2,
        "hats and ride on step 0": 2,
        "all on step 0": 4,
        "steps with 1 hits": 4 / 32,
        "steps with 3 hits": 1 / 32,
        "steps with 3 hits besides the kick": 0,
        "drums used": 4,
        "both hi-hats at once": 1 / 32,
        "steps as the one before": 1 / 31,
        "likeness of bars 1 and 2": 1 / 5,
        "likeness of bars: mean": 1 / 5,
        "identical bars": 0,
        "density of bars: spread": 1,
        "density of bars: largest change": 2,
        "likeness of half bars: mean": 0,
        "likeness of kick from bar to bar: mean": 1 / 2,
        "likeness of snare from bar to bar: least": 0,
        "velocity": 3.2 / 6,
        "velocity of kick": 0.75,
        "velocity: least": 0.2,
        "velocity: greatest": 1,
        "velocity at step 1 of the beat": 0.75,
        "velocity: change from bar to bar": 0.5,
        "ghost notes": 2 / 6,
        "loud hits": 1 / 6,
        "offset of kick": 1 / 6,  # in 16ths: an offset of 1 is half a step
        "offset: change from bar to bar": 0.25,
        "offset: spread within steps": np.std([0.25, 0, -0.25]),
    }
    assert {name: of[name] for name in expected} == pytest.approx(expected)
    assert np.isnan(of["velocity of ride"])
    assert np.isnan(of["velocity of snare: spread"])


def test_silence_has_features() -> None:
    of = all_features(by_hand())
    assert of["likeness of bars: mean"][0] == 1
    assert of["drums used"][0] == of["loud hits"][0] == 0
    assert np.isnan(of["velocity"][0])
    assert np.isnan(of["offset: greatest"][0])


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_likeness_of_bars_is_the_jaccard_index_of_each_pair(seed: int) -> None:
    grooves = noise(1, 3, seed)
    cells = [set(map(tuple, np.argwhere(bar))) for bar in grooves.hits.reshape(3, 16, 9)]
    pairs = ((0, 1), (0, 2), (1, 2))
    expected = [len(cells[i] & cells[j]) / len(cells[i] | cells[j]) for i, j in pairs]
    assert likeness_of_bars(grooves)[0] == pytest.approx(expected)


def test_equal_bars_are_alike() -> None:
    bar = noise(4, 1)
    repeated = bar.replace(
        hits=np.tile(bar.hits, (1, 4, 1)),
        velocities=np.tile(bar.velocities, (1, 4, 1)),
        offsets=np.tile(bar.offsets, (1, 4, 1)),
    )
    assert (likeness_of_bars(repeated) == 1).all()
    of = all_features(repeated)
    for name in ("identical bars", "likeness of kick from bar to bar: least"):
        assert (of[name] == 1).all()
    for name in ("density of bars: spread", "velocity: change from bar to bar"):
        assert of[name] == pytest.approx(0, abs=1e-7)
    assert likeness_of_bars(bar).shape == (4, 0)
