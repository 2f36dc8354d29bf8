"""What is written to and read from a bucket of S3, whose server does not always do as it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import Server, serving_bucket

from groovefast import convert, demo, remote
from groovefast.cached import CACHE_VARIABLE, cached
from groovefast.errors import GrooveFastError
from groovefast.mirror import Mirror
from groovefast.remote import Place
from groovefast.shards.find import find_shards
from groovefast.shards.manifest import JOURNAL, MANIFEST, verify

NAMES = [f"data-{n:05d}-of-00003.tfrecord" for n in range(3)]
FAULTS = ["busy", "late", "truncated"]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    yield from serving_bucket()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The server with an empty bucket, beside an empty cache."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(type(running.system), "retries", 1)
    running.faults.clear()
    running.system.invalidate_cache()
    for path in running.system.find("bucket"):
        running.system.rm_file(path)
    return running


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    demo.write_corpus(folder, num=6)
    return folder


@pytest.fixture(scope="module")
def expected(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("records")
    convert(corpus, folder, shards=3)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_conversion_and_what_reads_it(
    server: Server, corpus: Path, expected: dict[str, bytes]
) -> None:
    server.faults.update({f"PUT {NAMES[0]}": ["busy"], f"PUT {NAMES[1]}": ["late"]})
    convert(corpus, "s3://bucket/records", shards=3)
    assert server.contents("bucket/records") == expected
    assert not any(server.faults.values())
    assert [wrong for *_, wrong in verify("s3://bucket/records")] == [""] * 3
    server.faults.update({name: [fault] for name, fault in zip(NAMES, FAULTS, strict=True)})
    found = find_shards("s3://bucket/records/data-*")
    assert [path.read_bytes() for path in found] == [expected[name] for name in NAMES]
    assert not any(server.faults.values())


def test_what_cannot_be_put_is_named(
    server: Server, corpus: Path, expected: dict[str, bytes]
) -> None:
    server.faults[f"PUT {NAMES[1]}"] = ["busy"] * 99
    with pytest.raises(
        GrooveFastError, match=rf"^s3://bucket/records/{NAMES[1]}: .*\(tried 5 times"
    ):
        convert(corpus, "s3://bucket/records", shards=3)
    there = server.contents("bucket/records")
    assert MANIFEST not in there
    assert JOURNAL in there
    assert NAMES[1] not in there
    server.faults.clear()
    convert(corpus, "s3://bucket/records", shards=3, resume=True)
    assert server.contents("bucket/records") == expected


def test_an_object_that_is_replaced_while_it_is_read(server: Server) -> None:
    server.system.pipe_file("bucket/a/x", b"first")
    server.faults["x"] = ["replaced", "late"]
    folder = cached("s3://bucket/a", Place.listing)
    # Either is whole; that it was replaced is found at the next look at the latest.
    assert (folder / "x").read_bytes() in (b"first", b"other")
    folder = cached("s3://bucket/a", Place.listing)
    assert (folder / "x").read_bytes() == b"other"


def test_a_folder_up_and_down(server: Server, tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    for name in ("x", "y"):
        (tmp_path / "up" / name).write_bytes(name.encode() * 9)
    place = Place.of("s3://bucket/run")
    up, down = Mirror(place, tmp_path / "up"), Mirror(place, tmp_path / "down")
    server.faults.update({"PUT x": ["late", "busy"], "y": ["truncated"]})
    up.put("x", "y")
    up.put("x", "y")
    down.fetch(place.files())
    assert {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()} == {
        "x": b"x" * 9,
        "y": b"y" * 9,
    }
    down.put("x", "y")
    down.remove("x", "none")
    assert set(server.contents("bucket/run")) == {"y"}


def test_a_bucket_there_is_not(server: Server, corpus: Path) -> None:
    del server
    with pytest.raises(GrooveFastError, match=r"^s3://nosuch/out/\S+: .*bucket"):
        convert(corpus, "s3://nosuch/out")
