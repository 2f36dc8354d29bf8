"""What TensorFlow, and nothing else, makes of the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from groovefast.conversion.convert import convert
from groovefast.windows.tensors import GrooveConverter

FEATURES = {
    "hits": tf.io.FixedLenFeature([], tf.string),
    "velocities": tf.io.FixedLenFeature([], tf.string),
    "offsets": tf.io.FixedLenFeature([], tf.string),
    "steps": tf.io.FixedLenFeature([], tf.int64),
    "steps_per_quarter": tf.io.FixedLenFeature([], tf.int64),
    "quarters_per_bar": tf.io.FixedLenFeature([], tf.float32),
    "qpm": tf.io.FixedLenFeature([], tf.float32),
    "source": tf.io.FixedLenFeature([], tf.string),
    "start_step": tf.io.FixedLenFeature([], tf.int64),
    "style": tf.io.FixedLenFeature([], tf.string),
    "drummer": tf.io.FixedLenFeature([], tf.string),
}


def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
    example = tf.io.parse_single_example(record, FEATURES)
    for name, kind in (("hits", tf.uint8), ("velocities", tf.uint8), ("offsets", tf.float32)):
        example[name] = tf.reshape(tf.io.decode_raw(example[name], kind), [-1, 9])
    return example


def test_every_record_of_the_dataset(groove_dir: Path, tmp_path: Path) -> None:
    report = convert(groove_dir, tmp_path, metadata=groove_dir / "info.csv")
    shards = sorted(str(path) for path in tmp_path.glob("*.tfrecord"))
    found = list(tf.data.TFRecordDataset(shards).map(parse).as_numpy_iterator())
    assert len(found) == report.performances == 1_150
    for record in found:
        bars = int(record["steps"] // 16) if record["quarters_per_bar"] == 4 else 0
        if not bars:
            continue
        path = groove_dir / record["source"].decode()
        whole = GrooveConverter(split_bars=bars).to_tensors(path)
        hits, velocities, offsets = np.split(whole.outputs[0], 3, axis=-1)
        np.testing.assert_array_equal(record["hits"], hits)
        np.testing.assert_array_equal(record["velocities"], np.rint(velocities * 127))
        np.testing.assert_array_equal(record["offsets"], offsets)
        assert record["start_step"] == whole.start_steps[0] == 0
        assert record["qpm"] == whole.qpms[0].astype(np.float32)
        assert record["steps_per_quarter"] == 4
        assert record["drummer"] == record["source"].split(b"/")[0]


def test_records_are_as_tensorflow_serializes(own_files: list[Path], tmp_path: Path) -> None:
    """Parsed and written again by TensorFlow they have the same features and size."""
    convert(own_files[:3], tmp_path)
    shard = tmp_path / "data-00000-of-00001.tfrecord"
    for record in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator():
        example = tf.train.Example.FromString(record)
        assert set(example.features.feature) == set(FEATURES) - {"style", "drummer"}
        assert len(example.SerializeToString()) == len(record)


def test_tensorflow_refuses_a_changed_byte(own_files: list[Path], tmp_path: Path) -> None:
    """The checksums are such as TensorFlow checks."""
    convert(own_files[0], tmp_path)
    shard = tmp_path / "data-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[1000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(shard)))
