"""The Groove MIDI Dataset as TFDS prepares it, by TFDS's own code, from files that are here."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Prepare = Callable[[str], Path]
"""Prepares a config, such as "full-midionly", and returns where TFDS then has its data."""

PER_SPLIT = 4
_SHORTEST_S = 8.0


def copy_few_files(dataset: Path, root: Path) -> Path:
    """Copies short performances, some of each split, to `root`/groove, as in the archive."""
    with (dataset / "info.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["duration"]))
    kept = [row for split in ("train", "validation", "test") for row in _few(rows, split)]
    for row in kept:
        path = root / "groove" / row["midi_filename"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(dataset / row["midi_filename"], path)
    with (root / "groove" / "info.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)
    return root / "groove"


def preparing(root: Path, data_dir: Path) -> Prepare:
    """What prepares the files in `root`/groove, into a folder for TFDS's data."""
    import tensorflow_datasets as tfds

    builder_class = tfds.builder_cls("groove")
    downloads = SimpleNamespace(download_and_extract=lambda _: str(root))

    class Groove(builder_class, skip_registration=True):  # type: ignore[misc, valid-type]
        """The one of TFDS, but for the download."""

        name = "groove"
        pkg_dir_path = builder_class.pkg_dir_path

        def _split_generators(self, _: Any) -> Any:
            return super()._split_generators(downloads)

    def prepare(config: str) -> Path:
        builder = Groove(config=config, data_dir=data_dir)
        if not builder.is_prepared():
            builder.download_and_prepare()
        return data_dir

    return prepare


def _few(rows: Iterable[dict[str, str]], split: str) -> list[dict[str, str]]:
    """The shortest of a split that are long enough for windows."""
    of_split = (row for row in rows if row["split"] == split)
    return [row for row in of_split if float(row["duration"]) > _SHORTEST_S][:PER_SPLIT]
