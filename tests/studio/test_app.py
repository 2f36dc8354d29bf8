"""The studio's routes, asked as a page asks them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import wave
from typing import Any

import mido
import pytest
from asking import PATIENCE, Answer, Asker, ask, scope_of
from hypothesis import given, settings
from hypothesis import strategies as st
from studio_process import sent

from groovefast.drums import DRUM_CLASSES
from groovefast.playing import MODES
from groovefast.studio import app as app_module
from groovefast.studio.app import application
from groovefast.studio.bodies import MAX_BODY
from groovefast.studio.guard import Door
from groovefast.studio.pages import read_pages
from groovefast.studio.streaming import DroppedError

PAGES = {"index.html": b"<!doctype html>", "js/app.js": b"export {}", "style.css": b"a {}"}
unexpected: list[Exception] = []
APP = application(Door(8765), [{"name": "own"}], PAGES, unexpected.append)


@pytest.fixture(autouse=True)
def nothing_unexpected() -> Any:
    yield
    assert not unexpected, unexpected.pop()


def post(target: str, content: object) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ask(APP, "POST", target, body)


def play(mode: str, *pieces: dict[str, Any], **options: Any) -> Any:
    """What a mode makes of pieces."""
    asked = {"mode": mode, "pieces": [sent(each) for each in pieces], "options": options}
    answer = post("/api/play", asked)
    assert answer.status == 200, answer.body
    result = json.loads(answer.body.splitlines()[-1])
    assert list(result) == ["pieces", "seed", "messages"], result
    return result


def new(seed: int) -> dict[str, Any]:
    (piece,) = play("sample", num=1, seed=seed)["pieces"]
    return dict(piece)


def mistake(answer: Answer, status: int = 400) -> str:
    """The line of a mistake."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["error"]
    line = answer.json["error"]
    assert isinstance(line, str)
    assert line
    assert "\n" not in line
    assert len(line) <= 500
    return line


# --- What is there --------------------------------------------------------------------------


def test_the_page_and_its_files() -> None:
    for target, name, media_type in (
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/page/index.html", "index.html", "text/html; charset=utf-8"),
        ("/page/js/app.js", "js/app.js", "text/javascript; charset=utf-8"),
        ("/page/style.css", "style.css", "text/css; charset=utf-8"),
    ):
        answer = ask(APP, "GET", target)
        assert (answer.status, answer.body) == (200, PAGES[name])
        assert answer.headers["content-type"] == media_type
        assert ask(APP, "HEAD", target).headers["content-length"] == str(len(PAGES[name]))


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "js", "js/", "js//app.js"),
        *("/etc/passwd", "%2fetc/passwd", "%00", "app.js%00", "js/../index.html", "a" * 10_000),
        *("index.html/", "..\\app.py", "c:\\windows\\win.ini", "\u00e9", "%ff%fe"),
    ],
)
def test_nothing_else_can_be_named(name: str) -> None:
    mistake(ask(APP, "GET", f"/page/{name}"), 404)


def test_only_files_of_pages_are_read_from_the_package(tmp_path: Any) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("index.html", "sub/a.js", "secret.py", "notes", "b.js~"):
        (tmp_path / name).write_text(name)
    pages = read_pages(tmp_path)
    assert pages == {"index.html": b"index.html", "sub/a.js": b"sub/a.js"}
    assert read_pages(tmp_path / "none") == {}


def test_facts() -> None:
    answer = ask(APP, "GET", "/api/studio")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["drums"] == list(DRUM_CLASSES)
    assert list(answer.json["modes"]) == list(MODES)
    assert answer.json["pieces"] == 1
    assert ask(APP, "GET", "/api/pieces").json == [{"name": "own"}]


def test_voices() -> None:
    answer = ask(APP, "GET", "/voices/1-5-0.wav")
    assert answer.headers["content-type"] == "audio/wav"
    assert "max-age" in answer.headers["cache-control"]
    with wave.open(io.BytesIO(answer.body)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, 44100)
    for name in (
        "9-0-0",
        "0-8-0",
        "0-0-2",
        "-1-0-0",
        "0-0",
        "a-0-0",
        f"{'9' * 5000}-0-0",
        "0-0-0x",
    ):
        mistake(ask(APP, "GET", f"/voices/{name}.wav"), 404)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        *(("GET", f"/api/{name}", 405) for name in ("open", "write", "wav", "play")),
        *(("POST", target, 405) for target in ("/", "/api/studio", "/api/pieces")),
        *(("DELETE", "/page/index.html", 405), ("FOO", "/", 405)),
        *(("GET", target, 404) for target in ("/api", "/api/", "/api/studio/", "//", "/favicon")),
    ],
)
def test_what_cannot_be_asked(method: str, target: str, status: int) -> None:
    mistake(ask(APP, method, target), status)


