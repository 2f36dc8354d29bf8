"""The errors a user can cause, each a single line that says what is wrong and what to do.

Where a line mentions an option it names the parameter in backquotes, as in `hop_bars`; commands
show it as they call it, as in --hop-bars.
"""

from __future__ import annotations

import contextlib
import difflib
import operator
import re
import sys
from collections.abc import Iterable, Iterator


class GrooveFastError(Exception):
    """A mistake in what was asked for; the message is one line naming the file, option or value."""


class MissingPackageError(GrooveFastError, ImportError):
    """Something is not installed that playing does not need: what comes with an extra."""


class WorkerLostError(GrooveFastError):
    """Of several processes that train one model another is gone; started again, all go on."""


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
        self._source = source
        where = f"{source}: " if source else ""
        super().__init__(f"{where}{reason} (at byte {offset})")

    def __reduce__(self) -> tuple[type[MidiError], tuple[str, int, str | None]]:
        return MidiError, (self.reason, self.offset, self._source)


def check_choice(parameter: str, value: object, choices: Iterable[str]) -> None:
    """Raises unless an option's value is one of a few words.

    Raises:
        OptionError: It is not; names the words.
    """
    known = tuple(choices)
    if value not in known:
        raise OptionError(parameter, f"no such choice {value!r}{which_of(str(value), known)}")


def check_whole(parameter: str, value: object, least: int, most: int | None = None) -> int:
    """Returns an option's value as an int if it is a whole number, of any kind but a truth value.

    Raises:
        OptionError: It is none, or less than `least`, or more than `most`.
    """
    number = operator.index(value) if is_whole(value) else least - 1  # type: ignore[arg-type]
    if number < least or (most is not None and number > most):
        end = "on" if most is None else f"to {most:,}"
        raise OptionError(parameter, f"{value!r} is no whole number from {least} {end}")
    return number


def check_number(parameter: str, value: float, least: float, most: float) -> None:
    """Raises unless an option's value is a number in a range.

    Raises:
        OptionError: It is none, or NaN, or less than `least`, or more than `most`.
    """
    try:
        fits = least <= value <= most
    except TypeError:
        fits = False
    if not fits:
        raise OptionError(parameter, f"{value!r} is no number from {least:g} to {most:g}")


def is_whole(value: object) -> bool:
    """Whether something is a whole number, numpy's too; True and False are not."""
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)


def which_of(word: str, known: Iterable[str]) -> str:
    """Returns `; did you mean A?` for a word that is close to some, else `; it is one of A, B`."""
    choices = tuple(known)
    return did_you_mean(word, choices) or f"; it is one of {', '.join(choices)}"


_EXTRAS = {
    "tensorflow": ("TensorFlow", "train"),
    "sklearn": ("scikit-learn", "train"),
    "onnx": ("onnx", "onnx"),
    "apache_beam": ("Apache Beam", "beam"),
    "fsspec": ("fsspec", "cloud"),
    "distributed": ("Dask", "beam"),
    "dask": ("Dask", "beam"),
    "tensorflow_datasets": ("tensorflow-datasets", "tfds"),
}
"""What the optional modules are called, and the extra of GrooveFast that each comes with."""


@contextlib.contextmanager
def wanting_extras() -> Iterator[None]:
    """Says what to install where an import fails for want of what comes with an extra only.

    Raises:
        MissingPackageError: So it does.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package, extra = _EXTRAS.get((error.name or "").partition(".")[0], (None, None))
        if not package:
            raise
        raise MissingPackageError(
            f"{package} is not installed, which this needs: pip install 'groovefast[{extra}]'"
        ) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no room: TensorFlow has an error of its own, also for that of the disk."""
    tensorflow = sys.modules.get("tensorflow")
    is_exhausted = tensorflow and isinstance(error, tensorflow.errors.ResourceExhaustedError)
    return isinstance(error, MemoryError) or bool(is_exhausted)


OUT_OF_MEMORY = "out of memory; ask for less at once, or close other programs"
"""What to say where `is_out_of_memory`."""


def in_plain_words(line: str) -> str:
    """Returns a line with each `parameter` called as in Python, without backquotes."""
    return re.sub(r"`(\w+)`", r"\1", line)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns `; did you mean A or B?` for the known words close to `word`, or nothing."""
    matches = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(matches)}?" if matches else ""
