"""What a program draws on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from collections.abc import Sequence
from typing import Any


def drawn_by(
    command: Sequence[str | os.PathLike[str]], stream: str, **others: Any
) -> tuple[bytes, subprocess.CompletedProcess[Any]]:
    """Runs a program with a terminal for one of its streams.

    Args:
        command: Its words.
        stream: "stdout" or "stderr".
        **others: As for `subprocess.Popen`.

    Returns:
        What it drew, and what became of it.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, env=environment, **{stream: theirs}, **others) as process:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # how the end looks on Linux
            while chunk := os.read(ours, 1 << 16):
                drawn += chunk
        output, errors = process.communicate()
    os.close(ours)
    return drawn, subprocess.CompletedProcess(command, process.returncode, output, errors)
