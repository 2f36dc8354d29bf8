"""The MIDI files in a folder, found by the rules of `groovefast-convert`."""

from __future__ import annotations

import os
from pathlib import Path

from groovefast import _records


def midi_files(
    folder: str | os.PathLike[str], leave_out: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Returns the MIDI files below a folder, however deep: their paths within it, sorted.

    Those are .mid, .midi, .smf and .kar. Hidden folders are left out, and what macOS adds of its
    own; links are followed, but not back into a folder they lie in.

    Args:
        folder: Where to look.
        leave_out: A folder that is left out where it lies in that one.

    Raises:
        OSError: It is not there, or it or a folder in it cannot be looked into.
    """
    files = _records.FileList()
    if leave_out is not None:
        files.leave_out(os.fsencode(leave_out))
    files.add(os.fsencode(folder))
    for path, error in files.unreadable():
        raise OSError(error, os.strerror(error), os.fsdecode(path))
    files.sort()
    return [Path(os.fsdecode(files.name(index))) for index in range(len(files))]
