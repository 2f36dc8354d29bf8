"""What all tests share: music, expected numbers, and a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import buckets
import numpy as np
import places
import pytest
from extension import compiled_modules, newer_source
from hypothesis import settings
from prepared_groove import Prepare, copy_few_files, preparing

import groovefast
from groovefast import convert, demo
from groovefast.config import REPRESENTATIONS
from groovefast.demo_tunes import write_tunes

# Examples are drawn anew on every machine, but a slow machine is no failure.
settings.register_profile("groovefast", deadline=None, max_examples=50)
settings.load_profile("groovefast")


def pytest_configure() -> None:
    """Refuses to test an extension that is not made of the sources beside it."""
    package = Path(groovefast.__file__).parent
    changed = newer_source(places.ROOT, package, compiled_modules(places.ROOT))
    if changed:
        name = changed.relative_to(places.ROOT)
        raise pytest.UsageError(
            f"{name} changed since the extension was compiled; pip install -e . compiles it again"
        )


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[buckets.Bucket]:
    """An empty bucket in memory, and an empty cache for what is fetched."""
    yield from buckets.serving(monkeypatch, tmp_path / "cache")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """Numbers computed by Magenta itself that may be published: see its README."""
    return places.DATA


@pytest.fixture(scope="session")
def dataset_golden_dir() -> Path:
    """Numbers computed by Magenta itself from the Groove MIDI Dataset, not published."""
    return places.shared("golden", "the folder of Magenta's numbers of the dataset, not published,")


@pytest.fixture(scope="session")
def midi_edge_dir() -> Path:
    """Odd and broken MIDI files: `midi/`, `expected.json`, `expected.npz`; not published."""
    return places.shared("midi_edge", "the folder of odd MIDI files, not published,")


@pytest.fixture(scope="session")
def groove_dir() -> Path:
    """Folder of the Groove MIDI Dataset: `info.csv` and drummer*/ below it."""
    return places.dataset()


@pytest.fixture(scope="session")
def groove_files(groove_dir: Path) -> list[Path]:
    """The dataset's MIDI files, sorted."""
    return sorted(groove_dir.rglob("*.mid"))


@pytest.fixture(scope="session")
def few_groove_files(groove_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few short performances of each split, with their `info.csv`; not to be written to."""
    return copy_few_files(groove_dir, tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="session")
def prepare_groove(few_groove_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    """Prepares a config of these as TFDS does, and returns where TFDS then has its data."""
    pytest.importorskip("tensorflow_datasets", reason="tensorflow-datasets is not installed")
    return preparing(few_groove_files.parent, tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="session")
def made_up_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 200 made-up performances, in the form of the dataset; not to be written to."""
    folder = tmp_path_factory.mktemp("made-up")
    demo.write_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def tunes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 40 made-up tunes; not to be written to."""
    folder = tmp_path_factory.mktemp("tunes")
    write_tunes(folder, 40)
    return folder


@pytest.fixture(scope="session")
def tune_records(tunes_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of these tunes as records: drums, melody and trio, each with splits."""
    folder = tmp_path_factory.mktemp("tune-records")
    for representation in REPRESENTATIONS:
        convert(
            [tunes_dir],
            folder / representation,
            metadata=tunes_dir / "info.csv",
            representation=representation,
            shards=1,
        )
    return folder


@pytest.fixture(scope="session")
def own_files(golden_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eighty MIDI files of our own: drums alone, then whole bands."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("grids_synthetic", "musicvae/synthetic"):
        with np.load(golden_dir / f"{name}.npz") as archive:
            ends = np.cumsum(archive["midi_len"])
            for number, data in enumerate(np.split(archive["midi"], ends[:-1])):
                (folder / f"{name.replace('/', '_')}-{number:02d}.mid").write_bytes(data.tobytes())
    return sorted(folder.iterdir())


@pytest.fixture(scope="session", params=["own", "dataset"])
def drum_files(request: pytest.FixtureRequest) -> list[Path]:
    """Files to read: our own, and those of the Groove MIDI Dataset."""
    files: list[Path] = request.getfixturevalue(
        {"own": "own_files", "dataset": "groove_files"}[request.param]
    )
    return files


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Runs code in a fresh interpreter and returns what it prints."""

    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
