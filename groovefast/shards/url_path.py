"""What a search for shards asks of a path, at a URL."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import PurePosixPath

from groovefast.remote import Place, RemoteFile


@functools.total_ordering
class UrlPath:
    """A URL with as much of `pathlib.Path` as it takes to find shards.

    Each folder is looked into once, for all paths that come of one.
    """

    def __init__(self, url: str, known: dict[str, dict[str, RemoteFile]] | None = None) -> None:
        """Makes a path, which there need not be.

        Args:
            url: The URL.
            known: What has been found in folders, to be shared.
        """
        self._url = url.rstrip("/")
        self._known: dict[str, dict[str, RemoteFile]] = {} if known is None else known

    def __str__(self) -> str:
        return self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlPath) and self._url == other._url

    def __lt__(self, other: UrlPath) -> bool:
        return self._url < other._url

    def __truediv__(self, name: str) -> UrlPath:
        return UrlPath(f"{self._url}/{name}", self._known)

    @property
    def name(self) -> str:
        """Its last part."""
        return self._url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The end of its name, with the dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> UrlPath:
        """The folder it is in."""
        return UrlPath(self._url.rpartition("/")[0], self._known)

    def with_name(self, name: str) -> UrlPath:
        """Returns another in the same folder."""
        return self.parent / name

    def is_dir(self) -> bool:
        """Whether files are in it."""
        return bool(self._files())

    def exists(self) -> bool:
        """Whether it is a file."""
        return self.name in self.parent._files()

    def iterdir(self) -> Iterator[UrlPath]:
        """Yields the files in it, sorted."""
        return (self / name for name in sorted(self._files()))

    def _files(self) -> dict[str, RemoteFile]:
        if self._url not in self._known:
            self._known[self._url] = Place.of(self._url).listing()
        return self._known[self._url]
