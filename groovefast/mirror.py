"""Folders of this machine that stand for ones at URLs: what is fetched of them, and put there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from groovefast.errors import GrooveFastError
from groovefast.remote import Place, RemoteFile

TRANSFERS = 16
"""Files on their way at once: large ones, of which a few fill the line."""

Check = Callable[[Path, str], str | None]
"""Returns what is wrong with a file that came, and should have a name, if anything is."""


def fetch_files(
    place: Place, files: Iterable[RemoteFile], folder: Path, check: Check = lambda *_: None
) -> None:
    """Fetches files, many at once, but for those that are there with that size.

    Each has the time of the one it is a copy of.

    Args:
        place: What their names go on from.
        files: What they are.
        folder: Where to.
        check: Sees each before it has its name; what it finds wrong is fetched again.

    Raises:
        RemoteError: One cannot be had as it should be.
    """

    def fetch(file: RemoteFile) -> None:
        path = folder / file.name
        if path.is_file() and path.stat().st_size == file.size:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        (place / file.name).fetch(path, file, lambda came: check(came, file.name))
        if file.changed_ns is not None:
            os.utime(path, ns=(file.changed_ns, file.changed_ns))

    with ThreadPoolExecutor(TRANSFERS) as pool:
        for _ in pool.map(fetch, files):
            pass


class Mirror:
    """A folder of this machine that stands for one at a URL; from any thread.

    Nothing is put or removed there but by name, so that whoever writes decides the order.

    Attributes:
        place: The folder at the URL.
        folder: That of this machine.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        """Knows both, and fetches nothing yet."""
        self.place = place
        self.folder = folder
        self._alike: dict[str, tuple[int, int]] = {}
        """Size and time of each file here when it was as that at the URL."""

    def fetch(self, files: Iterable[RemoteFile]) -> None:
        """Fetches files that are at the URL.

        Raises:
            RemoteError: One cannot be had.
        """
        chosen = list(files)
        fetch_files(self.place, chosen, self.folder)
        self._alike.update((file.name, self._state(file.name)) for file in chosen)

    def put(self, *names: str) -> None:
        """Puts files there, one after another, but for those that are as they were.

        Raises:
            RemoteError: One cannot be put; those after it are not.
        """
        for name in names:
            state = self._state(name)
            if self._alike.get(name) != state:
                (self.place / name).put(self.folder / name)
                self._alike[name] = state

    def remove(self, *names: str) -> None:
        """Removes files there, one after another, whether or not they are there.

        Raises:
            RemoteError: One cannot be removed; those after it are not.
        """
        for name in names:
            (self.place / name).remove()
            self._alike.pop(name, None)

    def gone(self) -> list[str]:
        """Returns the names of files that are there, as far as is known, but not here any more."""
        return sorted(name for name in self._alike if not (self.folder / name).exists())

    def _state(self, name: str) -> tuple[int, int]:
        status = (self.folder / name).stat()
        return status.st_size, status.st_mtime_ns

    @contextlib.contextmanager
    def in_errors(self) -> Iterator[None]:
        """Names the URL in errors, instead of the folder that stands for it."""
        try:
            yield
        except GrooveFastError as error:
            self.name_in(error)
            raise

    def name_in(self, error: GrooveFastError) -> None:
        """Names the URL in an error, instead of the folder that stands for it."""
        error.args = tuple(
            self.told(each) if isinstance(each, str) else each for each in error.args
        )

    def told(self, line: str) -> str:
        """Returns a line with the URL instead of the folder that stands for it."""
        return line.replace(str(self.folder), self.place.url.rstrip("/"))
