import numpy as np
import pytest
import tensorflow as tf
from model_families import GROOVAE
from window_records import VELOCITIES, Performance, random_windows, write_shards

from groovefast.config import CONFIGS, Config, ConverterConfig
from groovefast.errors import GrooveFastError
from groovefast.windows import transforms
from groovefast.windows.dataset import batches, load_dataset, open_windows
from groovefast.windows.order import Order

NUM_WINDOWS = 50
CONFIG = Config("test", ConverterConfig())
DROPOUT = CONFIGS["groovae_2bar_tap_fixed_velocity_note_dropout"]


@pytest.fixture(scope="module")
def windows() -> Performance:
    return random_windows(NUM_WINDOWS)


@pytest.fixture(scope="module")
def shards(windows, tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), windows, num_shards=3)


def outputs_of(dataset: tf.data.Dataset, num_batches: int | None = None) -> np.ndarray:
    taken = dataset if num_batches is None else dataset.take(num_batches)
    return np.concatenate([outputs for _, outputs, _ in taken.as_numpy_iterator()])


def rows_of(outputs: np.ndarray, stored: np.ndarray) -> list[int]:
    """Which stored windows these outputs are."""
    numbers = {window.tobytes(): number for number, window in enumerate(stored)}
    return [numbers[window.tobytes()] for window in outputs]