# --- What is done ---------------------------------------------------------------------------


def test_a_file_there_and_back() -> None:
    midi = demo_midi()
    answer = ask(APP, "POST", "/api/open?name=my%20beat.mid&channel=&track=&kit=", midi)
    assert answer.status == 200, answer.body
    piece = answer.json
    assert piece["name"] == "my beat"
    assert base64.b64decode(piece["midi"]) == midi
    assert post("/api/write", {"piece": sent(piece)}).json == piece
    wav = post("/api/wav", {"piece": sent(piece)})
    assert (wav.status, wav.headers["content-type"]) == (200, "audio/wav")
    assert wav.headers["content-length"] == str(len(wav.body))
    with wave.open(io.BytesIO(wav.body)) as sound:
        assert sound.getnframes() / 44100 > piece["end"] * 60 / piece["qpm"] - 1


def demo_midi() -> bytes:
    """A performance that was made up."""
    return base64.b64decode(new(5)["midi"])


def test_all_modes_play() -> None:
    a, b = new(1), new(2)
    for mode in ("humanize", "tap2drum", "add-hihat", "reconstruct", "vary"):
        (piece,) = play(mode, a, seed=3)["pieces"]
        assert piece["name"] == f"groove-1-{mode}"
        assert piece["midi"] != a["midi"]
    assert len(play("groove-transfer", a, b)["pieces"]) == 1
    assert len(play("interpolate", a, b, at=0.3)["pieces"]) == 1
    assert len(play("interpolate", a, b, num=3)["pieces"]) == 3


def test_the_same_seed_plays_the_same() -> None:
    played = play("sample", num=2)
    assert played == play("sample", num=2, seed=played["seed"])
    assert played != play("sample", num=2, seed=played["seed"] ^ 1)


def test_long_work_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groovefast.studio.streaming.SECONDS_BEFORE_PROGRESS", 0)
    answer = post("/api/play", {"mode": "sample", "options": {"num": 1, "seed": 1}})
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, result = map(json.loads, answer.body.splitlines())
    assert all(0 <= line["share"] <= 1 for line in lines)
    assert {line["stage"] for line in lines} <= {"waiting", "listening", "playing"}
    assert result["seed"] == 1


# --- What goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"piece":' * 50_000, b'{"piece":NaN}'),
        *({}, {"piece": None}, {"piece": []}, {"piece": "/etc/passwd"}, {"piece": {}}),
        *({"mode": None}, {"mode": "sample", "pieces": 1}, {"mode": "sample", "pieces": [None]}),
        *({"mode": "samle"}, {"mode": ["sample"]}, {"mode": "sample", "options": []}),
        {"mode": "x" * 1_000_000},
        {"mode": "sample", "options": {"x" * 1_000_000: 1}},
        *(
            {"mode": "sample", "options": {name: "/etc/passwd"}}
            for name in ("model", "groove_from")
        ),
        *(
            {"mode": "sample", "options": {name: 1}}
            for name in ("track", "pitch_classes", "player")
        ),
        *({"mode": "sample", "options": {"num": num}} for num in (0, 1e9, "1", 1e999, [1], True)),
        *({"mode": "sample", "options": {"style": style}} for style in (1, "x" * 10**6, {}, "rok")),
        *({"mode": "sample", "options": {"seed": seed}} for seed in (-1, 2**31, 0.5, 10**400, "")),
    ],
    ids=lambda content: str(content)[:40],
)
def test_mistakes_are_told_in_a_line(content: Any) -> None:
    for target in ("/api/write", "/api/wav", "/api/play"):
        mistake(post(target, content))


def test_files_that_are_none() -> None:
    for body in (b"", b"MThd", b"RIFF" * 100, demo_midi()[:-9], bytes(100_000)):
        assert mistake(ask(APP, "POST", "/api/open?name=a.mid", body)).startswith("a: ")
    for query in (
        "kit=/etc/passwd",
        "channel=17",
        "channel=x",
        "track=none",
        f"track={'9' * 5000}",
    ):
        mistake(ask(APP, "POST", f"/api/open?{query}", demo_midi()))


