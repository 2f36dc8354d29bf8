"""Files at URLs: fetched and put whole or not at all, tried again, and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from buckets import URL, Bucket, failing, spoiling

from groovefast.errors import GrooveFastError
from groovefast.remote import Place, RemoteError, is_url


def test_which_paths_are_urls() -> None:
    assert is_url("s3://bucket/a")
    assert not any(map(is_url, ["s3:/bucket/a", "a/b", "C:\\a", "", Path("s3://bucket/a")]))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://a/b", r"nosuch://a/b: .*nosuch"),
        ("s3://", r"s3://: names no bucket; write s3://BUCKET/FOLDER"),
    ],
)
def test_urls_that_name_nothing(bucket: Bucket, url: str, message: str) -> None:
    del bucket
    if url.startswith("s3"):
        pytest.importorskip("s3fs", reason="s3fs is not installed (the extra cloud)")
    with pytest.raises(GrooveFastError, match=message):
        Place.of(url)


def test_a_listing_is_of_one_folder(bucket: Bucket) -> None:
    for name in ("a/x", "a/deep/y", "ab/z"):
        bucket.put(name, b"123")
    assert {name: file.size for name, file in Place.of(f"{URL}/a").listing().items()} == {"x": 3}
    assert Place.of(f"{URL}/none").listing() == {}
    assert Place.of(f"{URL}/a/x").listing() == {}


def test_a_file_that_is_replaced_has_another_version(bucket: Bucket) -> None:
    bucket.put("a/x", b"123")
    before = Place.of(f"{URL}/a").listing()["x"].version
    assert Place.of(f"{URL}/a").listing()["x"].version == before
    bucket.put("a/x", b"456")
    assert Place.of(f"{URL}/a").listing()["x"].version != before


def test_faults_of_putting_that_pass(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"123")
    bucket.on_put = failing("x", TimeoutError("timed out"), 3)
    (Place.of(f"{URL}/a") / "x").put(tmp_path / "x")
    assert bucket.contents("a") == {"x": b"123"}


def test_what_cannot_be_put_leaves_what_was_there(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"123")
    bucket.put("a/x", b"before")
    bucket.on_put = failing("x", OSError(16, "Please reduce"), 9)
    with pytest.raises(RemoteError, match=r"^memory://bucket/a/x: please reduce \(tried 5 times\)"):
        (Place.of(f"{URL}/a") / "x").put(tmp_path / "x")
    assert bucket.contents("a") == {"x": b"before"}


def test_what_arrives_cut_off_is_put_again(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"123")
    left = [1]

    def cut(_: str) -> None:
        if left:
            left.pop()
            (path,) = bucket.system.find("/bucket/a")
            bucket.system.pipe_file(path, b"1")

    bucket.on_put = cut
    (Place.of(f"{URL}/a") / "x").put(tmp_path / "x")
    assert bucket.contents("a") == {"x": b"123"}


def test_what_is_gone_may_be_removed(bucket: Bucket) -> None:
    bucket.put("a/x", b"123")
    for _ in range(2):
        (Place.of(f"{URL}/a") / "x").remove()
    assert bucket.contents("a") == {}


@pytest.mark.parametrize("content", [b"1", b"1234"])
def test_what_comes_otherwise_is_fetched_again(
    bucket: Bucket, tmp_path: Path, content: bytes
) -> None:
    bucket.put("a/x", b"123")
    place = Place.of(f"{URL}/a")
    bucket.on_get = spoiling("x", [content] * 2)
    (place / "x").fetch(tmp_path / "x", place.listing()["x"])
    assert (tmp_path / "x").read_bytes() == b"123"


def test_what_never_comes_whole_is_named(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a/x", b"123")
    place = Place.of(f"{URL}/a")
    bucket.on_get = spoiling("x", [b"1"] * 9)
    message = r"^memory://bucket/a/x: the answer ends too early \(tried 5 times\)"
    with pytest.raises(RemoteError, match=message):
        (place / "x").fetch(tmp_path / "x", place.listing()["x"])
    assert not list(tmp_path.glob("*x*"))
