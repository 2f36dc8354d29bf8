"""Which files of a folder are MIDI, and which are left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from groovefast.midi.folder import midi_files


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_files_are_found_however_deep_and_in_order(tmp_path: Path) -> None:
    _touch(tmp_path, "b.mid", "a.MIDI", "x/y/c.smf", "x/d.Kar", "e.txt", "f.zip", "mid", ".g.mid")
    found = [".g.mid", "a.MIDI", "b.mid", "x/d.Kar", "x/y/c.smf"]
    assert midi_files(tmp_path) == [Path(name) for name in found]
    assert midi_files(f"{tmp_path}/") == midi_files(tmp_path)


def test_what_is_hidden_or_macos_own_is_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, ".git/a.mid", "__MACOSX/b.mid", "x/__MACOSX/c.mid", "._d.mid", "x/e.mid")
    assert midi_files(tmp_path) == [Path("x/e.mid")]


def test_a_hidden_folder_that_is_named_is_meant(tmp_path: Path) -> None:
    _touch(tmp_path, ".git/a.mid", "__MACOSX/b.mid")
    assert midi_files(tmp_path / ".git") == [Path("a.mid")]
    assert midi_files(tmp_path / "__MACOSX") == [Path("b.mid")]


def test_a_folder_may_be_left_out_unless_it_is_the_one(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mid", "out/b.mid")
    assert midi_files(tmp_path, tmp_path / "out") == [Path("a.mid")]
    assert midi_files(tmp_path, tmp_path / "out" / ".." / "out") == [Path("a.mid")]
    assert midi_files(tmp_path, tmp_path) == [Path("a.mid"), Path("out/b.mid")]
    assert midi_files(tmp_path, tmp_path / "not there yet") == midi_files(tmp_path)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    _touch(tmp_path, "in/a.mid", "else/b.mid")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "else")
    assert midi_files(tmp_path / "in") == [Path("a.mid"), Path("more/b.mid")]


def test_names_need_not_be_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.mid")
    try:
        _touch(tmp_path, name)
    except OSError:
        pytest.skip("the file system takes only text")
    assert midi_files(tmp_path) == [Path(name)]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        midi_files(tmp_path / "gone")
    assert str(tmp_path / "gone") in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_is_closed_is_named(tmp_path: Path) -> None:
    _touch(tmp_path, "x/a.mid")
    (tmp_path / "x").chmod(0)
    try:
        with pytest.raises(PermissionError, match="x"):
            midi_files(tmp_path)
    finally:
        (tmp_path / "x").chmod(0o700)
