"""What is missing is skipped where nobody promised it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import places
import pytest

SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception

Find = Callable[[Mapping[str, str]], Path]


def golden(environment: Mapping[str, str]) -> Path:
    return places.shared("golden", "the numbers", environment)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shared folder would be."""
    monkeypatch.setattr(places, "SHARED", tmp_path / "shared")
    return tmp_path / "shared"


@pytest.mark.parametrize("find", [golden, places.dataset])
@pytest.mark.parametrize("environment", [{}, {"CI": "true"}])
def test_a_bare_clone_skips_with_the_place(
    find: Find, environment: Mapping[str, str], beside: Path
) -> None:
    with pytest.raises(SKIPPED, match=f"is not at {beside}/"):
        find(environment)


@pytest.mark.parametrize("find", [golden, places.dataset])
def test_what_lacks_in_a_shared_folder_fails_in_continuous_integration(
    find: Find, beside: Path
) -> None:
    beside.mkdir()
    with pytest.raises(SKIPPED):
        find({})
    with pytest.raises(FAILED, match=f"is not at {beside}/"):
        find({"CI": "true"})


def test_a_place_that_is_named_has_to_be_there(tmp_path: Path, beside: Path) -> None:
    for name in ("golden", "groove"):
        (beside / name).mkdir(parents=True)
    elsewhere = str(tmp_path / "elsewhere")
    with pytest.raises(FAILED, match="elsewhere/golden"):
        golden({"GROOVEFAST_SHARED_DIR": elsewhere})
    with pytest.raises(FAILED, match="elsewhere/groove"):
        places.dataset({"GROOVEFAST_SHARED_DIR": elsewhere})
    with pytest.raises(FAILED, match="elsewhere"):
        places.dataset({"GROOVE_MIDI_DIR": elsewhere})


def test_the_datasets_variable_moves_the_dataset_only(tmp_path: Path, beside: Path) -> None:
    (beside / "golden").mkdir(parents=True)
    environment = {"GROOVE_MIDI_DIR": str(tmp_path)}
    assert places.dataset(environment) == tmp_path
    assert golden(environment) == beside / "golden"
