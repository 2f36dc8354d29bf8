"""A studio as its users run it: a process of its own, and requests to it, whole or broken."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from signals import heed_ctrl_c

PATIENCE = 30.0
"""Seconds after which something hangs."""
_START = "from groovefast.cli.studio import main; main()"


@dataclasses.dataclass
class Studio:
    """One that runs."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return int(re.findall(r":(\d+)/", self.address)[0])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def connected(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """The status of an answer, and its body."""
        asker = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(asker):
            asker.request(method, target, body, dict(headers or {}))
            answer = asker.getresponse()
            return answer.status, answer.read()

    def post(self, target: str, content: Any) -> Any:
        """The JSON that JSON is answered with; of several lines the last."""
        status, body = self.ask("POST", target, json.dumps(content).encode())
        assert status == 200, body
        return json.loads(body.splitlines()[-1])

    def send(self, raw: bytes, patience: float = PATIENCE) -> tuple[int, bytes] | None:
        """How bytes are answered; None where they are not, in so many seconds."""
        silence = contextlib.suppress(OSError, http.client.HTTPException)
        with silence, self.connected() as connection:
            connection.settimeout(patience)
            connection.sendall(raw)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()
        return None

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Its exit status when it is told to end, and what it wrote on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


@contextlib.contextmanager
def studio(*words: str | Path, **environment: str) -> Iterator[Studio]:
    """A studio at a free port, unless a port is given."""
    port = () if "--port" in words else ("--port", "0")
    with subprocess.Popen(
        [sys.executable, "-c", _START, "--no-browser", *port, *map(str, words)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        try:
            assert process.stdout
            assert process.stderr
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + process.stderr.read()
            yield Studio(process, found[0])
        finally:
            process.kill()


def sent(piece: Mapping[str, Any]) -> dict[str, Any]:
    """A piece as a page sends it that has not changed it."""
    return {
        name: piece[name] for name in ("name", "midi", "qpm", "hits", "channel", "track", "kit")
    }
