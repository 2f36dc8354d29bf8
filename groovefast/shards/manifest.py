"""What a folder of shards says of them, in its manifest, or in the journal of a conversion."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from groovefast import _records
from groovefast.errors import GrooveFastError
from groovefast.mirror import Mirror
from groovefast.remote import Place, is_url
from groovefast.shards.tfds_files import TFDS_FILES, tfds_files

MANIFEST = "manifest.json"
JOURNAL = ".groovefast-journal.jsonl"
FORMAT = "groovefast-shards 3"
"""Of the records. Counts up whenever the same files would give other bytes."""

SHARD_NAME = re.compile(r"(?P<name>.+)-\d{5}-of-\d{5}\.tfrecord")
MAX_SHARDS = 99_999
"""Of a set: their numbers have five digits."""
_READ_BYTES = 1 << 18

Plan = Mapping[str, Any]
"""What a conversion makes: `format`, `options`, `files`, `metadata`, `sets` with their shards."""


@dataclasses.dataclass(frozen=True)
class ShardEntry:
    """A complete shard.

    Attributes:
        name: Its file name.
        files: Files that went into it.
        records: Performances in it.
        bytes: Its size.
        crc32c: Of the whole file. It tells what time and accidents do to a file, not what somebody
            does who means to deceive.
        counts: What was seen in its files; see `csrc/report.hpp`.
        problems: JSON of the files that were not converted, or not whole: a list of what
            `_records.Conversion` tells of each.
    """

    name: str
    files: int
    records: int
    bytes: int
    crc32c: int
    counts: Mapping[str, Any]
    problems: str = dataclasses.field(repr=False)

    @property
    def set_name(self) -> str:
        """Name of the set it belongs to, such as `train`."""
        parts = SHARD_NAME.fullmatch(self.name)
        assert parts is not None
        return parts["name"]

    def told(self) -> list[dict[str, Any]]:
        """Returns what is told of the files that were not converted, or not whole."""
        told: list[dict[str, Any]] = json.loads(self.problems)
        return told

    def summary(self) -> dict[str, Any]:
        """Returns what a reader of the shard wants to know."""
        return {name: getattr(self, name) for name in ("files", "records", "bytes", "crc32c")}

    @functools.cached_property
    def line(self) -> str:
        """The entry as one line of JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        problems = fields.pop("problems")
        return f'{to_json(fields)[:-1]},"problems":{problems}}}'

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ShardEntry:
        """Returns the entry that a line held."""
        return cls(**{**fields, "problems": to_json(fields["problems"])})


@dataclasses.dataclass(frozen=True)
class Ledger:
    """What the manifest or the journal of a folder says."""

    plan: Plan
    shards: Mapping[str, ShardEntry]
    finished: bool


def of_other_format(ledger: Ledger) -> str:
    """Returns what to say of shards in a format that is not today's; nothing if it is."""
    if ledger.plan["format"] == FORMAT:
        return ""
    return (
        "holds the records of another version of GrooveFast; convert again, with "
        "`groovefast-convert INPUT… DIR`"
    )


def shard_name(name: str, index: int, count: int) -> str:
    """Returns the file name of a shard of the set `name`."""
    return f"{name}-{index:05d}-of-{count:05d}.tfrecord"


def shard_names(plan: Plan) -> list[str]:
    """Returns the file names of all shards of a plan.

    Raises:
        GrooveFastError: It is none.
    """
    try:
        sets = plan["sets"].items()
        return [shard_name(name, index, count) for name, count in sets for index in range(count)]
    except (KeyError, TypeError, AttributeError) as error:
        raise GrooveFastError(
            f"what the folder says of its shards is damaged ({error}); delete it and convert again"
        ) from None


def is_shard_of(sets: Collection[str], name: str) -> bool:
    """Returns whether a file has the name of a shard of one of these sets."""
    parts = SHARD_NAME.fullmatch(name)
    return parts is not None and parts["name"] in sets


