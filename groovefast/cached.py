"""Files at URLs, fetched once: the folder of this machine that keeps them.

A file is kept under what its URL's folder held when it was fetched, so that one that is replaced
there is fetched again, and whoever reads the old one here is not disturbed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from urllib.parse import quote

from groovefast.mirror import Check, fetch_files
from groovefast.remote import Place, RemoteError, RemoteFile

CACHE_VARIABLE = "GROOVEFAST_CACHE"
_TRIES = 5
_DIGITS = 16

Find = Callable[[Place], Mapping[str, RemoteFile]]
"""Returns the files that are wanted of a folder at a URL, by their names from there."""


def cache_folder() -> Path:
    """Returns where files from URLs are kept: what `GROOVEFAST_CACHE` says, or the usual place."""
    if own := os.environ.get(CACHE_VARIABLE):
        return Path(own)
    usual = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(usual) / "groovefast"


def cached(
    url: str, find: Find, check: Check = lambda *_: None, first: Container[str] = ()
) -> Path:
    """Returns a folder of this machine with the files of one at a URL; fetches what it lacks.

    Args:
        url: The folder.
        find: Which files; asked again when they are here, to know whether they are of one time.
        check: Sees each before it counts; what it finds wrong is fetched again.
        first: Names of those to fetch before all others, so that `check` can read them.

    Raises:
        RemoteError: One cannot be had, or they change all the time.
        OSError: The cache cannot be written to, or the disk is full.
    """
    place = Place.of(url)
    files = find(place)
    for _ in range(_TRIES):
        folder = _folder(place, files)
        try:
            for is_first in (True, False):
                some = [file for name, file in files.items() if (name in first) == is_first]
                fetch_files(place, some, folder, check)
            error = None
        except RemoteError as raised:
            error = raised
        before, files = files, find(place)
        if _versions(before) == _versions(files):
            if error:
                raise error
            return folder
    raise RemoteError(f"{url}: it changes while it is fetched")


def _folder(place: Place, files: Mapping[str, RemoteFile]) -> Path:
    said = [place.url, *(f"{name} {version}" for name, version in _versions(files).items())]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:_DIGITS]
    scheme, _, path = place.url.partition("://")
    parts = (quote(part, safe=" +=@,") for part in path.split("/") if part.strip("."))
    folder = cache_folder().joinpath(digest, scheme.lower(), *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _versions(files: Mapping[str, RemoteFile]) -> dict[str, str]:
    return {name: files[name].version for name in sorted(files)}
