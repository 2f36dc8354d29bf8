"""The errors a user can cause, each a single line that says what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GrooveFastError(Exception):
    """A mistake in what was asked for; the message is one line naming the file, option or value."""


class OptionError(GrooveFastError):
    """A value that an option cannot have.

    Attributes:
        parameter: What the option is called in Python; commands show it as they call it.
        problem: What is wrong with its value, and what is wanted.
    """

    def __init__(self, parameter: str, problem: str) -> None:
        self.parameter = parameter
        self.problem = problem
        super().__init__(f"{parameter}: {problem}")

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str]]:
        return OptionError, (self.parameter, self.problem)


class MidiError(GrooveFastError, ValueError):
    """Bytes that are not a readable Standard MIDI File.

    Attributes:
        offset: Position, in bytes from the start of the file, of what could not be read.
        reason: What was wrong there, without file name or offset.
    """

    def __init__(self, reason: str, offset: int, source: str | None = None) -> None:
        self.reason = reason
        self.offset = offset
        where = f"{source}: " if source else ""
        super().__init__(f"{where}{reason} (at byte {offset})")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `; did you mean A or B?` for the known words close to `word`, or nothing."""
    matches = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(matches)}?" if matches else ""
