"""Processes that get a signal at a given change of a folder, not at a moment of the clock."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("signal_at.cpp")


def run_with_signal(
    words: Sequence[str],
    folder: Path,
    change: int,
    *,
    name: str = "",
    number: signal.Signals = signal.SIGKILL,
) -> subprocess.CompletedProcess[str]:
    """Runs Python, and sends it a signal at one of its changes to the files of a folder.

    Args:
        words: What follows `python`.
        folder: The folder.
        change: Which, counted from 1, of the calls that write to, rename to or remove a file there:
            just before it, or with half of its bytes written. There may be fewer.
        name: Counts only files whose path has this in it.
        number: The signal.
    """
    return subprocess.run(
        [sys.executable, *words],
        env=environment_with_signal(folder, change, name=name, number=number),
        preexec_fn=heed_ctrl_c,
        capture_output=True,
        text=True,
        check=False,
    )


def environment_with_signal(
    folder: Path, change: int, *, name: str = "", number: signal.Signals = signal.SIGKILL
) -> dict[str, str]:
    """The environment of a process that is to get a signal; see `run_with_signal`."""
    preload = [*os.environ.get("LD_PRELOAD", "").split(), str(_library())]
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(preload),
        "SIGNAL_FOLDER": f"{folder.resolve()}/",
        "SIGNAL_NAME": name,
        "SIGNAL_CHANGE": str(change),
        "SIGNAL_NUMBER": str(int(number)),
    }


def heed_ctrl_c() -> None:
    """Undoes what a shell does to what it runs in the background: that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _library() -> Path:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if sys.platform != "linux" or not compiler:
        pytest.skip("signals at a given change need Linux and a C++ compiler")
    library = Path(tempfile.mkdtemp(), "signal_at.so")
    command = [*compiler.split(), "-std=c++17", "-O1", "-shared", "-fPIC", str(SOURCE)]
    subprocess.run([*command, "-o", str(library), "-ldl"], check=True)
    return library
