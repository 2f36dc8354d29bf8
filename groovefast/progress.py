"""How far a network is with what it computes, for whoever waits for it and may want to stop it."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import TypeAlias

Report: TypeAlias = Callable[[str, float], None]
"""Takes what is being done, "listening" or "playing", and how much of it is, 0..1."""

LISTENING, PLAYING = "listening", "playing"

_report: contextvars.ContextVar[Report | None] = contextvars.ContextVar("report", default=None)


@contextlib.contextmanager
def watched(report: Report) -> Iterator[None]:
    """Has what this thread or task begins inside tell how far it is.

    Args:
        report: Is called between two steps. What it raises ends the work, and is passed on.
    """
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


class Progress:
    """How much of a stage is done, counted in steps of windows; by whichever threads do it."""

    def __init__(self, stage: str, steps: int) -> None:
        """Begins a stage that takes so many steps of one window each."""
        self._report = _report.get()
        self._stage, self._steps, self._done = stage, steps, 0

    def advance(self, windows: int) -> None:
        """Tells whoever watches that some windows are a step further."""
        self._done += windows
        if self._report is not None:
            self._report(self._stage, min(self._done / self._steps, 1.0))
