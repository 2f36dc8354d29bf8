"""What the manifest beside shards says of them, held against what a config wants.

Records tell how many steps they have, but not what a step or a bar is: the manifest does.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.windows.manifest import (
    JOURNAL,
    MANIFEST,
    Record,
    is_shard_of,
    read_record,
    shard_names,
)

_GRID = ("split_bars", "steps_per_quarter", "quarters_per_bar")
"""What has to agree; pitch classes and hops are a matter of choice."""


def check_origin(shards: Iterable[Path], config: Config) -> None:
    """Checks shards against the manifests, or the journals of unfinished conversions, beside them.

    Shards without either, and those that it says nothing of, are let pass.

    Raises:
        GrooveFastError: A shard of another grid or window than the config's, of another size than
            when it was written, or named like one of the conversion in its folder, but none of it;
            or a manifest that is damaged.
        OSError: A file cannot be read.
    """
    for folder, group in groupby(sorted(shards), key=lambda shard: shard.parent):
        if record := read_record(folder):
            _check_folder(folder, list(group), record, config)


def _check_folder(folder: Path, shards: Iterable[Path], record: Record, config: Config) -> None:
    try:
        planned, sets = set(shard_names(record.plan)), set(record.plan["sets"])
        said = {name: record.plan["options"][name] for name in _GRID}
    except (KeyError, TypeError, AttributeError) as error:
        name = MANIFEST if record.finished else JOURNAL
        raise GrooveFastError(
            f"{folder / name}: damaged ({error}); delete the folder and convert again"
        ) from None
    other_grid = _other_grid(said, config)
    for shard in shards:
        entry = record.shards.get(shard.name)
        problem = None
        if shard.name in planned:
            problem = other_grid
        elif is_shard_of(sets, shard.name):
            problem = "not of the conversion in its folder; move it away, or convert again"
        if entry and (size := shard.stat().st_size) != entry.bytes:
            problem = f"it was altered: {size} bytes instead of {entry.bytes}; convert again"
        if problem:
            raise GrooveFastError(f"{shard}: {problem}")


def _other_grid(said: dict[str, Any], config: Config) -> str | None:
    """How a conversion's grid and window differ from the config's, if they do."""
    wanted = {name: getattr(config.converter, name) for name in _GRID}
    names = [name for name in _GRID if said[name] != wanted[name]]
    if not names:
        return None
    has, wants = (
        [f"{name} {'all' if grid[name] is None else grid[name]}" for name in names]
        for grid in (said, wanted)
    )
    options = " ".join(f"--{each.replace('_', '-')}" for each in wants)
    return (
        f"converted with {', '.join(has)}, but {config.name} wants {', '.join(wants)}; choose "
        f"another config or convert with {options}"
    )
