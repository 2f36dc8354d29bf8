"""How far long work is, on a terminal and elsewhere."""

from __future__ import annotations

import sys

import pytest
from terminal import drawn_by

from groovefast.cli import progress
from groovefast.cli.progress import Stage, display


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("err", [False, True])
def test_elsewhere_a_line_comes_now_and_then(clock, capsys, err):
    with display(10, err) as (show, say):
        for step, seconds in ((1, 0), (2, 9.9), (3, 0.1), (4, 5), (5, 5)):
            clock[0] += seconds
            show(Stage(step, 5, f"step {step}"))
        say("said [at once]")
    shown, empty = reversed(capsys.readouterr()) if err else capsys.readouterr()
    assert shown.splitlines() == ["step 3", "step 5", "said [at once]"]
    assert empty == ""


def test_news_is_told_at_once_and_puts_the_next_line_off(clock, capsys):
    with display(10) as (show, _):
        for step, seconds, is_news in ((1, 1, True), (2, 9.9, False), (3, 0.1, False)):
            clock[0] += seconds
            show(Stage(step, 3, f"step {step}", is_news))
    assert capsys.readouterr().out.splitlines() == ["step 1", "step 3"]


_SHOWING = """
import sys
from groovefast.cli.progress import Stage, display

with display(10, err=sys.argv[1] == "err") as (show, say):
    show(Stage(3, 4, "[b]step[/b] 3 of 4"))
    say("said [at once]")
"""


@pytest.mark.parametrize("stream", ["out", "err"])
def test_on_a_terminal_it_is_a_bar_that_goes(stream):
    drawn, _ = drawn_by([sys.executable, "-c", _SHOWING, stream], f"std{stream}")
    assert b"[b]step[/b] 3 of 4" in drawn
    assert b"said [at once]" in drawn
    assert drawn.rstrip().endswith(b"\x1b[2K"), "the bar is wiped out"
