"""What is in a record of tokens, read and checked: all tracks of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.errors import GrooveFastError
from groovefast.shards.origin import PERFORMANCES, other_representation
from groovefast.shards.records import records_of

_LISTS = ("track_steps", "track_start_steps", "track_sub_sequences", "track_programs")
_FEATURES = {
    "representation": tf.io.FixedLenFeature([], tf.string, PERFORMANCES),
    "tokens": tf.io.FixedLenFeature([], tf.string, ""),
    "source": tf.io.FixedLenFeature([], tf.string, ""),
    **{name: tf.io.VarLenFeature(tf.int64) for name in _LISTS},
}
_STEPS_PER_BAR = 16


class FileTracks(NamedTuple):
    """The tracks of a file, of whole bars.

    Attributes:
        tokens: int16 (steps of all,), of several parts (steps of all, parts).
        steps: int64 (tracks,), how long each is.
        start_steps: int64 (tracks,), where each begins in its sub-sequence.
        sub_sequences: int64 (tracks,), the number of that.
        programs: int64 (tracks,).
        source: The file.
    """

    tokens: NDArray[np.int16]
    steps: NDArray[np.int64]
    start_steps: NDArray[np.int64]
    sub_sequences: NDArray[np.int64]
    programs: NDArray[np.int64]
    source: str


def read_tracks(
    shards: Sequence[Path], representation: str, sizes: Sequence[int], reader: str
) -> Iterator[FileTracks]:
    """Reads the files of shards, in order.

    Args:
        shards: Where they are.
        representation: What they have to be tokens of.
        sizes: How many tokens there are of each part.
        reader: What reads them, for errors.

    Raises:
        GrooveFastError: A shard cannot be read, or holds something else.
    """
    for shard in shards:
        number = -1
        try:
            for number, record in enumerate(records_of(os.fsencode(shard))):
                place = f"{shard}: record {number}"
                yield _checked(record, place, representation, sizes, reader)
        except tf.errors.DataLossError:
            raise GrooveFastError(
                f"{shard}: corrupt after record {number + 1}; convert again"
            ) from None
        except tf.errors.OpError as error:
            raise GrooveFastError(f"{shard}: cannot be read ({error.message})") from None


def _checked(
    record: tf.Tensor, place: str, representation: str, sizes: Sequence[int], reader: str
) -> FileTracks:
    try:
        features = tf.io.parse_single_example(record, _FEATURES)
    except tf.errors.InvalidArgumentError:
        raise GrooveFastError(
            f"{place} is no tokens; groovefast-convert did not write it"
        ) from None
    said = features["representation"].numpy().decode("utf-8", "replace")
    if said != representation:
        problem = other_representation(said, representation, reader)
        raise GrooveFastError(f"{place} {problem}")
    steps, start_steps, sub_sequences, programs = (
        features[name].values.numpy().astype(np.int64) for name in _LISTS
    )
    data = features["tokens"].numpy()
    whole = (
        len({len(each) for each in (steps, start_steps, sub_sequences, programs)}) == 1
        and bool((steps > 0).all())
        and bool((steps % _STEPS_PER_BAR == 0).all())
        and len(data) == 2 * int(steps.sum()) * len(sizes)
    )
    if not whole:
        raise GrooveFastError(f"{place} does not hold the steps it says; convert again")
    tokens = np.frombuffer(data, "<i2").astype(np.int16).reshape(-1, len(sizes))
    if bool(((tokens < 0) | (tokens >= np.array(sizes))).any()):
        raise GrooveFastError(f"{place} holds tokens there are none of; convert again")
    source = features["source"].numpy().decode("utf-8", "replace")
    tokens = tokens if len(sizes) > 1 else tokens[:, 0]
    return FileTracks(tokens, steps, start_steps, sub_sequences, programs, source)
