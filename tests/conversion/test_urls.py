"""Conversion of files at URLs: the same bytes, and faults that pass or are named."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import midi_bytes as midi
import pytest
from folders import contents, write_files

from groovefast import remote
from groovefast.conversion import work
from groovefast.conversion.convert import convert
from groovefast.conversion.work import Work
from groovefast.errors import GrooveFastError

pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
from fsspec.implementations.memory import MemoryFileSystem


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


SONGS = {f"{'deep/' if n % 2 else ''}{n:02d}.mid": song(4 + n, 40 + n) for n in range(10)}
NOT_SONGS = {"notes.txt": b"x", ".hidden/a.mid": SONGS["00.mid"], "deep/._01.mid": b"x"}


Answer = Callable[[str, bytes], bytes]
URL = "memory://bucket/songs"


class Server:
    """What answers for the memory, truly or not."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _, content: content
        self.system = MemoryFileSystem()

    def put(self, name: str, content: bytes) -> None:
        self.system.pipe_file(f"/bucket/{name}", content)


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A bucket with the songs, and what is none."""
    server, cat_file = Server(), MemoryFileSystem.cat_file
    for name, content in {**SONGS, **NOT_SONGS}.items():
        server.put(f"songs/{name}", content)

    def answer(system: MemoryFileSystem, path: str) -> bytes:
        return server.answer(path, cat_file(system, path))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", answer)
    monkeypatch.setattr(remote, "_FIRST_WAIT_S", 0.001)
    yield server
    server.system.rm("/bucket", recursive=True)


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    """What the same files give in a folder."""
    corpus = write_files(tmp_path / "corpus", {**SONGS, **NOT_SONGS})
    convert(corpus, tmp_path / "here")
    return contents(tmp_path / "here")


def answering(answers: list[Exception | bytes], for_name: str) -> Answer:
    """Answers for one file as listed, and then, as for all others, truly."""
    left = list(answers)

    def answer(path: str, content: bytes) -> bytes:
        if not path.endswith(for_name) or not left:
            return content
        this = left.pop(0)
        if isinstance(this, Exception):
            raise this
        return this

    return answer


def test_bytes_are_those_of_a_folder(expected: dict[str, bytes], tmp_path: Path) -> None:
    report = convert(URL, tmp_path / "out")
    assert contents(tmp_path / "out") == expected
    assert report.complete


def test_resume_knows_what_was_changed(server: Server, tmp_path: Path) -> None:
    convert(URL, tmp_path / "out", shards=2)
    assert convert(URL, tmp_path / "out", shards=2, resume=True).reused == 2
    server.put("songs/00.mid", SONGS["04.mid"])
    assert convert(URL, tmp_path / "out", shards=2, resume=True).reused == 1


def test_one_file(tmp_path: Path) -> None:
    report = convert(f"{URL}/deep/01.mid", tmp_path / "out")
    assert report.corpus.name(0) == "01.mid"
    assert report.corpus.place(0) == f"{URL}/deep/01.mid"
    assert report.performances == 1


def test_workers_elsewhere(expected: dict[str, bytes], tmp_path: Path) -> None:
    def run(works: Iterable[Work], attempts: Path) -> None:
        for each in works:
            work.note(work.do(each), attempts)

    convert(URL, tmp_path / "out", runner=run)
    assert contents(tmp_path / "out") == expected


def test_many_are_read_at_once(server: Server, tmp_path: Path) -> None:
    wanted = 32
    for number in range(8 * 40):
        server.put(f"many/{number}.mid", SONGS["00.mid"])
    reading = itertools.count(1)
    are_enough = threading.Event()

    def answer(path: str, content: bytes) -> bytes:
        del path
        if next(reading) == wanted:
            are_enough.set()
        assert are_enough.wait(30)  # none is answered before so many are asked for
        return content

    server.answer = answer
    assert convert("memory://bucket/many", tmp_path / "out").complete


@pytest.mark.parametrize(
    "faults",
    [
        [TimeoutError("timed out")] * 2,
        [OSError(16, "Please reduce your request rate.")] * 4,
        [SONGS["04.mid"][:50]],
        [SONGS["04.mid"] + b"grown"],
    ],
    ids=["time-outs", "503s", "a truncated answer", "a longer one"],
)
def test_faults_that_pass(
    server: Server, expected: dict[str, bytes], tmp_path: Path, faults: list[Exception | bytes]
) -> None:
    server.answer = answering(faults, "04.mid")
    convert(URL, tmp_path / "out")
    assert contents(tmp_path / "out") == expected


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (OSError(16, "Please reduce"), "please reduce (tried 5 times)"),
        (TimeoutError(), "TimeoutError (tried 5 times)"),
        (SONGS["04.mid"][:50], "the answer ends too early (tried 5 times)"),
        (SONGS["04.mid"] + b"grown", "it changes while it is read (tried 5 times)"),
        (PermissionError("Forbidden"), "Forbidden"),
    ],
    ids=["503", "time-out", "truncated", "longer", "forbidden"],
)
def test_faults_that_stay_are_named(
    server: Server, tmp_path: Path, fault: Exception | bytes, message: str
) -> None:
    server.answer = answering([fault] * 9, "04.mid")
    report = convert(URL, tmp_path / "out")
    (problem,) = report.problems()
    assert str(problem) == f"04.mid: {message}"
    assert report.performances == len(SONGS) - 1


def test_an_object_that_is_replaced_is_read_anew(server: Server, tmp_path: Path) -> None:
    def answer(path: str, content: bytes) -> bytes:
        if path.endswith("04.mid") and content == SONGS["04.mid"]:
            server.put("songs/04.mid", SONGS["08.mid"])
            return content[:20]
        return content

    server.answer = answer
    assert convert(URL, tmp_path / "out").complete


def test_what_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="memory://bucket/none"):
        convert("memory://bucket/none", tmp_path / "out")
    with pytest.raises(GrooveFastError, match=r"nosuch://a: .*nosuch"):
        convert("nosuch://a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_zips_at_urls_are_named(server: Server, tmp_path: Path) -> None:
    server.put("songs/a.zip", b"")
    (problem,) = convert(URL, tmp_path / "out").problems()
    assert str(problem) == f"{URL}/a.zip: a zip at a URL; unpack it there"
