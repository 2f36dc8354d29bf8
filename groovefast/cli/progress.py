"""How far long work is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click


class Stage(NamedTuple):
    """How far some work is.

    Attributes:
        done: How much of it is done.
        total: How much there is.
        text: Both in words, and what else there is to tell.
        is_news: Whether it is worth a line of its own, however long ago the last one was.
    """

    done: int
    total: int
    text: str
    is_news: bool = False


class Display(NamedTuple):
    """Where it is shown.

    Attributes:
        show: Shows how far the work is.
        say: Prints a line beside.
    """

    show: Callable[[Stage], None]
    say: Callable[[str], None]


@contextlib.contextmanager
def display(seconds: float, err: bool = False) -> Iterator[Display]:
    """Gives what shows progress until the work is done.

    Args:
        seconds: From one line to the next.
        err: Whether stderr is where it is shown, rather than stdout.
    """
    if (sys.stderr if err else sys.stdout).isatty():
        with _bar(err) as bar:
            yield bar
    else:
        yield _lines(seconds, err)


@contextlib.contextmanager
def _bar(err: bool) -> Iterator[Display]:
    """A bar, gone at the end."""
    from rich import progress
    from rich.console import Console

    columns = progress.BarColumn(), progress.TextColumn("{task.description}", markup=False)
    with progress.Progress(*columns, console=Console(stderr=err), transient=True) as bar:
        task = bar.add_task("starting", total=None)  # what goes on does not begin at 0

        def show(stage: Stage) -> None:
            bar.update(task, total=stage.total, completed=stage.done, description=stage.text)

        def say(line: str) -> None:
            bar.console.print(line, markup=False, highlight=False)

        yield Display(show, say)


def _lines(seconds: float, err: bool) -> Display:
    """Plain lines."""
    last = time.monotonic()

    def show(stage: Stage) -> None:
        nonlocal last
        if stage.is_news or time.monotonic() - last >= seconds:
            last = time.monotonic()
            click.echo(stage.text, err=err)

    return Display(show, lambda line: click.echo(line, err=err))