@pytest.fixture(scope="module")
def stored(shards) -> np.ndarray:
    return outputs_of(load_dataset(shards, CONFIG, NUM_WINDOWS, shuffle=False))


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    "config",
    [
        *map(CONFIGS.get, GROOVAE),
        Config("split", ConverterConfig(split_instruments=True, hits_as_controls=True)),
        Config("bins", ConverterConfig(num_velocity_bins=8, num_offset_bins=32)),
    ],
    ids=lambda config: config.name,
)
def test_same_as_the_converter(tmp_path, config, cache):
    steps = config.converter.window_steps
    windows = random_windows(20, steps)
    write_shards(tmp_path, windows, num_shards=2)
    dataset = load_dataset(tmp_path, config, 8, shuffle=False, cache=cache)
    without_dropout = ConverterConfig(
        **{**vars(config.converter), "max_note_dropout_probability": 0.0}
    )
    expected = transforms.apply(
        without_dropout,
        np,
        windows.hits.astype(np.float32),
        VELOCITIES[windows.velocities],
        windows.offsets,
    )
    assert dataset.element_spec[0].shape[1:] == expected[0].shape[1:]
    found = [np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True)]
    compared = slice(1, None) if config == DROPOUT else slice(None)
    for got, wanted in zip(found[compared], expected[compared], strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("cache", [True, False])
def test_a_pass_has_every_window_once(shards, stored, cache):
    dataset = load_dataset(shards, CONFIG, 16, cache=cache)
    assert len(dataset) == 4
    passes = [rows_of(outputs_of(dataset), stored) for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(NUM_WINDOWS))
    assert passes[0] != passes[1]
    assert list(range(NUM_WINDOWS)) not in passes


def test_batches_of_a_pass(shards):
    sizes = [len(outputs) for _, outputs, _ in load_dataset(shards, CONFIG, 16)]
    assert sizes == [16, 16, 16, 2]
    whole = load_dataset(shards, CONFIG, 16, drop_remainder=True)
    assert [len(outputs) for _, outputs, _ in whole] == [16, 16, 16]
    assert len(whole) == 3
    assert len(load_dataset(shards, CONFIG, 16, start=3)) == 1


@pytest.mark.parametrize("cache", [True, False])
def test_endless_data_comes_in_epochs(shards, stored, cache):
    dataset = load_dataset(shards, CONFIG, 20, repeat=True, cache=cache)
    assert dataset.element_spec[0].shape == (20, 32, 27)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    rows = rows_of(outputs_of(dataset, 5), stored)
    first, second = rows[:NUM_WINDOWS], rows[NUM_WINDOWS:]
    assert sorted(first) == sorted(second) == list(range(NUM_WINDOWS))
    assert first != second


def test_batch_larger_than_the_data(shards, stored):
    rows = rows_of(outputs_of(load_dataset(shards, CONFIG, 120, repeat=True), 1), stored)
    assert set(np.bincount(rows)) <= {2, 3}


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("start", [1, 3, 8])
def test_going_on_from_a_batch_is_exact(shards, start, cache):
    def first_batches(start: int, count: int) -> list[np.ndarray]:
        dataset = load_dataset(shards, DROPOUT, 16, repeat=True, seed=4, start=start, cache=cache)
        return [array for batch in dataset.take(count).as_numpy_iterator() for array in batch]

    unbroken = first_batches(0, start + 2)[3 * start :]
    for got, wanted in zip(first_batches(start, 2), unbroken, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_seed_decides_order_and_dropout(shards):
    def first_batch(seed: int) -> list[np.ndarray]:
        return next(load_dataset(shards, DROPOUT, 32, seed=seed).as_numpy_iterator())

    for first, again, other in zip(*map(first_batch, (1, 1, 2)), strict=True):
        np.testing.assert_array_equal(first, again)
        assert first.size == 0 or not np.array_equal(first, other)


def test_dropout_is_new_in_each_epoch_but_not_in_evaluation(tmp_path):
    write_shards(tmp_path, random_windows(1))

    def two_passes(**options: bool) -> list[np.ndarray]:
        dataset = load_dataset(tmp_path, DROPOUT, 1, **options)
        pair = dataset.take(2) if options.get("repeat") else dataset.concatenate(dataset)
        return [inputs for inputs, _, _ in pair.as_numpy_iterator()]

    for options in ({}, {"repeat": True}, {"repeat": True, "cache": False}):
        assert not np.array_equal(*two_passes(**options))
    np.testing.assert_array_equal(*two_passes(shuffle=False))


def test_dropout_takes_soft_hits_rather_than_loud_ones(tmp_path):
    loud = np.arange(32 * 9).reshape(32, 9) % 2
    hits = np.ones((400, 32, 9), np.uint8)
    velocities = np.broadcast_to(np.where(loud, 127, 13), hits.shape).astype(np.uint8)
    write_shards(tmp_path, Performance(hits, velocities, np.zeros(hits.shape, np.float32)))
    config = Config("thin", ConverterConfig(max_note_dropout_probability=0.8))
    inputs, _, _ = next(load_dataset(tmp_path, config, 400).as_numpy_iterator())
    kept = inputs[:, :, :9]
    # p ~ U(0, 0.8) is 0.4 in the mean; the weights are max(0.2, 1 - velocity).
    assert abs(1 - kept[:, loud == 1].mean() - 0.4 * 0.2) < 0.01
    assert abs(1 - kept[:, loud == 0].mean() - 0.4 * (1 - 13 / 127)) < 0.02
    assert kept.mean((1, 2)).std() > 0.05


@pytest.mark.parametrize("num_replicas", [2, 4])
def test_replicas_share_out_the_batches_of_one(shards, num_replicas):
    opened = open_windows(shards, DROPOUT)
    order = Order(seed=3, repeat=True, start=2)

    def first_batches(shard: tuple[int, int], size: int) -> list[tuple[np.ndarray, ...]]:
        dataset = batches(opened, DROPOUT.converter, order, size, shard=shard)
        return list(dataset.take(3).as_numpy_iterator())

    size = 16 // num_replicas
    parts = [first_batches((k, num_replicas), size) for k in range(num_replicas)]
    for number, whole in enumerate(first_batches((0, 1), 16)):
        for array, wanted in enumerate(whole):
            shared = np.concatenate([part[number][array] for part in parts])
            np.testing.assert_array_equal(shared, wanted)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("position", [5, -10])
def test_corrupt_shard_is_named(tmp_path, windows, cache, position):
    shards = write_shards(tmp_path, windows, num_shards=3)
    content = bytearray(shards[1].read_bytes())
    content[position] ^= 1
    shards[1].write_bytes(content)
    with pytest.raises(GrooveFastError, match=rf"{shards[1].name}: corrupt"):
        load_dataset(tmp_path, CONFIG, cache=cache)


def test_truncated_shard_is_named(tmp_path, windows):
    shards = write_shards(tmp_path, windows, num_shards=3)
    shards[2].write_bytes(shards[2].read_bytes()[:-7])
    with pytest.raises(GrooveFastError, match=rf"{shards[2].name}: corrupt after record 15"):
        load_dataset(tmp_path, CONFIG)


@pytest.mark.parametrize("size", [0, -3, 1.5])
def test_batch_size_must_be_positive(shards, size):
    with pytest.raises(GrooveFastError, match=f"batch_size: {size}"):
        load_dataset(shards, CONFIG, size)


def test_whole_files_are_no_training_data(shards):
    with pytest.raises(GrooveFastError, match="split_bars"):
        load_dataset(shards, Config("whole", ConverterConfig(split_bars=None)))
