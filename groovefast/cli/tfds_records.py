"""The records of a data set of TFDS, converted into the folder of the run that trains on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groovefast.config import Config
from groovefast.conversion.prepared import convert_prepared
from groovefast.errors import GrooveFastError, OptionError
from groovefast.shards.find import find_shards
from groovefast.shards.manifest import read_ledger
from groovefast.shards.origin import representation_of
from groovefast.training.devices import count_workers

_FOLDER = "records"
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def records_of(
    name: str,
    run_dir: Path,
    config: Config,
    data_dir: str | None,
    say: Callable[[str], None],
) -> dict[str, list[Path]]:
    """Returns the shards of each split of a prepared data set, converted if they are not yet.

    They lie in `run_dir`/records, so that a run that goes on needs no TFDS.

    Args:
        name: What TFDS calls it.
        run_dir: The folder of the run.
        config: What is trained, which decides what the records hold.
        data_dir: Where TFDS has its data; TFDS's own default if None.
        say: Called with a line for each thing worth knowing.

    Raises:
        GrooveFastError: As `convert_prepared`; or there is no split to train on; or several workers
            would convert at once.
    """
    representation = representation_of(config)
    called = _NOT_IN_NAMES.sub("-", name).strip("-")
    folder = run_dir / _FOLDER / f"{called}-{representation}"
    ledger = read_ledger(folder) if folder.is_dir() else None
    if ledger is None or not ledger.finished:
        if count_workers() > 1:
            raise OptionError(
                "tfds",
                f"not for several workers before it is converted; run groovefast-convert --tfds "
                f"{name} DIR and give all of them `data` 'DIR/train-*'",
            )
        _convert(name, folder, config, representation, data_dir, say)
        ledger = read_ledger(folder)
    assert ledger is not None
    filled = {entry.set_name for entry in ledger.shards.values() if entry.records}
    sets = [split for split in ledger.plan["sets"] if split in filled]
    if "train" not in sets:
        raise GrooveFastError(
            f"{name}: has nothing to train on, only {', '.join(sets) or 'no MIDI'}"
        )
    return {split: find_shards(folder / f"{split}-*.tfrecord") for split in sets}


def _convert(
    name: str,
    folder: Path,
    config: Config,
    representation: Any,
    data_dir: str | None,
    say: Callable[[str], None],
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    report = convert_prepared(
        name,
        folder,
        data_dir=data_dir,
        on_message=say,
        representation=representation,
        steps_per_quarter=config.converter.steps_per_quarter,
        resume=True,
    )
    say(f"converted {report.converted:,} of {report.files:,} files of {name} into {folder}")
