"""A studio that is asked by fifty at once, and by those who ask nothing sensible."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from studio_process import PATIENCE, Studio, sent, studio
from uvicorn.server import ServerState

from groovefast.studio import server
from groovefast.studio.bodies import MAX_BODY

CLIENTS = 50


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    """One that has to write nothing on stderr, whatever it is asked."""
    with studio() as one:
        yield one
        assert one.end() == (0, "")


@pytest.fixture(autouse=True)
def goes_on(running: Studio) -> Iterator[None]:
    """It answers after all that was done to it."""
    yield
    status, body = running.ask("GET", "/api/studio")
    assert status == 200
    assert json.loads(body)["pieces"] == 0


def groove(running: Studio) -> dict[str, Any]:
    asked = {"mode": "sample", "options": {"num": 1, "seed": 1}}
    return sent(running.post("/api/play", asked)["pieces"][0])


def at_once(works: list[Any]) -> list[Any]:
    """What some functions return or raise, all called at the same time."""
    results: list[Any] = [None] * len(works)

    def do(number: int) -> None:
        try:
            results[number] = works[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=do, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_fifty_clients_are_answered_each(running: Studio) -> None:
    piece = groove(running)
    asked = [
        {"mode": "humanize", "pieces": [piece], "options": {"seed": k}} for k in range(CLIENTS)
    ]
    results = at_once([lambda one=one: running.post("/api/play", one) for one in asked])
    assert [result["seed"] for result in results] == list(range(CLIENTS))
    alone = running.post("/api/play", asked[7])
    assert results[7] == alone


def test_a_thousand_broken_requests(running: Studio) -> None:
    def send(seed: int) -> list[tuple[int, bytes]]:
        rng, answers = random.Random(seed), []
        for _ in range(50):
            raw = broken_request(rng, running.host.encode())
            if rng.random() < 0.2:  # and away
                with running.connected() as connection:
                    connection.sendall(raw)
                continue
            answer = running.send(raw, patience=0.2)
            answers += [answer] if answer else []
        return answers

    results = at_once([lambda seed=seed: send(seed) for seed in range(20)])
    answers = [answer for result in results for answer in result]
    assert len(answers) > 400
    for status, body in answers:
        assert status < 500
        assert b"Traceback" not in body
        assert b"root:" not in body
    assert {200, 400, 403, 404, 405} <= {status for status, _ in answers}


def test_a_request_in_many_small_parts_keeps_nobody_out(running: Studio) -> None:
    """Nor do many in one; others are answered in between."""
    head = b"POST /api/open HTTP/1.1\r\nHost: %s\r\n" % running.host.encode()
    parts = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n"
    requests = (head + b"Content-Length: 0\r\n\r\n") * 1000
    done: list[str] = []

    def flood(raw: bytes) -> None:
        answer = running.send(raw)
        assert answer
        assert answer[0] == 400
        done.append("flood")

    def other() -> None:
        assert groove(running)["hits"]
        done.append("other")

    at_once([*[lambda: flood(parts)] * 4, *[lambda: flood(requests)] * 4, other])
    assert sorted(done) == ["flood"] * 8 + ["other"]


METHODS = (
    *(b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"TRACE", b"CONNECT"),
    *(b"", b"get", b"\xff\xfe", b"G" * 5000),
)
PATHS = (
    *(b"/", b"/api/play", b"/api/open", b"/api/write", b"/api/wav", b"/api/studio"),
    *(b"/page/../../../etc/passwd", b"/page/%2e%2e/%2e%2e/app.py", b"/page/..%2f..%2fapp.py"),
    *(b"/page/%00", b"/\x00", b"//etc/passwd", b"http://evil.example/", b"*", b"", b"no-slash"),
    *(b"/voices/9-0-0.wav", b"/voices/0-" + b"9" * 5000 + b"-0.wav", b"/" + b"a" * 100_000),
    *(b"/api/open?name=" + b"%ff" * 1000, b"/api/open?kit=/etc/passwd", b"/?" + b"a&" * 5000),
)
BODIES = (
    *(b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\x00" * 1000, b"\xff\xfe\x00"),
    *(b"MThd", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\xff\xff\xff\xff", b"1" * 100_000),
    *(b'{"piece":null}', b'{"piece":{"midi":"!!!","hits":[[1e999]]}}'),
    b'{"mode":"humanize","pieces":[{}],"options":{"seed":1e400}}',
    b'{"mode":"sample","options":{"num":1e9}}',
    b'{"mode":"sample","options":{"num":3}}',
    b'{"mode":"' + b"x" * 100_000 + b'"}',
)
HEADERS = (
    *(b"X: " + b"a" * 200_000, b"X" * 70_000 + b": 1", b"no header", b": empty", b"A: \x00\xff"),
    *(b"Cookie: " + b";=" * 1000, b"Origin: http://evil.example", b"Expect: 100-continue"),
    *(b"Upgrade: websocket\r\nConnection: upgrade", b"Connection: close", b"Content-Length: 3"),
)


def broken_request(rng: random.Random, host: bytes) -> bytes:
    """A request with hardly anything right."""
    method, path, body = map(rng.choice, (METHODS, PATHS, BODIES))
    lines = [b"Host: " + rng.choice((host, host, host, b"evil.example", b""))]
    kind = rng.randrange(8)
    if kind < 4:
        lines.append(b"Content-Length: %d" % len(body))
    elif kind == 4:
        lines.append(b"Content-Length: %d" % (len(body) + 1000))
    elif kind == 5:
        wrong = (b"-1", b"x", b"9" * 30, b"9" * 5000, b"30000000", b"1, 2")
        lines.append(b"Content-Length: " + rng.choice(wrong))
    elif kind == 6:
        lines.append(b"Transfer-Encoding: chunked")
        whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        body = rng.choice((whole, b"zz\r\n", b"fffffffffffff\r\n", b"5\r\nab"))
    if rng.random() < 0.2:
        lines.append(rng.choice(HEADERS))
    version = rng.choice((*[b"HTTP/1.1"] * 6, b"HTTP/1.0", b"HTTP/9.9", b"", b"\xff"))
    raw = b"%s %s %s\r\n%s\r\n\r\n%s" % (method, path, version, b"\r\n".join(lines), body)
    if rng.random() < 0.1:
        return raw[: rng.randrange(len(raw) + 1)]
    return rng.randbytes(rng.randrange(2000)) if rng.random() < 0.05 else raw


def test_bodies_that_are_too_large_are_refused_in_a_line(running: Studio) -> None:
    """Also where the client sends all before it listens, as browsers do."""
    for target in ("/api/open", "/api/play"):
        status, body = running.ask("POST", target, bytes(MAX_BODY * 3 // 2))
        assert (status, json.loads(body)) == (413, {"error": "larger than 20 MB"})


def test_large_bodies_of_nothing_take_no_memory_that_lasts(running: Studio) -> None:
    bodies = (b"[" * 19_000_000, b'{"a":[' + b"[]," * 6_000_000 + b"0]}", bytes(19_000_000))
    works = [lambda body=body: running.ask("POST", "/api/write", body)[0] for body in bodies * 4]
    statuses = at_once(works)
    assert 400 in statuses
    assert set(statuses) <= {400, 503}, statuses  # or there is no room for so many
    assert resident(running) < 800


def resident(running: Studio) -> float:
    """Megabytes that it took at most."""
    try:
        with Path(f"/proc/{running.process.pid}/status").open() as file:
            (line,) = (line for line in file if line.startswith("VmHWM"))
    except OSError:
        pytest.skip("no /proc here to tell how much memory it takes")
    return int(line.split()[1]) / 1000


def test_those_who_never_go_on_keep_nobody_out(running: Studio) -> None:
    silent = [running.connected() for _ in range(200)]
    started = b"POST /api/open HTTP/1.1\r\nHost: %s\r\nContent-Length: 9\r\n\r\nM"
    for connection in silent[::2]:
        connection.sendall(started % running.host.encode())
    assert groove(running)["hits"]
    for connection in silent:
        connection.close()


def test_those_who_do_not_take_their_answers_keep_nobody_out(running: Studio) -> None:
    body = json.dumps({"piece": groove(running)}).encode()
    asking = b"POST /api/wav HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n"
    deaf = []
    for _ in range(10):
        connection = running.connected()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(asking % (running.host.encode(), len(body)) + body)
        deaf.append(connection)
    assert groove(running)["hits"]
    for connection in deaf:
        connection.close()


def test_other_hosts_and_origins_are_refused(running: Studio) -> None:
    """Not by the application alone, but as it is started."""
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": ""}):
        status, body = running.ask("GET", "/api/studio", headers=headers)
        assert status == 403
        assert list(json.loads(body)) == ["error"]


# --- Patience -------------------------------------------------------------------------------


def answered_patiently(app: Any, *sendings: bytes) -> list[bytes]:
    """What clients get who send something and then nothing, until they are cut off."""

    async def answer() -> list[bytes]:
        config, state = uvicorn.Config(app, lifespan="off", log_config=None), ServerState()
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: server._PatientProtocol(config=config, server_state=state, app_state={}),
            "127.0.0.1",
        )
        port = listener.sockets[0].getsockname()[1]
        answers = await asyncio.gather(*(client(port, sending) for sending in sendings))
        listener.close()
        return answers

    async def client(port: int, sending: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sending)
        received = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        return received

    return asyncio.run(answer())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SECONDS_OF_PATIENCE", 0.02)


@pytest.mark.usefixtures("impatient")
def test_who_goes_silent_is_cut_off() -> None:
    app = PlainTextResponse("in")
    begun = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n")
    for answer in answered_patiently(app, *begun):
        assert answer == b""
    whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    (answer,) = answered_patiently(app, whole)
    assert answer.endswith(b"in")


@pytest.mark.usefixtures("impatient")
def test_who_waits_for_us_is_not() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)  # ten times as long as we are patient
        await PlainTextResponse("at last")(scope, receive, send)

    (answer,) = answered_patiently(slow, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith(b"at last")


@pytest.mark.usefixtures("impatient")
def test_who_does_not_take_the_answer_is_cut_off() -> None:
    given_up = threading.Event()

    async def endless(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(until_gone(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
            await asyncio.sleep(0)
        given_up.set()

    async def until_gone(receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def ask() -> None:
        config, state = uvicorn.Config(endless, lifespan="off", log_config=None), ServerState()
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: server._PatientProtocol(config=config, server_state=state, app_state={}),
            "127.0.0.1",
        )
        with socket.create_connection(listener.sockets[0].getsockname()) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(asyncio.to_thread(given_up.wait), PATIENCE)
        listener.close()

    asyncio.run(ask())
