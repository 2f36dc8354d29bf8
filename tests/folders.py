"""Folders of files, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder, which has no other folders in it."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files, whose names may lead through folders; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
