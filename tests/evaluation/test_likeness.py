"""All measures of a set of grooves at once."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from window_records import random_windows

from groovefast.evaluation.likeness import Likeness, Yardstick
from groovefast.evaluation.measures import ALL, Performances


def beats(n: int, seed: int, fill: int = 3) -> Performances:
    """Bars of one beat with a few hits of chance, each performance of five windows."""
    rng = np.random.default_rng(seed)
    hits = np.zeros((n, 32, 9), bool)
    hits[:, ::4, 2] = hits[:, ::8, 0] = hits[:, 4::8, 1] = True
    for window in hits:
        window[rng.integers(32, size=fill), rng.integers(9, size=fill)] ^= True
    values = rng.normal(0.5, 0.05, hits.shape)
    velocities, offsets = (np.where(hits, v, 0).astype(np.float32) for v in (values, values - 0.5))
    return Performances(hits, velocities, offsets, np.full(n, 120.0)).replace(
        performances=np.arange(n) // 5
    )


def noise(n: int) -> Performances:
    windows = random_windows(n)
    velocities = (windows.velocities / 127).astype(np.float32)
    return Performances(velocities > 0, velocities, windows.offsets, np.full(n, 120.0))


def test_two_halves_of_one_drummer_are_like_and_noise_is_not() -> None:
    played, train = beats(120, 1), beats(200, 2)
    stick = Yardstick(played, train)
    like, unlike = stick.measure(beats(120, 3)), stick.measure(noise(120))
    assert like.hits_accuracy == pytest.approx(0.5, abs=0.12)
    assert like.accuracy == pytest.approx(0.5, abs=0.12)
    assert unlike.hits_accuracy > 0.95
    assert like.overlap.area > 0.9 > unlike.overlap.area
    assert like.bar_likeness > 0.7 > unlike.bar_likeness
    assert like.distances[ALL].hits_per_bar < 0.3 < unlike.distances[ALL].hits_per_bar
    assert like.copying.near > 0.9
    assert unlike.copying.near == 0
    own = stick.measure_played()
    assert own.copying.median == pytest.approx(like.copying.median, abs=1)
    assert own.bar_likeness == pytest.approx(like.bar_likeness, abs=0.05)
    assert math.isnan(own.accuracy)


def test_copies_show() -> None:
    played, train = beats(40, 1), beats(60, 2, fill=9)
    stick = Yardstick(played, train)
    assert stick.measure(train).copying.median == 0
    assert stick.measure(train, of_training=True).copying.low > 0


def test_touch_alone_is_heard_by_the_second_classifier_only() -> None:
    played, made = beats(120, 1), beats(120, 3)
    flat = np.where(made.hits, 0.5, 0).astype(np.float32)
    found = Yardstick(played).measure(made.replace(velocities=flat))
    assert found.hits_accuracy == pytest.approx(0.5, abs=0.12)
    assert found.accuracy > 0.95


def test_what_cannot_be_measured_is_left_out() -> None:
    few = Yardstick(beats(5, 1)).measure(beats(3, 2))
    numbers = json.loads(json.dumps(few.to_json(), allow_nan=False))
    assert numbers["accuracy"] is None
    assert numbers["copying"] == {"low": None, "median": None, "near": None}
    assert numbers["overlap"] == {"area": None, "divergence": None}
    assert numbers["distances"][ALL]["hits_per_bar"] == few.distances[ALL].hits_per_bar
    assert Likeness().to_json()["distances"][ALL]["velocity"] is None
