"""TFRecords to batches of (inputs, outputs, controls), as a `tf.data.Dataset`.

The records hold only the performance, so one converted data set serves every config of its window
length: what a config does to its inputs happens here, on whole batches, after the cache.

The order of an endless data set is a function of the seed and of the position alone. Epoch e is a
full shuffle drawn from (seed, e), batches run on across the end of an epoch, and the draws of note
dropout are those of the position. Training that goes on at batch k therefore needs nothing but k.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from groovefast.config import Config, ConverterConfig, get_config
from groovefast.drums import NUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.windows import transforms
from groovefast.windows.augmentation import Augmentation
from groovefast.windows.origin import check_origin
from groovefast.windows.rows import Grid
from groovefast.windows.shards import DataPattern, find_shards

_FEATURES = {
    "hits": tf.io.FixedLenFeature([], tf.string),
    "velocities": tf.io.FixedLenFeature([], tf.string),
    "offsets": tf.io.FixedLenFeature([], tf.string),
    "steps": tf.io.FixedLenFeature([], tf.int64),
}
_MAX_VELOCITY = len(transforms.VELOCITIES) - 1
_READ_BATCH = 1024
_READ_BUFFER = 1 << 20
_SHUFFLE_BUFFER = 1 << 14
_SHARDS_AT_ONCE = 16
_DROPOUT, _AUGMENTATION = range(2)
_PHILOX = 1
_PHILOX_WIDTH = 4
"""Numbers Philox makes for each value of its counter."""


def load_dataset(
    data: DataPattern,
    config: str | Config,
    batch_size: int | None = None,
    *,
    shuffle: bool = True,
    seed: int = 0,
    repeat: bool = False,
    start: int = 0,
    cache: bool = True,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Returns the windows of converted shards, ready for the model.

    Args:
        data: Pattern, folder, file or list of shards, see `shards.find_shards`.
        config: A config or its name; decides the transforms of the inputs.
        batch_size: Windows in a batch; that of the config if None.
        shuffle: Whether each pass has an order, and note dropout, of its own. If False every pass
            is the same, in the order of the files: for evaluation.
        seed: Decides all orders and note dropout.
        repeat: Whether to go on for ever, in full batches only.
        start: Batches to leave out at the beginning: where an earlier run left off.
        cache: Whether to keep the windows in memory, in their compact form (54 bytes a step). If
            not, the shards are read once to check and count them and then again in each pass, and
            shuffling is as good as a buffer of 16,384 windows over shuffled shards.
        drop_remainder: Whether to leave out a last batch that is not full.

    Returns:
        A data set of (inputs, outputs, controls), float32 of shapes (n, rows, depth),
        (n, rows, depth) and (n, rows, control_depth); rows are steps, or 9 * steps with
        `split_instruments`.

    Raises:
        GrooveFastError: No shard matches, one is missing, cannot be read, is of another window
            length or not what the manifest beside it says, see `origin.check_origin`; or there is
            no window at all.
    """
    config = get_config(config)
    order = Order(seed=seed, shuffle=shuffle, repeat=repeat, start=start)
    return batches(
        open_windows(data, config, cache=cache),
        config.converter,
        order,
        config.hparams.batch_size if batch_size is None else batch_size,
        drop_remainder=drop_remainder,
    )


@dataclasses.dataclass(frozen=True)
class Order:
    """In which order windows come, and from where on; see `load_dataset`."""

    seed: int = 0
    shuffle: bool = True
    repeat: bool = False
    start: int = 0


class Windows(Protocol):
    """A converted data set: references to its windows, in some order, and what they refer to."""

    @property
    def count(self) -> int:
        """How many windows there are."""

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """One pass of references, in an order drawn from `seed`, or as stored."""

    def read(self, references: tf.Tensor) -> Grid:
        """The windows of a batch of references."""


class _Compact(NamedTuple):
    """Windows as they are stored, each array of shape (n, steps, 9)."""

    hits: Any
    """uint8, 0 or 1."""
    velocities: Any
    """uint8, as in MIDI."""
    offsets: Any
    """float32."""

    def grid(self) -> Grid:
        return Grid(
            tf.cast(self.hits, tf.float32),
            tf.gather(transforms.VELOCITIES, tf.cast(self.velocities, tf.int32)),
            self.offsets,
        )


class _CachedWindows:
    """All windows in memory; a reference is a row number."""

    def __init__(self, compact: _Compact) -> None:
        self.count = len(compact.hits)
        with tf.device("CPU"):
            self._compact = _Compact(*(tf.constant(array) for array in compact))

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        rows = tf.range(self.count)
        if seed is not None:
            rows = tf.random.experimental.stateless_shuffle(rows, seed)
        return tf.data.Dataset.from_tensor_slices(rows)

    def read(self, references: tf.Tensor) -> Grid:
        return _Compact(*(tf.gather(array, references) for array in self._compact)).grid()


