from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import from_grid

from groovefast.drums import DRUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.evaluation.measures import (
    ALL,
    Estimate,
    Performances,
    Scores,
    distances,
    measure,
    to_json,
    wasserstein,
)
from groovefast.windows.tensors import GrooveConverter

KICK, SNARE = 0, 1


def random_performances(n: int = 40, seed: int = 0, steps: int = 32) -> Performances:
    rng = np.random.default_rng(seed)
    hits = rng.random((n, steps, 9)) < 0.3
    velocities = np.where(hits, rng.uniform(0.1, 1, hits.shape), 0).astype(np.float32)
    offsets = np.where(hits, rng.uniform(-0.8, 0.8, hits.shape), 0).astype(np.float32)
    return Performances(hits, velocities, offsets, rng.uniform(60, 180, n))


def empty(n: int = 1, qpm: float = 120.0) -> Performances:
    return from_grid(np.zeros((n, 16, 27)), qpm)


def shifted(truth: Performances, seed: int = 1, by: float = 0.2) -> Performances:
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-by, by, (2, *truth.hits.shape)).astype(np.float32)
    return truth.replace(offsets=truth.offsets + noise[0], velocities=truth.velocities + noise[1])


def value(scores: dict[str, Scores], field: str, name: str = ALL) -> float:
    return float(getattr(scores[name], field).value)


def gaussian_kl(predicted: np.ndarray, true: np.ndarray) -> float:
    """SPEC's formula, of two samples."""
    ratio = np.std(true) / np.std(predicted)
    gap = np.mean(predicted) - np.mean(true)
    return float(np.log(ratio) + (np.var(predicted) + gap**2) / (2 * np.var(true)) - 0.5)


def test_measures_equal_their_definitions_written_as_loops() -> None:
    truth = random_performances()
    predicted = shifted(truth)
    late, squares, louder = [], [], []
    spread: list[list[list[float]]] = [[[], [], [], []] for _ in range(4)]
    for window, qpm in enumerate(truth.qpms):
        squares.append([])
        for step, drum in np.argwhere(truth.hits[window]):
            cell = (window, step, drum)
            gap = (float(truth.offsets[cell]) - float(predicted.offsets[cell])) / 2
            late.append(abs(gap) * 60_000 / qpm / 4)
            squares[-1].append(gap**2)
            louder.append(abs(predicted.velocities[cell] - truth.velocities[cell]))
            for kind, values in enumerate((predicted.offsets, truth.offsets)):
                spread[step % 4][kind].append(values[cell] / 2)
            for kind, values in enumerate((predicted.velocities, truth.velocities)):
                spread[step % 4][2 + kind].append(values[cell])
    scores = measure(truth, predicted, resamples=0)
    assert value(scores, "timing_mae_ms") == pytest.approx(np.mean(late), rel=1e-5)
    mean_square = np.mean([np.mean(of_window) for of_window in squares])
    assert value(scores, "timing_mse") == pytest.approx(mean_square, rel=1e-5)
    assert value(scores, "velocity_mae") == pytest.approx(np.mean(louder), rel=1e-5)
    timing_kl = np.mean([gaussian_kl(*map(np.array, group[:2])) for group in spread])
    velocity_kl = np.mean([gaussian_kl(*map(np.array, group[2:])) for group in spread])
    assert value(scores, "timing_kl") == pytest.approx(timing_kl, rel=1e-4)
    assert value(scores, "velocity_kl") == pytest.approx(velocity_kl, rel=1e-4)


def test_a_perfect_prediction_has_no_error() -> None:
    truth = random_performances()
    scores = measure(truth, truth)
    assert list(scores) == [ALL, *DRUM_CLASSES]
    for of_class in scores.values():
        for field in ("timing_mae_ms", "timing_mse", "timing_kl", "velocity_mae", "velocity_kl"):
            assert getattr(of_class, field) == Estimate(pytest.approx(0), *[pytest.approx(0)] * 2)
        assert of_class.f1 == Estimate(1.0, 1.0, 1.0)


def test_an_onset_is_late_by_the_step_length_of_its_tempo() -> None:
    truth = empty(qpm=150.0)
    truth.hits[0, 4, KICK] = True
    truth.offsets[0, 4, KICK] = -0.5
    predicted = truth.replace(offsets=np.zeros_like(truth.offsets))
    scores = measure(truth, predicted, resamples=0)
    # A quarter of a 16th, which lasts 100 ms.
    assert value(scores, "timing_mae_ms") == pytest.approx(25.0)
    assert value(scores, "timing_mse") == pytest.approx(1 / 16)


