"""Files read and written whole or not at all, and folders for one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from groovefast.errors import GrooveFastError

_UNFINISHED = ".tmp"
_MOST_OF_NAME = 40
"""Of a file's name in that of its unfinished self; systems allow 255 bytes in all."""


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


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], overwrite: bool = True) -> Iterator[BinaryIO]:
    """Opens a file to write that is in its place in full at the end, or not at all.

    Args:
        path: Its name.
        overwrite: Whether to replace a file that is there.

    Yields:
        The file, which has another name until all is written; after an error it is gone.

    Raises:
        FileExistsError: There is one, and it is not to be replaced.
        OSError: The folder does not exist or cannot be written, or the disk is full.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    descriptor, name = tempfile.mkstemp(
        prefix=f".{target.name[:_MOST_OF_NAME]}.", suffix=_UNFINISHED, dir=target.parent
    )
    unfinished = Path(name)
    try:
        with naming(target), os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.chmod(0o666 & ~_umask())
        if overwrite:
            unfinished.replace(target)
        else:
            _name_new(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Makes a folder that is in its place in full at the end, or not at all.

    Args:
        path: Its name; what is there is replaced.

    Yields:
        The folder, which is elsewhere until all is written; after an error it is gone.

    Raises:
        OSError: The folder around it does not exist or cannot be written, or the disk is full.
    """
    target = Path(path)
    prefix = f".{target.name[:_MOST_OF_NAME]}."
    room = Path(tempfile.mkdtemp(prefix=prefix, suffix=_UNFINISHED, dir=target.parent))
    new, old = room / "new", room / "old"
    try:
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(room, ignore_errors=True)


def write_atomically(path: str | os.PathLike[str], data: bytes, overwrite: bool = True) -> None:
    """Writes a file that is either there in full or not at all; see `replacing`."""
    with replacing(path, overwrite) as file:
        file.write(data)


def remove_unfinished(folder: Path) -> None:
    """Removes from a folder what a killed process was just writing by `replacing`.

    No other process may be writing there.
    """
    for file in folder.glob(f".*{_UNFINISHED}"):
        if not file.is_dir():
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Adds the file to an error that does not name it, as those of writing."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
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
        OSError: It cannot be made, opened or, as on some network drives, locked.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise GrooveFastError(f"{path}: is a file; name a folder to write to") from None
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise GrooveFastError(f"{path}: {busy}") from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    return lock
