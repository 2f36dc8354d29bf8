"""Requests to an ASGI application, without a server between."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

HOST = "127.0.0.1:8765"


@dataclasses.dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: Any,
    method: str,
    target: str,
    body: bytes | Iterable[bytes] = b"",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> Answer:
    """Sends a request and waits for the whole answer.

    Args:
        app: The application.
        method: As in "GET".
        target: As in "/api/open?name=a.mid".
        body: Its bytes, or parts of them: these come without a length.
        headers: In place of those of the same name that a browser would send.
    """
    path, _, query = target.partition("?")
    given = [(name.lower(), value) for name, value in dict(headers).items()]
    if not isinstance(headers, Mapping):
        given = [(name.lower(), value) for name, value in headers]
    usual = {"host": HOST}
    if isinstance(body, bytes):
        usual["content-length"] = str(len(body))
    names = {name for name, _ in given}
    given += [pair for pair in usual.items() if pair[0] not in names]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
        "server": tuple(HOST.split(":")),
        "client": ("127.0.0.1", 50000),
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    return asyncio.run(_asked(app, scope, [body] if isinstance(body, bytes) else body))


async def _asked(app: Any, scope: dict[str, Any], parts: Iterable[bytes]) -> Answer:
    sent: list[dict[str, Any]] = []
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        if not coming:  # a client that waits for the answer
            await asyncio.Event().wait()
        return coming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *bodies = sent
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(each["body"] for each in bodies))
