"""A converted folder as a data set of TFDS: the two files of JSON that make it one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import midi_bytes as midi
import numpy as np
import pytest
from records import read_shards

from groovefast.conversion.convert import convert
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import MANIFEST, verify
from groovefast.shards.tfds_files import DATASET_INFO, FEATURES, TFDS_FILES

TABLE = """midi_filename,split,style,a/b
0.mid,train,rock,x
1.mid,validation,funk/fast,x
2.mid,train,rock,x
3.mid,train,jazz,x
4.mid,all,jazz,x
5.mid,not.one,jazz,x
"""


def song(bars: int, velocity: int) -> bytes:
    """Bars of a bass drum on each quarter; of more than four the tempo rises after two."""
    rise = midi.tempo(0, 400_000) if bars > 4 else b""
    notes = [midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)]
    return midi.song(*notes[:8], rise, *notes[8:])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.mid").write_bytes(song(3 + number, 40 + number))
    (folder / "info.csv").write_text(TABLE)
    return folder


@pytest.fixture
def out(corpus: Path, tmp_path: Path) -> Path:
    """A finished conversion of several sets, the first of them in three shards."""
    convert(corpus, tmp_path / "out", metadata=corpus / "info.csv", shards=3)
    return tmp_path / "out"


def complaints(folder: Path) -> dict[str, str]:
    return {name: message for name, _, message in verify(folder) if message}


# With TFDS itself


@pytest.fixture
def tfds() -> Any:
    return pytest.importorskip("tensorflow_datasets", reason="tensorflow-datasets is not installed")


def test_tfds_reads_all_that_is_in_the_records(tfds: Any, out: Path) -> None:
    builder = tfds.builder_from_directory(out)
    assert builder.info.full_name == "groovefast/performances/3.0.0"
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        "train": 3,
        "validation": 1,
    }
    read = list(tfds.as_numpy(builder.as_dataset(split="train")))
    records = read_shards(out, "train")
    assert len(read) == len(records) == 3
    for got, record in zip(read, records, strict=True):
        assert got.keys() == {*record.keys() - {"a/b"}, "track", *TEMPO_CHANGES}
        for name, (dtype, width) in GRIDS.items():
            wanted = np.frombuffer(record[name], dtype).reshape(-1, width)
            np.testing.assert_array_equal(got[name], wanted, strict=True)
        for name in got.keys() - {*GRIDS, *TEMPO_CHANGES, "track"}:
            assert got[name] == record[name], name
        for name in TEMPO_CHANGES:
            np.testing.assert_array_equal(got[name], record.get(name, []))
    assert sorted(len(each["tempo_change_steps"]) for each in read) == [0, 1, 1]


GRIDS = {"hits": (np.uint8, 9), "velocities": (np.uint8, 9), "offsets": (np.float32, 9)}
TEMPO_CHANGES = {"tempo_change_steps", "tempo_change_qpms"}


def test_tfds_reads_part_of_a_split(tfds: Any, corpus: Path, tmp_path: Path) -> None:
    for number in range(6, 20):
        (corpus / f"{number}.mid").write_bytes(song(4, number))
    convert(corpus, tmp_path / "out", name="train", shards=3)
    builder = tfds.builder_from_directory(tmp_path / "out")
    parts = ("train[:10%]", "train[10%:]", "train")
    counts = [len(list(builder.as_dataset(split=part))) for part in parts]
    assert counts == [2, 18, 20]


@pytest.mark.parametrize(
    ("representation", "shape"), [("drums", (-1,)), ("melody", (-1,)), ("trio", (-1, 3))]
)
def test_tfds_reads_tokens(
    tfds: Any, tune_records: Path, representation: str, shape: tuple[int, ...]
) -> None:
    folder = tune_records / representation
    builder = tfds.builder_from_directory(folder)
    assert builder.info.config_name == representation
    read = list(tfds.as_numpy(builder.as_dataset(split="train")))
    records = read_shards(folder, "train")
    assert len(read) == len(records) > 0
    for got, record in zip(read, records, strict=True):
        wanted = np.frombuffer(record["tokens"], "<i2").reshape(shape)
        np.testing.assert_array_equal(got["tokens"], wanted)
        assert got["track_steps"].sum() == len(wanted)
        assert got["representation"] == representation.encode()


# Without it


def test_the_files_follow_from_the_manifest_alone(corpus: Path, out: Path, tmp_path: Path) -> None:
    convert(corpus, tmp_path / "again", metadata=corpus / "info.csv", shards=3, workers=1)
    for name in TFDS_FILES:
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    features = json.loads((out / FEATURES).read_text())["featuresDict"]["features"]
    assert "style" in features
    assert "a/b" not in features
    splits = json.loads((out / DATASET_INFO).read_text())["splits"]
    totals = json.loads((out / MANIFEST).read_text())["shards"]
    assert splits[0]["shardLengths"] == [str(shard["records"]) for shard in totals[:3]]
    assert splits[0]["numBytes"] == str(sum(shard["bytes"] for shard in totals[:3]))


def altered(path: Path) -> None:
    path.write_text(path.read_text().replace('"groovefast"', '"other"').replace("uint8", "int8"))


@pytest.mark.parametrize("name", TFDS_FILES)
@pytest.mark.parametrize(
    ("spoil", "message"), [(Path.unlink, "it is missing"), (altered, "it was altered")]
)
def test_what_is_wrong_is_found_and_mended(
    corpus: Path, out: Path, name: str, spoil: Callable[[Path], None], message: str
) -> None:
    wanted = (out / name).read_bytes()
    spoil(out / name)
    assert complaints(out).keys() == {name}
    assert complaints(out)[name].startswith(message)
    report = convert(corpus, out, metadata=corpus / "info.csv", shards=3, resume=True)
    assert report.reused == len(report.shards)
    assert (out / name).read_bytes() == wanted
    assert not complaints(out)


def test_another_conversion_replaces_them(corpus: Path, out: Path) -> None:
    before = {name: (out / name).read_bytes() for name in TFDS_FILES}
    convert(corpus, out, representation="drums")
    for name in TFDS_FILES:
        assert (out / name).read_bytes() != before[name]
    assert not complaints(out)


def test_a_data_set_of_others_stays(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / DATASET_INFO).write_text("{}")
    with pytest.raises(GrooveFastError, match=rf"{DATASET_INFO}: of another data set"):
        convert(corpus, folder)
    assert [path.name for path in folder.iterdir()] == [DATASET_INFO]
    shutil.rmtree(folder)
    convert(corpus, folder)
