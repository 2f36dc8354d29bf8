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
    """Has what is computed inside tell how far it is, in this thread or task alone.

    Args:
        report: Is called between two steps. What it raises ends the work, and is passed on.
    """
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def tell(stage: str, share: float) -> None:
    """Tells whoever watches how far a stage is; costs next to nothing where nobody does."""
    report = _report.get()
    if report is not None:
        report(stage, share)


class Progress:
    """How much of a stage is done, counted in steps of windows."""

    def __init__(self, stage: str, steps: int) -> None:
        """Begins a stage that takes so many steps of one window each."""
        self._stage, self._steps, self._done = stage, steps, 0

    def advance(self, windows: int) -> None:
        """Tells that some windows are a step further."""
        self._done += windows
        tell(self._stage, self._done / self._steps)
