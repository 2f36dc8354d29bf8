from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from groovefast.errors import GrooveFastError
from groovefast.files import lock_folder, replacing_folder


def test_a_folder_is_for_one_process_at_a_time(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path / "new", "")
    with pytest.raises(GrooveFastError, match=f"^{tmp_path / 'new'}: somebody is there$"):
        lock_folder(tmp_path / "new", "somebody is there")
    os.close(lock)
    os.close(lock_folder(tmp_path / "new", ""))


def test_a_folder_that_cannot_be_locked_is_not_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks available") as error:
        lock_folder(tmp_path, "somebody is there")
    assert error.value.filename == str(tmp_path)


def test_a_folder_is_replaced_when_all_of_it_is_written(tmp_path: Path) -> None:
    target = tmp_path / "1"
    for text in ("old", "new"):
        with replacing_folder(target) as folder:
            (folder / text).write_text(text)
            assert target.exists() == (text == "new")
        assert [path.name for path in target.iterdir()] == [text]
    assert list(tmp_path.iterdir()) == [target]
    (tmp_path / "usual").mkdir()
    assert target.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_folder_that_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "1"
    target.mkdir()
    (target / "mine").touch()

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"), replacing_folder(target) as folder:
        fail(folder)
    rename = Path.rename

    def refuse(path: Path, to: Path) -> Path:
        if path.name == "new":
            raise OSError(errno.EACCES, "Permission denied")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Permission"), replacing_folder(target):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["1", "mine"]
