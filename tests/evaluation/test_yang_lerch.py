"""Distances within the played against distances to the made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from groovefast.evaluation import yang_lerch
from groovefast.evaluation.measures import Performances
from groovefast.evaluation.yang_lerch import features, overlap, overlaps


def noise(n: int, density: float = 0.15, seed: int = 0, groups: int | None = None) -> Performances:
    rng = np.random.default_rng(seed)
    hits = rng.random((n, 32, 9)) < density
    velocities, offsets = rng.uniform(0.2, 1, hits.shape), rng.uniform(-1, 1, hits.shape)
    performances = None if groups is None else np.arange(n) % groups
    return Performances(
        hits,
        np.where(hits, velocities, 0).astype(np.float32),
        np.where(hits, offsets, 0).astype(np.float32),
        np.full(n, 120.0),
        performances=performances,
    )


def test_features_of_a_window() -> None:
    hits = np.zeros((1, 32, 9), bool)
    hits[0, [0, 8, 16], 0] = hits[0, [0, 4], 1] = True
    values = np.where(hits, 0.5, 0).astype(np.float32)
    of = {k: v[0] for k, v in features(Performances(hits, values, values, np.ones(1))).items()}
    assert len(of) == 13
    assert (of["drums used"].item(), of["hits"].item()) == (2, 5)
    assert of["hits by bar"].tolist() == [4, 1]
    assert of["drums"][:2].tolist() == pytest.approx([0.6, 0.4])
    assert of["steps of the bar"][[0, 4, 8]].tolist() == pytest.approx([0.6, 0.2, 0.2])
    # Kick and snare, then snare, then kick, then kick: 0, 4, 8, 16.
    after = of["drum after drum"].reshape(9, 9)[:2, :2]
    assert after == pytest.approx(np.array([[1, 1], [1, 1]]) / 4)
    assert of["time between hits"].item() == pytest.approx(16 / 3)
    assert of["times"][[3, 7]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert of["time after time"].reshape(16, 16)[[3, 3], [3, 7]].tolist() == [0.5, 0.5]
    assert of["velocity"].item() == 0.5
    assert of["spread of offset"].item() == 0


def test_silent_windows_have_features() -> None:
    assert all(not v.any() for v in features(noise(2, 0.0)).values())


def test_sets_of_one_kind_overlap_and_others_do_not() -> None:
    played = noise(150, seed=1, groups=20)
    same, busier = overlap(noise(150, seed=2), played), overlap(noise(150, 0.4), played)
    assert same.area > 0.9
    assert same.divergence < 0.05
    assert busier.area < same.area - 0.2
    assert busier.divergence > 10 * same.divergence


def test_density_shows_in_the_number_of_hits_and_not_in_touch() -> None:
    found = overlaps(noise(150, 0.3), noise(150, seed=1))
    assert found["hits"].area < 0.3
    assert found["velocity"].area > 0.7


@pytest.mark.parametrize("windows", [1, 5])
def test_densities_are_those_of_gaussian_kernels(windows: int) -> None:
    """One feature against a sum of kernels, pair by pair of performances of so many windows."""
    rng = np.random.default_rng(0)
    made, played = rng.normal(1, 1, (30, 2)), rng.normal(0, 1, (40, 2))
    groups = np.arange(40) // windows
    found = yang_lerch._overlap(made, played, groups)
    one, other = np.triu_indices(40, 1)
    one, other = one[groups[one] != groups[other]], other[groups[one] != groups[other]]
    within = np.linalg.norm(played[one] - played[other], axis=1)
    between = np.linalg.norm(made[:, None] - played, axis=2).ravel()
    grid = np.linspace(0, 12, 1500)

    def density(distances: np.ndarray) -> np.ndarray:
        bandwidth = distances.std() * len(distances) ** -0.2
        curve = np.exp(-0.5 * ((grid[:, None] - distances) / bandwidth) ** 2).sum(axis=1)
        return np.asarray(curve / curve.sum())

    p, q = density(within), density(between)
    assert found.area == pytest.approx(np.minimum(p, q).sum(), abs=0.003)
    assert found.divergence == pytest.approx((p * np.log(p / q)).sum(), abs=0.003)


def test_there_are_no_distances_within_one_performance() -> None:
    played = noise(40)
    assert math.isnan(
        overlap(noise(5, seed=1), played.replace(performances=np.zeros(40, int))).area
    )
    assert math.isnan(overlap(noise(0), played).divergence)


def test_large_sets_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yang_lerch, "_MOST_WINDOWS", 60)
    played = noise(150, seed=1)
    assert overlap(noise(150), played, seed=1) == overlap(noise(150), played, seed=1)
    assert overlap(noise(150), played, seed=1) != overlap(noise(150), played, seed=2)
