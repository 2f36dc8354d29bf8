"""`groovefast-studio` as a user starts it."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from studio_process import PATIENCE, studio
from token_models import MELODY, make_token_model

from groovefast.cli import console
from groovefast.cli import studio as studio_module
from groovefast.cli.studio import command
from groovefast.errors import OptionError
from groovefast.model.checkpoints import save_model
from groovefast.studio.server import USUAL_PORT, listening


def failed(*words: object) -> str:
    """The line that a studio says which does not start."""
    code = "from groovefast.cli.studio import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-browser", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (console.EXIT_MISTAKE, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("groovefast-studio: ")


@pytest.fixture
def beat(own_files: list[Path]) -> Path:
    return own_files[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_told_to_end(number: signal.Signals) -> None:
    with studio() as running:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", running.address)
        status, body = running.ask("GET", "/api/studio")
        assert status == 200
        assert "sample" in json.loads(body)["modes"]
        assert running.end(number) == (0, "")


def test_it_ends_while_it_plays_and_while_clients_wait() -> None:
    """In a moment: no work, and no connection, is waited for."""
    with studio() as running:
        piece = json.loads(running.ask("POST", "/api/open?name=a.mid", long_file())[1])
        body = json.dumps({"mode": "vary", "pieces": [piece], "options": {"num": 20}}).encode()
        with running.connected() as playing, running.connected() as idle:
            asking = f"POST /api/play HTTP/1.1\r\nHost: {running.host}\r\n"
            playing.sendall(f"{asking}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert b"application/x-ndjson" in playing.recv(1 << 16)
            idle.sendall(asking.encode())
            assert running.end() == (0, "")


def long_file() -> bytes:
    """400 bars of kicks in eighths."""
    events = b"\x00\x99\x24\x5a" + b"\x81\x70\x99\x24\x5a" * 3199 + b"\x00\xff\x2f\x00"
    track = b"MTrk" + len(events).to_bytes(4, "big") + events
    return b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0" + track


def test_files_that_are_named_are_there(beat: Path, tmp_path: Path) -> None:
    other = tmp_path / "Ein Stück.mid"
    other.write_bytes(beat.read_bytes())
    with studio(beat, other) as running:
        pieces = json.loads(running.ask("GET", "/api/pieces")[1])
        assert [piece["name"] for piece in pieces] == [beat.stem, "Ein Stück"]
        assert json.loads(running.ask("GET", "/api/studio")[1])["pieces"] == 2


def test_files_that_cannot_be_read_stop_it(beat: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mid"
    broken.write_bytes(beat.read_bytes()[:-5])
    assert failed(beat, broken).startswith("broken: ")
    assert failed(tmp_path / "none.mid").startswith(f"{tmp_path}/none.mid: no such file")
    assert failed(tmp_path).startswith(f"{tmp_path}: is a directory")
    large = tmp_path / "large.mid"
    with large.open("wb") as file:
        file.truncate(30_000_000)
    assert failed(large) == f"{large}: larger than 20 MB"


def test_models_that_are_given_are_offered(tmp_path: Path) -> None:
    folder = save_model(make_token_model(MELODY), tmp_path / "tunes")
    with studio("--model", folder) as running:
        facts = json.loads(running.ask("GET", "/api/studio")[1])
    names = [each["name"] for each in facts["modes"]["sample"]["models"]]
    assert (names[0], names[-1]) == ("groovae_4bar", "tunes")
    assert facts["hears_pitches"]


def test_what_is_no_model_stops_it(tmp_path: Path) -> None:
    assert failed("--model", tmp_path / "nowhere") == (
        f"--model {tmp_path}/nowhere: no such model; groovefast-train leaves one in RUN_DIR/model"
    )


def test_a_port_that_is_taken() -> None:
    with listening(port=0) as taken:
        port = taken.getsockname()[1]
        assert failed("--port", port) == (
            f"--port: {port}: {os.strerror(errno.EADDRINUSE).lower()}; choose another, or leave it "
            "out for a free one"
        )


def test_the_usual_port_or_a_free_one() -> None:
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(listening()).getsockname()[1] for _ in range(2))
        assert second != USUAL_PORT  # as the first has it, or who had it before
        assert first != second


@pytest.mark.parametrize("words", [["--port", "65536"], ["--port", "-1"], ["--port", "x"]])
def test_ports_that_are_none(words: list[str]) -> None:
    assert failed(*words).startswith("--port: ")


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "", "a" * 100, "x\u00ff..y"])
def test_hosts_that_are_none(host: str) -> None:
    assert failed("--host", host).startswith("--host: ")
    assert failed("--host", host, "--port", 0).startswith("--host: ")


def test_with_a_host_it_wants_a_token() -> None:
    with studio("--host", "0.0.0.0") as running:
        found = re.fullmatch(r"http://\S+:\d+/\?token=(\S{20,})", running.address)
        assert found
        assert running.ask("GET", "/api/studio")[0] == 403
        assert running.ask("GET", f"/api/studio?token={found[1]}")[0] == 200
        asker = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
        asker.request("GET", f"/?token={found[1]}")
        answer = asker.getresponse()
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert running.ask("GET", "/api/studio", headers={"Cookie": cookie})[0] == 200
        assert running.ask("GET", "/api/studio", headers={"Cookie": f"{cookie}x"})[0] == 403
    with studio("--host", "0.0.0.0") as another:
        assert another.address.partition("=")[2] != found[1]


def test_without_a_host_nobody_else_reaches_it() -> None:
    with studio() as running, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is on no network")
        address = asked.getsockname()[0]
        if address.startswith("127."):
            pytest.skip("this machine is on no network")
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, running.port), PATIENCE)


def test_a_closed_stdout_does_not_matter() -> None:
    with listening(port=0) as free:
        port = free.getsockname()[1]
    code = "from groovefast.cli.studio import main; main()"
    words = [sys.executable, "-c", code, "--no-browser", "--port", str(port)]
    with subprocess.Popen(
        ["sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while process.poll() is None:
                with (
                    contextlib.suppress(ConnectionRefusedError),
                    socket.create_connection(("127.0.0.1", port)) as connection,
                ):
                    connection.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
                    assert connection.recv(100).startswith(b"HTTP/1.1")
                    process.send_signal(signal.SIGTERM)
                    break
            assert process.wait(PATIENCE) == 0
            assert process.stderr
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_errors_of_ours_are_a_line_or_with_debug_all_there_is(tmp_path: Path) -> None:
    site = tmp_path / "sitecustomize.py"
    site.write_text(
        "import groovefast.studio.jobs as jobs\n"
        "def playing(*_): raise ValueError('a bug\\nof two lines')\n"
        "jobs.playing = playing\n"
    )
    for words, lines in (((), 1), (("--debug",), 5)):
        with studio(*words, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])) as running:
            status, body = running.ask("POST", "/api/play", b'{"mode":"sample"}')
            assert status == 500
            assert b"the terminal says what" in body
            assert b"bug" not in body
            status, errors = running.end()
        assert status == 0
        assert errors.startswith("groovefast-studio: ")
        assert len(errors.splitlines()) >= lines
        assert ("Traceback" in errors) == bool(words)
        if not words:
            assert errors == "groovefast-studio: ValueError: a bug of two lines (see --debug)\n"


def test_the_browser_is_opened_where_there_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    studio_module._open_browser("http://a/")
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    studio_module._open_browser("http://b/")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("DISPLAY")
    studio_module._open_browser("http://c/")
    assert opened == ["http://b/", "http://c/"]


def test_mistakes_name_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        console.run(command, ["--no-brwser"])
    assert ended.value.code == console.EXIT_MISTAKE
    assert "did you mean --no-browser?" in capsys.readouterr().err


def test_hosts_with_addresses_of_version_6() -> None:
    try:
        listener: Any = listening("::1", 0)
    except OptionError:
        pytest.skip("this machine has no IPv6")
    with listener:
        door = studio_module._door(listener, "::1")
        address = studio_module._address(listener, door)
        assert address == f"http://[::1]:{door.port}/?token={door.token}"
        assert door.has(f"[::1]:{door.port}", "::1")
