from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import midi_bytes as midi
import numpy as np
import pytest
import tensorflow as tf

import groovefast as gf
from groovefast.config import get_config
from groovefast.errors import GrooveFastError
from groovefast.windows.dataset import read_windows
from groovefast.windows.token_dataset import read_token_windows

CONVERTERS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "drums 2": (gf.DrumsConverter(), "drums", {}),
    "drums 16": (gf.DrumsConverter(slice_bars=16), "drums", {}),
    "melody 2": (gf.MelodyConverter(), "melody", {"programs": range(32)}),
    "melody 16": (gf.MelodyConverter(slice_bars=16, programs=None), "melody", {}),
    "trio 16": (gf.TrioConverter(), "trio", {}),
}


@pytest.fixture(scope="module")
def converted(
    own_files: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Folders of our own files, by representation."""
    folders: dict[str, Path] = {}

    def convert(representation: Any) -> Path:
        if representation not in folders:
            folder = tmp_path_factory.mktemp(representation)
            gf.convert(own_files, folder, representation=representation, shards=1)
            folders[representation] = folder
        return folders[representation]

    return convert


@pytest.mark.parametrize("name", CONVERTERS)
def test_records_give_the_windows_of_their_files(
    name: str, own_files: list[Path], converted: Callable[[str], Path]
) -> None:
    converter, representation, options = CONVERTERS[name]
    expected = np.concatenate([converter.to_tensors(path).tokens for path in own_files])
    folder = converted(representation)
    windows = read_token_windows(folder, representation, converter.slice_bars, **options)
    assert windows.dtype == np.int16
    assert np.array_equal(windows, expected)


def test_at_most_so_many_windows_of_a_file(converted: Callable[[str], Path]) -> None:
    read = [
        read_token_windows(converted("drums"), "drums", 2, max_windows=5, seed=seed)
        for seed in (0, 0, 1)
    ]
    every = set(map(bytes, read_token_windows(converted("drums"), "drums", 2)))
    assert {bytes(window) for window in read[0]} <= every
    assert len(read[0]) == len(read[2]) < len(every)
    assert np.array_equal(read[0], read[1])
    assert not np.array_equal(read[0], read[2])


def test_a_record_tells_of_its_file(
    converted: Callable[[str], Path], own_files: list[Path]
) -> None:
    (shard,) = converted("trio").glob("*.tfrecord")
    record = next(iter(tf.data.TFRecordDataset(str(shard))))
    features = tf.train.Example.FromString(record.numpy()).features.feature
    assert features["representation"].bytes_list.value[0] == b"trio"
    assert features["source"].bytes_list.value[0].decode() in {path.name for path in own_files}
    steps = features["track_steps"].int64_list.value
    assert len(features["tokens"].bytes_list.value[0]) == 2 * 3 * sum(steps)
    for name in ("track_start_steps", "track_sub_sequences", "track_programs"):
        assert len(features[name].int64_list.value) == len(steps)


def test_the_report_counts_tracks(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("three.mid", "silent.mid", "tune.mid", "beat.mid")]
    events = [midi.hit(0, 36), midi.hit(479, 38), midi.meta(1440 - 1, 1)] * 4
    files[0].write_bytes(midi.song(midi.meter(0, 3), *events))
    files[1].write_bytes(midi.song())
    files[2].write_bytes(midi.song(*(midi.hit(480, 60, channel=0) for _ in range(8))))
    files[3].write_bytes(midi.song(*events))
    report = gf.convert(files, tmp_path / "out", representation="drums")
    assert report.converted == 1
    assert report.bars == 4
    assert report.skipped == {"no drums": 2, "no bars of 16 steps": 1}
    report = gf.convert(files, tmp_path / "out", representation="melody")
    assert (report.converted, report.skipped) == (1, {"no melody": 3})
    report = gf.convert(files, tmp_path / "out", representation="trio")
    assert report.skipped == {"no melody, bass and drums together": 4}


def test_refuses_other_representations(
    converted: Callable[[str], Path], own_files: list[Path], tmp_path: Path
) -> None:
    gf.convert(own_files[:9], tmp_path, shards=1)
    wanted = "holds performances, but a model of drums wants tokens of drums; convert again with"
    with pytest.raises(GrooveFastError, match=f"{wanted} --representation drums"):
        read_token_windows(tmp_path, "drums", 2)
    with pytest.raises(GrooveFastError, match="holds tokens of melody, but a model of drums wants"):
        read_token_windows(converted("melody"), "drums", 2)
    config = get_config("groovae_4bar")
    with pytest.raises(GrooveFastError, match="holds tokens of drums, but groovae_4bar wants perf"):
        read_windows(converted("drums"), config)
    # Without a manifest the records tell.
    alone = tmp_path / "alone" / "data.tfrecord"
    alone.parent.mkdir()
    for folder in (tmp_path, converted("drums")):
        (shard,) = folder.glob("*.tfrecord")
        alone.write_bytes(shard.read_bytes())
        if folder is tmp_path:
            with pytest.raises(GrooveFastError, match="record 0 holds performances, but"):
                read_token_windows(alone, "drums", 2)
        else:
            with pytest.raises(GrooveFastError, match="holds tokens of drums, but"):
                read_windows(alone, config)


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ({}, "holds performances"),
        ({"track_steps": [8], "tokens": bytes(16)}, "does not hold the steps it says"),
        ({"track_steps": [16], "tokens": bytes(30)}, "does not hold the steps it says"),
        ({"track_steps": [16, 16], "tokens": bytes(64)}, "does not hold the steps it says"),
        ({"track_steps": [16], "tokens": b"\0\x02" * 16}, "holds tokens there are none of"),
        ({"track_steps": [16], "tokens": bytes(32)}, "no window of drums: of 1 files none goes"),
    ],
)
def test_refuses_damaged_records(features: dict[str, Any], problem: str, tmp_path: Path) -> None:
    said: dict[str, Any] = {"representation": b"drums"} if features else {}
    for name in ("track_start_steps", "track_sub_sequences", "track_programs"):
        said[name] = [0]
    path = tmp_path / "data.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(example({**said, **features}))
    with pytest.raises(GrooveFastError, match=f"data.tfrecord: .*{problem}"):
        read_token_windows(path, "drums", 2)


def example(features: dict[str, Any]) -> bytes:
    def feature(value: Any) -> tf.train.Feature:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    named = {name: feature(value) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"steps_per_quarter": 8}, "steps_per_quarter: is of performances"),
        ({"channel": 1}, "channel: is of performances"),
        ({"magenta_compat": True}, "magenta_compat: is of performances"),
        ({"dedupe": True}, "dedupe: is of performances"),
        ({"unmapped_pitches": "error"}, "unmapped_pitches: is of performances"),
        ({"pitch_classes": "36|38|42|46|43|47|50|49|51"}, "pitch_classes: is of performances"),
        ({"representation": "drum"}, "representation: no such choice 'drum'; did you mean drums"),
    ],
)
def test_refuses_options_of_performances(
    options: dict[str, Any], problem: str, tmp_path: Path, own_files: list[Path]
) -> None:
    with pytest.raises(GrooveFastError, match=problem):
        gf.convert(own_files[:1], tmp_path, **{"representation": "drums", **options})


def test_refuses_windows_that_no_record_has(converted: Callable[[str], Path]) -> None:
    with pytest.raises(GrooveFastError, match="slice_bars: 8 is no whole number from 16"):
        read_token_windows(converted("trio"), "trio", 8)
    with pytest.raises(GrooveFastError, match="representation: no such choice"):
        read_token_windows(converted("trio"), "duo", 8)
