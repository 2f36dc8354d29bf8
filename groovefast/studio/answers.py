"""What a page is answered: JSON, a long file, or a mistake in one line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from groovefast.errors import (
    OUT_OF_MEMORY,
    GrooveFastError,
    in_plain_words,
    is_out_of_memory,
)

UNEXPECTED = "something went wrong in GrooveFast; the terminal says what"

_LONGEST_LINE = 500
_PART = 1 << 18


def encoded(content: object) -> bytes:
    """Returns JSON; text that is none, as half of a pair of surrogates, is as it came."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def answer(content: bytes, status: int = 200) -> Response:
    """Returns what was `encoded` as an answer of the API."""
    return Response(content, status, {"cache-control": "no-store"}, "application/json")


def mistake(line: str, status: int = 400) -> Response:
    """Returns an answer that says what is wrong."""
    return answer(encoded({"error": line}), status)


def file(content: bytes, media_type: str) -> Response:
    """Returns a long file as an answer of the API, given out in parts as they are taken."""
    headers = {"cache-control": "no-store", "content-length": str(len(content))}
    return StreamingResponse(_parts(content), 200, headers, media_type)


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), _PART):
        yield content[first : first + _PART]


def line_of(error: Exception) -> str | None:
    """Returns the one line that tells of a mistake; None for an error that is ours."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, RecursionError):
        return "the body is nested too deep"
    if not isinstance(error, GrooveFastError):
        return None
    line = " ".join(in_plain_words(str(error)).split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
