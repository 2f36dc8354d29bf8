from __future__ import annotations

import numpy as np
import pytest
from measured import from_grid

from groovefast.evaluation.measures import Performances
from groovefast.evaluation.ngram import NGram

EVERY = (np.arange(512)[:, None] >> np.arange(9) & 1).astype(bool)
"""All sets of drums, (512, 9)."""


def windows(hits: np.ndarray) -> Performances:
    """Windows of these hits, (n, steps, 9)."""
    return from_grid(np.concatenate([hits, 0.5 * hits, 0 * hits], axis=-1))


def random_hits(n: int = 6, steps: int = 32, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loop = rng.random((n, 8, 9)) < 0.25
    hits = np.tile(loop, (1, steps // 8, 1))
    return hits ^ (rng.random(hits.shape) < 0.03)


@pytest.mark.parametrize("lags", [(1,), (1, 2), (16, 1), (4, 2, 1)])
@pytest.mark.parametrize("before", [0, 1, 20])
def test_probabilities_are_of_all_sets_of_drums(lags: tuple[int, ...], before: int) -> None:
    ngram = NGram.fit(windows(random_hits()), lags)
    past = np.broadcast_to(random_hits(1)[:, :before], (512, before, 9))
    hits = np.concatenate((past, EVERY[:, None]), axis=1)
    likely, each = (values[:, -1] for values in ngram.predict(hits))
    assert likely.sum() == pytest.approx(1)
    assert likely.min() > 0
    np.testing.assert_allclose(each, np.broadcast_to(likely @ EVERY, (512, 9)))


def test_by_hand() -> None:
    """Twice nothing and once a kick at the first step: N is 3, T is 2."""
    hits = np.zeros((3, 16, 9), bool)
    hits[0, 0, 0] = True
    likely, each = NGram.fit(windows(hits), (1,)).predict(hits)
    shorter = np.array([1, 2]) / 5 + 2 / 5 / 512
    np.testing.assert_allclose(likely[[0, 1], 0], (np.array([1, 2]) + 2 * shorter) / 5)
    assert each[0, 0, 0] == pytest.approx((1 + 2 * (1 + 2 * 0.5) / 5) / 5)


def test_what_repeats_is_learned() -> None:
    hits = np.tile(random_hits(1, 8, seed=3), (20, 8, 1))
    ngram = NGram.fit(windows(hits), (16, 1))
    likely, each = ngram.predict(hits)
    assert likely.min() > 0.8
    np.testing.assert_array_equal(each > 0.5, hits)
    drawn = ngram.go_on(hits[:, :32], 16, np.random.default_rng(0))
    assert (drawn == hits[:, 32:48]).all(axis=(1, 2)).mean() > 0.4


def test_it_draws_as_often_as_it_says() -> None:
    ngram = NGram.fit(windows(random_hits()), (1, 2))
    past = random_hits(1)[:, :16]
    drawn = ngram.go_on(np.repeat(past, 20_000, axis=0), 1, np.random.default_rng(0))
    hits = np.concatenate((np.broadcast_to(past, (512, 16, 9)), EVERY[:, None]), axis=1)
    _, each = ngram.predict(hits)
    np.testing.assert_allclose(drawn[:, 0].mean(axis=0), each[0, -1], atol=0.015)


def test_the_same_seed_draws_the_same() -> None:
    ngram, hits = NGram.fit(windows(random_hits()), (16, 1)), random_hits(3)
    first, again, other = (ngram.go_on(hits, 20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (3, 20, 9)
