"""Folders that one process at a time may write to."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from groovefast.errors import GrooveFastError


def lock_folder(path: Path, busy: str) -> int:
    """Makes a folder if need be, and takes it for this process, until it ends at the latest.

    Args:
        path: The folder.
        busy: What to say of it when another process has it.

    Returns:
        A file descriptor; closing it gives the folder back.

    Raises:
        GrooveFastError: It is a file, or another process has it.
        OSError: It cannot be made or opened.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise GrooveFastError(f"{path}: is a file; name a folder to write to") from None
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise GrooveFastError(f"{path}: {busy}") from None
    return lock
