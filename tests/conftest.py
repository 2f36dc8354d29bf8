"""Where the tests find the music and the expected numbers that are not part of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Examples are drawn anew on every machine, but a slow machine is no failure.
settings.register_profile("groovefast", deadline=None, max_examples=50)
settings.load_profile("groovefast")

_DEFAULT_GROOVE_DIR = Path(__file__).resolve().parents[2] / "shared" / "groove"


def _existing(folder: Path, what: str, remedy: str = "") -> Path:
    if not folder.is_dir():
        pytest.skip(f"{what} is not at {folder}{remedy}")
    return folder


@pytest.fixture(scope="session")
def groove_dir() -> Path:
    """Folder of the Groove MIDI Dataset: `info.csv` and drummer*/ below it."""
    folder = Path(os.environ.get("GROOVE_MIDI_DIR", _DEFAULT_GROOVE_DIR))
    return _existing(folder, "the Groove MIDI Dataset", "; GROOVE_MIDI_DIR may name another place")


@pytest.fixture(scope="session")
def groove_files(groove_dir: Path) -> list[Path]:
    """The dataset's MIDI files, sorted."""
    return sorted(groove_dir.rglob("*.mid"))


@pytest.fixture(scope="session")
def golden_dir(groove_dir: Path) -> Path:
    """Numbers computed by Magenta itself."""
    return _existing(groove_dir.parent / "golden", "the folder of golden numbers, not published,")


@pytest.fixture(scope="session")
def midi_edge_dir(groove_dir: Path) -> Path:
    """Odd and broken MIDI files: `midi/`, `expected.json`, `expected.npz`."""
    return _existing(
        groove_dir.parent / "midi_edge", "the folder of odd MIDI files, not published,"
    )


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Runs code in a fresh interpreter and returns what it prints."""

    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
