"""The server: a socket on this machine, uvicorn, and an end within the second."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from groovefast.errors import OptionError

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8765

_SECONDS_OF_PATIENCE = 20.0
_READ_AT_ONCE = 4096
"""Bytes: what comes in thousands of tiny parts is read in turns with what others send."""
_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


def listening(host: str = LOOPBACK, port: int | None = None) -> socket.socket:
    """Returns a socket that listens.

    Args:
        host: A name or an address of this machine; of several addresses the first counts.
        port: Where; `USUAL_PORT`, or a free one where that is taken, if None.

    Raises:
        OptionError: No such host, or the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no name of a machine"
        raise OptionError("host", f"{host}: {reason}") from None
    family, _, _, _, (address, *_) = found[0]
    if port is None:
        with contextlib.suppress(OSError):
            return socket.create_server((str(address), USUAL_PORT), family=family)
    try:
        return socket.create_server((str(address), port or 0), family=family)
    except OSError as error:
        number = error.errno or 0
    reason = os.strerror(number).lower()
    if port is not None and number in _OF_THE_PORT:
        raise OptionError(
            "port", f"{port}: {reason}; choose another, or leave it out for a free one"
        )
    raise OptionError("host", f"{host}: {reason}; give an address of this machine")


def serve(
    app: ASGIApp, listener: socket.socket, started: Callable[[], Any], verbose: bool = False
) -> None:
    """Answers requests until the process is told to end, by Ctrl-C or a signal.

    Args:
        app: What answers them.
        listener: A socket that listens.
        started: Called once it is being answered.
        verbose: Whether broken requests are told on stderr.
    """
    level = logging.WARNING if verbose else logging.CRITICAL
    logging.getLogger("asyncio").setLevel(level)
    server = _Server(
        uvicorn.Config(
            _to_who_listens(app),
            http=_PatientProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level=level,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=0,
        ),
        started,
    )

    def end(_number: int, _frame: object) -> None:
        server.should_exit = True

    # uvicorn heeds signals itself, and having ended raises them again for who did before.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.run([listener])


def _to_who_listens(app: ASGIApp) -> ASGIApp:
    """An application whose answers are lost where the client has broken the connection's rules."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_if_heard(message: Message) -> None:
            with contextlib.suppress(h11.LocalProtocolError):
                await send(message)

        await app(scope, receive, send_if_heard)

    return answered


class _Server(uvicorn.Server):
    """One that tells when it has started."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], Any]) -> None:
        super().__init__(config)
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and tells so."""
        await super().startup(sockets)
        self._tell_started()


class _PatientProtocol(H11Protocol):
    """HTTP for clients that may go silent: those that do for long are cut off.

    uvicorn itself waits for ever for the first request, and for an answer to be taken.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to look after a connection."""
        super().connection_made(transport)
        transport.max_size = _READ_AT_ONCE  # type: ignore[attr-defined]
        # asyncio does so only where it made the socket: without, answers wait for the last one's
        # acknowledgement, some 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seen: object = self
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends to."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Cuts off who has done nothing since the last look, when it was for him to do."""
        awaited = self._awaited()
        if awaited is not None and awaited == self._seen:
            self.transport.abort()
        self._seen = awaited
        self._next_look = self.loop.call_later(_SECONDS_OF_PATIENCE, self._look)

    def _awaited(self) -> object:
        """What the client is to do next; None where it waits for us."""
        if self.flow.write_paused:
            return self.cycle, self.transport.get_write_buffer_size()
        if self.cycle is None or self.cycle.response_complete:
            return self.cycle, None
        return None
