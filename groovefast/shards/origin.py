"""What the manifest beside shards says of them, held against what a config wants.

Records tell all of their grid themselves; the manifest tells it before any is read, and which
shards are of another conversion, or of another size than they had.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import (
    JOURNAL,
    MANIFEST,
    Ledger,
    is_shard_of,
    of_other_format,
    read_ledger,
    shard_names,
)


def other_grid(said: object, wanted: int, config: str) -> str:
    """What is wrong with shards of `said` steps in a quarter for a config that wants others."""
    return (
        f"converted with steps_per_quarter {said}, but {config} wants {wanted}; choose another "
        f"config or convert with --steps-per-quarter {wanted}"
    )


def check_origin(shards: Iterable[Path], config: Config) -> None:
    """Checks shards against the manifests, or the journals of unfinished conversions, beside them.

    Shards without either, and those that it says nothing of, are let pass.

    Raises:
        GrooveFastError: A shard of another grid than the config's, of an earlier format, of another
            size than when it was written, or named like one of the conversion in its folder, but
            none of it; or a manifest that is damaged.
        OSError: A file cannot be read.
    """
    for folder, group in groupby(sorted(shards), key=lambda shard: shard.parent):
        if ledger := read_ledger(folder):
            _check_folder(folder, list(group), ledger, config)


def _check_folder(folder: Path, shards: Iterable[Path], ledger: Ledger, config: Config) -> None:
    try:
        if other_format := of_other_format(ledger):
            raise GrooveFastError(f"{folder}: {other_format}")
        planned, sets = set(shard_names(ledger.plan)), set(ledger.plan["sets"])
        said = ledger.plan["options"]["steps_per_quarter"]
    except (KeyError, TypeError, AttributeError) as error:
        name = MANIFEST if ledger.finished else JOURNAL
        raise GrooveFastError(
            f"{folder / name}: damaged ({error}); delete the folder and convert again"
        ) from None
    wanted = config.converter.steps_per_quarter
    grid_problem = None if said == wanted else other_grid(said, wanted, config.name)
    for shard in shards:
        entry = ledger.shards.get(shard.name)
        problem = None
        if shard.name in planned:
            problem = grid_problem
        elif is_shard_of(sets, shard.name):
            problem = "not of the conversion in its folder; move it away, or convert again"
        if entry and (size := shard.stat().st_size) != entry.bytes:
            problem = f"it was altered: {size} bytes instead of {entry.bytes}; convert again"
        if problem:
            raise GrooveFastError(f"{shard}: {problem}")
