"""Conversion of a bucket of S3, whose server does not always do as it should."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import midi_bytes as midi
import pytest

from groovefast.conversion.convert import convert

WHY = "{} is not installed (the extra test)"
pytest.importorskip("s3fs", reason=WHY.format("s3fs"))
fsspec = pytest.importorskip("fsspec", reason=WHY.format("fsspec"))
moto = pytest.importorskip("moto.server", reason=WHY.format("moto[server]"))
serving = pytest.importorskip("werkzeug.serving", reason=WHY.format("moto[server]"))

READ_TIMEOUT_S = 1


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


SONGS = {f"{'deep/' if n % 2 else ''}{n:03d}.mid": song(4 + n % 9, 1 + n % 120) for n in range(300)}

Respond = Callable[..., Any]


class Server:
    """A server of S3; what it is to do wrong with an object is taken from `faults`, one by one."""

    def __init__(self) -> None:
        self.faults: dict[str, list[str]] = {}
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._app = moto.DomainDispatcherApplication(moto.create_backend_app)
        self._server = serving.make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "GET" or not path.endswith(".mid"):
            return self._app(environ, respond)
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            faults = self.faults.get(path.rpartition("/")[2])
            fault = faults.pop(0) if faults else ""
        try:
            time.sleep(0.02)
            return self._answer(fault, environ, respond)
        finally:
            with self._lock:
                self.at_once -= 1

    def _answer(self, fault: str, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        if fault == "busy":
            respond("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>"]
        if fault == "late":
            time.sleep(1.5 * READ_TIMEOUT_S)
        answer = list(self._app(environ, respond))
        return [b"".join(answer)[:50]] if fault == "truncated" else answer


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setattr(serving.WSGIRequestHandler, "log", lambda *_: None)
    server = Server()
    options = {
        "key": "key",
        "secret": "secret",
        "client_kwargs": {"endpoint_url": server.url},
        "config_kwargs": {"read_timeout": READ_TIMEOUT_S},
    }
    patch.setitem(fsspec.config.conf, "s3", options)
    system = fsspec.filesystem("s3")
    system.mkdir("bucket")
    system.pipe({f"bucket/songs/{name}": content for name, content in SONGS.items()})
    yield server
    server.close()
    patch.undo()


@pytest.fixture
def server(running: Server) -> Server:
    running.faults.clear()
    running.most_at_once = 0
    return running


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("s3")
    for name, content in SONGS.items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    convert(folder / "corpus", folder / "here")
    return contents(folder / "here")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_many_are_read_at_once(server: Server, expected: dict[str, bytes], tmp_path: Path) -> None:
    convert("s3://bucket/songs", tmp_path / "out")
    assert contents(tmp_path / "out") == expected
    assert server.most_at_once > 20


def test_faults_that_pass(server: Server, expected: dict[str, bytes], tmp_path: Path) -> None:
    server.faults.update({"000.mid": ["busy"], "002.mid": ["late"], "004.mid": ["truncated"]})
    report = convert("s3://bucket/songs", tmp_path / "out")
    assert report.complete
    assert contents(tmp_path / "out") == expected
    assert not any(server.faults.values())
