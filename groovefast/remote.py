"""Files that are not in the file system: what a URL such as `s3://bucket/songs` names.

Any file system that fsspec knows will do; `pip install 'groovefast[cloud]'` brings it.
"""

from __future__ import annotations

import dataclasses
import datetime
import errno
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from groovefast.errors import GrooveFastError, wanting_extras

READERS = 64
"""Files to read at once: one takes 10 to 200 ms, nearly all of it waiting."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_TRIES = 5
_FIRST_WAIT_S = 0.1
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What trying again does not change."""
_TIMES = ("LastModified", "mtime", "updated", "last_modified", "modified", "created")

_Result = TypeVar("_Result")


class RemoteError(GrooveFastError):
    """A file that could not be read, however often it was tried; the message is a few words."""


def is_url(path: str | bytes | os.PathLike[str]) -> bool:
    """Whether a path is a URL, rather than one of the file system."""
    return not isinstance(path, os.PathLike) and _URL.match(os.fsdecode(path)) is not None


class RemoteFile(NamedTuple):
    """A file below a place.

    Attributes:
        name: Its path from there.
        size: Its size in bytes, or None where that is not told.
        changed_ns: When it was last changed, or None where that is not told.
    """

    name: str
    size: int | None
    changed_ns: int | None


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
            GrooveFastError: No file system goes by its scheme, or what that needs is not installed.
        """
        with wanting_extras():
            import fsspec
        try:
            system, path = fsspec.core.url_to_fs(url, **_options(url, fsspec.config.conf))
        except (ValueError, ImportError) as error:
            raise GrooveFastError(f"{url}: {_words(error)}") from None
        return cls(url, system, path)

    def files(self) -> Iterator[RemoteFile]:
        """Yields all files below it, however deep, or it alone with no name.

        Raises:
            FileNotFoundError: There is nothing.
            RemoteError: It cannot be listed.
        """
        try:
            found: Any = _trying(lambda: self._system.find(self._path, detail=True))
        except RemoteError as error:
            raise RemoteError(f"{self.url}: {error}") from None
        if not found:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url)
        for path, info in found.items():
            name = path[len(self._path) :].lstrip("/")
            yield RemoteFile(name, info.get("size"), _changed(info))

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


def _options(url: str, configured: Mapping[str, Any]) -> dict[str, Any]:
    """What a file system has to be told: that of S3 keeps ten connections unless it is."""
    if url.partition("://")[0].lower() not in ("s3", "s3a"):
        return {}
    given = configured.get("s3", {}).get("config_kwargs", {})
    return {"config_kwargs": {"max_pool_connections": READERS, **given}}


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


def _changed(info: dict[str, Any]) -> int | None:
    for key in _TIMES:
        at = info.get(key)
        if isinstance(at, datetime.datetime):
            return int(at.timestamp() * 1e9)
        if isinstance(at, (int, float)):
            return int(at * 1e9)
    return None
