import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from window_records import random_windows, write_shards

from groovefast.config import CONFIGS
from groovefast.drums import DRUM_CLASSES
from groovefast.windows.augmentation import Augmentation
from groovefast.windows.dataset import batches, open_windows
from groovefast.windows.order import Order
from groovefast.windows.rows import Grid

CONFIG = CONFIGS["groovae_2bar_humanize"]


def grid_of(n: int) -> Grid:
    """Windows in which every cell differs."""
    values = np.arange(1, 1 + n * 32 * 9, dtype=np.float32).reshape(n, 32, 9)
    return Grid(*(tf.constant(values + part) for part in (0, 0.25, 0.5)))


def test_nothing_is_asked_for_by_default():
    assert Augmentation.of(CONFIG) is None
    swapping = CONFIG.with_hparams("swap_probability=0.5")
    assert Augmentation.of(swapping) == Augmentation(swap=0.5, bars=2)


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_drums_stay_whole(seed, swap, silence):
    grid = grid_of(5)
    augmentation = Augmentation(swap, silence)
    draws = np.random.default_rng(seed).random((5, augmentation.num_draws), np.float32)
    varied = augmentation.apply(grid, grid, tf.constant(draws))
    for window in range(5):
        columns = {values.tobytes() for values in np.stack(grid)[:, window].transpose(2, 0, 1)}
        found = [
            values for values in np.stack(varied)[:, window].transpose(2, 0, 1) if values.any()
        ]
        assert len({values.tobytes() for values in found} & columns) == len(found)


def test_alike_drums_change_places_together():
    grid = grid_of(1)
    augmentation = Augmentation(swap=0.5)
    draws = np.ones((1, augmentation.num_draws), np.float32)
    draws[0, 0] = 0
    varied = augmentation.apply(grid, grid, tf.constant(draws))
    order = list(range(9))
    hihat, ride = DRUM_CLASSES.index("closed hi-hat"), DRUM_CLASSES.index("ride")
    order[hihat], order[ride] = ride, hihat
    for values, played in zip(varied, grid, strict=True):
        np.testing.assert_array_equal(values, played.numpy()[..., order])


def test_variations_are_as_likely_as_asked_for():
    grid = grid_of(4000)
    augmentation = Augmentation(swap=0.25, silence=0.1)
    draws = np.random.default_rng(0).random((4000, augmentation.num_draws), np.float32)
    varied = augmentation.apply(grid, grid, tf.constant(draws))
    silent = (varied.hits.numpy() == 0).all(axis=1)
    np.testing.assert_allclose(silent.mean(axis=0), 0.1, atol=0.02)
    ride, hihat = DRUM_CLASSES.index("ride"), DRUM_CLASSES.index("closed hi-hat")
    swapped = (varied.hits[..., hihat] == grid.hits[..., ride]).numpy().all(axis=1)
    assert swapped.mean() == pytest.approx(0.25 * 0.9, abs=0.02)


