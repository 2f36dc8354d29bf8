from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import midi_bytes as midi
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

import groovefast as gf
from groovefast.config import get_config
from groovefast.errors import GrooveFastError
from groovefast.windows.dataset import batches, load_dataset, open_windows, read_windows
from groovefast.windows.order import Order
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


CONFIGS = {
    "cat-drums_2bar_small": ("drums", (32,)),
    "hierdec-drums_16bar": ("drums", (256,)),
    "cat-mel_2bar_big": ("melody", (32,)),
    "hier-mel_16bar": ("melody", (256,)),
    "hierdec-trio_16bar": ("trio", (256, 3)),
}


def in_order(data: tf.data.Dataset) -> NDArray[np.int16]:
    """The windows of all batches."""
    return np.concatenate([inputs for inputs, *_ in data.as_numpy_iterator()])


@pytest.mark.parametrize("name", CONFIGS)
def test_batches_of_a_config(name: str, converted: Callable[[str], Path]) -> None:
    representation, shape = CONFIGS[name]
    folder = converted(representation)
    config = get_config(name)
    assert config.tokens is not None
    data = load_dataset(folder, name, 4, shuffle=False, seed=3)
    inputs, outputs, controls = next(iter(data))
    assert (inputs.dtype, inputs.shape) == (tf.int16, (4, *shape))
    assert np.array_equal(inputs, outputs)
    assert (controls.dtype, controls.shape) == (tf.float32, (4, shape[0], 0))
    assert data.element_spec[0].shape.as_list() == [None, *shape]
    expected = read_token_windows(
        folder,
        representation,
        shape[0] // 16,
        programs=range(32) if name == "cat-mel_2bar_big" else None,
        max_windows=5,
        seed=3,
    )
    assert np.array_equal(in_order(data), expected)


def test_each_pass_has_an_order_of_its_own(converted: Callable[[str], Path]) -> None:
    data = load_dataset(converted("drums"), "cat-drums_2bar_small", 8)
    one, other = in_order(data), in_order(data)
    assert not np.array_equal(one, other)
    assert sorted(map(bytes, one)) == sorted(map(bytes, other))


@pytest.mark.parametrize("start", [1, 9, 40])
def test_going_on_gives_what_would_have_come(start: int, converted: Callable[[str], Path]) -> None:
    windows = open_windows(converted("melody"), get_config("cat-mel_2bar_small"), seed=1)

    def next_two(first: int) -> list[Any]:
        order = Order(seed=1, repeat=True, start=first)
        data = batches(windows, get_config("cat-mel_2bar_small").converter, order, 8)
        return [inputs for inputs, *_ in data.take(2).as_numpy_iterator()]

    ((_, wanted), (got, _)) = next_two(start - 1), next_two(start)
    np.testing.assert_array_equal(got, wanted)


def test_only_training_on_two_bars_transposes(converted: Callable[[str], Path]) -> None:
    folder = converted("melody")
    kept = set(map(bytes, in_order(load_dataset(folder, "cat-mel_2bar_small", shuffle=False))))
    varied = in_order(load_dataset(folder, "cat-mel_2bar_small"))
    assert len(set(map(bytes, varied)) - kept) > len(kept) // 3
    kept = set(map(bytes, in_order(load_dataset(folder, "hier-mel_16bar", shuffle=False))))
    assert set(map(bytes, in_order(load_dataset(folder, "hier-mel_16bar")))) == kept


@pytest.mark.parametrize("name", ["cat-mel_2bar_small", "groovae_4bar"])
def test_says_which_records_would_fit(
    name: str, converted: Callable[[str], Path], own_files: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(GrooveFastError) as caught:
        load_dataset(converted("drums"), name)
    wanted, option = {
        "cat-mel_2bar_small": ("tokens of melody", " with --representation melody"),
        "groovae_4bar": ("performances", ""),
    }[name]
    assert str(caught.value).endswith(
        f".tfrecord: holds tokens of drums, but {name} wants {wanted}; convert again{option}, or "
        "choose a config of drums, such as cat-drums_2bar_small"
    )
    gf.convert(own_files[:9], tmp_path, shards=1)
    with pytest.raises(GrooveFastError, match=r"mel_2bar_small wants tokens .* as groovae_4bar$"):
        load_dataset(tmp_path, "cat-mel_2bar_small")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"hop_bars": 2}, "hop_bars: is of performances; cat-drums_2bar_small takes every bar"),
        ({"dedupe": True}, "dedupe: is of performances"),
        ({"cache": False}, "cache: of no use to cat-drums_2bar_small"),
        ({"batch_size": 0}, "batch_size: 0 is no whole number from 1 on"),
    ],
)
def test_refuses_what_tokens_have_no_use_for(
    options: dict[str, Any], problem: str, converted: Callable[[str], Path]
) -> None:
    with pytest.raises(GrooveFastError, match=problem):
        load_dataset(converted("drums"), "cat-drums_2bar_small", **options)
