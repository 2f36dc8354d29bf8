"""Work that takes its time, as its asker sees it; no clock decides what happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asking import PATIENCE, Asker
from starlette.requests import ClientDisconnect

from groovefast.errors import GrooveFastError
from groovefast.progress import Report
from groovefast.studio import streaming
from groovefast.studio.streaming import DroppedError, Worked, result_for
from groovefast.studio.workers import Workers


def answered(
    work: Callable[[Report], bytes], unexpected: Callable[[Exception], None] = print
) -> Asker:
    """Who got the answer to some work."""

    async def ask() -> Asker:
        asker = Asker()
        answer = Worked(Workers(1), work, unexpected)
        await asyncio.wait_for(answer({"type": "http"}, asker.receive, asker.send), PATIENCE)
        return asker

    return asyncio.run(ask())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is too slow."""
    monkeypatch.setattr(streaming, "SECONDS_BEFORE_PROGRESS", 0)
    monkeypatch.setattr(streaming, "_SECONDS_BETWEEN_LINES", 0.001)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is."""
    monkeypatch.setattr(streaming, "SECONDS_BEFORE_PROGRESS", PATIENCE)


@pytest.mark.usefixtures("never")
def test_quick_work_is_answered_in_json() -> None:
    asker = answered(lambda _: b'{"a":1}')
    assert (asker.sent[0]["status"], asker.media_type) == (200, "application/json")
    assert asker.body == b'{"a":1}'


@pytest.mark.usefixtures("never")
def test_a_quick_mistake_is_raised() -> None:
    def work(_: Report) -> bytes:
        raise GrooveFastError("no")

    with pytest.raises(GrooveFastError, match="no"):
        answered(work)


@pytest.mark.usefixtures("at_once")
def test_long_work_tells_how_far_it_is() -> None:
    async def ask() -> list[dict[str, Any]]:
        asker, told = Asker(), threading.Event()

        def work(report: Report) -> bytes:
            for share in (0.0, 0.25, 0.5):
                report("playing", share)
                assert told.wait(PATIENCE)
                told.clear()
            return b'{"seed":5}'

        answer = Worked(Workers(1), work, print)
        task = asyncio.ensure_future(answer({"type": "http"}, asker.receive, asker.send))
        lines = []
        for share in (0.0, 0.25, 0.5):
            while {"stage": "playing", "share": share} not in lines:
                lines = await asyncio.wait_for(asker.lines(len(lines) + 1), PATIENCE)
            told.set()
        await asyncio.wait_for(task, PATIENCE)
        assert asker.media_type == "application/x-ndjson"
        assert asker.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
        return await asker.lines(0)

    lines = asyncio.run(ask())
    assert lines[-1] == {"seed": 5}
    assert [line["share"] for line in lines[:-1] if line["stage"] == "playing"] == [0, 0.25, 0.5]


@pytest.mark.usefixtures("at_once")
def test_what_goes_wrong_late_is_the_last_line() -> None:
    waiting = threading.Event()

    def ask(error: Exception) -> tuple[dict[str, Any], list[Exception]]:
        told: list[Exception] = []

        async def asked() -> dict[str, Any]:
            asker = Asker()

            def work(_: Report) -> bytes:
                assert waiting.wait(PATIENCE)
                raise error

            answer = Worked(Workers(1), work, told.append)
            task = asyncio.ensure_future(answer({"type": "http"}, asker.receive, asker.send))
            await asyncio.wait_for(asker.lines(1), PATIENCE)
            waiting.set()
            await asyncio.wait_for(task, PATIENCE)
            return (await asker.lines(2))[-1]

        waiting.clear()
        return asyncio.run(asked()), told

    assert ask(GrooveFastError("`num`: too few")) == ({"error": "num: too few"}, [])
    bug = ValueError("/home/me/secret")
    line, told = ask(bug)
    assert told == [bug]
    assert "secret" not in line["error"]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("answered", [True, False])
def test_who_goes_away_stops_the_work(answered: bool) -> None:
    stopped, started = threading.Event(), threading.Event()

    def work(report: Report) -> bytes:
        started.set()
        try:
            while True:
                report("playing", 0.5)
        except DroppedError:
            stopped.set()
            raise

    async def ask() -> None:
        asker = Asker()
        answer = Worked(Workers(1), work, print)
        task = asyncio.ensure_future(answer({"type": "http"}, asker.receive, asker.send))
        if answered:
            await asyncio.wait_for(asker.lines(1), PATIENCE)
        await asyncio.to_thread(started.wait, PATIENCE)
        asker.gone.set()
        await asyncio.wait_for(task, PATIENCE)

    asyncio.run(ask())
    assert stopped.wait(PATIENCE)


@pytest.mark.usefixtures("at_once")
def test_work_whose_asker_is_gone_before_its_turn_is_never_begun() -> None:
    begun: list[str] = []
    first_runs, first_ends = threading.Event(), threading.Event()

    def first(_: Report) -> bytes:
        first_runs.set()
        assert first_ends.wait(PATIENCE)
        return b"{}"

    def second(_: Report) -> bytes:
        begun.append("second")
        return b"{}"

    async def ask() -> None:
        workers, one, two = Workers(1), Asker(), Asker()
        tasks = []
        for asker, work in ((one, first), (two, second)):
            answer = Worked(workers, work, print)
            tasks.append(asyncio.ensure_future(answer({"type": "http"}, asker.receive, asker.send)))
            await asyncio.to_thread(first_runs.wait, PATIENCE)
        assert (await asyncio.wait_for(two.lines(1), PATIENCE))[0]["stage"] == "waiting"
        two.gone.set()
        await asyncio.wait_for(tasks[1], PATIENCE)
        first_ends.set()
        await asyncio.wait_for(tasks[0], PATIENCE)
        assert await asyncio.wait_for(workers.start(lambda: b"next"), PATIENCE) == b"next"

    asyncio.run(ask())
    assert begun == []


def test_a_result_is_waited_for_only_while_its_asker_is_there() -> None:
    begun: list[str] = []
    ends = threading.Event()

    async def ask() -> None:
        workers, asker = Workers(1), Asker()
        held = workers.start(lambda: ends.wait(PATIENCE))
        waiting = asyncio.ensure_future(
            result_for(asker.receive, workers.start(lambda: begun.append("never")))
        )
        await asyncio.sleep(0)
        asker.gone.set()
        with pytest.raises(ClientDisconnect):
            await asyncio.wait_for(waiting, PATIENCE)
        ends.set()
        assert await held
        other = Asker()
        assert await result_for(other.receive, workers.start(lambda: b"there")) == b"there"

    asyncio.run(ask())
    assert begun == []
