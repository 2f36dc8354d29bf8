"""An answer that takes its time: told as it goes on, and dropped when nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from groovefast.progress import Report
from groovefast.studio.answers import UNEXPECTED, answer, encoded, line_of
from groovefast.studio.workers import Workers

_Result = TypeVar("_Result")

SECONDS_BEFORE_PROGRESS = 0.3
_SECONDS_BETWEEN_LINES = 0.1
_LINES = "application/x-ndjson"


class DroppedError(Exception):
    """Nobody waits for the result any more."""


class Progress:
    """How far a piece of work is: told by the thread that does it, asked by the server's."""

    def __init__(self) -> None:
        self.line: dict[str, object] = {"stage": "waiting", "share": 0.0}
        self.is_dropped = False

    def report(self, stage: str, share: float) -> None:
        """Notes how far it is.

        Raises:
            DroppedError: It need not go on.
        """
        if self.is_dropped:
            raise DroppedError
        self.line = {"stage": stage, "share": round(share, 3)}


class Worked:
    """The result of some work as an ASGI answer: JSON when it is quick, else lines of JSON.

    Args:
        workers: Who does it.
        work: Takes what it is to report to; returns the result, encoded.
        unexpected: Told of an error of ours that comes when the answer has begun.
    """

    def __init__(
        self,
        workers: Workers,
        work: Callable[[Report], bytes],
        unexpected: Callable[[Exception], None],
    ) -> None:
        self._workers, self._work, self._unexpected = workers, work, unexpected
        self._progress = Progress()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers; raises what the work does, unless the answer has begun."""
        result = self._workers.start(lambda: self._work(self._progress.report))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await _first_of(result, gone, seconds=SECONDS_BEFORE_PROGRESS)
            if result.done():
                await answer(result.result())(scope, receive, send)
            elif not gone.done():
                await self._tell(result, gone, send)
        finally:
            self._progress.is_dropped = True
            gone.cancel()
            result.cancel()

    async def _tell(
        self, result: asyncio.Future[bytes], gone: asyncio.Future[None], send: Send
    ) -> None:
        headers = [(b"content-type", _LINES.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        told = None
        while not result.done() and not gone.done():
            line = self._progress.line
            if line is not told:
                await _send_line(send, encoded(line))
                told = line
            await _first_of(result, gone, seconds=_SECONDS_BETWEEN_LINES)
        if result.done():
            await _send_line(send, self._last_line(result))
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _last_line(self, result: asyncio.Future[bytes]) -> bytes:
        try:
            return result.result()
        except Exception as error:
            line = line_of(error)
            if line is None:
                self._unexpected(error)
            return encoded({"error": line or UNEXPECTED})


async def result_for(receive: Receive, result: asyncio.Future[_Result]) -> _Result:
    """Returns a result once it is there; work that has not begun is not, where nobody waits for it.

    Raises:
        ClientDisconnect: Who asked has gone.
    """
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait((result, gone), return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        gone.cancel()
        result.cancel()


async def _first_of(*futures: asyncio.Future[Any], seconds: float) -> None:
    """Waits for any of some, and no longer than so long."""
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_line(send: Send, line: bytes) -> None:
    await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
