"""The output folder of a conversion: whose shards are in it, and which of them are complete.

A folder holds the shards of one conversion. While it runs, a journal gains a line for each shard
that is complete; at the end the manifest takes the journal's place. Both begin with the plan, what
is made of which files, so that a later run knows whether it would make the same. A shard has its
name only when it is complete: killed at any moment, the folder says truly what it holds. What a
power cut takes is found by the sizes and checksums in the manifest. Files that tell TFDS of the
shards are there when the manifest is, and follow from it.

Where others do the work, they leave it in a folder for attempts, and only the one process that
holds the output folder gives shards their names: whoever comes late changes nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from groovefast.conversion.work import NOTE_ENDING, Done
from groovefast.errors import GrooveFastError
from groovefast.files import lock_folder, naming, replacing
from groovefast.shards.manifest import (
    JOURNAL,
    MANIFEST,
    SHARD_NAME,
    Plan,
    ShardEntry,
    is_shard_of,
    read_journal,
    read_manifest,
    shard_names,
    to_json,
    what_is_wrong_beside,
)
from groovefast.shards.tfds_files import TFDS_FILES, tfds_files

_BESIDE_SHARDS = "|".join(re.escape(name) for name in (MANIFEST, JOURNAL, *TFDS_FILES))
_UNFINISHED = re.compile(rf"\.(?:{SHARD_NAME.pattern}|(?:{_BESIDE_SHARDS})\.\w+)\.tmp")
"""What a killed run leaves of a shard or of what is written beside them."""


_ATTEMPTS = ".groovefast-attempts-"


class OutputFolder:
    """A folder while a conversion writes to it; no other can at the same time."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Makes the folder if need be, and takes hold of it.

        Raises:
            GrooveFastError: It is a file, or another conversion writes to it.
            OSError: It cannot be made or opened.
        """
        self.path = Path(path)
        self._lock = lock_folder(self.path, "another conversion is writing to it")
        self._journal: Any = None

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *error: object) -> None:
        if self._journal:
            self._journal.close()
        os.close(self._lock)

    def told(self, line: str) -> str:
        """Returns a line in which the folder is called as its user calls it."""
        return line

    def begin(self, plan: Plan, keep: Iterable[ShardEntry] = ()) -> int:
        """Clears the folder for a plan: of all other shards of conversions, and of loose ends.

        Args:
            plan: What is about to be made.
            keep: Shards of it that are there already.

        Returns:
            How many shards it removed.

        Raises:
            GrooveFastError: There are shards, or a data set of TFDS, that no conversion here knows
                of.
            OSError: The folder cannot be written to.
        """
        kept = {entry.name: entry for entry in keep}
        known = self._known_shards()
        self._refuse_strangers(plan, known)
        old = [name for name in known - set(kept) if (self.path / name).exists()]
        for name in old:
            self._remove(name)
        for path in self.path.glob(".*.tmp"):
            if _UNFINISHED.fullmatch(path.name):
                path.unlink()
        self._remove_attempts()
        lines = [to_json({"plan": plan}), *(entry.line for entry in kept.values())]
        self._write(JOURNAL, (line + "\n" for line in lines))
        for name in (MANIFEST, *TFDS_FILES):
            self._remove(name)
        self._journal = (self.path / JOURNAL).open("a", encoding="utf-8")
        return len(old)

    def is_finished(self, plan: Plan, shards: Iterable[ShardEntry]) -> bool:
        """Whether all that is beside these shards is there, and nothing of how it came about."""
        return (
            (self.path / MANIFEST).exists()
            and not (self.path / JOURNAL).exists()
            and not any(what_is_wrong_beside(self.path, plan, shards).values())
        )

    def add(self, entry: ShardEntry) -> None:
        """Notes in the journal that a shard is complete."""
        with naming(self.path / JOURNAL):
            self._journal.write(entry.line + "\n")
            self._journal.flush()

    def new_attempts(self) -> Path:
        """Makes a folder where workers leave what they made."""
        path = self.path / f"{_ATTEMPTS}{uuid.uuid4().hex}"
        path.mkdir()
        return path

    def take_up(self, known: dict[str, ShardEntry]) -> list[Done]:
        """Gives their names to shards that workers have left, and adds their entries to `known`.

        Of several attempts at a shard one is taken, whole; the others are left to be removed.

        Args:
            known: The shards that have theirs, which keep them.

        Returns:
            The attempts that were not seen before.
        """
        found = []
        for place in sorted(self.path.glob(f"{_ATTEMPTS}*")):
            for path in sorted(place.glob(f"*{NOTE_ENDING}")):
                done = Done.from_json(path.read_bytes())
                for entry in done.entries:
                    if entry.name not in known:
                        (place / done.attempt / entry.name).replace(self.path / entry.name)
                        known[entry.name] = entry
                        if self._journal:
                            self.add(entry)
                shutil.rmtree(place / done.attempt, ignore_errors=True)
                path.unlink()
                found.append(done)
        return found

    def finish(self, plan: Plan, shards: Iterable[ShardEntry]) -> None:
        """Writes the manifest, and what follows from it, now that all shards are complete."""
        self._remove_attempts()
        entries = list(shards)
        for name, content in tfds_files(plan, entries).items():
            self._write(name, [content.decode()])
        self._write(MANIFEST, _manifest_lines(plan, entries))
        self._remove(JOURNAL)

    def _known_shards(self) -> set[str]:
        """The shards that the folder's manifest or journal is about."""
        records = [read_manifest(self.path / MANIFEST), read_journal(self.path / JOURNAL)]
        return {name for record in records if record for name in shard_names(record.plan)}

    def _refuse_strangers(self, plan: Plan, known: set[str]) -> None:
        """Shards of unknown origin would be read together with ours, or overwritten."""
        for path in sorted(self.path.iterdir()):
            if is_shard_of(plan["sets"], path.name) and path.name not in known:
                raise GrooveFastError(
                    f"{path}: not a shard of the conversion in this folder, but would be read as "
                    "one; move it away, or choose another folder"
                )
        if any((self.path / name).exists() for name in (MANIFEST, JOURNAL)):
            return
        for path in map(self.path.joinpath, TFDS_FILES):
            if path.exists():
                raise GrooveFastError(
                    f"{path}: of another data set, and would be overwritten; choose another folder"
                )

    def _remove_attempts(self) -> None:
        for path in self.path.glob(f"{_ATTEMPTS}*"):
            shutil.rmtree(path, ignore_errors=True)

    def _remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def _write(self, name: str, lines: Iterable[str]) -> None:
        with replacing(self.path / name) as file:
            file.writelines(line.encode() for line in lines)


def _manifest_lines(plan: Plan, shards: list[ShardEntry]) -> Iterator[str]:
    sums = {
        name: sum(getattr(entry, name) for entry in shards)
        for name in ("files", "records", "bytes")
    }
    yield f'{{"plan":{json.dumps(plan, indent=1)},\n"totals":{to_json(sums)},\n"shards":[\n'
    for index, entry in enumerate(shards):
        yield entry.line + ("\n" if index == len(shards) - 1 else ",\n")
    yield "]}\n"
