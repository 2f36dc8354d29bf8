"""What requests bring, and when it is too much."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from groovefast.errors import GrooveFastError
from groovefast.studio import bodies
from groovefast.studio.bodies import MAX_BODY, Bodies, body_of, json_of


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await body_of(request))))


APP = Bodies(Starlette(routes=[Route("/", length, methods=["POST"])]))


def parts(size: int) -> Iterator[bytes]:
    """A body without a length."""
    for first in range(0, size, 1 << 16):
        yield bytes(min(1 << 16, size - first))


def test_bodies_up_to_the_limit_come_whole() -> None:
    assert ask(APP, "POST", "/").body == b"0"
    assert ask(APP, "POST", "/", bytes(MAX_BODY)).body == str(MAX_BODY).encode()
    assert ask(APP, "POST", "/", parts(MAX_BODY)).body == str(MAX_BODY).encode()


def test_larger_ones_are_refused_with_or_without_a_length() -> None:
    for content in (bytes(MAX_BODY + 1), parts(MAX_BODY + 1)):
        answer = ask(APP, "POST", "/", content)
        assert (answer.status, answer.body) == (413, b"larger than 20 MB")


def asked(app: Bodies, messages: list[dict[str, Any]], ends: bool = True) -> None:
    """Sends the parts of a request, and then nothing."""

    async def receive() -> dict[str, Any]:
        if not messages and not ends:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(_: Any) -> None:
        pass

    asyncio.run(app({"type": "http"}, receive, send))


async def take_all(_: Any, receive: Any, __: Any) -> None:
    while (await receive()).get("more_body"):
        pass


def test_a_body_that_never_ends_to_come_is_given_up() -> None:
    started = [{"type": "http.request", "body": b"{", "more_body": True}]
    with pytest.raises(HTTPException) as raised:
        asked(Bodies(take_all, seconds=0.01), started, ends=False)
    assert raised.value.status_code == 408


def test_what_is_held_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MAX_TOGETHER", 100)
    held: list[int] = []

    async def ask_again(scope: Any, receive: Any, send: Any) -> None:
        """Each request comes while the one before is still being answered."""
        await take_all(scope, receive, send)
        held.append(1)
        if len(held) < 5:
            await app(scope, receive, send)

    app = Bodies(ask_again)
    messages = [{"type": "http.request", "body": bytes(30)} for _ in range(5)]
    with pytest.raises(HTTPException) as raised:
        asked(app, messages)
    assert (raised.value.status_code, len(held)) == (503, 3)
    held += [1, 1]  # all are answered, and there is room again
    asked(app, [{"type": "http.request", "body": bytes(100)}])


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"1", b'"a"', b"null", b"{", b'{"a":}', b"\xff\xfe{", b"\x00", b'{"a":NaN}'),
        *(b'{"a":-Infinity}', b"[" * 100_000, b'{"a":' * 100_000, b"[" * MAX_BODY, b"{}{}"),
        *(b'{"a":[' + b"0," * MAX_BODY, b'{"a":' + b"9" * 100_000 + b"}"),
    ],
    ids=lambda body: body[:10],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises((GrooveFastError, RecursionError)):
        json_of(body)


def test_json_comes_as_it_is() -> None:
    assert json_of(b' {"a": [1, 2.5, "\\ud800", null], "a\xc3\xa9": {}}') == {
        "a": [1, 2.5, "\ud800", None],
        "a\u00e9": {},
    }


@given(st.binary())
def test_any_bytes_are_an_object_or_a_mistake(body: bytes) -> None:
    with contextlib.suppress(GrooveFastError):
        assert isinstance(json_of(body), dict)
