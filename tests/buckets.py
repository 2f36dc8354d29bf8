"""A bucket in memory, by way of fsspec, that does wrong when it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from groovefast import remote
from groovefast.cached import CACHE_VARIABLE

URL = "memory://bucket"


class Bucket:
    """The bucket.

    Attributes:
        on_get: Called with the name and the copy of each file that was fetched.
        on_put: Called with the name of each file that is about to be put.
        log: What was done: `put`, `mv`, `rm` or `get`, and the name.
    """

    def __init__(self) -> None:
        from fsspec.implementations.memory import MemoryFileSystem

        self.system = MemoryFileSystem()
        self.on_get: Callable[[str, Path], None] = lambda *_: None
        self.on_put: Callable[[str], None] = lambda _: None
        self.log: list[tuple[str, str]] = []

    def put(self, name: str, content: bytes) -> None:
        self.system.pipe_file(f"/bucket/{name}", content)

    def put_folder(self, folder: Path, name: str) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def read(self, name: str) -> bytes:
        content: bytes = self.system.cat_file(f"/bucket/{name}")
        return content

    def contents(self, folder: str) -> dict[str, bytes]:
        """All files below a folder."""
        start = f"/bucket/{folder}/"
        found = self.system.find(start)
        return {path.removeprefix(start): self.system.cat_file(path) for path in found}

    def done(self, *what: str) -> list[str]:
        """The names of what was done to files, in order."""
        return [name for did, name in self.log if did in what]


def serving(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Bucket]:
    """Yields an empty bucket, beside an empty cache."""
    pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    from fsspec.implementations.memory import MemoryFileSystem as System

    bucket = Bucket()
    get_file, put_file, mv, rm_file = System.get_file, System.put_file, System.mv, System.rm_file

    def getting(system: Any, path: str, to: str, **options: Any) -> None:
        bucket.log.append(("get", _name(path)))
        get_file(system, path, to, **options)
        bucket.on_get(_name(path), Path(to))

    def putting(system: Any, source: str, path: str, **options: Any) -> None:
        bucket.log.append(("put", _name(path)))
        put_file(system, source, path, **options)
        bucket.on_put(_name(path))

    def moving(system: Any, path: str, to: str, **options: Any) -> None:
        bucket.log.append(("mv", _name(to)))
        mv(system, path, to, **options)

    def removing(system: Any, path: str) -> None:
        if not path.endswith(".tmp"):
            bucket.log.append(("rm", _name(path)))
        rm_file(system, path)

    patches = {"get_file": getting, "put_file": putting, "mv": moving, "rm_file": removing}
    for name, patch in patches.items():
        monkeypatch.setattr(System, name, patch)
    monkeypatch.setattr(remote, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    yield bucket
    bucket.system.store.clear()
    bucket.system.pseudo_dirs[:] = [""]


def _name(path: str) -> str:
    """The name of a file, also of one that is only on its way."""
    last = path.rpartition("/")[2]
    return last[1:].rsplit(".", 2)[0] if last.endswith(".tmp") else last


def failing(name: str, error: Exception, times: int) -> Callable[..., None]:
    """Fails so many times for a file."""
    left = [error] * times

    def fail(this: str, *_: Any) -> None:
        if this == name and left:
            raise left.pop()

    return fail


def spoiling(name: str, contents: list[bytes]) -> Callable[[str, Path], None]:
    """Has other bytes come of a file, as often as there are some."""
    left = list(contents)

    def spoil(this: str, came: Path) -> None:
        if this == name and left:
            came.write_bytes(left.pop(0))

    return spoil
