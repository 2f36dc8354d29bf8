"""Conversion to a URL: the bytes of a local one, and nothing half-written there at any time."""

from __future__ import annotations

from pathlib import Path

import midi_bytes as midi
import pytest
from buckets import URL, Bucket, failing

from groovefast.cli.convert import command
from groovefast.conversion.convert import convert
from groovefast.errors import GrooveFastError, OptionError
from groovefast.remote import RemoteError
from groovefast.shards.manifest import JOURNAL, MANIFEST, verify
from groovefast.shards.tfds_files import TFDS_FILES

OUT = f"{URL}/out"
SHARD = "data-00002-of-00004.tfrecord"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for n in range(10):
        hits = (midi.hit(479 if k else 0, 36, 40 + n) for k in range(16 + 4 * n))
        (folder / f"{n}.mid").write_bytes(midi.song(*hits))
    return folder


@pytest.fixture
def expected(corpus: Path, tmp_path: Path) -> dict[str, bytes]:
    convert(corpus, tmp_path / "here", shards=4)
    return {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where temporary folders go."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_bytes_are_those_of_a_folder(
    bucket: Bucket, corpus: Path, expected: dict[str, bytes], room: Path
) -> None:
    report = convert(corpus, OUT, shards=4)
    assert bucket.contents("out") == expected
    assert report.output_dir == OUT
    assert not list(room.iterdir())


def test_the_manifest_is_last(bucket: Bucket, corpus: Path) -> None:
    convert(corpus, OUT, shards=4)
    put = bucket.done("mv")
    assert put[0] == JOURNAL
    assert put[-3:] == [*TFDS_FILES, MANIFEST]
    assert set(put[1:-3]) - {JOURNAL} == {f"data-0000{n}-of-00004.tfrecord" for n in range(4)}
    assert bucket.done("rm")[-1] == JOURNAL


def test_another_conversion_takes_the_place_of_one(
    bucket: Bucket, corpus: Path, expected: dict[str, bytes]
) -> None:
    convert(corpus, OUT, shards=3)
    said: list[str] = []
    bucket.log.clear()
    convert(corpus, OUT, shards=4, on_message=said.append)
    assert said == ["replacing the 3 shards of an earlier conversion there"]
    assert bucket.contents("out") == expected
    assert not any(name.endswith(".tfrecord") for name in bucket.done("get"))


def test_shards_of_others_are_refused(bucket: Bucket, corpus: Path) -> None:
    bucket.put(f"out/{SHARD}", b"theirs")
    with pytest.raises(GrooveFastError, match=rf"^{OUT}/{SHARD}: not a shard of the conversion"):
        convert(corpus, OUT, shards=4)
    assert bucket.contents("out") == {SHARD: b"theirs"}


def test_faults_that_pass(bucket: Bucket, corpus: Path, expected: dict[str, bytes]) -> None:
    bucket.on_put = failing(SHARD, TimeoutError("timed out"), 3)
    convert(corpus, OUT, shards=4)
    assert bucket.contents("out") == expected


@pytest.mark.parametrize("name", [SHARD, MANIFEST])
def test_faults_that_stay_are_named_and_gone_on_from(
    bucket: Bucket, corpus: Path, expected: dict[str, bytes], room: Path, name: str
) -> None:
    bucket.on_put = failing(name, OSError(16, "Please reduce"), 5)
    with pytest.raises(RemoteError, match=rf"^{OUT}/{name}: please reduce \(tried 5 times\)$"):
        convert(corpus, OUT, shards=4)
    there = bucket.contents("out")
    assert JOURNAL in there
    assert MANIFEST not in there
    shards = {each for each in there if each.endswith(".tfrecord")}
    assert all(there[each] == expected[each] for each in shards)
    assert set(there) <= {JOURNAL, *TFDS_FILES, *expected}  # nothing on its way
    with pytest.raises(GrooveFastError, match=rf"^{OUT}: the conversion was not finished"):
        list(verify(OUT))
    said: list[str] = []
    report = convert(corpus, OUT, shards=4, resume=True, on_message=said.append)
    assert bucket.contents("out") == expected
    assert report.reused >= len(shards) - 1
    assert not list(room.iterdir())


def test_resume_makes_again_what_was_altered(
    bucket: Bucket, corpus: Path, expected: dict[str, bytes]
) -> None:
    convert(corpus, OUT, shards=4)
    bucket.put(f"out/{SHARD}", expected[SHARD][:-5])
    said: list[str] = []
    report = convert(corpus, OUT, shards=4, resume=True, on_message=said.append)
    assert [line.partition(": ")[0] for line in said] == [f"{OUT}/{SHARD}"]
    assert report.reused == 3
    assert bucket.contents("out") == expected


def test_resume_of_a_whole_one_puts_nothing(bucket: Bucket, corpus: Path) -> None:
    convert(corpus, OUT, shards=4)
    bucket.log.clear()
    assert convert(corpus, OUT, shards=4, resume=True).reused == 4
    assert bucket.done("put", "rm", "mv") == []


def test_resume_of_another_is_refused(bucket: Bucket, corpus: Path) -> None:
    convert(corpus, OUT, shards=4)
    before = bucket.contents("out")
    with pytest.raises(GrooveFastError, match=rf"^{OUT}: "):
        convert(corpus, OUT, shards=3, resume=True)
    assert bucket.contents("out") == before


def test_verify(bucket: Bucket, corpus: Path, expected: dict[str, bytes]) -> None:
    convert(corpus, OUT, shards=4)
    assert [wrong for _, _, wrong in verify(OUT)] == [""] * 4
    bucket.put(f"out/{SHARD}", expected[SHARD][:-5])
    wrong = {name: wrong for name, _, wrong in verify(OUT) if wrong}
    assert list(wrong) == [SHARD]
    with pytest.raises(GrooveFastError, match="no conversion there to verify"):
        list(verify(f"{URL}/none"))


def test_the_command(bucket: Bucket, corpus: Path, expected: dict[str, bytes]) -> None:
    words = [str(corpus), OUT, "--shards", "4", "--verify"]
    assert command.main(words, standalone_mode=False) == 0
    assert bucket.contents("out") == expected
    bucket.put(f"out/{SHARD}", b"")
    with pytest.raises(GrooveFastError, match=rf"^{OUT}: 1 of 4 shards not as they should be"):
        command.main(["--verify", OUT], standalone_mode=False)


def test_workers_elsewhere_need_a_folder(bucket: Bucket, corpus: Path) -> None:
    with pytest.raises(OptionError, match=rf"^runner: .*{OUT} is a URL"):
        convert(corpus, OUT, runner="DirectRunner")
    assert bucket.contents("out") == {}
