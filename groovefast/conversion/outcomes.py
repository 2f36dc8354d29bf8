"""What became of each file of a conversion, in words."""

from __future__ import annotations

import enum
import errno
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from groovefast.midi.score import TOO_LARGE

_NOT_REGULAR = -1
"""What `csrc/files.hpp` has in place of an errno for pipes, devices and folders."""


class Outcome(enum.Enum):
    """What became of a file, a folder or a zip; values are the names in `csrc/report.cpp`."""

    CONVERTED = "converted"
    SALVAGED = "salvaged"
    NO_DRUMS = "no_drums"
    NO_MELODY = "no_melody"
    NO_TRIO = "no_trio"
    NO_GRID = "no_grid"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    METER = "meter"
    METER_CHANGE = "meter_change"
    TEMPO_CHANGE = "tempo_change"
    SMPTE = "smpte"
    NOT_LISTED = "not_listed"
    WITHOUT_SPLIT = "without_split"
    DAMAGED = "damaged"
    UNREADABLE = "unreadable"
    UNMAPPED = "unmapped"
    UNOPENED = "unopened"

    @property
    def words(self) -> str:
        """The same few words for all files it happened to."""
        return _WORDS[self]

    @property
    def is_failure(self) -> bool:
        """Whether the file could not be read, rather than holding nothing to convert."""
        return self in _FAILURES


_FAILURES = frozenset((Outcome.DAMAGED, Outcome.UNREADABLE, Outcome.UNMAPPED, Outcome.UNOPENED))
_WORDS = {
    Outcome.CONVERTED: "converted",
    Outcome.SALVAGED: "salvaged",
    Outcome.NO_DRUMS: "no drums",
    Outcome.NO_MELODY: "no melody",
    Outcome.NO_TRIO: "no melody, bass and drums together",
    Outcome.NO_GRID: "no bars of 16 steps",
    Outcome.TOO_SHORT: "too short",
    Outcome.TOO_LONG: "too long",
    Outcome.METER: "bars of no whole number of steps",
    Outcome.METER_CHANGE: "meter changes",
    Outcome.TEMPO_CHANGE: "tempo changes",
    Outcome.SMPTE: "SMPTE time",
    Outcome.NOT_LISTED: "not in the metadata",
    Outcome.WITHOUT_SPLIT: "no split in the metadata",
    Outcome.DAMAGED: "damaged",
    Outcome.UNREADABLE: "unreadable",
    Outcome.UNMAPPED: "unmapped pitch",
    Outcome.UNOPENED: "not looked into",
}


class FileProblem(NamedTuple):
    """A file that gave no performance, or not all of it; or a folder or zip.

    Attributes:
        file: Its path relative to the input, as in the records; of a folder or zip the whole path.
        outcome: What became of it.
        message: What exactly was wrong and where; empty if the outcome says it all.
    """

    file: str
    outcome: Outcome
    message: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.message or self.outcome.words}"


def explain(told: Mapping[str, Any]) -> str:
    """Returns what exactly is wrong with a file and where; empty if its outcome says it all.

    Args:
        told: What `_records.Conversion` tells of the file.
    """
    outcome = Outcome(told["outcome"])
    if outcome in (Outcome.SALVAGED, Outcome.DAMAGED):
        return f"{told['reason']} (at byte {told['offset']})"
    if outcome is Outcome.UNREADABLE:
        return told.get("reason") or _read_error(told["error"])
    if outcome is Outcome.UNMAPPED:
        return (
            f"pitch {told['pitch']} belongs to no drum class; give pitch classes that map it, or "
            "drop unmapped pitches"
        )
    return ""


def _read_error(error: int) -> str:
    if error == _NOT_REGULAR:
        return "not a regular file"
    if error == errno.EFBIG:
        return TOO_LARGE
    return os.strerror(error)
