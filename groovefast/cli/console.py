"""How every command meets its user: options they share, errors as one line, exit statuses.

A command module holds

    @console.command("groovefast-sample")
    @click.option("--num", ...)
    def command(num: int) -> None: ...

    def main() -> None:
        console.run(command)

Little but click is imported here, so that `--help` stays instant.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import click

from groovefast.drum_part import MAX_TRACKS
from groovefast.drums import resolve_pitch_classes
from groovefast.errors import (
    OUT_OF_MEMORY,
    GrooveFastError,
    OptionError,
    WorkerLostError,
    did_you_mean,
    is_out_of_memory,
    wanting_extras,
    which_of,
)
from groovefast.remote import is_url

EXIT_MISTAKE = 2
EXIT_SOME_FAILED = 3
"""Some of the files could not be read or played; the others were."""
EXIT_WORKER_LOST = 75
"""The same command may be run again as it is; `EX_TEMPFAIL` of sysexits.h."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 1

_SILENT = "3"
"""TF_CPP_MIN_LOG_LEVEL at which TensorFlow reports fatal errors only."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

_DEBUG_HELP = "Show the traceback of an error."
_REMEDIES = {
    errno.EACCES: "check its permissions or choose another place",
    errno.EPERM: "check its permissions or choose another place",
    errno.EEXIST: "choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.ENOENT: "check the spelling",
    errno.ENOTDIR: "one of its parent folders is a file; choose another place",
    errno.EISDIR: "name a file instead",
    errno.ENOSPC: "free some space or choose another place",
    errno.EDQUOT: "free some space or choose another place",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


def command(name: str, **attributes: Any) -> Callable[[_Function], click.Command]:
    """Decorates a function as the command `name`, with `-h`, `--version` and `--debug`.

    Args:
        name: The installed name, such as "groovefast-convert"; error lines begin with it.
        **attributes: Passed on to `click.command`.
    """
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    settings.update(attributes.pop("context_settings", {}))

    def decorate(function: _Function) -> click.Command:
        make: Callable[[_Function], click.Command] = click.command(
            name, context_settings=settings, **attributes
        )
        # `run` reads --debug itself: it must count even where the options cannot be parsed.
        debug = click.option("--debug", is_flag=True, expose_value=False, help=_DEBUG_HELP)
        version = click.version_option(package_name="groovefast", prog_name=name)
        return version(debug(make(function)))

    return decorate


def run(command: click.Command, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and leaves the process with its exit status.

    0 is success, or the integer the command returned; 2 a mistake of the user, or a machine with
    too little memory or room, told in one line on stderr; 3 a command that returned
    `EXIT_SOME_FAILED`, as some of its files could not be read or played and the others were; 75 the
    loss of another process that trains along, so that all should be started again;
    130 Ctrl-C; 1 a reader of our output that went away. Anything else is a bug of ours and keeps
    its traceback. With `--debug` mistakes keep theirs too. A stream that is closed is no mistake:
    what would go there goes nowhere.

    Args:
        command: What `console.command` made.
        arguments: The words after the command's name; those of the process if None.
    """
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files may be no text
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    if not debug:
        _quiet_tensorflow()
    try:
        status = command.main(words, prog_name=command.name, standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        _complain(command, "interrupted")
        _leave(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _leave(EXIT_BROKEN_PIPE)
    except Exception as error:
        if debug or not _can_happen(error):
            raise
        _complain(command, describe(error, command))
        if isinstance(error, WorkerLostError):
            os._exit(EXIT_WORKER_LOST)  # TensorFlow would wait for the one that is gone
        _leave(EXIT_MISTAKE)
    _leave(status if isinstance(status, int) else 0)


def describe(error: Exception, command: click.Command | None = None) -> str:
    """Returns the one line that tells a user of `error`: what is wrong, where, what to do.

    Args:
        error: What was raised.
        command: What was run; its options are called as it calls them.
    """
    if isinstance(error, OptionError):
        line = f"{_option_name(error.parameter, command)}: {error.problem}"
    elif isinstance(error, click.UsageError):
        line = _describe_usage(error)
    elif isinstance(error, click.ClickException):
        line = error.format_message()
    elif isinstance(error, OSError):
        line = _describe_os_error(error)
    elif is_out_of_memory(error):
        line = _describe_shortage(error)
    else:
        line = str(error)
    return " ".join(in_words_of(command, line).split())


def is_debugging() -> bool:
    """Whether the command that runs was given `--debug`."""
    source = click.get_current_context().get_parameter_source("debug")
    return source is click.core.ParameterSource.COMMANDLINE


def in_words_of(command: click.Command | None, line: str) -> str:
    """Returns what the library says, each `parameter` in it called as a command calls it."""
    return re.sub(r"`(\w+)`", lambda found: _option_name(found[1], command, found[0]), line)


class Choice(click.Choice[str]):
    """One of a few words; an unknown one is answered with the closest known."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Returns the message for a word that is none of the choices."""
        del ctx
        return f"no such choice {value!r}{which_of(str(value), self.choices)}"


class PathOrUrl(click.Path):
    """A path, as a `Path`, or a URL, as it is written."""

    def __init__(self, **wanted: Any) -> None:
        """Takes what `click.Path` does."""
        super().__init__(path_type=Path, **wanted)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path or URL that a word is."""
        return value if is_url(value) else super().convert(value, param, ctx)


class LocalPath(click.Path):
    """A path, as a `Path`, of what is written; a URL is refused, before it becomes a folder."""

    def __init__(self) -> None:
        """Takes any path."""
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path that a word is."""
        if is_url(value):
            self.fail(f"a path on this machine wanted, not the URL {value}", param, ctx)
        return super().convert(value, param, ctx)


def model_path(word: str) -> Path:
    """The type of an option that names a model: its path, to which one at a URL is fetched.

    Raises:
        GrooveFastError: It cannot be had.
    """
    if not is_url(word):
        return Path(word)
    from groovefast.model.at_url import local_model

    return local_model(word)


def _channels(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """MIDI channels from 1, as in `1`, `1,10` or `1-16`."""
    del ctx, param
    if value is None:
        return None
    channels: list[int] = []
    for word in value.split(","):
        first, dash, last = word.strip().partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isdecimal() and len(end) < 4 and 1 <= int(end) <= 16 for end in ends):
            raise click.BadParameter(
                f"{value!r} is no list of MIDI channels (1 to 16), as in 1,10 or 1-16"
            )
        channels += range(int(ends[0]), int(ends[1]) + 1)
    if not channels:
        raise click.BadParameter(f"{value!r} names no channel")
    return tuple(channels)


def _track(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    """A track by its number in the file, from 1, or by its name."""
    del ctx, param
    if value is None or not value.strip():
        if value is not None:
            raise click.BadParameter("an empty name; give that of a track, or its number")
        return None
    if not value.strip().isdecimal():
        return value
    digits = value.strip().lstrip("0")
    if not digits or len(digits) > len(str(MAX_TRACKS)) or int(digits) > MAX_TRACKS:
        raise click.BadParameter(f"{value!r} is no track; they count from 1")
    return int(digits)


def drum_part(function: _Function) -> _Function:
    """Adds `--channel` and `--track`, which say what of a file its drums are."""
    track = click.option(
        "--track",
        callback=_track,
        metavar="NAME|N",
        help="The track of the drums, by its name or, where that is a number, by its place in the "
        "file, from 1.",
    )
    channel = click.option(
        "--channel",
        callback=_channels,
        metavar="N[,N…]",
        help="The MIDI channels of the drums.  [default: 10, or all of --track]",
    )
    return channel(track(function))


def cutting(usual: str) -> Callable[[_Function], _Function]:
    """Adds `--hop-bars`, `--dedupe` and `--min-hits`, which say what windows performances give.

    Args:
        usual: Whose hop is the default.
    """
    hop_bars = click.option(
        "--hop-bars",
        type=click.IntRange(min=1),
        metavar="BARS",
        help=f"Bars from the start of a window to the start of the next.  [default: the {usual}'s]",
    )
    dedupe = click.option(
        "--dedupe",
        is_flag=True,
        help="Leave out windows that are as an earlier one of the same data.",
    )
    min_hits = click.option(
        "--min-hits",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="HITS",
        help="Leave out windows with fewer hits.",
    )
    return lambda function: hop_bars(dedupe(min_hits(function)))


def tfds(use: str) -> Callable[[_Function], _Function]:
    """Adds `--tfds` and `--tfds-data-dir`, which name a data set of TensorFlow Datasets.

    Args:
        use: What is done with it.
    """
    name = click.option(
        "--tfds",
        metavar="NAME",
        help=f"{use} a data set that TFDS has prepared, such as groove/full-midionly, or its "
        "folder.  [takes groovefast[tfds]]",
    )
    data_dir = click.option(
        "--tfds-data-dir",
        type=click.Path(),
        metavar="DIR",
        help="Where TFDS has its data.  [default: TFDS's own]",
    )
    return lambda function: name(data_dir(function))


def pitch_classes(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[tuple[int, ...], ...] | None:
    """The callback of an option that takes a drum map in any form: the pitches of each class.

    Raises:
        OptionError: No such map.
        click.BadParameter: A wrong one in a file.
    """
    if value is None:
        return None
    try:
        return resolve_pitch_classes(value)
    except OptionError:
        raise
    except GrooveFastError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    except OSError as error:
        raise click.BadParameter(_describe_os_error(error), ctx, param) from None


def attributes(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, float] | None:
    """The callback of an option that takes NAME=AMOUNT several times; None if it is not given.

    Raises:
        click.BadParameter: Not of that form, or one attribute twice.
    """
    amounts: dict[str, float] = {}
    for value in values:
        name, _, text = (part.strip() for part in value.rpartition("="))
        try:
            amount = float(text)
        except ValueError:
            name = ""
        if not name or not math.isfinite(amount):
            raise click.BadParameter(f"{value!r} is not of the form NAME=AMOUNT", ctx, param)
        if name in amounts:
            raise click.BadParameter(f"{name} is given more than once", ctx, param)
        amounts[name] = amount
    return amounts or None


def check_no_model(output: Path, overwrite: bool) -> None:
    """Raises if a model that is saved at `output` would replace one, unless it may."""
    from groovefast.model.folder import model_in

    if not overwrite and (file := model_in(output)):
        raise GrooveFastError(
            f"{output}: holds a model ({file}); choose another folder, or replace it with "
            "--overwrite"
        )


class FloatRange(click.FloatRange):
    """A number in a range, or any number; "nan" and "inf" are none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Returns the number a word says."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def _describe_usage(error: click.UsageError) -> str:
    """A click usage error in the form `--option: what is wrong`."""
    manual = f" (see {error.ctx.command.name} --help)" if error.ctx else ""
    if isinstance(error, click.NoSuchOption):
        params = error.ctx.command.params if error.ctx else ()
        known = [word for param in params for word in param.opts if word.startswith("--")]
        hint = did_you_mean(error.option_name, known)
        return f"{error.option_name}: no such option{hint}{manual}"
    if isinstance(error, click.MissingParameter) and error.param:
        return f"{_label(error.param)} is missing{manual}"
    if isinstance(error, click.BadParameter) and error.param:
        return f"{_label(error.param)}: {_uncapitalized(error.message.rstrip('.'))}"
    return f"{_uncapitalized(error.format_message().rstrip('.'))}{manual}"


def _option_name(parameter: str, command: click.Command | None, unknown: str | None = None) -> str:
    """What a command calls the option that the library calls `parameter`.

    What it has no such option for is called `unknown`, or `parameter` if that is None.
    """
    params = command.params if command else ()
    names = (_label(each) for each in params if each.name == parameter)
    return next(names, parameter if unknown is None else unknown)


def _label(param: click.Parameter) -> str:
    """The name a user knows a parameter by: `--num`, `OUTPUT_DIR`."""
    if isinstance(param, click.Argument):
        return param.make_metavar(click.Context(click.Command(None))).strip("[].")
    return max(param.opts, key=len)


def _describe_os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0)
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    return f"{place}{_uncapitalized(reason)}" + (f"; {remedy}" if remedy else "")


def _describe_shortage(error: Exception) -> str:
    """Of memory or, as TensorFlow has one error for both, of room on the disk."""
    for number in (errno.ENOSPC, errno.EDQUOT):
        if os.strerror(number) in str(error):
            return f"{_uncapitalized(os.strerror(number))}; {_REMEDIES[number]}"
    return OUT_OF_MEMORY


def _can_happen(error: Exception) -> bool:
    """Whether an error is no bug of ours."""
    known = (GrooveFastError, OSError, click.ClickException)
    return isinstance(error, known) or is_out_of_memory(error)


def _uncapitalized(sentence: str) -> str:
    """The sentence from its first letter on in lower case, unless it begins with a NAME."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _complain(command: click.Command, line: str) -> None:
    with contextlib.suppress(OSError):  # where stderr is full, only the exit status can tell
        click.echo(f"{command.name}: {line}", err=True)


def load_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages, unless TF_CPP_MIN_LOG_LEVEL asks for them.

    Some are written to the process's stderr before TensorFlow reads that variable.

    Raises:
        MissingPackageError: It is not installed.
    """
    with wanting_extras():
        _load_tensorflow()


def _load_tensorflow() -> None:
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != _SILENT:
        importlib.import_module("tensorflow")
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _quiet_tensorflow() -> None:
    """Keeps the messages of TensorFlow's C++ side off the user's terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _SILENT)


def _open_closed_streams() -> None:
    """Gives closed streams to the null device, lest the next file opened takes their number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # of free numbers the lowest
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _leave(status: int) -> NoReturn:
    """Ends the process with a status that the interpreter's last flush cannot change."""
    _settle(sys.stdout)
    _settle(sys.stderr)
    sys.exit(status)


def _settle(stream: TextIO) -> None:
    """Writes what a stream still holds, or points it at nothing."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
