"""Shards are taken only for what the manifest beside them says they are."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from groovefast import CONFIGS, Groove
from groovefast.conversion.convert import convert
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import JOURNAL, MANIFEST
from groovefast.shards.origin import check_origin

CONFIG = CONFIGS["groovae_2bar_humanize"]


@pytest.fixture(scope="module")
def beat(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("midi") / "beat.mid"
    steps = np.arange(0, 16 * 8, 2)
    Groove.from_hits(steps, steps % 3, np.full(len(steps), 90), 0.1 * (steps % 4), 100).save(path)
    return path


@pytest.fixture
def folder(beat, tmp_path) -> Path:
    return converted(beat, tmp_path / "records")


def converted(beat: Path, folder: Path, **options: object) -> Path:
    convert(beat, folder, **{"workers": 1, "pitch_classes": "reduced", "shards": 2, **options})
    return folder


def check(folder: Path, pattern: str = "*.tfrecord") -> None:
    check_origin(sorted(folder.glob(pattern)), CONFIG)


def complaint(folder: Path, pattern: str = "*.tfrecord") -> str:
    with pytest.raises(GrooveFastError) as caught:
        check(folder, pattern)
    (line,) = str(caught.value).splitlines()
    return line


def unfinished(folder: Path, shards: int) -> None:
    """Makes of the conversion one that was killed after so many shards."""
    content = json.loads((folder / MANIFEST).read_text())
    lines = [{"plan": content["plan"]}, *content["shards"][:shards]]
    (folder / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / MANIFEST).unlink()


def test_what_was_converted_for_the_config_passes(folder, beat):
    check(folder)
    check(converted(beat, folder.with_name("roland"), pitch_classes="roland"))


def test_without_a_manifest_nothing_is_said(beat, tmp_path):
    folder = converted(beat, tmp_path / "records", steps_per_quarter=8)
    (folder / MANIFEST).unlink()
    check(folder)
    check_origin([], CONFIG)


@pytest.mark.parametrize("finished", [True, False])
def test_another_grid(beat, tmp_path, finished):
    folder = converted(beat, tmp_path / "records", steps_per_quarter=8)
    if not finished:
        unfinished(folder, 1)
    shard = folder / "data-00001-of-00002.tfrecord"
    assert complaint(folder, shard.name) == (
        f"{shard}: converted with steps_per_quarter 8, but groovae_2bar_humanize wants 4; choose "
        "another config or convert with --steps-per-quarter 4"
    )


@pytest.mark.parametrize("finished", [True, False])
def test_windows_of_an_earlier_version(folder, finished):
    if not finished:
        unfinished(folder, 1)
    file = folder / (MANIFEST if finished else JOURNAL)
    file.write_text(file.read_text().replace("groovefast-shards 3", "groovefast-shards 2"))
    assert complaint(folder) == (
        f"{folder}: holds the records of another version of GrooveFast; convert again, with "
        "`groovefast-convert INPUT… DIR`"
    )


def test_a_shard_of_another_size(folder):
    shard = folder / "data-00000-of-00002.tfrecord"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-9])
    assert complaint(folder) == (
        f"{shard}: it was altered: {size - 9} bytes instead of {size}; convert again"
    )


def test_a_stranger_in_the_folder(folder, beat):
    other = converted(beat, folder.with_name("other"), shards=1)
    stranger = folder / "data-00000-of-00001.tfrecord"
    shutil.copy(other / stranger.name, stranger)
    assert complaint(folder, stranger.name) == (
        f"{stranger}: not of the conversion in its folder; move it away, or convert again"
    )
    stranger.rename(folder / "mine-00000-of-00001.tfrecord")
    check(folder)


def test_what_an_unfinished_conversion_has_not_noted_yet(folder):
    unfinished(folder, 1)
    check(folder)
    shard = folder / "data-00000-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes() + b"\0")
    assert "it was altered" in complaint(folder)


@pytest.mark.parametrize("name", [MANIFEST, JOURNAL])
@pytest.mark.parametrize("content", ["{", "[]", '{"plan": {}, "shards": []}', '{"plan": 1}'])
def test_a_damaged_manifest(folder, name, content):
    (folder / MANIFEST).unlink()
    (folder / name).write_text(content)
    assert complaint(folder).startswith(f"{folder / name}: damaged")


def test_a_damaged_manifest_of_another_folder_is_not_met(folder, beat):
    other = converted(beat, folder.with_name("other"))
    (other / MANIFEST).write_text("{")
    check(folder)
    both = [*folder.glob("*.tfrecord"), *other.glob("*.tfrecord")]
    with pytest.raises(GrooveFastError, match=f"{other / MANIFEST}: damaged"):
        check_origin(both, CONFIG)


def test_a_config_of_the_same_grid_passes(folder):
    converter = dataclasses.replace(
        CONFIG.converter, split_bars=4, hop_bars=7, quarters_per_bar=3, pitch_classes="roland"
    )
    check_origin(folder.glob("*.tfrecord"), dataclasses.replace(CONFIG, converter=converter))
