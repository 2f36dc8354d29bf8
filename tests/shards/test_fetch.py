"""Shards at URLs: found as in folders, and fetched whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from buckets import URL, Bucket, failing, spoiling

from groovefast import convert, demo
from groovefast.errors import GrooveFastError
from groovefast.remote import RemoteError
from groovefast.shards.find import find_shards
from groovefast.shards.manifest import MANIFEST

NAMES = [f"data-{n:05d}-of-00003.tfrecord" for n in range(3)]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    demo.write_corpus(folder, num=6)
    convert(folder, folder / "records", shards=3)
    return folder / "records"


@pytest.fixture(autouse=True)
def there(bucket: Bucket, records: Path) -> None:
    bucket.put_folder(records, "records")


@pytest.mark.parametrize("pattern", ["records", "records/", "records/data-*", "records/*-of-*"])
def test_shards_are_those_of_the_folder(records: Path, pattern: str) -> None:
    found = find_shards(f"{URL}/{pattern}")
    assert [path.name for path in found] == NAMES
    assert all(path.read_bytes() == (records / path.name).read_bytes() for path in found)
    assert (found[0].parent / MANIFEST).read_bytes() == (records / MANIFEST).read_bytes()


def test_each_is_fetched_once(bucket: Bucket) -> None:
    found = find_shards(f"{URL}/records/*")
    assert find_shards([f"{URL}/records/*", f"{URL}/records"]) == found
    assert sorted(bucket.done("get")) == [*NAMES, MANIFEST]


def test_some_of_a_set(bucket: Bucket) -> None:
    found = find_shards(f"{URL}/records/{NAMES[1]}")
    assert [path.name for path in found] == NAMES[1:2]
    found = find_shards([f"{URL}/records/*-0000[02]-*", f"{URL}/records/{NAMES[1]}"])
    assert [path.name for path in found] == [NAMES[0], NAMES[2], NAMES[1]]
    assert NAMES[2] in bucket.done("get")


def test_with_those_of_this_machine(records: Path) -> None:
    here, there = find_shards([records / NAMES[0], f"{URL}/records/{NAMES[0]}"])
    assert here == records / NAMES[0]
    assert there != here


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("records/train-*", r"/train-\*: no shard matches; the folder holds data-\*\.tfrecord"),
        ("none/train-*", r"/none/train-\*: no shard matches; there is no folder memory://bucket/n"),
        ("records/none", r"/records/none: no such file; the folder holds data-\*\.tfrecord"),
        ("*/data-*", r"memory://bucket/\*/data-\*: a URL has wildcards in its last part only"),
    ],
)
def test_what_there_is_not(pattern: str, message: str) -> None:
    with pytest.raises(GrooveFastError, match=message):
        find_shards(f"{URL}/{pattern}")


def test_a_set_that_is_not_whole(bucket: Bucket) -> None:
    bucket.system.rm_file(f"/bucket/records/{NAMES[1]}")
    with pytest.raises(GrooveFastError, match=rf"^{URL}/records/{NAMES[1]}: this shard is missing"):
        find_shards(f"{URL}/records/*")


@pytest.mark.parametrize("share", ["cut off", "too long", "as long"])
def test_what_comes_otherwise_is_fetched_again(bucket: Bucket, records: Path, share: str) -> None:
    whole = (records / NAMES[1]).read_bytes()
    came = {"cut off": whole[:-5], "too long": whole + b"more", "as long": whole[:-5] + b"other"}
    bucket.on_get = spoiling(NAMES[1], [came[share]] * 2)
    assert find_shards(f"{URL}/records/*")[1].read_bytes() == whole
    assert bucket.done("get").count(NAMES[1]) == 3


def test_what_is_altered_at_the_url_is_named(bucket: Bucket, records: Path) -> None:
    bucket.put(f"records/{NAMES[1]}", (records / NAMES[1]).read_bytes()[:-5])
    message = rf"^{URL}/records/{NAMES[1]}: it was altered: .* \(tried 5 times\)$"
    with pytest.raises(RemoteError, match=message):
        find_shards(f"{URL}/records/*")


def test_faults(bucket: Bucket) -> None:
    bucket.on_get = failing(NAMES[0], OSError(16, "Please reduce"), 4)
    assert len(find_shards(f"{URL}/records/*")) == 3
