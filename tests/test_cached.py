"""What is fetched from URLs: once, whole, and anew when it is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from buckets import URL, Bucket, failing, spoiling

from groovefast.cached import CACHE_VARIABLE, cache_folder, cached
from groovefast.remote import Place, RemoteError

FOLDER = f"{URL}/a"


@pytest.fixture(autouse=True)
def files(bucket: Bucket) -> None:
    for name in ("x", "y"):
        bucket.put(f"a/{name}", name.encode())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "groovefast"


def test_each_is_fetched_once(bucket: Bucket) -> None:
    folder = cached(FOLDER, Place.listing)
    assert cached(FOLDER, Place.listing) == folder
    assert folder.parts[-3:] == ("memory", "bucket", "a")
    assert contents(folder) == {"x": b"x", "y": b"y"}
    assert sorted(bucket.done("get")) == ["x", "y"]


def test_what_is_replaced_is_fetched_anew(bucket: Bucket) -> None:
    before = cached(FOLDER, Place.listing)
    bucket.put("a/x", b"z")
    assert contents(cached(FOLDER, Place.listing)) == {"x": b"z", "y": b"y"}
    assert contents(before) == {"x": b"x", "y": b"y"}  # somebody may be reading it


def test_what_is_replaced_meanwhile_is_not_mixed(bucket: Bucket) -> None:
    def replace(name: str, came: Path) -> None:
        if name == "y" and came.read_bytes() == b"y":
            bucket.put("a/x", b"longer")
            bucket.put("a/y", b"also longer")

    bucket.on_get = replace
    assert contents(cached(FOLDER, Place.listing)) == {"x": b"longer", "y": b"also longer"}


def test_what_always_changes_is_named(bucket: Bucket) -> None:
    bucket.on_get = lambda name, _: bucket.put(f"a/{name}", name.encode())
    with pytest.raises(RemoteError, match=r"^memory://bucket/a: it changes while it is fetched$"):
        cached(FOLDER, Place.listing)


def test_faults(bucket: Bucket) -> None:
    bucket.on_get = failing("x", TimeoutError("timed out"), 9)
    with pytest.raises(RemoteError, match=r"^memory://bucket/a/x: timed out \(tried 5 times\)"):
        cached(FOLDER, Place.listing)
    assert contents(cached(FOLDER, Place.listing)) == {"x": b"x", "y": b"y"}


def test_what_is_found_wrong_is_fetched_again(bucket: Bucket) -> None:
    bucket.on_get = spoiling("x", [b"?"])

    def check(came: Path, name: str) -> str | None:
        assert (came.parent / "y").exists(), "it is to come first"
        return None if came.read_bytes() == name.encode() else "it is wrong"

    folder = cached(FOLDER, Place.listing, lambda *_: None, first=("y",))
    bucket.put("a/x", b"x")
    folder = cached(
        FOLDER, Place.listing, lambda came, name: check(came, name) if name == "x" else None, ("y",)
    )
    assert contents(folder) == {"x": b"x", "y": b"y"}
