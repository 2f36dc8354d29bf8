"""Where the tests find music and the numbers they expect.

`tests/data` holds what may be published. All else is sought where GROOVEFAST_SHARED_DIR says, by
default in `shared` beside the repository; GROOVE_MIDI_DIR moves the Groove MIDI Dataset alone. What
is not there skips its tests, with the reason; but once a variable names a place, or continuous
integration (CI=true) has a folder `shared`, it has to be there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared"


def shared(name: str, what: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Returns a folder of what is not published, or skips or fails the test that asked for it.

    Args:
        name: Of the folder, in the shared one.
        what: It holds, for the reason.
        environment: The variables that may name another place.
    """
    folder = Path(environment.get("GROOVEFAST_SHARED_DIR", SHARED))
    named = "GROOVEFAST_SHARED_DIR" in environment
    return _at_hand(folder / name, what, named or _is_expected(folder, environment))


def dataset(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the Groove MIDI Dataset's folder, or skips or fails the test that asked for it."""
    if "GROOVE_MIDI_DIR" in environment:
        return _at_hand(Path(environment["GROOVE_MIDI_DIR"]), "the Groove MIDI Dataset", True)
    what = "the Groove MIDI Dataset (GROOVE_MIDI_DIR may name its place)"
    return shared("groove", what, environment)


def _is_expected(folder: Path, environment: Mapping[str, str]) -> bool:
    return environment.get("CI") == "true" and folder.is_dir()


def _at_hand(folder: Path, what: str, expected: bool) -> Path:
    if not folder.is_dir():
        (pytest.fail if expected else pytest.skip)(f"{what} is not at {folder}")
    return folder
