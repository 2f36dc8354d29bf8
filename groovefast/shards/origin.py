"""What the manifest beside shards says of them, held against what a config wants.

Records tell all of their grid themselves; the manifest tells it before any is read, and which
shards are of another conversion, or of another size than they had.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from groovefast.config import CONFIGS, Config
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

PERFORMANCES = "performances"
"""What records hold where nothing else is said."""


def other_grid(said: object, wanted: int, config: str) -> str:
    """What is wrong with shards of `said` steps in a quarter for a config that wants others."""
    return (
        f"converted with steps_per_quarter {said}, but {config} wants {wanted}; choose another "
        f"config or convert with --steps-per-quarter {wanted}"
    )


def other_representation(said: str, wanted: str, name: str) -> str:
    """What is wrong with shards of another representation than what is to read them wants."""
    option = "" if wanted == PERFORMANCES else f" with --representation {wanted}"
    kinds = (each if each == PERFORMANCES else f"tokens of {each}" for each in (said, wanted))
    fitting = next((each.name for each in CONFIGS.values() if representation_of(each) == said), "")
    config = f", or choose a config of {said}, such as {fitting}" if fitting else ""
    return f"holds {next(kinds)}, but {name} wants {next(kinds)}; convert again{option}{config}"


def representation_of(config: Config) -> str:
    """What a config wants records to hold."""
    return config.tokens.representation if config.tokens else PERFORMANCES


def check_origin(shards: Iterable[Path], config: Config) -> None:
    """Checks shards for a config against what is told of them, see `check_shards`.

    Raises:
        GrooveFastError: As `check_shards`.
        OSError: A file cannot be read.
    """
    wanted = config.converter.steps_per_quarter, representation_of(config)
    check_shards(shards, config.name, *wanted)


def check_shards(
    shards: Iterable[Path], name: str, steps_per_quarter: int, representation: str
) -> None:
    """Checks shards against the manifests, or the journals of unfinished conversions, beside them.

    Shards without either, and those that it says nothing of, are let pass.

    Args:
        shards: What is to be read.
        name: What reads it, for errors.
        steps_per_quarter: The grid that it wants.
        representation: What it wants the records to hold.

    Raises:
        GrooveFastError: A shard of another grid or representation, of an earlier format, of another
            size than when it was written, or named like one of the conversion in its folder, but
            none of it; or a manifest that is damaged.
        OSError: A file cannot be read.
    """
    for folder, group in groupby(sorted(shards), key=lambda shard: shard.parent):
        if ledger := read_ledger(folder):
            wanted = representation, steps_per_quarter
            _check_folder(folder, list(group), ledger, name, wanted)


def _check_folder(
    folder: Path, shards: Iterable[Path], ledger: Ledger, reader: str, wanted: tuple[str, int]
) -> None:
    """Checks the shards of a folder for a reader that wants a representation and a grid."""
    try:
        if other_format := of_other_format(ledger):
            raise GrooveFastError(f"{folder}: {other_format}")
        planned, sets = set(shard_names(ledger.plan)), set(ledger.plan["sets"])
        said = ledger.plan["options"]["steps_per_quarter"]
        kind = ledger.plan["options"].get("representation", PERFORMANCES)
    except (KeyError, TypeError, AttributeError) as error:
        name = MANIFEST if ledger.finished else JOURNAL
        raise GrooveFastError(
            f"{folder / name}: damaged ({error}); delete the folder and convert again"
        ) from None
    representation, steps_per_quarter = wanted
    own_problem = None
    if kind != representation:
        own_problem = other_representation(kind, representation, reader)
    elif said != steps_per_quarter:
        own_problem = other_grid(said, steps_per_quarter, reader)
    for shard in shards:
        entry = ledger.shards.get(shard.name)
        problem = None
        if shard.name in planned:
            problem = own_problem
        elif is_shard_of(sets, shard.name):
            problem = "not of the conversion in its folder; move it away, or convert again"
        if entry and (size := shard.stat().st_size) != entry.bytes:
            problem = f"it was altered: {size} bytes instead of {entry.bytes}; convert again"
        if problem:
            raise GrooveFastError(f"{shard}: {problem}")
