"""Telling samples from played windows, on numbers whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from groovefast.evaluation.two_sample import balanced_accuracy, fit, two_sample_accuracy

N = 400


def groups(n: int = N, size: int = 10) -> np.ndarray:
    return np.arange(n) // size


def normal(n: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (n, 3)).astype(np.float32)


def test_what_is_drawn_alike_cannot_be_told() -> None:
    assert two_sample_accuracy(normal(N, 0), normal(N, 1), groups()) == pytest.approx(0.5, abs=0.07)


def test_what_is_far_is_always_told() -> None:
    assert two_sample_accuracy(normal(N, 0, 20.0), normal(N, 1), groups()) == 1


def test_what_differs_a_little_is_told_as_well_as_can_be() -> None:
    """The best that can be told of normal distributions one apart, in each of three numbers."""
    found = two_sample_accuracy(normal(2000, 0, 1.0), normal(2000, 1), groups(2000))
    best = 0.5 * (1 + math.erf(math.sqrt(3) / 2 / math.sqrt(2)))
    assert best - 0.05 < found < best + 0.02


def test_windows_of_a_performance_do_not_give_each_other_away() -> None:
    """Each performance has a mark of its own, which tells nothing of others."""
    rng = np.random.default_rng(0)
    marks = rng.normal(size=(2 * N // 10, 8)).repeat(10, axis=0).astype(np.float32)
    samples, played = marks[:N], marks[N:]
    found = two_sample_accuracy(samples, played, groups(), groups())
    assert found == pytest.approx(0.5, abs=0.2)
    told = two_sample_accuracy(samples, played, np.arange(N), np.arange(N))
    assert told > 0.9


def test_what_cannot_be_taken_is_no_obstacle() -> None:
    features, played = normal(N, 0), normal(N, 1)
    features[:, 0] = played[:, 0] = np.nan
    assert two_sample_accuracy(features, played, groups()) == pytest.approx(0.5, abs=0.07)
    features[:, 1] = np.nan
    assert two_sample_accuracy(features, played, groups()) == 1


def test_the_larger_set_is_cut_to_the_smaller() -> None:
    found = two_sample_accuracy(normal(5 * N, 0), normal(N, 1), groups())
    assert found == pytest.approx(0.5, abs=0.07)
    assert found == two_sample_accuracy(normal(5 * N, 0), normal(N, 1), groups())


@pytest.mark.parametrize(("samples", "performances"), [(3, 40), (40, 3), (0, 40)])
def test_too_few_are_not_told(samples: int, performances: int) -> None:
    played = groups(40, 40 // performances)[:40] % performances
    assert math.isnan(two_sample_accuracy(normal(samples, 0), normal(40, 1), played))


def test_balanced_accuracy_is_the_mean_over_labels() -> None:
    truth, predicted = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 0])
    assert balanced_accuracy(truth, predicted) == pytest.approx((0.75 + 1 + 0) / 3)


def test_trees_learn_several_labels() -> None:
    features = np.concatenate([normal(100, seed, 10.0 * seed) for seed in range(3)])
    labels = np.repeat(["a", "b", "c"], 100)
    assert fit(features, labels).predict(features).tolist() == labels.tolist()
