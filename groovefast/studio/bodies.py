"""How much a request may bring, and how long it may take to."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groovefast.errors import GrooveFastError

MAX_BODY = 20 * 1000 * 1000
"""Bytes of a body."""
_MAX_TOGETHER = 10 * MAX_BODY
_MAX_SECONDS = 60.0
_MAX_LISTS, _MAX_VALUES = 500_000, 2_000_000
"""In a body of JSON: more than an hour of the densest drums takes, and little enough to hold."""

_TOO_LARGE = f"larger than {MAX_BODY // 10**6} MB"


class Bodies:
    """ASGI middleware that bounds the bodies of requests: each, all together, and their time.

    They count while they come, and until they are answered.
    """

    def __init__(self, app: ASGIApp, seconds: float = _MAX_SECONDS) -> None:
        self._app, self._seconds = app, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        clock = asyncio.get_running_loop().time
        end, own, is_whole = clock() + self._seconds, 0, False

        async def counted() -> Message:
            nonlocal own, is_whole
            if is_whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), end - clock())
            except asyncio.TimeoutError:
                raise HTTPException(408, "the request took too long to come") from None
            is_whole = not message.get("more_body")
            size = len(message.get("body", b""))
            own, self._held = own + size, self._held + size
            if own > MAX_BODY:
                raise HTTPException(413, _TOO_LARGE)
            if self._held > _MAX_TOGETHER:
                raise HTTPException(503, "too much at once; try again in a moment")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= own


async def body_of(request: Request) -> bytes:
    """Returns a request's body.

    Raises:
        HTTPException: It is too large.
        ClientDisconnect: It breaks off.
    """
    if int(request.headers.get("content-length", "0")) > MAX_BODY:
        raise HTTPException(413, _TOO_LARGE)
    return await request.body()


def json_of(body: bytes) -> dict[str, Any]:
    """Returns the JSON object that a body holds.

    Raises:
        GrooveFastError: It holds none, or too many values.
    """
    lists = body.count(b"[") + body.count(b"{")
    if lists > _MAX_LISTS or lists + body.count(b",") > _MAX_VALUES:
        raise GrooveFastError("the body holds too many values")
    try:
        content = json.loads(body, parse_constant=_refuse)
    except ValueError:
        raise GrooveFastError("the body is no JSON") from None
    if not isinstance(content, dict):
        raise GrooveFastError("the body is no JSON object")
    return content


def _refuse(constant: str) -> NoReturn:
    """NaN and infinity are no JSON."""
    raise ValueError(constant)
