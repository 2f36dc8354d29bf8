"""Shards for tests, written by TensorFlow alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.windows.converter import GrooveConverter


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


def write_shards(
    folder: Path,
    windows: Performance,
    num_shards: int = 1,
    name: str = "train",
    qpms: Sequence[float] | None = None,
) -> list[Path]:
    """Writes windows in order, spread evenly over `name-0000k-of-0000m.tfrecord`."""
    qpms = [120.0] * len(windows.hits) if qpms is None else qpms
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    rows = np.array_split(np.arange(len(windows.hits)), num_shards)
    for index, part in enumerate(rows):
        path = folder / f"{name}-{index:05d}-of-{num_shards:05d}.tfrecord"
        paths.append(path)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in part:
                writer.write(_record(*(values[row] for values in windows), qpms[row]))
    return paths


def _record(hits: np.ndarray, velocities: np.ndarray, offsets: np.ndarray, qpm: float) -> bytes:
    def stored(array: np.ndarray) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()]))

    features = {
        "hits": stored(hits),
        "velocities": stored(velocities),
        "offsets": stored(offsets.astype("<f4")),
        "qpm": tf.train.Feature(float_list=tf.train.FloatList(value=[qpm])),
        "steps": tf.train.Feature(int64_list=tf.train.Int64List(value=[len(hits)])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