def test_offsets_are_in_sixteenths_whatever_the_grid() -> None:
    coarse = from_grid(np.zeros((1, 8, 27)), 120.0, steps_per_quarter=2)
    coarse.hits[0, 3, KICK] = True
    coarse.offsets[0, 3, KICK] = 0.5
    predicted = coarse.replace(offsets=np.zeros_like(coarse.offsets))
    scores = measure(coarse, predicted, resamples=0)
    # A quarter of an eighth, which lasts 250 ms.
    assert value(scores, "timing_mae_ms") == pytest.approx(62.5)
    assert value(scores, "timing_mse") == pytest.approx(0.25)


def test_windows_count_alike_in_the_mse_however_many_hits_they_have() -> None:
    truth = empty(3)
    truth.hits[0, :8, KICK] = True
    truth.hits[1, 0, KICK] = True
    predicted = truth.replace(offsets=truth.offsets.copy())
    predicted.offsets[1, 0, KICK] = 1.0
    scores = measure(truth, predicted, resamples=0)
    assert value(scores, "timing_mse") == pytest.approx((0 + 0.25) / 2)


def test_hits_are_counted_by_class_and_in_all() -> None:
    truth, predicted = empty(2), empty(2)
    truth.hits[0, [0, 8], KICK] = True
    truth.hits[1, 4, SNARE] = True
    predicted.hits[0, [0, 4, 8, 12], KICK] = True
    scores = measure(truth, predicted, resamples=0)
    assert value(scores, "precision", "kick") == 0.5
    assert value(scores, "recall", "kick") == 1.0
    assert value(scores, "f1", "kick") == pytest.approx(2 / 3)
    assert math.isnan(value(scores, "precision", "snare"))
    assert value(scores, "f1", "snare") == 0.0
    assert value(scores, "f1") == pytest.approx(4 / 7)
    assert value(scores, "hits_per_bar") == 2.0
    assert value(scores, "true_hits_per_bar") == 1.5
    assert math.isnan(value(scores, "f1", "ride"))


def test_only_the_classes_asked_for_are_measured() -> None:
    truth = random_performances()
    predicted = shifted(truth)
    scores = measure(truth, predicted, classes=[2])
    assert list(scores) == [ALL, "closed hi-hat"]
    assert scores[ALL] == scores["closed hi-hat"] == measure(truth, predicted)["closed hi-hat"]


def test_timing_is_taken_at_hits_both_played_and_predicted() -> None:
    truth = random_performances()
    predicted = shifted(truth)
    thinned = predicted.replace(hits=predicted.hits & (np.arange(9) == SNARE))
    added = thinned.replace(hits=thinned.hits | ~truth.hits)
    alone = measure(truth, predicted, classes=[SNARE])[ALL]
    for hits in (thinned, added):
        scores = measure(truth, hits)[ALL]
        assert scores.timing_mae_ms == alone.timing_mae_ms
        assert scores.timing_mse == alone.timing_mse
        assert scores.velocity_mae == alone.velocity_mae


def test_a_prediction_without_spread_is_infinitely_far() -> None:
    truth = random_performances()
    flat = truth.replace(offsets=np.zeros_like(truth.offsets))
    assert measure(truth, flat)[ALL].timing_kl == Estimate(math.inf, math.inf, math.inf)


def test_unknown_velocities_leave_timing_alone() -> None:
    truth = random_performances()
    predicted = shifted(truth)
    silent = predicted.replace(velocities=np.full_like(truth.velocities, np.nan))
    scores, of_silent = measure(truth, predicted)[ALL], measure(truth, silent)[ALL]
    assert of_silent.timing_mae_ms == scores.timing_mae_ms
    assert of_silent.timing_kl == scores.timing_kl
    assert math.isnan(of_silent.velocity_mae.value)
    assert math.isnan(of_silent.velocity_kl.value)


def test_intervals_are_those_of_the_mean_over_windows() -> None:
    truth = empty(400)
    truth.hits[:, 0, KICK] = True
    errors = np.random.default_rng(0).exponential(0.2, 400).clip(0, 1).astype(np.float32)
    predicted = truth.replace(offsets=truth.offsets.copy())
    predicted.offsets[:, 0, KICK] = errors
    estimate = measure(truth, predicted, resamples=4000)[ALL].timing_mae_ms
    in_ms = errors / 2 * 125.0
    half = 1.96 * in_ms.std() / math.sqrt(400)
    assert estimate.value == pytest.approx(in_ms.mean(), rel=1e-5)
    assert estimate.high - estimate.value == pytest.approx(half, rel=0.12)
    assert estimate.value - estimate.low == pytest.approx(half, rel=0.12)


