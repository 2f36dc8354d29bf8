"""Small files read whole: no more than they may hold, and no waiting for what is no file."""

from __future__ import annotations

import os
import stat

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
