"""What is in a record, read in batches and checked.

A record is a performance, or a stretch of one in one meter, of whole bars. Its hits are not kept:
they are where its velocities are not 0.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from groovefast.config import Config, ConverterConfig
from groovefast.drums import NUM_CLASSES
from groovefast.shards.origin import PERFORMANCES, other_grid, other_representation

_CELLS = {
    "hits": tf.io.FixedLenFeature([], tf.string),
    "velocities": tf.io.FixedLenFeature([], tf.string),
    "offsets": tf.io.FixedLenFeature([], tf.string),
    "steps": tf.io.FixedLenFeature([], tf.int64),
}
_KIND = {"representation": tf.io.FixedLenFeature([], tf.string, "")}
_FEATURES = {
    **_CELLS,
    "steps_per_quarter": tf.io.FixedLenFeature([], tf.int64),
    "quarters_per_bar": tf.io.FixedLenFeature([], tf.float32),
    "qpm": tf.io.FixedLenFeature([], tf.float32),
    "tempo_change_steps": tf.io.VarLenFeature(tf.int64),
    "tempo_change_qpms": tf.io.VarLenFeature(tf.float32),
    "source": tf.io.FixedLenFeature([], tf.string, ""),
    "style": tf.io.FixedLenFeature([], tf.string, ""),
}
_BYTES_PER_STEP = {"hits": NUM_CLASSES, "velocities": NUM_CLASSES, "offsets": 4 * NUM_CLASSES}
STEP_BYTES = sum(_BYTES_PER_STEP.values())
"""What a step takes in a record, which has more than its steps."""
MAX_VELOCITY = 127
_READ_BUFFER = 1 << 20


class Bars(NamedTuple):
    """The bars of the records in a config's meter, one after another."""

    velocities: Any
    """uint8 (bars, steps of a bar * 9), as in MIDI."""
    offsets: Any
    """float32, of the same shape."""
    counts: Any
    """int64 (records in the meter,), how many bars each has."""


class Tempos(NamedTuple):
    """The tempos of the records in a config's meter, in any order."""

    steps: Any
    """int64 (tempos,), the step that first has each, counted from the first step of all on."""
    qpms: Any
    """float32 (tempos,)."""


class Origins(NamedTuple):
    """Where the records in a config's meter come from, as far as they tell: bytes (records,)."""

    sources: Any
    """The file each was converted from."""
    styles: Any
    """As the metadata call it, as in `funk/fast`."""


Features: TypeAlias = dict[str, Any]
"""Of a batch of records, by name; the changes of tempo as sparse tensors."""


def records_of(paths: Any) -> tf.data.Dataset:
    """Returns the serialized records of a shard, or of several one after the other."""
    return tf.data.TFRecordDataset(paths, buffer_size=_READ_BUFFER)


def parse(records: tf.Tensor) -> Features:
    """Returns the features of a batch of serialized records.

    Raises:
        tf.errors.InvalidArgumentError: One is no performance.
    """
    features: Features = tf.io.parse_example(records, _FEATURES)
    return features


def check(features: Features, config: ConverterConfig) -> None:
    """Checks all that can be wrong with records.

    Raises:
        tf.errors.InvalidArgumentError: Something is; `blame` says what.
    """
    wrong = tf.stack([is_wrong for _, is_wrong in _faults(features, config.steps_per_quarter)])
    tf.debugging.assert_equal(tf.reduce_any(wrong), False)


def bars_of(features: Features, config: ConverterConfig) -> Bars:
    """Returns the bars of the records in a config's meter."""
    chosen = tf.where(_in_meter(features, config))[:, 0]
    velocities, offsets = (tf.gather(features[name], chosen) for name in ("velocities", "offsets"))
    shape = [-1, config.steps_per_bar * NUM_CLASSES]
    return Bars(
        tf.reshape(_decoded(velocities, tf.uint8), shape),
        tf.reshape(_decoded(offsets, tf.float32), shape),
        tf.gather(features["steps"], chosen) // config.steps_per_bar,
    )


def tempos_of(features: Features, config: ConverterConfig) -> Tempos:
    """Returns the tempos of the records in a config's meter."""
    in_meter = _in_meter(features, config)
    starts = tf.cumsum(tf.where(in_meter, features["steps"], 0), exclusive=True)
    changes = features["tempo_change_steps"]
    records = changes.indices[:, 0]
    steps = tf.concat([starts, tf.gather(starts, records) + changes.values], axis=0)
    qpms = tf.concat([features["qpm"], features["tempo_change_qpms"].values], axis=0)
    chosen = tf.where(tf.concat([in_meter, tf.gather(in_meter, records)], axis=0))[:, 0]
    return Tempos(tf.gather(steps, chosen), tf.gather(qpms, chosen))


def origins_of(features: Features, config: ConverterConfig) -> Origins:
    """Returns where the records in a config's meter come from; empty strings where none tells."""
    chosen = tf.where(_in_meter(features, config))[:, 0]
    return Origins(*(tf.gather(features[name], chosen) for name in ("source", "style")))


def _in_meter(features: Features, config: ConverterConfig) -> tf.Tensor:
    return features["quarters_per_bar"] == tf.constant(config.quarters_per_bar, tf.float32)


