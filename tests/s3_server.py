"""A server of S3 on this machine, by moto, that does not always do as it should."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

_WHY = "{} is not installed (the extra test)"
READ_TIMEOUT_S = 1
_DELAY_S = 0.02

Respond = Callable[..., Any]


class Server:
    """The server. What it is to do wrong with an object is taken from `faults`, one by one.

    Attributes:
        url: Where it is.
        system: What fsspec makes of it.
        faults: By the last part of an object's name, after "PUT " of those that are put: "busy",
            "late", "truncated", or of those that are read "replaced".
        awaited: So many MIDI files have to be asked for at once before one is answered, or the
            patience of those who ask is nearly at its end.
        most_at_once: How many were.
    """

    def __init__(self, app: Any, serving: Any) -> None:
        self.faults: dict[str, list[str]] = {}
        self.at_once = self.most_at_once = self.awaited = 0
        self.system: Any = None
        self._lock = threading.Condition()
        self._app = app
        self._server = serving.make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def contents(self, folder: str) -> dict[str, bytes]:
        """All files below a folder."""
        self.system.invalidate_cache()
        found = self.system.find(folder)
        return {path.removeprefix(f"{folder}/"): self.system.cat_file(path) for path in found}

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        method, name = environ["REQUEST_METHOD"], environ["PATH_INFO"].rpartition("/")[2]
        name = name if method == "GET" else f"{method} {name}"
        with self._lock:
            faults = self.faults.get(name)
            fault = faults.pop(0) if faults else ""
        if method != "GET" or not name.endswith(".mid"):
            return self._answer(fault, environ, respond)
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._lock.notify_all()
            self._lock.wait_for(lambda: self.most_at_once >= self.awaited, 0.9 * READ_TIMEOUT_S)
        try:
            time.sleep(_DELAY_S)
            return self._answer(fault, environ, respond)
        finally:
            with self._lock:
                self.at_once -= 1

    def _answer(self, fault: str, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        if fault == "busy":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            respond("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>"]
        if fault == "late":
            time.sleep(1.5 * READ_TIMEOUT_S)
        answer = list(self._app(environ, respond))
        if fault == "replaced":  # as soon as it is read
            path = environ["PATH_INFO"].lstrip("/")
            threading.Thread(target=self.system.pipe_file, args=(path, b"other")).start()
        return [b"".join(answer)[:50]] if fault == "truncated" else answer


def serving_bucket() -> Iterator[Server]:
    """Yields a server with an empty bucket `bucket`, which fsspec knows."""
    pytest.importorskip("s3fs", reason=_WHY.format("s3fs"))
    fsspec = pytest.importorskip("fsspec", reason=_WHY.format("fsspec"))
    moto = pytest.importorskip("moto.server", reason=_WHY.format("moto[server]"))
    serving = pytest.importorskip("werkzeug.serving", reason=_WHY.format("moto[server]"))
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setattr(serving.WSGIRequestHandler, "log", lambda *_: None)
    server = Server(moto.DomainDispatcherApplication(moto.create_backend_app), serving)
    options = {
        "key": "key",
        "secret": "secret",
        "client_kwargs": {"endpoint_url": server.url},
        "config_kwargs": {"read_timeout": READ_TIMEOUT_S},
    }
    patch.setitem(fsspec.config.conf, "s3", options)
    server.system = fsspec.filesystem("s3")
    if not server.system.exists("bucket"):  # moto remembers
        server.system.mkdir("bucket")
    yield server
    server.close()
    patch.undo()
