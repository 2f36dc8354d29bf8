from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groovefast.config import CONFIGS
from groovefast.evaluation import baselines
from groovefast.evaluation.measures import ALL, Performances, measure
from groovefast.windows.rows import Grid
from groovefast.windows.transforms import TAP_CLASS, transform_inputs

KICK, SNARE, HI_HAT = 0, 1, 2
FITS: list[Callable[[Performances], baselines.Predictor]] = [
    baselines.fit_means,
    baselines.fit_linear,
    baselines.fit_common_groove,
    baselines.fit_tap_copied,
    baselines.fit_tap_by_step,
    baselines.fit_tap_on_its_drum,
]


def random_performances(n: int = 60, seed: int = 0) -> Performances:
    rng = np.random.default_rng(seed)
    hits = rng.random((n, 32, 9)) < rng.uniform(0.1, 0.5, 9)
    velocities = np.where(hits, rng.uniform(0.1, 1, hits.shape), 0).astype(np.float32)
    offsets = np.where(hits, rng.uniform(-0.8, 0.8, hits.shape), 0).astype(np.float32)
    return Performances(hits, velocities, offsets, np.full(n, 120.0))


def with_values(grooves: Performances, offsets: np.ndarray, velocities: np.ndarray) -> Performances:
    """The same hits, played another way."""
    return grooves.replace(
        offsets=np.where(grooves.hits, offsets, 0).astype(np.float32),
        velocities=np.where(grooves.hits, velocities, 0).astype(np.float32),
    )


def same(a: Performances, b: Performances) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("hits", "velocities", "offsets")
    )


@pytest.mark.parametrize("fit", [baselines.fit_means, baselines.fit_linear])
def test_kept_hits_are_all_that_is_looked_at(
    fit: Callable[[Performances], baselines.Predictor],
) -> None:
    train, played = random_performances(), random_performances(20, seed=1)
    predict = fit(train)
    otherwise = with_values(played, -played.offsets, 1 - played.velocities)
    assert same(predict(played), predict(otherwise))
    assert np.array_equal(predict(played).hits, played.hits)


@pytest.mark.parametrize("fit", [baselines.fit_tap_copied, baselines.fit_tap_by_step])
def test_of_a_tap_only_the_loudest_hits_are_heard(
    fit: Callable[[Performances], baselines.Predictor],
) -> None:
    played = random_performances(20, seed=1)
    tap = transform_inputs(
        CONFIGS["groovae_2bar_tap_fixed_velocity"].converter,
        np,
        Grid(played.hits.astype(np.float32), played.velocities, played.offsets),
    )
    tapped = played.replace(hits=tap.hits > 0, velocities=tap.hits, offsets=tap.offsets)
    predict = fit(random_performances())
    assert same(predict(played), predict(tapped))


def test_a_copied_tap_is_what_the_model_hears() -> None:
    played = random_performances(20, seed=1)
    tap = transform_inputs(
        CONFIGS["groovae_2bar_tap_fixed_velocity"].converter,
        np,
        Grid(played.hits.astype(np.float32), played.velocities, played.offsets),
    )
    copied = baselines.fit_tap_copied(random_performances())(played)
    assert np.array_equal(copied.hits, tap.hits > 0)
    assert np.array_equal(copied.offsets, tap.offsets)
    assert copied.hits[..., TAP_CLASS].any()


def test_the_common_groove_hears_nothing() -> None:
    predict = baselines.fit_common_groove(random_performances())
    assert same(predict(random_performances(5, seed=1)), predict(random_performances(5, seed=2)))


def test_quantized_hits_are_on_the_grid_with_unknown_velocities() -> None:
    played = random_performances()
    on_grid = baselines.quantized(played)
    assert np.array_equal(on_grid.hits, played.hits)
    assert not on_grid.offsets.any()
    assert np.isnan(on_grid.velocities).all()


@pytest.mark.parametrize("fit", FITS)
def test_values_stay_in_range_and_belong_to_hits(
    fit: Callable[[Performances], baselines.Predictor],
) -> None:
    train, played = random_performances(30), random_performances(20, seed=1)
    predicted = fit(train)(played)
    assert np.abs(predicted.offsets).max() <= 1
    assert 0 <= predicted.velocities.min() <= predicted.velocities.max() <= 1
    assert not predicted.offsets[~predicted.hits].any()
    assert not predicted.velocities[~predicted.hits].any()