class _StreamedWindows:
    """Windows that stay in their files; a reference is the serialized record."""

    def __init__(self, shards: Sequence[Path], count: int, steps: int) -> None:
        self.count = count
        self._paths = [str(shard) for shard in shards]
        self._steps = steps

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        if seed is None:
            return _records(self._paths)
        shards = tf.random.experimental.stateless_shuffle(tf.constant(self._paths), seed)
        mixed = tf.data.Dataset.from_tensor_slices(shards).interleave(
            _records, cycle_length=_SHARDS_AT_ONCE, num_parallel_calls=tf.data.AUTOTUNE
        )
        return mixed.shuffle(_SHUFFLE_BUFFER, seed=seed[0], reshuffle_each_iteration=False)

    def read(self, references: tf.Tensor) -> Grid:
        return _parse(references, self._steps).grid()


def open_windows(data: DataPattern, config: Config, *, cache: bool = True) -> Windows:
    """Finds, checks and, with `cache`, reads the shards for a config; see `load_dataset`.

    Raises:
        GrooveFastError: As `load_dataset`.
    """
    steps = config.converter.window_steps
    if steps is None:
        raise GrooveFastError("split_bars: training wants windows of one length, not None")
    shards = find_shards(data)
    check_origin(shards, config)
    parts = []
    count = 0
    parsed = (
        _records([str(shard) for shard in shards])
        .batch(_READ_BATCH)
        .map(lambda records: _parse(records, steps), num_parallel_calls=tf.data.AUTOTUNE)
    )
    try:
        for part in parsed.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
            count += len(part.hits)
            if cache:
                parts.append(part)
    except tf.errors.OpError as error:
        raise GrooveFastError(_blame(shards, config) or str(error)) from error
    if not count:
        raise GrooveFastError(f"{shards[0]}: there is no window in the data")
    if not cache:
        return _StreamedWindows(shards, count, steps)
    return _CachedWindows(_Compact(*map(np.concatenate, zip(*parts, strict=True))))


def batches(
    windows: Windows,
    config: ConverterConfig,
    order: Order,
    batch_size: int,
    *,
    drop_remainder: bool = False,
    shard: tuple[int, int] = (0, 1),
    augmentation: Augmentation | None = None,
) -> tf.data.Dataset:
    """Returns (inputs, outputs, controls) batches of windows, as `load_dataset` describes them.

    Args:
        windows: What `open_windows` gave.
        config: The transforms of the inputs.
        order: The order, and where to start.
        batch_size: Windows in a batch.
        drop_remainder: Whether to leave out a last batch that is not full.
        shard: (k, m) gives the k-th of the m parts, each of `batch_size` windows, that larger
            batches are made of: one replica's share.
        augmentation: How to vary the windows, for training. Bars are taken from the next window of
            the order.
    """
    if batch_size < 1:
        raise GrooveFastError(f"batch_size: {batch_size} is not 1 or more")
    index, num_shards = shard
    full_only = drop_remainder or order.repeat
    skipped = order.start * num_shards

    def one_pass(draw: tf.Tensor) -> tf.data.Dataset:
        seed = _derive(tf.constant([order.seed, 0], tf.int64), draw)
        references = _references(windows, order, seed, skipped * batch_size)
        parts = [references]
        if augmentation and augmentation.splice:
            parts.append(references.skip(1).concatenate(references.take(1)))
        batched = [part.batch(batch_size, drop_remainder=full_only) for part in parts]
        numbers = tf.data.Dataset.counter(skipped)
        seeds = tf.data.Dataset.from_tensors(seed).repeat()
        return tf.data.Dataset.zip(numbers, seeds, *batched).shard(num_shards, index)

    def example(number: tf.Tensor, seed: tf.Tensor, references: tf.Tensor, *following: Any) -> Any:
        grid = windows.read(references)
        first = number * batch_size
        if augmentation:
            n, width = tf.shape(references)[0], augmentation.num_draws
            others = windows.read(*following) if following else grid
            draws = _draws(seed, _AUGMENTATION, first, n, width)
            grid = augmentation.apply(grid, others, draws)
        dropout = None
        if config.max_note_dropout_probability:
            dropout = _dropout_draws(seed, first, grid.hits)
        examples = transforms.apply(config, tf, *grid, dropout=dropout)
        return tuple(tf.ensure_shape(x, [references.shape[0], *x.shape[1:]]) for x in examples)

    data = _passes(order).flat_map(one_pass).map(example, num_parallel_calls=tf.data.AUTOTUNE)
    if order.repeat:
        length = tf.data.INFINITE_CARDINALITY
    else:
        num_batches = windows.count // batch_size if full_only else -(-windows.count // batch_size)
        length = len(range(skipped + index, num_batches, num_shards))
    return data.apply(tf.data.experimental.assert_cardinality(length)).prefetch(tf.data.AUTOTUNE)


