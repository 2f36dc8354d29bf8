#!/usr/bin/env python3
"""Fetches the Groove MIDI Dataset (1,150 drum performances, MIDI only, 3 MB) and unpacks it.

    scripts/download_groove.py [FOLDER]                       # into FOLDER/groove, default data
    scripts/download_groove.py --archive FILE.zip [FOLDER]    # from a zip fetched elsewhere

Needs nothing but Python. An interrupted download goes on where it stopped; the archive is used only
if its SHA-256 is right; the folder appears only when everything is unpacked. The dataset is by
Google LLC, licence CC BY 4.0: https://magenta.tensorflow.org/datasets/groove
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import http
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path

BLOCK = 1 << 16
TIMEOUT_SECONDS = 30


class DownloadError(Exception):
    """What went wrong and what to do, in one line."""


@dataclasses.dataclass(frozen=True)
class Archive:
    """A zip to fetch: `folder` is the one folder it holds."""

    url: str
    size: int
    sha256: str
    folder: str


GROOVE = Archive(
    url="https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip",
    size=3_260_318,
    sha256="651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
    folder="groove",
)


def download(archive: Archive, target: Path) -> Path:
    """Fetches `archive` to the file `target`, which appears only once it is complete and right.

    Raises:
        DownloadError: No connection, or not the file that was expected.
    """
    part = target.with_name(target.name + ".part")
    try:
        _fetch(archive, part)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(
            f"cannot fetch {archive.url}: {reason}. Run this again to go on where it stopped; "
            "without a network, fetch that address on another machine "
            "and give the file here with --archive FILE.zip"
        ) from error
    try:
        check(archive, part)
    except DownloadError:
        part.unlink()
        raise
    return part.replace(target)


def check(archive: Archive, path: Path) -> None:
    """Raises DownloadError unless the file at `path` is `archive`, byte for byte."""
    size = path.stat().st_size
    if size != archive.size:
        raise DownloadError(
            f"{path}: {size:,} bytes, but the archive has {archive.size:,}; "
            f"fetch it again from {archive.url}"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != archive.sha256:
        raise DownloadError(
            f"{path}: SHA-256 is {found}, but should be {archive.sha256}; "
            f"fetch it again from {archive.url}"
        )


def unpack(archive: Archive, path: Path, folder: Path) -> Path:
    """Unpacks the zip at `path`; its folder appears in `folder` all at once."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking-") as temporary:
        with zipfile.ZipFile(path) as contents:
            contents.extractall(temporary)
        return (Path(temporary) / archive.folder).replace(folder / archive.folder)


def _fetch(archive: Archive, part: Path) -> None:
    """Adds to `part` what it lacks of the archive; what came stays if the connection breaks."""
    have = part.stat().st_size if part.exists() else 0
    if have >= archive.size:
        return
    request = urllib.request.Request(archive.url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        goes_on = have and response.status == http.HTTPStatus.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as file:
            shutil.copyfileobj(response, file, BLOCK)
    if part.stat().st_size < archive.size:
        raise ConnectionError("the connection ended early")


def main(arguments: Sequence[str] | None = None, archive: Archive = GROOVE) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("data"), metavar="FOLDER")
    parser.add_argument("--archive", type=Path, metavar="FILE.zip", help="use this zip; no network")
    options = parser.parse_args(arguments)
    destination = options.folder / archive.folder
    try:
        if destination.exists():
            print(f"{destination} is already there; remove it to fetch it again")
            return 0
        options.folder.mkdir(parents=True, exist_ok=True)
        if options.archive:
            check(archive, options.archive)
            unpack(archive, options.archive, options.folder)
        else:
            print(f"Fetching {archive.url} ({archive.size:,} bytes)")
            path = download(archive, options.folder / archive.url.rpartition("/")[2])
            unpack(archive, path, options.folder)
            path.unlink()
    except (DownloadError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"The dataset is in {destination}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
