"""Shards for tests, written by TensorFlow alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.windows.tensors import GrooveConverter

VELOCITIES = (np.arange(128) / 127).astype(np.float32)
"""What each MIDI velocity is in the grid."""


class Performance(NamedTuple):
    """Windows as they are stored: uint8, uint8 and float32 of shape (n, steps, 9)."""

    hits: np.ndarray
    velocities: np.ndarray
    offsets: np.ndarray


def random_windows(n: int, steps: int = 32, seed: int = 0) -> Performance:
    """Drum-like noise: a sixth of the cells is hit."""
    rng = np.random.default_rng(seed)
    hits = (rng.random((n, steps, 9)) < 1 / 6).astype(np.uint8)
    velocities = hits * rng.integers(1, 128, hits.shape, dtype=np.uint8)
    offsets = (hits * rng.uniform(-1, 1, hits.shape)).astype(np.float32)
    return Performance(hits, velocities, offsets)


def performed_windows(files: Iterable[Path], n: int, split_bars: int = 2) -> Performance:
    """The first `n` windows of drum performances."""
    converter = GrooveConverter(split_bars=split_bars, hop_bars=1)
    found = itertools.chain.from_iterable(converter.to_tensors(path).outputs for path in files)
    rows = np.stack(list(itertools.islice(found, n)))
    hits, velocities, offsets = np.split(rows, 3, axis=-1)
    return Performance(hits.astype(np.uint8), np.rint(velocities * 127).astype(np.uint8), offsets)


class Played(NamedTuple):
    """A performance as a record holds it; its arrays are (steps, 9)."""

    hits: np.ndarray
    velocities: np.ndarray
    offsets: np.ndarray
    qpms: Mapping[int, float] = {0: 120.0}
    """Tempos by the step that first has each."""
    quarters_per_bar: float = 4
    steps_per_quarter: int = 4
    source: str | None = None
    style: str | None = None


def random_played(bars: int, seed: int = 0, quarters_per_bar: float = 4, **rest: Any) -> Played:
    """Drum-like noise of so many bars, on a grid of 16ths."""
    ((hits, velocities, offsets),) = zip(
        *random_windows(1, round(4 * quarters_per_bar) * bars, seed), strict=True
    )
    return Played(hits, velocities, offsets, quarters_per_bar=quarters_per_bar, **rest)


def write_shards(
    folder: Path,
    windows: Performance,
    num_shards: int = 1,
    name: str = "train",
    qpms: Sequence[float] | None = None,
) -> list[Path]:
    """Writes each window as a performance of its own, see `write_performances`."""
    qpms = [120.0] * len(windows.hits) if qpms is None else qpms
    played = (Played(*grid, {0: qpm}) for *grid, qpm in zip(*windows, qpms, strict=True))
    return write_performances(folder, list(played), num_shards, name)


def write_performances(
    folder: Path, played: Sequence[Played], num_shards: int = 1, name: str = "train"
) -> list[Path]:
    """Writes records in order, spread evenly over `name-0000k-of-0000m.tfrecord`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    rows = np.array_split(np.arange(len(played)), num_shards)
    for index, part in enumerate(rows):
        path = folder / f"{name}-{index:05d}-of-{num_shards:05d}.tfrecord"
        paths.append(path)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in part:
                writer.write(record_of(played[row]).SerializeToString())
    return paths


def record_of(played: Played) -> tf.train.Example:
    """The record of a performance that begins with its song."""
    first, *changes = sorted(played.qpms.items())
    assert first[0] == 0
    features = {
        "hits": _bytes(played.hits),
        "velocities": _bytes(played.velocities),
        "offsets": _bytes(played.offsets.astype("<f4")),
        "steps": _ints([len(played.hits)]),
        "steps_per_quarter": _ints([played.steps_per_quarter]),
        "quarters_per_bar": _floats([played.quarters_per_bar]),
        "start_step": _ints([0]),
        "qpm": _floats([first[1]]),
    }
    for name in ("source", "style"):
        if (value := getattr(played, name)) is not None:
            features[name] = _strings([value])
    if changes:
        steps, qpms = zip(*changes, strict=True)
        features |= {"tempo_change_steps": _ints(steps), "tempo_change_qpms": _floats(qpms)}
    return tf.train.Example(features=tf.train.Features(feature=features))


def _bytes(array: np.ndarray) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()]))


def _strings(values: Iterable[str]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))


def _ints(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
