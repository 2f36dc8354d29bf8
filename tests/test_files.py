from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from groovefast.errors import GrooveFastError
from groovefast.files import lock_folder


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
