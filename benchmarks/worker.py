"""Work in another interpreter, taking its turn among what is timed in this one.

Some peers cannot live in one process with others. A worker is started once, prepares itself, and
then does its work each time it is told to: a line to its stdin, a line of JSON from its stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any


class Worker:
    """The side that tells.

    Attributes:
        ready: What the worker had to say when it was prepared.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self.ready = self._answer()

    def ask(self, request: Any = None) -> Any:
        """Has the work done once and returns what comes of it."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise SystemExit(f"{self._process.args!r} ended early, status {status}")
        return json.loads(line)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(ready: Any, work: Callable[[Any], Any]) -> None:
    """The side that works: answers each request until there are no more."""
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), flush=True)
