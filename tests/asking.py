"""Requests to an ASGI application, without a server between."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

HOST = "127.0.0.1:8765"
PATIENCE = 30
"""Seconds after which something hangs."""


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
    usual = {"host": HOST}
    if isinstance(body, bytes):
        usual["content-length"] = str(len(body))
    given = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name for name, _ in given}
    given += [pair for pair in usual.items() if pair[0] not in names]
    scope = scope_of(method, target, given)
    return asyncio.run(_asked(app, scope, [body] if isinstance(body, bytes) else body))


def scope_of(
    method: str, target: str, headers: Mapping[str, str] | Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """A request as servers tell it to applications."""
    path, _, query = target.partition("?")
    pairs = {"host": HOST, **headers}.items() if isinstance(headers, Mapping) else headers
    return {
        "type": "http",
        "method": method,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
        "server": tuple(HOST.split(":")),
        "client": ("127.0.0.1", 50000),
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }


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


class Asker:
    """Who is connected: what was sent, and a way to go.

    Args:
        body: What it brings.
    """

    def __init__(self, body: bytes = b"") -> None:
        self._coming = [body]
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._coming:
            return {"type": "http.request", "body": self._coming.pop(), "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.more.set()

    async def lines(self, least: int) -> list[dict[str, Any]]:
        """What was sent, once it is so many lines."""
        while len(found := self.body.splitlines()) < least:
            self.more.clear()
            await self.more.wait()
        return [json.loads(line) for line in found]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def media_type(self) -> str:
        return dict(self.sent[0]["headers"])[b"content-type"].decode()
