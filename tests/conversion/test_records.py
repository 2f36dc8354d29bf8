"""What TensorFlow, and nothing else, makes of the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from groovefast.conversion.convert import convert
from groovefast.windows.converter import GrooveConverter

FEATURES = {
    "hits": tf.io.FixedLenFeature([], tf.string),
    "velocities": tf.io.FixedLenFeature([], tf.string),
    "offsets": tf.io.FixedLenFeature([], tf.string),
    "steps": tf.io.FixedLenFeature([], tf.int64),
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
    dataset = tf.data.TFRecordDataset(shards).map(parse, tf.data.AUTOTUNE).batch(4096)
    batches = list(dataset.as_numpy_iterator())
    read = {name: np.concatenate([batch[name] for batch in batches]) for name in FEATURES}
    assert len(read["source"]) == report.windows == 19_552
    converter = GrooveConverter(split_bars=4, hop_bars=1)
    for source in np.unique(read["source"]):
        mine = read["source"] == source
        tensors = converter.to_tensors(groove_dir / source.decode())
        hits, velocities, offsets = np.split(tensors.outputs, 3, axis=-1)
        np.testing.assert_array_equal(read["hits"][mine], hits)
        np.testing.assert_array_equal(read["velocities"][mine], np.rint(velocities * 127))
        np.testing.assert_array_equal(read["offsets"][mine], offsets)
        np.testing.assert_array_equal(read["start_step"][mine], tensors.start_steps)
        np.testing.assert_array_equal(read["qpm"][mine], tensors.qpms.astype(np.float32))
        assert set(read["drummer"][mine]) == {source.split(b"/")[0]}
    assert set(read["steps"]) == {64}


def test_records_are_as_tensorflow_serializes(own_files: list[Path], tmp_path: Path) -> None:
    """Parsed and written again by TensorFlow they have the same features and size."""
    convert(own_files[:3], tmp_path, split_bars="all")
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
