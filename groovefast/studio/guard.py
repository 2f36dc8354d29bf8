"""Who may ask: nobody but the page of this server, and on a network who has its token.

A browser lets any page send requests to this machine. Those of other pages are known by the host
they ask for, which is another where a name was made to lead here (DNS rebinding), by their origin,
and by what browsers say of the site they come from.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groovefast.studio.answers import mistake

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Door:
    """Under which names the server answers, and to whom.

    Attributes:
        port: Where it listens.
        names: Host names and addresses, as a browser writes them, in lower case.
        token: What a request must know; None where only this machine can reach the server.
    """

    port: int
    names: Collection[str] = LOOPBACK_NAMES
    token: str | None = None

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token: cookies do not heed ports, names do."""
        return f"groovefast-studio-{self.port}"

    def has(self, host: str, address: str | None) -> bool:
        """Whether a host, as in `localhost:8765`, is this server.

        Args:
            host: What the request asks for.
            address: Where it came in; counts where there is a token.
        """
        name, colon, port = host.lower().rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host.lower(), "80"
        own = {*self.names, _in_brackets(address)} if self.token and address else self.names
        return port == str(self.port) and name in own

    def opens_to(self, given: str | None) -> bool:
        """Whether a token is the right one; tells no other by the time it takes."""
        return self.token is None or (
            given is not None
            and hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())
        )


class Guard:
    """ASGI middleware that refuses what is not asked for by the server's own page.

    A navigation to the page itself may come from anywhere. With a token in the address it is given
    a cookie, and led to the address without.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers why not."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """What to answer in place of what was asked for."""
        headers = Headers(scope=scope)
        address = (scope.get("server") or (None,))[0]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._door.has(hosts[0], address):
            return _refuse("the studio is not served under this name; use the printed address")
        if any(origin != f"http://{hosts[0]}" for origin in headers.getlist("origin")):
            return _refuse("only the studio's own page may ask for this")
        is_page = scope["method"] in ("GET", "HEAD") and scope["path"] == "/"
        is_visit = is_page and headers.get("sec-fetch-mode", "navigate") == "navigate"
        if not is_visit and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _refuse("only the studio's own page may ask for this")
        return self._refusal_without_token(scope, headers, is_page)

    def _refusal_without_token(
        self, scope: Scope, headers: Headers, is_page: bool
    ) -> Response | None:
        door = self._door
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[-1]
        if door.token and is_page and given is not None and door.opens_to(given):
            response = RedirectResponse("/", 303, {"cache-control": "no-store"})
            response.set_cookie(door.cookie, given, path="/", httponly=True, samesite="strict")
            return response
        if any(map(door.opens_to, (given, *_cookies(headers, door.cookie)))):
            return None
        return _refuse("a token is missing or wrong; open the address that the terminal shows")


def _refuse(line: str) -> Response:
    return mistake(line, 403)


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    """The values of a cookie."""
    for header in headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                yield value


def _in_brackets(address: str) -> str:
    """An address as a browser writes it."""
    address = address.partition("%")[0].removeprefix("::ffff:").lower()
    return f"[{address}]" if ":" in address else address