@given(st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([1, 2, 4]))
def test_bars_are_one_windows_or_the_others(seed, splice, bars):
    grid, others = grid_of(6), Grid(*(-values for values in grid_of(6)))
    augmentation = Augmentation(splice=splice, bars=bars)
    draws = np.random.default_rng(seed).random((6, augmentation.num_draws), np.float32)
    varied = np.stack(augmentation.apply(grid, others, tf.constant(draws)))
    foreign = draws[:, -bars:] < splice
    signs = np.where(np.repeat(foreign, 32 // bars, axis=1), -1, 1)
    np.testing.assert_array_equal(varied, np.stack(grid) * signs[..., np.newaxis])


@given(st.integers(0, 2**32), st.floats(0.01, 1), st.sampled_from([0.0, 0.5]))
def test_a_limb_plays_what_another_window_has(seed, cross, splice):
    grid, others = grid_of(6), Grid(*(-values for values in grid_of(6)))
    augmentation = Augmentation(splice=splice, bars=2, cross=cross)
    draws = np.random.default_rng(seed).random((6, augmentation.num_draws), np.float32)
    varied = np.stack(augmentation.apply(grid, others, tf.constant(draws)))
    kick, snare, time, toms = np.moveaxis(draws[:, -4:] < cross, 1, 0)
    # Kick, snare, closed and open hi-hat, the toms, crash, ride.
    limbs = np.stack([kick, snare, time, time, toms, toms, toms, toms, time], axis=1)
    bars = np.repeat(draws[:, -6:-4] < splice, 16, axis=1)
    signs = np.where(bars[..., np.newaxis] != limbs[:, np.newaxis], -1, 1)
    np.testing.assert_array_equal(varied, np.stack(grid) * signs)


def test_spliced_bars_come_from_the_next_window_of_the_order(tmp_path):
    windows = open_windows(write_shards(tmp_path, random_windows(6)), CONFIG)

    def outputs(augmentation: Augmentation | None) -> np.ndarray:
        data = batches(
            windows, CONFIG.converter, Order(shuffle=False), 4, augmentation=augmentation
        )
        return np.concatenate([outputs for _, outputs, _ in data.as_numpy_iterator()])

    others = outputs(Augmentation(splice=1.0, bars=2))
    np.testing.assert_array_equal(others, np.roll(outputs(None), -1, axis=0))


@pytest.mark.parametrize("batch_size", [4, 6])
def test_the_same_window_of_the_order_is_varied_alike(tmp_path, batch_size):
    windows = open_windows(write_shards(tmp_path, random_windows(24)), CONFIG)

    def outputs(batch_size: int, start: int = 0) -> np.ndarray:
        data = batches(
            windows,
            CONFIG.converter,
            Order(repeat=True, start=start),
            batch_size,
            augmentation=Augmentation(0.5, 0.3, 0.4, bars=2),
        )
        taken = data.take(48 // batch_size - start).as_numpy_iterator()
        return np.concatenate([outputs for _, outputs, _ in taken])

    varied = outputs(batch_size)
    np.testing.assert_array_equal(varied, outputs(12))
    np.testing.assert_array_equal(varied[batch_size:], outputs(batch_size, start=1))
    assert not (varied[:24].sum(axis=(1, 2)) == varied[24:].sum(axis=(1, 2))).all()


def _heard(grid, thin, seed=0):
    augmentation = Augmentation(thin=thin)
    width = augmentation.num_thinning_draws(32)
    draws = np.random.default_rng(seed).random((len(grid.hits), width), np.float32)
    return augmentation.heard(grid, tf.constant(draws)).numpy()


def test_as_many_windows_are_thinned_as_asked_for():
    grid = Grid(*(tf.ones((2000, 32, 9)) for _ in range(3)))
    assert (_heard(grid, 0.0) == 1).all()
    assert (_heard(grid, 0.6) < 1).any((1, 2)).mean() == pytest.approx(0.6, abs=0.05)


def test_thinned_windows_lose_whole_drums_or_steps_loud_ones_last():
    loud = np.zeros((4000, 32, 9), np.float32)
    loud[:, ::2], loud[:, 1::2] = 0.9, 0.2
    heard = _heard(Grid(tf.ones_like(loud), tf.constant(loud), tf.zeros_like(loud)), 1.0)
    rows = heard.any(2, keepdims=True)
    assert (heard == rows * heard.any(1, keepdims=True)).all()
    steps = rows[:, :, 0].mean(0)
    assert steps[::2].min() > steps[1::2].max() + 0.2
    taps = rows.sum((1, 2)) / 2
    assert (np.quantile(taps, (0.2, 0.8)) > (1, 8)).all()
    assert np.quantile(taps, 0.2) < 6


def test_a_thinned_window_is_to_be_played_whole(tmp_path):
    windows = open_windows(write_shards(tmp_path, random_windows(8)), CONFIG)

    def batch(thin):
        data = batches(
            windows,
            CONFIGS["groovae_4bar"].converter,
            Order(shuffle=False),
            8,
            augmentation=Augmentation(bars=2, thin=thin),
        )
        return next(data.as_numpy_iterator())

    (heard, played, _), (all_heard, same, _) = batch(thin=1.0), batch(thin=0.0)
    np.testing.assert_array_equal(played, same)
    np.testing.assert_array_equal(played, all_heard)
    assert 0 < (heard > 0).sum() < (played > 0).sum()
    assert ((heard == played) | (heard == 0)).all()
