"""How long the studio takes to answer over HTTP, JSON and all, and to start; and its memory.

Every piece is four bars long.

python benchmarks/studio.py
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from timing import Report, Work, option_parser, race

GOAL_SECONDS, GOAL_OF_STARTING = 0.15, 1.0
CLIENTS = 50
PROGRAM = str(Path(sys.executable).with_name("groovefast-studio"))


class Studio:
    """A studio that runs, and a connection to it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, method: str, target: str, body: bytes | None = None) -> bytes:
        self._connection.request(method, target, body)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return content

    def play(self, mode: str, *pieces: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        body = json.dumps({"mode": mode, "pieces": list(map(sent, pieces)), "options": options})
        answer = self.ask("POST", "/api/play", body.encode())
        result: dict[str, Any] = json.loads(answer.splitlines()[-1])
        assert "error" not in result, result
        return result

    @property
    def memory(self) -> float:
        """Megabytes it has taken at most; 0 where the machine does not tell."""
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            return int(re.findall(r"VmHWM:\s*(\d+)", status)[0]) / 1024
        return 0.0


@contextlib.contextmanager
def studio() -> Iterator[Studio]:
    words = [PROGRAM, "--no-browser", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(re.findall(r":(\d+)/", process.stdout.readline())[0])
        yield Studio(process, port)
        process.terminate()


def sent(piece: Mapping[str, Any]) -> dict[str, Any]:
    """What a page sends of a piece."""
    names = ("name", "midi", "qpm", "hits", "channel", "track", "kit")
    return {name: piece[name] for name in names}


def start() -> float:
    begun = time.perf_counter()
    with studio() as one:
        one.ask("GET", "/api/studio")
        return time.perf_counter() - begun


def answers(one: Studio) -> dict[str, Work]:
    """All that a page asks for."""
    a, b = (one.play("sample", num=1, seed=seed)["pieces"][0] for seed in (1, 2))
    assert len(a["bars"]) == 4
    midi, piece = base64.b64decode(a["midi"]), json.dumps({"piece": sent(a)}).encode()
    of_one = ("humanize", "tap2drum", "add-hihat", "reconstruct", "vary")
    return {
        "sample": lambda: one.play("sample", num=1),
        **{mode: functools.partial(one.play, mode, a) for mode in of_one},
        "groove-transfer": lambda: one.play("groove-transfer", a, b),
        "interpolate, at=0.3": lambda: one.play("interpolate", a, b, at=0.3),
        "open": lambda: one.ask("POST", "/api/open?name=a.mid", midi),
        "write": lambda: one.ask("POST", "/api/write", piece),
        "wav": lambda: one.ask("POST", "/api/wav", piece),
    }


def seconds_of_fifty(one: Studio) -> float:
    """Until all of many clients that ask at once are answered."""
    piece = one.play("sample", num=1, seed=1)["pieces"][0]

    def humanize() -> None:
        Studio(one.process, one.port).play("humanize", piece)

    threads = [threading.Thread(target=humanize) for _ in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def main() -> None:
    arguments = option_parser(__doc__, rounds=5).parse_args()
    report = Report("The studio", ("numpy", "starlette", "uvicorn"))
    with studio() as one:
        one.ask("GET", "/api/studio")
        at_first = one.memory
        timings = race(answers(one), 1, arguments.rounds)
        report.table("answers/s", timings)
        for name, times in timings.items():
            report.figure(
                f"four bars: {name}", 1000 / times.rate, "ms", at_most=1000 * GOAL_SECONDS
            )
        report.figure(f"{CLIENTS} clients at once, the last", seconds_of_fifty(one), "s")
        report.figure("memory when it has started", at_first, "MB")
        report.figure("memory at the peak", one.memory, "MB")
    started = race({"start": start}, 1, arguments.rounds)["start"]
    report.figure("from starting it to an answer", 1 / started.rate, "s", at_most=GOAL_OF_STARTING)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
