import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import groovefast


def test_the_source_folder_alone_says_what_it_lacks(monkeypatch):
    importlib.import_module("groovefast._midi")
    monkeypatch.setitem(sys.modules, "groovefast._midi", None)
    monkeypatch.delattr(groovefast, "_midi", raising=False)
    with pytest.raises(ImportError, match=r"without its compiled part; .*pip install -e"):
        from groovefast import _midi  # noqa: F401


def test_version_is_that_of_the_installation() -> None:
    assert groovefast.__version__ == importlib.metadata.version("groovefast")


def test_all_names_of_the_package_are_there() -> None:
    assert callable(groovefast.evaluate)
    assert [name for name in groovefast.__all__ if not hasattr(groovefast, name)] == []


USER_SCRIPT = """\
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import groovefast
from groovefast import Groove, GrooveConverter, MidiError, Score, convert, load_model, read_midi
from groovefast.playing import Rendition, humanize


def beat(path: Path) -> Groove:
    with path.open("rb") as file:
        score: Score = read_midi(file, channel=[1, 10], track="Drums")
    notes: NDArray[np.void] = score.notes
    converter = GrooveConverter(split_bars=4, pitch_classes="reduced", channel=1)
    windows: NDArray[np.float32] = converter.to_tensors(path).inputs
    grooves: list[Groove] = converter.from_tensors(windows, qpm=96.0)
    model = load_model("groovae_4bar")
    mu, sigma = model.encode(windows)
    try:
        played: Rendition = humanize(path, amount=0.5, track=2)
    except MidiError as error:
        print(error.offset, len(notes), mu, sigma)
        return grooves[0]
    played.save(path.with_suffix(".out.mid"), overwrite=False)
    return played.groove


report = convert(["midi"], "records", track="Drums")
written: int = report.performances
version: str = groovefast.__version__
groove: Groove = beat(Path("beat.mid"))
name: str = groove.qpm  # the only mistake
"""


def test_types_reach_a_users_script(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "script.py").write_text(USER_SCRIPT)
    assert Path(groovefast.__file__).with_name("py.typed").exists()
    words = ("--strict", "--follow-imports=silent", "--cache-dir", tmp_path / "cache", "script.py")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, words)],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(Path(groovefast.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    (error, count) = checked.stdout.splitlines()
    assert "script.py:33: error: Incompatible types in assignment" in error, checked.stdout
    assert count.startswith("Found 1 error")