def _passes(order: Order) -> tf.data.Dataset:
    """One number, from which the draws of an iteration are made: another for each if finite."""
    if order.shuffle and not order.repeat:
        return tf.data.Dataset.random(seed=order.seed, rerandomize_each_iteration=True).take(1)
    return tf.data.Dataset.range(1)


def _references(windows: Windows, order: Order, seed: tf.Tensor, skipped: int) -> tf.data.Dataset:
    """The windows of all epochs after the first `skipped` ones."""
    if not order.repeat:
        return windows.references(seed if order.shuffle else None).skip(skipped)
    first_epoch, skipped = divmod(skipped, windows.count)

    def epoch_references(epoch: tf.Tensor) -> tf.data.Dataset:
        return windows.references(_derive(seed, epoch) if order.shuffle else None)

    return tf.data.Dataset.counter(first_epoch).flat_map(epoch_references).skip(skipped)


def _derive(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Another seed, int64[2], for each number; folding in alone leaves the first half alike."""
    return tf.random.split(tf.random.fold_in(seed, number), 1)[0]


def _dropout_draws(
    seed: tf.Tensor, position: tf.Tensor, like: tf.Tensor
) -> transforms.DropoutDraws:
    """Draws for windows from `position` of a pass on."""
    n, steps = tf.shape(like)[0], like.shape[1]
    draws = _draws(seed, _DROPOUT, position, n, _PHILOX_WIDTH + steps * NUM_CLASSES)
    hits = tf.reshape(draws[:, _PHILOX_WIDTH:], [-1, steps, NUM_CLASSES])
    return transforms.DropoutDraws(draws[:, :1, tf.newaxis], hits)


def _draws(
    seed: tf.Tensor, purpose: int, position: tf.Tensor, n: tf.Tensor, width: int
) -> tf.Tensor:
    """Uniform draws, (n, width), for windows from `position` on, the same for any batch size.

    Philox makes its k-th four numbers from a key and k alone, so each position owns a stretch of k,
    and each purpose a counter of its own.
    """
    blocks = -(-width // _PHILOX_WIDTH)
    first = tf.cast(position * blocks, tf.uint64)
    draws = tf.raw_ops.StatelessRandomUniformV2(
        shape=[n, blocks * _PHILOX_WIDTH],
        key=tf.bitcast(seed[:1], tf.uint64),
        counter=tf.stack([first, tf.fill(tf.shape(first), tf.constant(purpose, tf.uint64))]),
        alg=_PHILOX,
    )
    return draws[:, :width]


def _records(paths: Any) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(paths, buffer_size=_READ_BUFFER)


def _parse(records: tf.Tensor, steps: int) -> _Compact:
    """A batch of serialized records, all of them `steps` long."""
    features = tf.io.parse_example(records, _FEATURES)
    tf.debugging.assert_equal(features["steps"], tf.constant(steps, tf.int64))
    shape = [-1, steps, NUM_CLASSES]
    velocities = tf.io.decode_raw(features["velocities"], tf.uint8)
    tf.debugging.assert_less_equal(velocities, tf.constant(_MAX_VELOCITY, tf.uint8))
    return _Compact(
        tf.reshape(tf.io.decode_raw(features["hits"], tf.uint8), shape),
        tf.reshape(velocities, shape),
        tf.reshape(tf.io.decode_raw(features["offsets"], tf.float32), shape),
    )


def _blame(shards: Sequence[Path], config: Config) -> str | None:
    """Finds what is wrong with the first bad shard; slow, as each record is looked at by itself."""
    for shard in shards:
        number = -1
        try:
            for number, record in enumerate(_records(str(shard)).as_numpy_iterator()):
                if problem := _record_problem(record, config):
                    return f"{shard}: {problem.format(number=number)}"
        except tf.errors.DataLossError:
            return f"{shard}: corrupt after record {number + 1}; convert again"
        except tf.errors.OpError as error:
            return f"{shard}: cannot be read ({error.message})"
    return None


def _record_problem(record: bytes, config: Config) -> str | None:
    steps, bars = config.converter.window_steps, config.converter.split_bars
    try:
        features = tf.io.parse_single_example(record, _FEATURES)
    except tf.errors.InvalidArgumentError:
        return "record {number} is no drum window; groovefast-convert did not write this"
    stored = int(features["steps"])
    sizes = [len(features[name].numpy()) for name in _Compact._fields]
    if stored != steps:
        return (
            f"windows of {stored} steps, but {config.name} wants {steps}; "
            f"choose another config or convert with --split-bars {bars}"
        )
    cells = stored * NUM_CLASSES
    if sizes != [cells, cells, 4 * cells]:
        return "record {number} does not hold the steps it says; convert again"
    if max(features["velocities"].numpy(), default=0) > _MAX_VELOCITY:
        return f"record {{number}} holds a velocity above {_MAX_VELOCITY}; convert again"
    return None
