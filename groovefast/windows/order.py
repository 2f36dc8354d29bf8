"""In which order windows come, in batches.

The order of an endless data set is a function of the seed and of the position alone. Epoch e is a
full shuffle drawn from (seed, e), batches run on across the end of an epoch, and what else is drawn
for a batch is drawn for its position. Training that goes on at batch k therefore needs nothing but
k.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import tensorflow as tf

from groovefast.errors import check_whole

_PHILOX = 1
PHILOX_WIDTH = 4
"""Numbers Philox makes for each value of its counter."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def as_it_is(function: _Function) -> _Function:
    """Says of a function that no tensor decides its way, which TensorFlow is long to find out."""
    unconverted: _Function = tf.autograph.experimental.do_not_convert(function)
    return unconverted


@dataclasses.dataclass(frozen=True)
class Order:
    """In which order windows come, and from where on; see `dataset.load_dataset`."""

    seed: int = 0
    shuffle: bool = True
    repeat: bool = False
    start: int = 0

    def __post_init__(self) -> None:
        check_whole("start", self.start, 0)


class Ordered(Protocol):
    """Something that windows can be taken from by references to them."""

    @property
    def count(self) -> int:
        """How many windows there are."""

    @property
    def nbytes(self) -> int:
        """How many bytes are kept in memory for them."""

    def references(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """One pass of references, in an order drawn from `seed`, or as stored."""


class Place(NamedTuple):
    """Where a batch stands in the order: all that is drawn for it follows from that.

    Attributes:
        seed: int64[2], of the pass.
        first: int64, the number of its first window in the pass.
    """

    seed: tf.Tensor
    first: tf.Tensor

    def draws(self, purpose: int, n: tf.Tensor, width: int) -> tf.Tensor:
        """Returns uniform draws, (n, width), for its n windows, the same for any batch size.

        Philox makes its k-th four numbers from a key and k alone, so each position owns a stretch
        of k, and each purpose a counter of its own.
        """
        blocks = -(-width // PHILOX_WIDTH)
        first = tf.cast(self.first * blocks, tf.uint64)
        draws = tf.raw_ops.StatelessRandomUniformV2(
            shape=[n, blocks * PHILOX_WIDTH],
            key=tf.bitcast(self.seed[:1], tf.uint64),
            counter=tf.stack([first, tf.fill(tf.shape(first), tf.constant(purpose, tf.uint64))]),
            alg=_PHILOX,
        )
        return draws[:, :width]


def in_batches(
    windows: Ordered,
    order: Order,
    batch_size: int,
    example: Callable[..., Any],
    *,
    drop_remainder: bool = False,
    shard: tuple[int, int] = (0, 1),
    neighbours: bool = False,
) -> tf.data.Dataset:
    """Returns a data set of what `example` makes of batches of references.

    Args:
        windows: What they refer to.
        order: The order, and where to start.
        batch_size: Windows in a batch.
        example: Called with the `Place` of a batch and its references and, with `neighbours`, those
            of the windows that come after each of them.
        drop_remainder: Whether to leave out a last batch that is not full.
        shard: (k, m) gives the k-th of the m parts, each of `batch_size` windows, that larger
            batches are made of: one replica's share.
        neighbours: Whether an example needs the next windows too.
    """
    check_whole("batch_size", batch_size, 1)
    index, num_shards = shard
    full_only = drop_remainder or order.repeat
    skipped = order.start * num_shards

    @as_it_is
    def one_pass(draw: tf.Tensor) -> tf.data.Dataset:
        seed = _derive(tf.constant([order.seed, 0], tf.int64), draw)
        references = _references(windows, order, seed, skipped * batch_size)
        parts = [references]
        if neighbours:
            parts.append(references.skip(1).concatenate(references.take(1)))
        batched = [part.batch(batch_size, drop_remainder=full_only) for part in parts]
        numbers = tf.data.Dataset.counter(skipped)
        seeds = tf.data.Dataset.from_tensors(seed).repeat()
        return tf.data.Dataset.zip(numbers, seeds, *batched).shard(num_shards, index)

    @as_it_is
    def placed(number: tf.Tensor, seed: tf.Tensor, *references: Any) -> Any:
        return example(Place(seed, number * batch_size), *references)

    data = _passes(order).flat_map(one_pass).map(placed, num_parallel_calls=tf.data.AUTOTUNE)
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


def _references(windows: Ordered, order: Order, seed: tf.Tensor, skipped: int) -> tf.data.Dataset:
    """The windows of all epochs after the first `skipped` ones."""
    if not order.repeat:
        return windows.references(seed if order.shuffle else None).skip(skipped)
    first_epoch, skipped = divmod(skipped, windows.count)

    @as_it_is
    def epoch_references(epoch: tf.Tensor) -> tf.data.Dataset:
        return windows.references(_derive(seed, epoch) if order.shuffle else None)

    return tf.data.Dataset.counter(first_epoch).flat_map(epoch_references).skip(skipped)


def _derive(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Another seed, int64[2], for each number; folding in alone leaves the first half alike."""
    return tf.random.split(tf.random.fold_in(seed, number), 1)[0]