def blame(shards: Sequence[Path], config: Config) -> str | None:
    """Returns what is wrong with the first bad shard; slow, as it looks at each record by itself.

    Args:
        shards: What could not be read.
        config: What they were read for.
    """
    for shard in shards:
        number = -1
        try:
            for number, record in enumerate(records_of(os.fsencode(shard))):
                if problem := _problem(record, number, config):
                    return f"{shard}: {problem}"
        except tf.errors.DataLossError:
            return f"{shard}: corrupt after record {number + 1}; convert again"
        except tf.errors.OpError as error:
            return f"{shard}: cannot be read ({error.message})"
    return None


def why_no_window(shards: Sequence[Path], config: Config) -> str:
    """Returns what there is instead, where good shards hold no window of a config; slow."""
    converter = config.converter
    longest: dict[float, float] = {}
    for record in records_of([os.fsencode(shard) for shard in shards]):
        features = tf.io.parse_single_example(record, _FEATURES)
        meter = float(features["quarters_per_bar"])
        bars = int(features["steps"]) / (converter.steps_per_quarter * meter)
        longest[meter] = max(longest.get(meter, 0), bars)
    if not longest:
        return "there is no performance in the data"
    wanted = converter.quarters_per_bar
    if wanted not in longest:
        meters = " and ".join(f"{meter:g}" for meter in sorted(longest))
        return (
            f"no performance has {wanted} quarters in a bar, as {config.name} wants, but {meters}; "
            "choose other data"
        )
    return (
        f"no performance is as long as the {converter.split_bars} bars of {config.name}; the "
        f"longest in its meter has {longest[wanted]:g}"
    )


def _decoded(parts: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """The values of several strings of bytes, one after the other."""
    return tf.io.decode_raw(tf.strings.reduce_join(parts), dtype)


def _faults(features: Features, steps_per_quarter: int) -> Iterator[tuple[str, tf.Tensor]]:
    """What can be wrong with a batch of records, and whether it is.

    Each is looked for in the belief that those before it are not there.
    """
    grids = features["steps_per_quarter"]
    yield (
        other_grid("{steps_per_quarter}", steps_per_quarter, "{config}"),
        tf.reduce_any(grids != steps_per_quarter),
    )
    steps = features["steps"]
    sizes = [
        tf.cast(tf.strings.length(features[name]), tf.int64) != steps * size
        for name, size in _BYTES_PER_STEP.items()
    ]
    yield (
        "record {number} does not hold the steps it says; convert again",
        tf.reduce_any(tf.stack([steps < 1, *sizes])),
    )
    bar = tf.cast(grids, tf.float64) * tf.cast(features["quarters_per_bar"], tf.float64)
    whole = (bar >= 1) & (bar % 1 == 0) & (tf.cast(steps, tf.float64) % bar == 0)
    yield "record {number} is not of whole bars; convert again", ~tf.reduce_all(whole)
    hits = _decoded(features["hits"], tf.uint8)
    velocities = _decoded(features["velocities"], tf.uint8)
    yield (
        f"record {{number}} holds a velocity above {MAX_VELOCITY}; convert again",
        tf.reduce_any(velocities > MAX_VELOCITY),
    )
    yield (
        "record {number} holds hits that are not 1 where it has velocities and 0 elsewhere; "
        "convert again",
        tf.reduce_any(hits != tf.cast(velocities > 0, tf.uint8)),
    )
    offsets = _decoded(features["offsets"], tf.float32)
    yield (
        "record {number} holds an offset of more than half a step; convert again",
        ~tf.reduce_all(tf.abs(offsets) <= 1),  # also what is no number
    )
    yield "record {number} has tempos that cannot be; convert again", _are_tempos_wrong(features)


def _are_tempos_wrong(features: Features) -> tf.Tensor:
    changes, qpms = features["tempo_change_steps"], features["tempo_change_qpms"]
    tempos = tf.concat([features["qpm"], qpms.values], axis=0)
    impossible = ~tf.reduce_all((tempos > 0) & (tempos < math.inf))
    n = tf.size(features["steps"], tf.int64)
    counts = [
        tf.math.unsorted_segment_sum(tf.ones_like(each.indices[:, 0]), each.indices[:, 0], n)
        for each in (changes, qpms)
    ]
    uneven = tf.reduce_any(counts[0] != counts[1])
    records, steps = changes.indices[:, 0], changes.values
    outside = tf.reduce_any((steps < 1) | (steps >= tf.gather(features["steps"], records)))
    disordered = tf.reduce_any((records[1:] == records[:-1]) & (steps[1:] <= steps[:-1]))
    return tf.reduce_any(tf.stack([impossible, uneven, outside, disordered]))


def _problem(record: tf.Tensor, number: int, config: Config) -> str | None:
    """What is wrong with the record of some number in its shard."""
    batch = record[tf.newaxis]
    try:
        features = parse(batch)
    except tf.errors.InvalidArgumentError:
        return _another_kind(batch, number)
    for problem, is_wrong in _faults(features, config.converter.steps_per_quarter):
        if is_wrong:
            grid = int(features["steps_per_quarter"][0])
            return problem.format(number=number, config=config.name, steps_per_quarter=grid)
    return None


def _another_kind(batch: tf.Tensor, number: int) -> str:
    try:
        if kind := tf.io.parse_example(batch, _KIND)["representation"].numpy()[0]:
            said = kind.decode("utf-8", "replace")
            return other_representation(said, PERFORMANCES, "the config")
        tf.io.parse_example(batch, _CELLS)
    except tf.errors.InvalidArgumentError:
        return f"record {number} is no performance; groovefast-convert did not write this"
    return (
        "holds windows of an earlier GrooveFast; convert again, with "
        "`groovefast-convert INPUT… DIR`"
    )