def test_resamples_are_the_same_for_every_prediction_of_one_seed() -> None:
    truth = random_performances()
    once = shifted(truth)
    twice = truth.replace(offsets=2 * once.offsets - truth.offsets)
    a, b = (measure(truth, p, seed=3)[ALL].timing_mae_ms for p in (once, twice))
    assert b.low == pytest.approx(2 * a.low, rel=1e-5)
    assert b.high == pytest.approx(2 * a.high, rel=1e-5)
    assert measure(truth, once, seed=4)[ALL].timing_mae_ms.low != a.low


def test_json_has_no_number_that_json_has_not() -> None:
    truth = random_performances(4)
    flat = truth.replace(offsets=np.zeros_like(truth.offsets))
    text = json.dumps(to_json(measure(truth, flat, resamples=0)), allow_nan=False)
    assert json.loads(text)[ALL]["timing_kl"] == {"value": None, "low": None, "high": None}
    assert json.loads(text)[ALL]["f1"]["value"] == 1.0
    assert json.dumps(to_json(distances(empty(), truth)), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hits": np.zeros((1, 17, 9), bool)}, "whole bars of 16 steps"),
        ({"offsets": np.zeros((1, 16, 8), np.float32)}, "offsets: the shape of hits"),
        ({"qpms": np.zeros(2)}, "qpms: one tempo a window"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(GrooveFastError, match=message):
        empty().replace(**changes)


def test_predictions_of_other_windows_are_refused() -> None:
    with pytest.raises(GrooveFastError, match="one predicted window for each"):
        measure(empty(2), empty(3))
    with pytest.raises(GrooveFastError, match="one predicted window for each"):
        measure(empty(0), empty(0))


numbers = st.lists(st.floats(-10, 10), min_size=1, max_size=30)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=30))
def test_wasserstein_of_equal_counts_pairs_them_in_order(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    expected = np.abs(np.sort(a) - np.sort(b)).mean()
    assert wasserstein(a, b) == pytest.approx(expected, abs=1e-9)


@given(numbers, numbers, st.floats(-5, 5))
def test_wasserstein_is_a_distance(a: list[float], b: list[float], by: float) -> None:
    first, second = np.array(a), np.array(b)
    assert wasserstein(first, second) == pytest.approx(wasserstein(second, first))
    assert wasserstein(first, np.tile(first, 3)) == pytest.approx(0, abs=1e-9)
    assert wasserstein(first, first + by) == pytest.approx(abs(by), abs=1e-9)


def test_distances_tell_density_dynamics_and_timing_apart() -> None:
    data = random_performances(200)
    assert distances(data, data)[ALL].hits_per_bar == 0
    late = distances(data.replace(offsets=data.offsets - np.float32(0.2)), data)[ALL]
    assert late.offset == pytest.approx(0.1, rel=1e-3)
    assert (late.velocity, late.hits_per_bar) == (0, 0)
    more = data.hits.copy()
    more[:, [0, 16], KICK] = True
    busier = distances(data.replace(hits=more), data)
    added = (~data.hits[:, [0, 16], KICK]).mean()
    assert busier["kick"].hits_per_bar == pytest.approx(added)
    assert busier["snare"].hits_per_bar == 0
    assert math.isnan(distances(empty(), data)["ride"].velocity)


@pytest.fixture(scope="module")
def test_split(groove_dir: Path) -> Performances:
    """Every window of two bars of the Groove MIDI Dataset's test split, with Magenta's hits.

    It leaves out 818 of the dataset, which end where they begin.
    """
    converter = GrooveConverter(split_bars=2, hop_bars=1, magenta_compat=True)
    with (groove_dir / "info.csv").open() as file:
        names = [row["midi_filename"] for row in csv.DictReader(file) if row["split"] == "test"]
    windows = [converter.to_tensors(groove_dir / name) for name in names]
    return from_grid(
        np.concatenate([each.outputs for each in windows]),
        np.concatenate([each.qpms for each in windows]),
    )


def test_the_quantized_row_of_the_groove_midi_dataset_is_the_known_one(
    test_split: Performances,
) -> None:
    assert len(test_split) == 2084
    on_grid = test_split.replace(offsets=np.zeros_like(test_split.offsets))
    scores = measure(test_split, on_grid)[ALL]
    assert scores.timing_mae_ms.value == pytest.approx(22.65, abs=0.005)
    assert scores.timing_mse.value == pytest.approx(0.0419, abs=0.00005)
    assert scores.timing_mae_ms.low < 22.65 < scores.timing_mae_ms.high