def sha256_of(*paths: Path) -> str:
    """Returns the SHA-256 of a file, or of several one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_READ_BYTES))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(buffer):
                digest.update(buffer[:size])
    return digest.hexdigest()


def what_is_wrong(path: Path, entry: ShardEntry) -> str | None:
    """Returns how a shard differs from what its entry says, or None; checks every record.

    Raises:
        OSError: It cannot be read.
    """
    try:
        records, good_bytes, crc, damage = _records.check_shard(os.fsencode(path))
    except FileNotFoundError:
        return "it is missing"
    if damage:
        return f"it was altered: {damage}, at byte {good_bytes:,}"
    if good_bytes != entry.bytes:
        return f"it was altered: {good_bytes:,} bytes instead of {entry.bytes:,}"
    if records != entry.records:
        return f"it was altered: {records:,} records instead of {entry.records:,}"
    if crc != entry.crc32c:
        return "it was altered: its CRC-32C differs"
    return None


def what_is_wrong_beside(folder: Path, plan: Plan, shards: Iterable[ShardEntry]) -> dict[str, str]:
    """Returns how each file that tells TFDS of the shards differs from what it should say, or "".

    Raises:
        OSError: One cannot be read.
    """
    files = tfds_files(plan, shards).items()
    return {name: _how_it_differs(folder / name, content) for name, content in files}


def _how_it_differs(path: Path, content: bytes) -> str:
    """How a file differs from what it should be; nothing if it does not."""
    try:
        differs = path.read_bytes() != content
    except FileNotFoundError:
        return "it is missing"
    return "it was altered: the manifest says otherwise" if differs else ""


def read_ledger(folder: Path) -> Ledger | None:
    """Returns what a folder says of its shards, or None if no conversion wrote to it.

    Raises:
        GrooveFastError: The manifest is damaged.
    """
    return read_manifest(folder / MANIFEST) or read_journal(folder / JOURNAL)


def read_last_ledger(folder: Path) -> Ledger | None:
    """Returns what the conversion begun last in a folder made, or None if there was none.

    Killed at its beginning, it may have left the manifest of the one before beside its journal.

    Raises:
        GrooveFastError: The manifest is damaged.
    """
    journal, finished = read_journal(folder / JOURNAL), read_manifest(folder / MANIFEST)
    return (
        journal if journal and finished and journal.plan != finished.plan else finished or journal
    )


def verify(output_dir: str | os.PathLike[str]) -> Iterator[tuple[str, ShardEntry | None, str]]:
    """Checks every checksum and count of a conversion's shards.

    Yields:
        For each shard its name, its entry, and what is wrong with it, or nothing. Shards that
        would be read together with these but are not of the conversion have no entry, nor have
        files that TFDS reads and that do not say what the manifest does.

    Raises:
        GrooveFastError: There is no finished conversion, or what is at a URL cannot be had.
        OSError: A file cannot be read.
    """
    if is_url(output_dir):
        return _verify_at(os.fspath(output_dir))
    folder = Path(output_dir)
    if not folder.is_dir():
        raise GrooveFastError(f"{folder}: no such folder")
    ledger = read_ledger(folder)
    if ledger is None:
        raise GrooveFastError(f"{folder}: no {MANIFEST}, so no conversion to verify")
    if of_other_format(ledger):
        raise GrooveFastError(f"{folder}: {of_other_format(ledger)}")
    if not ledger.finished:
        raise GrooveFastError(f"{folder}: the conversion was not finished; go on with --resume")
    shard_names(ledger.plan)
    return _verify(folder, ledger)


def _verify_at(url: str) -> Iterator[tuple[str, ShardEntry | None, str]]:
    """Fetches all that is to be checked."""
    place = Place.of(url)
    beside = {MANIFEST, JOURNAL, *TFDS_FILES}
    files = [
        file for name, file in place.listing().items() if name in beside or SHARD_NAME.match(name)
    ]
    if not files:
        raise GrooveFastError(f"{url}: no conversion there to verify")
    with tempfile.TemporaryDirectory(prefix="groovefast-") as room:
        mirror = Mirror(place, Path(room))
        mirror.fetch(files)
        with mirror.in_errors():
            yield from verify(room)


def _verify(folder: Path, ledger: Ledger) -> Iterator[tuple[str, ShardEntry | None, str]]:
    for name, entry in ledger.shards.items():
        yield name, entry, what_is_wrong(folder / name, entry) or ""
    for path in sorted(folder.iterdir()):
        if is_shard_of(ledger.plan["sets"], path.name) and path.name not in ledger.shards:
            yield path.name, None, "not of this conversion, but would be read together with it"
    for name, wrong in what_is_wrong_beside(folder, ledger.plan, ledger.shards.values()).items():
        if wrong:
            yield name, None, wrong


def read_manifest(path: Path) -> Ledger | None:
    """Returns what a manifest says, or None where there is none.

    Raises:
        GrooveFastError: It is damaged.
    """
    try:
        content = json.loads(path.read_bytes())
        return Ledger(content["plan"], _entries(content["plan"], content["shards"]), finished=True)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise GrooveFastError(
            f"{path}: damaged manifest ({error}); delete the folder and convert again"
        ) from None


def read_journal(path: Path) -> Ledger | None:
    """Returns what a journal says, or None where there is none.

    A line that a killed run left unfinished is as if it were not there.

    Raises:
        GrooveFastError: It is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        plan = json.loads(lines[0])["plan"]
        is_ours = plan["format"] == FORMAT
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise GrooveFastError(
            f"{path}: damaged journal; delete the folder and convert again"
        ) from None
    entries = {}
    for line in lines[1:] if is_ours else ():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = ShardEntry.from_json(json.loads(line))
            entries[entry.name] = entry
    return Ledger(plan, entries, finished=False)


def _entries(plan: Plan, shards: Iterable[dict[str, Any]]) -> dict[str, ShardEntry]:
    """The shards of a plan; of one in another format only that it is there."""
    if plan["format"] != FORMAT:
        return {}
    return {entry.name: entry for entry in map(ShardEntry.from_json, shards)}


def to_json(value: Any) -> str:
    """Returns a value as one short line of JSON."""
    return json.dumps(value, separators=(",", ":"))
