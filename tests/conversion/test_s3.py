"""Conversion of a bucket of S3, whose server does not always do as it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import midi_bytes as midi
import pytest
from folders import contents, write_files
from s3_server import Server, serving_bucket

from groovefast.conversion.convert import convert


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


SONGS = {f"{'deep/' if n % 2 else ''}{n:03d}.mid": song(4 + n % 9, 1 + n % 120) for n in range(300)}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    for server in serving_bucket():
        server.system.pipe({f"bucket/songs/{name}": content for name, content in SONGS.items()})
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.faults.clear()
    running.most_at_once = running.awaited = 0
    return running


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("s3")
    convert(write_files(folder / "corpus", SONGS), folder / "here")
    return contents(folder / "here")


def test_many_are_read_at_once(server: Server, expected: dict[str, bytes], tmp_path: Path) -> None:
    server.awaited = 20
    convert("s3://bucket/songs", tmp_path / "out")
    assert contents(tmp_path / "out") == expected
    assert server.most_at_once >= 20


def test_faults_that_pass(server: Server, expected: dict[str, bytes], tmp_path: Path) -> None:
    server.faults.update({"000.mid": ["busy"], "002.mid": ["late"], "004.mid": ["truncated"]})
    report = convert("s3://bucket/songs", tmp_path / "out")
    assert report.complete
    assert contents(tmp_path / "out") == expected
    assert not any(server.faults.values())
