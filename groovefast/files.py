"""Files read and written whole or not at all, and folders for one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path

from groovefast.errors import GrooveFastError


def read_file(path: str | os.PathLike[str], most: int, kind: str, too_large: str) -> bytes:
    """Returns the bytes of a file.

    Args:
        path: Its name.
        most: How many bytes it may have.
        kind: What it should be, for the error of a folder: "a MIDI file".
        too_large: What to say of one with more.

    Raises:
        GrooveFastError: A folder, a pipe or a device, or too large.
        OSError: It cannot be read.
    """
    name = os.fsdecode(path)
    try:
        # Without waiting: a pipe may have no writer.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError as error:  # a zero byte in it
        raise GrooveFastError(f"{name!r}: no path ({error})") from None
    try:
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            raise GrooveFastError(f"{name}: a folder, not {kind}")
        if not stat.S_ISREG(status.st_mode):
            raise GrooveFastError(f"{name}: not a file but a pipe or a device")
        if status.st_size > most:
            raise GrooveFastError(f"{name}: {too_large}")
        # Room for one byte more shows the end of a file that does not grow, in a single call.
        data = os.read(file, status.st_size + 1)
        while len(data) != status.st_size and (more := os.read(file, most + 1 - len(data))):
            data += more
    finally:
        os.close(file)
    if len(data) > most:
        raise GrooveFastError(f"{name}: {too_large}")
    return data


def write_atomically(path: str | os.PathLike[str], data: bytes, overwrite: bool = True) -> None:
    """Writes a file that is either there in full or not at all.

    Args:
        path: Its name.
        data: What it holds.
        overwrite: Whether to replace a file that is there.

    Raises:
        FileExistsError: There is one, and it is not to be replaced.
        OSError: The folder does not exist or cannot be written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(2, "No such folder", str(target.parent))
    descriptor, unfinished = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(unfinished).chmod(0o666 & ~_umask())
        if overwrite:
            Path(unfinished).replace(target)
        else:
            _name_new(Path(unfinished), target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _name_new(unfinished: Path, target: Path) -> None:
    """Gives a file its name unless another has it, also if that came into being this moment."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "There already", str(target)) from None
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(errno.EEXIST, "There already", str(target)) from None
        unfinished.replace(target)
    else:
        unfinished.unlink()


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
