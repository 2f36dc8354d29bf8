"""Files that are not in the file system: what a URL such as `s3://bucket/songs` names.

Any file system that fsspec knows will do; `pip install 'groovefast[cloud]'` brings it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import os
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import groovefast
from groovefast.errors import GrooveFastError, wanting_extras

READERS = 64
"""Files to read at once: one takes 10 to 200 ms, nearly all of it waiting."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_TRIES = 5
_FIRST_WAIT_S = 0.1
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What trying again does not change."""
_TIMES = ("LastModified", "mtime", "updated", "last_modified", "modified", "created")
_TAGS = ("ETag", "etag", "generation", "md5Hash", "checksum")
_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "cos"}
"""Schemes of stores where an object is there in full or not at all, and where a rename copies."""
_OF_BUCKETS = {"s3", "s3a", "gs", "gcs"}

_Result = TypeVar("_Result")


class RemoteError(GrooveFastError):
    """A file that could not be had or put, however often it was tried."""


def is_url(path: str | bytes | os.PathLike[str]) -> bool:
    """Whether a path is a URL, rather than one of the file system."""
    return not isinstance(path, os.PathLike) and _URL.match(os.fsdecode(path)) is not None


class RemoteFile(NamedTuple):
    """A file below a place.

    Attributes:
        name: Its path from there.
        size: Its size in bytes, or None where that is not told.
        changed_ns: When it was last changed, or None where that is not told.
        tag: What tells its content from any it had before, or nothing where that is not told.
    """

    name: str
    size: int | None
    changed_ns: int | None
    tag: str = ""

    @property
    def version(self) -> str:
        """What is another when the file is."""
        return f"{self.size} {self.tag or self.changed_ns}"


@dataclasses.dataclass(frozen=True)
class Place:
    """A file or folder that a URL names."""

    url: str
    _system: Any
    _path: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Returns what a URL names, whether or not there is something.

        Raises:
            GrooveFastError: No file system goes by its scheme, or what that needs is not installed,
                or it lacks the name of a bucket.
        """
        with wanting_extras():
            import fsspec
        try:
            system, path = fsspec.core.url_to_fs(url, **_options(url, fsspec.config.conf))
        except (ValueError, ImportError) as error:
            raise GrooveFastError(f"{url}: {_words(error)}") from None
        scheme = _scheme(url)
        if scheme in _OF_BUCKETS and not path.strip("/"):
            raise GrooveFastError(f"{url}: names no bucket; write {scheme}://BUCKET/FOLDER")
        return cls(url, system, path)

    def __truediv__(self, name: str) -> Place:
        """What is below it under a name."""
        url, path = (f"{each.rstrip('/')}/{name}" for each in (self.url, self._path))
        return Place(url, self._system, path)

    def files(self) -> Iterator[RemoteFile]:
        """Yields all files below it, however deep, or it alone with no name.

        Raises:
            FileNotFoundError: There is nothing.
            RemoteError: It cannot be listed.
        """
        self._system.invalidate_cache()
        found: Any = self._naming(
            lambda: _trying(lambda: self._system.find(self._path, detail=True))
        )
        if not found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url)
        for path, info in found.items():
            yield _file(path[len(self._path) :].lstrip("/"), info)

    def listing(self) -> dict[str, RemoteFile]:
        """Returns the files that are in it, not deeper, by their names; none if it is no folder.

        Raises:
            RemoteError: It cannot be listed.
        """

        def find() -> Any:
            self._system.invalidate_cache()
            try:
                return self._system.ls(self._path, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []

        folder, found = self._path.rstrip("/") + "/", self._naming(lambda: _trying(find))
        files = [
            _file(info["name"][len(folder) :], info)
            for info in found
            if info["type"] == "file" and info["name"].startswith(folder)
        ]
        return {file.name: file for file in files if file.name}

    def read(self, size: int | None = None) -> bytes:
        """Reads it whole; may be called from any thread.

        Args:
            size: Its size when it was listed. Where another number of bytes comes, it was cut off
                or has changed, and is read again.

        Raises:
            RemoteError: It cannot be read.
        """
        wanted = size

        def read() -> bytes:
            nonlocal wanted
            content: bytes = self._system.cat_file(self._path)
            if wanted is not None and len(content) != wanted:
                self._system.invalidate_cache()
                is_cut = len(content) < wanted
                wanted = self._system.info(self._path).get("size")
                if len(content) != wanted:
                    what = "the answer ends too early" if is_cut else "it changes while it is read"
                    raise EOFError(what)
            return content

        return _trying(read)

    def fetch(
        self,
        to: Path,
        file: RemoteFile,
        check: Callable[[Path], str | None] = lambda _: None,
    ) -> None:
        """Fetches it into a file, which is there in full at the end or not at all.

        Args:
            to: The file.
            file: What it was when it was listed. Where other bytes come than it had, it is fetched
                again.
            check: Returns what is wrong with the file that came, if anything is; then it is
                fetched again, too.

        Raises:
            RemoteError: It cannot be had as it should be.
        """
        unfinished = to.with_name(f".{uuid.uuid4().hex}.tmp")

        def fetch() -> None:
            try:
                self._system.get_file(self._path, str(unfinished))
                size = unfinished.stat().st_size
                if file.size is not None and size != file.size:
                    is_cut = size < file.size
                    raise EOFError("the answer ends too early" if is_cut else "it has changed")
                if wrong := check(unfinished):
                    raise ValueError(wrong)
                unfinished.replace(to)
            finally:
                unfinished.unlink(missing_ok=True)

        self._naming(lambda: _trying(fetch))

    def put(self, source: Path) -> None:
        """Puts a file there; whoever looks finds it whole, or what was there before.

        Raises:
            RemoteError: It cannot be put.
            OSError: The file cannot be read.
        """
        size = source.stat().st_size
        is_store = _scheme(self.url) in _STORES
        folder, _, name = self._path.rpartition("/")

        def put() -> None:
            path = self._path if is_store else f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
            if not is_store:
                self._system.makedirs(folder, exist_ok=True)
            try:
                self._system.put_file(str(source), path)
                self._system.invalidate_cache()
                arrived = self._system.info(path)["size"]
                if arrived != size:
                    raise EOFError(f"of {size:,} bytes {arrived:,} arrived")
                if not is_store:
                    self._system.mv(path, self._path)
            except BaseException:
                if not is_store:
                    with contextlib.suppress(Exception):
                        self._system.rm_file(path)
                raise

        self._naming(lambda: _trying(put))

    def remove(self) -> None:
        """Removes it, if it is there.

        Raises:
            RemoteError: It cannot be removed.
        """

        def remove() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._system.rm_file(self._path)

        self._naming(lambda: _trying(remove))

    def _naming(self, do: Callable[[], _Result]) -> _Result:
        """Does something, and puts the URL into its error."""
        try:
            return do()
        except RemoteError as error:
            raise RemoteError(f"{self.url}: {error}") from None


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _file(name: str, info: Mapping[str, Any]) -> RemoteFile:
    tag = next((str(info[key]) for key in _TAGS if info.get(key)), "")
    return RemoteFile(name, info.get("size"), _changed(info), tag)


def _options(url: str, configured: Mapping[str, Any]) -> dict[str, Any]:
    """What a file system has to be told: that of S3 keeps ten connections unless it is.

    And that it is tried again in two places, which is enough: here and in s3fs. And the name of
    who asks, which it makes up anew for each request otherwise, in a tenth of all its time.
    """
    if _scheme(url) not in ("s3", "s3a"):
        return {}
    given = configured.get("s3", {}).get("config_kwargs", {})
    own = {
        "max_pool_connections": READERS,
        "retries": {"total_max_attempts": 1},
        "user_agent": f"groovefast/{groovefast.__version__}",
    }
    return {"config_kwargs": {**own, **given}}


def _trying(do: Callable[[], _Result], tries: int = _TRIES) -> _Result:
    """Does something that a server may be too busy for at first."""
    try:
        return do()
    except _FINAL as error:
        raise RemoteError(_words(error)) from None
    except Exception as error:
        if tries == 1:
            raise RemoteError(f"{_words(error)} (tried {_TRIES} times)") from None
    # Longer each time, and not all readers at the same moment.
    time.sleep(_FIRST_WAIT_S * 2 ** (_TRIES - tries) * (0.5 + random.random()))
    return _trying(do, tries - 1)


def _words(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    lines = (strerror or str(error)).strip().splitlines()
    words = lines[0] if lines else type(error).__name__
    return words[:1].lower() + words[1:] if strerror else words


def _changed(info: Mapping[str, Any]) -> int | None:
    for key in _TIMES:
        at = info.get(key)
        if isinstance(at, datetime.datetime):
            return int(at.timestamp() * 1e9)
        if isinstance(at, (int, float)):
            return int(at * 1e9)
    return None
