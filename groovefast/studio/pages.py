"""The page's files, in memory: what a request can name is in here, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Pages: TypeAlias = Mapping[str, bytes]
"""Contents of files by their names within the page's folder, as in "index.html"."""

FOLDER = Path(__file__).with_name("page")

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Of the files that are given out, by their endings; what machines say otherwise does not count."""


def read_pages(folder: Path = FOLDER) -> Pages:
    """Returns all files of a folder that a page may have."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in MEDIA_TYPES
    }
