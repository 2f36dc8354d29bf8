"""The studio's routes: what a page asks for, and who answers it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from groovefast.drums import DRUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.progress import Report
from groovefast.sound.tones import PITCHES, TONES
from groovefast.sound.voices import LAYERS, TAKES
from groovefast.studio import about, jobs, pieces, voices
from groovefast.studio.answers import UNEXPECTED, answer, encoded, file, line_of, mistake
from groovefast.studio.bodies import Bodies, body_of, json_of
from groovefast.studio.guard import Door, Guard
from groovefast.studio.models import MODELS
from groovefast.studio.pages import MEDIA_TYPES, Pages, read_pages
from groovefast.studio.streaming import Worked, result_for
from groovefast.studio.values import check_array, check_object, check_text
from groovefast.studio.workers import Workers

Unexpected: TypeAlias = Callable[[Exception], None]

MAX_PLAYING = 2
"""Pieces of work for the models that are under way at once; others wait."""
MAX_SOUNDS = 3
"""Sounds of pieces that are being made or taken, as each may need 200 MB."""
_HOUR = "private, max-age=3600"
_SOUNDS = {
    "-".join(map(str, sound)): sound
    for sound in itertools.product(range(len(DRUM_CLASSES)), range(LAYERS), range(TAKES))
}
"""Drum, layer and take, by how a page names them."""
_TONES = {
    f"tone-{tone}-{pitch}": (tone, pitch)
    for tone, pitch in itertools.product(range(len(TONES)), PITCHES)
}
"""Tone and pitch, likewise."""


def application(
    door: Door,
    own: Sequence[dict[str, Any]] = (),
    pages: Pages | None = None,
    unexpected: Unexpected = lambda _: None,
) -> ASGIApp:
    """Returns the studio as an ASGI application.

    Args:
        door: Whom it answers.
        own: The pieces that are there from the beginning.
        pages: The page's files; those of the package if None.
        unexpected: Told of errors of ours, which a page is not.
    """
    studio = _Studio(own, read_pages() if pages is None else pages, unexpected)
    app = Starlette(
        routes=studio.routes(),
        exception_handlers={
            HTTPException: _http_mistake,
            ClientDisconnect: _nobody,
            GrooveFastError: _mistake,
            MemoryError: _mistake,
            RecursionError: _mistake,
            Exception: studio.unexpected_error,
        },
    )
    app.router.redirect_slashes = False
    return Guard(Bodies(app), door)


class _Studio:
    """The answers to requests."""

    def __init__(self, own: Sequence[dict[str, Any]], pages: Pages, unexpected: Unexpected) -> None:
        self._pages, self._unexpected = pages, unexpected
        self._own = encoded(list(own))
        self._about = encoded({**about.facts(), "pieces": len(own)})
        self._quick, self._playing = Workers(2), Workers(MAX_PLAYING)
        self._voicing, self._sounding = Workers(1), Workers(1)
        self._sounds = asyncio.Semaphore(MAX_SOUNDS)

    def routes(self) -> list[Route]:
        """Returns what may be asked for."""
        return [
            Route("/", self._index),
            Route("/page/{name:path}", self._page),
            Route("/voices/{name}.wav", self._voice),
            Route("/api/studio", self._facts),
            Route("/api/pieces", self._pieces),
            Route("/api/open", self._open, methods=["POST"]),
            Route("/api/write", self._write, methods=["POST"]),
            Route("/api/wav", self._wav, methods=["POST"]),
            Route("/api/play", self._play, methods=["POST"]),
        ]

    # --- What is there ----------------------------------------------------------------------

    async def _index(self, _request: Request) -> Response:
        return self._file("index.html")

    async def _page(self, request: Request) -> Response:
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        if name not in self._pages:
            raise HTTPException(404)
        media_type = MEDIA_TYPES[name[name.rindex(".") :]]
        headers = {"cache-control": "no-cache", "content-type": media_type}
        return Response(self._pages[name], headers=headers)

    async def _facts(self, _request: Request) -> Response:
        return answer(self._about)

    async def _pieces(self, _request: Request) -> Response:
        return answer(self._own)

    async def _voice(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name in _SOUNDS:
            wav = await self._voicing.start(lambda: voices.wav(*_SOUNDS[name]))
        elif name in _TONES:
            wav = await self._voicing.start(lambda: voices.tone_wav(*_TONES[name]))
        else:
            raise HTTPException(404)
        return Response(wav, headers={"cache-control": _HOUR}, media_type="audio/wav")

    # --- What is done -----------------------------------------------------------------------

    async def _open(self, request: Request) -> Response:
        body, given = await body_of(request), request.query_params
        name = given.get("name") or "untitled.mid"
        part = [given.get(each) or None for each in ("channel", "track", "kit")]
        return answer(await self._quickly(request, lambda: _opened(body, name, part)))

    async def _write(self, request: Request) -> Response:
        body = await body_of(request)
        return answer(await self._quickly(request, lambda: _written(body)))

    async def _quickly(self, request: Request, work: Callable[[], bytes]) -> bytes:
        return await result_for(request.receive, self._quick.start(work))

    async def _wav(self, request: Request) -> ASGIApp:
        body = await body_of(request)

        async def sound(scope: Scope, receive: Receive, send: Send) -> None:
            async with self._sounds:
                wav = await result_for(receive, self._sounding.start(lambda: _sound(body)))
                await file(wav, "audio/wav")(scope, receive, send)

        return sound

    async def _play(self, request: Request) -> ASGIApp:
        body = await body_of(request)
        return Worked(self._playing, lambda report: _played(body, report), self._unexpected)

    # --- What goes wrong --------------------------------------------------------------------

    async def unexpected_error(self, _request: Request, error: Exception) -> Response:
        """Answers an error of ours, and has it told."""
        self._unexpected(error)
        return mistake(UNEXPECTED, 500)


def _opened(body: bytes, name: str, part: Sequence[str | None]) -> bytes:
    channel, track, kit = part
    return encoded(pieces.opened(body, name, channel, track, kit, MODELS.hear_pitches))


def _written(body: bytes) -> bytes:
    return encoded(pieces.Sent.of(json_of(body).get("piece")).to_piece())


def _sound(body: bytes) -> bytes:
    sent = pieces.Sent.of(json_of(body).get("piece"))
    return voices.sound(sent.to_midi(), sent.kit, sent.channel, sent.track, sent.pitched)


def _played(body: bytes, report: Report) -> bytes:
    asked = json_of(body)
    options = check_object("options", asked.get("options", {}))
    for name in options:
        check_text("options", name)  # before it is compared to those there are
    sents = [pieces.Sent.of(each) for each in check_array("pieces", asked.get("pieces", []))]
    return encoded(jobs.playing(asked.get("mode"), sents, options, report))


async def _mistake(_request: Request, error: Exception) -> Response:
    return mistake(line_of(error) or "")


async def _http_mistake(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    line = {404: "nothing is here", 405: "this cannot be asked in this way"}.get(error.status_code)
    return mistake(line or error.detail, error.status_code)


async def _nobody(_request: Request, _error: Exception) -> Response:
    """For who went away before the request was whole."""
    return Response(status_code=400)