def test_no_file_of_the_disk_is_a_kit_or_a_groove(tmp_path: Any) -> None:
    path = tmp_path / "kit.json"
    path.write_text("[[36],[38],[42],[46],[45],[48],[50],[49],[51]]")
    piece = {**sent(new(1)), "kit": str(path)}
    line = mistake(post("/api/write", {"piece": piece}))
    assert line.startswith("kit: no such kit")
    options = {"groove_from": str(path)}
    asked = {"mode": "groove-transfer", "pieces": [sent(new(1))] * 2, "options": options}
    assert "groove_from" in mistake(post("/api/play", asked))


def test_too_large_bodies() -> None:
    for target in ("/api/open", "/api/write", "/api/wav", "/api/play"):
        assert mistake(post(target, bytes(MAX_BODY + 1)), 413) == "larger than 20 MB"
    unsaid = (bytes(1 << 20) for _ in range(30))
    assert mistake(ask(APP, "POST", "/api/open", unsaid), 413) == "larger than 20 MB"


def test_errors_of_ours_are_told_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = ValueError("/home/me/secret")

    def fail(*_: object) -> None:
        raise bug

    monkeypatch.setattr(app_module.jobs, "playing", fail)
    with pytest.raises(ValueError, match="secret"):  # for the server, which has heard of it by then
        post("/api/play", {"mode": "sample"})
    assert unexpected.pop() is bug


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
PIECES = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON,
        "midi": JSON | st.binary().map(lambda data: base64.b64encode(data).decode()),
        "qpm": JSON | st.just(120),
        "hits": JSON | st.lists(st.lists(JSON, min_size=4, max_size=4)),
        "bars": JSON | st.just(4),
        "meter": JSON | st.just([4, 4]),
        **dict.fromkeys(("channel", "track", "kit"), JSON),
    },
)


@settings(max_examples=200)
@given(st.sampled_from(["write", "wav"]), PIECES | JSON)
def test_any_piece_is_written_or_a_mistake(route: str, piece: Any) -> None:
    answer = post(f"/api/{route}", json.dumps({"piece": piece}, allow_nan=True).encode())
    if answer.status != 200:
        mistake(answer)


OPTIONS = st.dictionaries(
    st.sampled_from([*MODES["sample"].options, "seed", "touch", "amount", "hop_bars"]) | st.text(),
    JSON,
)


@settings(max_examples=200)
@given(st.sampled_from([*MODES]) | JSON, st.lists(PIECES | JSON, max_size=3) | JSON, OPTIONS | JSON)
def test_any_request_to_play_is_played_or_a_mistake(mode: Any, given: Any, options: Any) -> None:
    answer = post("/api/play", {"mode": mode, "pieces": given, "options": options})
    if answer.status != 200:
        mistake(answer)


def test_who_goes_away_ends_the_playing_of_a_long_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groovefast.studio.streaming.SECONDS_BEFORE_PROGRESS", 0)
    piece = ask(APP, "POST", "/api/open?name=long.mid", long_midi(bars=400)).json
    assert len(piece["bars"]) == 400
    ended: list[BaseException] = []
    has_ended = threading.Event()

    def watched(*arguments: Any) -> Any:
        try:
            return playing(*arguments)
        except BaseException as error:
            ended.append(error)
            raise
        finally:
            has_ended.set()

    playing = app_module.jobs.playing
    monkeypatch.setattr(app_module.jobs, "playing", watched)
    body = json.dumps({"mode": "humanize", "pieces": [sent(piece)]}).encode()

    async def ask_and_go() -> list[dict[str, Any]]:
        asker = Asker(body)
        scope = scope_of("POST", "/api/play", {"content-length": str(len(body))})
        task = asyncio.ensure_future(APP(scope, asker.receive, asker.send))
        lines: list[dict[str, Any]] = []
        while not any(line["stage"] == "listening" for line in lines):
            lines = await asyncio.wait_for(asker.lines(len(lines) + 1), PATIENCE)
        asker.gone.set()
        await asyncio.wait_for(task, PATIENCE)
        return lines

    lines = asyncio.run(ask_and_go())
    assert has_ended.wait(PATIENCE)
    assert [type(error) for error in ended] == [DroppedError]
    assert all(line["share"] < 1 for line in lines)


def long_midi(bars: int) -> bytes:
    """Kick and snare by turns, in eighths."""
    track = mido.MidiTrack()
    for number in range(8 * bars):
        note = {"channel": 9, "note": (36, 38)[number % 2]}
        track.append(mido.Message("note_on", velocity=90, time=0, **note))
        track.append(mido.Message("note_off", time=240, **note))
    file = io.BytesIO()
    mido.MidiFile(type=0, tracks=[track]).save(file=file)
    return file.getvalue()