def test_means_find_what_depends_on_drum_and_step_of_the_bar() -> None:
    rng = np.random.default_rng(0)
    offsets = np.tile(rng.uniform(-0.5, 0.5, (16, 9)), (2, 1))
    velocities = np.tile(rng.uniform(0.2, 0.9, (16, 9)), (2, 1))
    train = with_values(random_performances(4000), offsets, velocities)
    played = with_values(random_performances(50, seed=1), offsets, velocities)
    scores = measure(played, baselines.fit_means(train)(played), resamples=0)[ALL]
    assert scores.velocity_mae.value < 0.01
    assert scores.timing_mae_ms.value < 1


def test_a_drum_never_heard_gets_no_offset_and_no_number_that_is_none() -> None:
    train, played = random_performances(), random_performances(20, seed=1)
    train.hits[..., SNARE] = False
    for fit in (baselines.fit_means, baselines.fit_linear):
        predicted = fit(train)(played)
        assert np.isfinite(predicted.offsets).all()
        assert np.isfinite(predicted.velocities).all()


def test_linear_regression_finds_what_depends_on_the_hits_around() -> None:
    def play(grooves: Performances) -> Performances:
        hits = grooves.hits.astype(np.float32)
        kick_before = np.pad(hits[:, :-3, KICK], ((0, 0), (3, 0)))[..., None]
        snare_after = np.pad(hits[:, 2:, SNARE], ((0, 0), (0, 2)))[..., None]
        return with_values(
            grooves,
            np.broadcast_to(0.4 * kick_before - 0.3 * snare_after, hits.shape),
            np.broadcast_to(0.5 + 0.3 * snare_after, hits.shape),
        )

    train, played = play(random_performances(1500)), play(random_performances(50, seed=1))
    predicted = baselines.fit_linear(train)(played)
    np.testing.assert_allclose(predicted.offsets, played.offsets, atol=0.08)
    np.testing.assert_allclose(predicted.velocities, played.velocities, atol=0.08)
    means = measure(played, baselines.fit_means(train)(played), resamples=0)[ALL]
    linear = measure(played, predicted, resamples=0)[ALL]
    assert linear.timing_mae_ms.value < 0.1 * means.timing_mae_ms.value


def test_the_common_groove_is_the_one_always_played() -> None:
    train = random_performances(200)
    beat = np.zeros((32, 9), bool)
    beat[::8, KICK] = beat[4::8, SNARE] = beat[::2, HI_HAT] = True
    rare = np.random.default_rng(1).random(train.hits.shape) < 0.05
    train = train.replace(hits=beat ^ rare)
    played = random_performances(5, seed=1)
    predicted = baselines.fit_common_groove(train)(played)
    assert np.array_equal(predicted.hits, np.broadcast_to(beat, predicted.hits.shape))
    only_hi_hat = baselines.fit_common_groove(train, [HI_HAT])(played)
    others = np.arange(9) != HI_HAT
    assert np.array_equal(only_hi_hat.hits[..., HI_HAT], predicted.hits[..., HI_HAT])
    assert np.array_equal(only_hi_hat.hits[..., others], played.hits[..., others])


def test_taps_are_played_on_the_drum_that_is_usual_there() -> None:
    steps = np.arange(32)
    train = random_performances(200)
    hits = np.zeros_like(train.hits)
    hits[:, steps % 8 == 0, KICK] = hits[:, steps % 8 == 4, SNARE] = True
    hits &= np.random.default_rng(1).random((200, 32, 1)) < 0.6
    train = with_values(train.replace(hits=hits), train.offsets, np.full(hits.shape, 0.7))
    predicted = baselines.fit_tap_by_step(train)(train)
    assert np.array_equal(predicted.hits, train.hits)
    assert np.array_equal(predicted.offsets, train.offsets)
    np.testing.assert_allclose(predicted.velocities, train.velocities, atol=0.01)


def test_a_tap_told_its_drum_is_never_wrong() -> None:
    played = random_performances()
    scores = measure(played, baselines.fit_tap_on_its_drum(played)(played), resamples=0)[ALL]
    assert scores.precision.value == 1
    assert scores.recall.value < 1
    assert scores.timing_mae_ms.value == 0


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=7).filter(
        lambda cells: any(hits for hits, _ in cells)
    )
)
def test_no_choice_of_cells_has_a_better_f1(cells: list[tuple[int, int]]) -> None:
    hits = np.array([hits for hits, _ in cells])
    chances = hits + np.array([more for _, more in cells])

    def f1(chosen: np.ndarray) -> float:
        return float(2 * hits[chosen].sum() / (chances[chosen].sum() + hits.sum()))

    choices = [
        np.array([choice >> cell & 1 for cell in range(len(cells))], bool)
        for choice in range(1, 2 ** len(cells))
    ]
    best = max(f1(chosen) for chosen in choices)
    assert f1(baselines.best_cells(hits, chances)) == pytest.approx(best)
