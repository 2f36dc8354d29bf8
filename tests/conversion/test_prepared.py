"""Data sets that TFDS has prepared, made offline of the dataset's files by TFDS's own code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from prepared_groove import PER_SPLIT, Prepare
from records import read_shards

from groovefast.conversion.convert import convert
from groovefast.conversion.prepared import convert_prepared
from groovefast.errors import GrooveFastError, OptionError
from groovefast.shards.manifest import verify

pytest.importorskip("tensorflow_datasets", reason="tensorflow-datasets is not installed")

FULL = "groove/full-midionly"
COLUMNS = ("id", "drummer", "style", "bpm", "beat_type", "time_signature")


def contents(folder: Path, split: str) -> list[tuple[Any, ...]]:
    """Grids and labels of the records of a split, in an order of their own."""
    names = ("hits", "velocities", "offsets", "qpm", "quarters_per_bar", *COLUMNS)
    return sorted(tuple(record[name] for name in names) for record in read_shards(folder, split))


def test_records_are_those_of_the_files(
    few_groove_files: Path, prepare_groove: Prepare, tmp_path: Path
) -> None:
    table = few_groove_files / "info.csv"
    convert(few_groove_files, tmp_path / "files", metadata=table)
    report = convert_prepared(FULL, tmp_path / "tfds", data_dir=prepare_groove("full-midionly"))
    assert report.complete
    for split in ("train", "validation", "test"):
        records = contents(tmp_path / "tfds", split)
        assert len(records) >= PER_SPLIT
        assert records == contents(tmp_path / "files", split)
    assert not any(message for *_, message in verify(tmp_path / "tfds"))


def test_a_second_time_nothing_is_converted(prepare_groove: Prepare, tmp_path: Path) -> None:
    data_dir = prepare_groove("full-midionly")
    convert_prepared(FULL, tmp_path / "out", data_dir=data_dir)
    report = convert_prepared(FULL, tmp_path / "out", data_dir=data_dir, resume=True)
    assert report.reused == len(report.shards)


def test_a_folder_of_a_prepared_data_set(prepare_groove: Prepare, tmp_path: Path) -> None:
    data_dir = prepare_groove("full-midionly")
    folder = str(next((data_dir / FULL).iterdir()))
    convert_prepared(folder, tmp_path / "folder")
    convert_prepared(FULL, tmp_path / "name", data_dir=data_dir)
    assert contents(tmp_path / "folder", "train") == contents(tmp_path / "name", "train")


def test_windows_are_performances_and_warned_of(prepare_groove: Prepare, tmp_path: Path) -> None:
    pytest.importorskip("pretty_midi", reason="pretty_midi, which TFDS cuts with, is missing")
    said: list[str] = []
    convert_prepared(
        "groove/2bar-midionly",
        tmp_path,
        data_dir=prepare_groove("2bar-midionly"),
        on_message=said.append,
    )
    (line,) = said
    assert line.startswith("warning: groove/2bar-midionly holds windows of 2 bars that TFDS cut")
    assert "groove/full-midionly has whole ones" in line
    records = read_shards(tmp_path, "train")
    assert len({record["source"] for record in records}) == len(records) > PER_SPLIT
    assert all(b":" not in record["source"] for record in records)
    bars = [record["steps"] / (4 * record["quarters_per_bar"]) for record in records]
    assert max(bars) <= 3


def test_what_is_not_prepared_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError) as raised:
        convert_prepared(FULL, tmp_path / "out", data_dir=tmp_path / "none")
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{FULL}: not prepared in {tmp_path / 'none'}")
    assert f"tfds.load('{FULL}', data_dir='{tmp_path / 'none'}')" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["groove/nonesuch", "nonesuch/full", "no such name!"])
def test_names_there_are_none_of(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=f"^tfds: {name}: ") as raised:
        convert_prepared(name, tmp_path / "out", data_dir=tmp_path)
    assert "\n" not in str(raised.value)


def test_without_tfds_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    line = r"^tensorflow-datasets is not installed, .*: pip install 'groovefast\[tfds\]'$"
    with pytest.raises(GrooveFastError, match=line):
        convert_prepared(FULL, tmp_path / "out")


def test_a_data_set_without_midi(tmp_path: Path, made_up_dir: Path) -> None:
    convert(made_up_dir, tmp_path / "records", metadata=made_up_dir / "info.csv")
    with pytest.raises(OptionError, match="has no feature midi, only "):
        convert_prepared(str(tmp_path / "records"), tmp_path / "out")
