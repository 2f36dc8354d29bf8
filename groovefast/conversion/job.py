"""A conversion at work: the plan of its shards, and what became of each.

The work is done in `csrc/convert.*`, by the same `Job` on this machine and on others: here one job
makes all shards in threads, elsewhere each worker has a job of one; see `conversion.work`.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from groovefast import _records
from groovefast.conversion.corpus import Listing
from groovefast.conversion.options import Options
from groovefast.conversion.outcomes import explain
from groovefast.errors import GrooveFastError, MidiError
from groovefast.shards import manifest
from groovefast.shards.manifest import ShardEntry

_FILES_PER_SHARD = 128
_FEW_SHARDS = 8
_MANY_FILES_PER_SHARD = 2000
_PATIENCE_MS = 100


class Progress(NamedTuple):
    """How far a conversion is.

    Attributes:
        files: Files looked at.
        total: Files to look at.
        seconds: Time since it began to look at files.
    """

    files: int
    total: int
    seconds: float


class PlannedShard(NamedTuple):
    """A shard to be made.

    Attributes:
        name: Its file name.
        set_number: Of the set it belongs to.
        files: Their numbers in the corpus.
    """

    name: str
    set_number: int
    files: Sequence[int]


def plan_shards(listing: Listing, shards: int | None) -> list[PlannedShard]:
    """Deals each set's files to its shards in turn, which makes them alike in size and content.

    Args:
        listing: The files of each set.
        shards: How many shards each set has; None chooses by the number of its files.
    """
    planned = []
    for number, (name, files) in enumerate(listing.sets.items()):
        count = shards or default_shards(len(files))
        for index in range(count):
            shard = manifest.shard_name(name, index, count)
            planned.append(PlannedShard(shard, number, files[index::count]))
    return planned


def default_shards(files: int) -> int:
    """Returns how many shards a set of so many files has unless somebody says."""
    few = min(math.ceil(files / _FILES_PER_SHARD), _FEW_SHARDS)
    many = min(math.ceil(files / _MANY_FILES_PER_SHARD), manifest.MAX_SHARDS)
    return max(1, few, many)


class Files(Protocol):
    """Files that a job is about, by their numbers: a `Corpus`, or what was sent of one."""

    @property
    def files(self) -> _records.FileList:
        """Their names and where they are."""

    def read_member(self, index: int) -> bytes:
        """Reads a file that the file system alone does not give; may be called from any thread.

        Whatever it raises is what is told of the file.
        """


class Told(Protocol):
    """What is known about the files: a `Listing`, or what was sent of one."""

    @property
    def num_groups(self) -> int:
        """How many groups there are."""

    def group(self, index: int) -> int:
        """The group that a file's bars are counted in."""

    def features(self, index: int) -> bytes:
        """What each record of a file gets beside its own features, serialized."""


class Made(NamedTuple):
    """What came of a job.

    Attributes:
        entries: The shards that are complete, in the order they became so.
        failed: Under `on_error="fail"` what the core tells of the file that ended it, or None.
    """

    entries: Sequence[ShardEntry]
    failed: Mapping[str, Any] | None


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything a run needs.

    Attributes:
        corpus: The files.
        listing: What is known about them.
        options: What decides the content of the records.
        planned: All shards.
        folder: Where they go.
    """

    corpus: Files
    listing: Told
    options: Options
    planned: Sequence[PlannedShard]
    folder: Path

    def files_to_read(self, kept: Collection[str]) -> int:
        """How many files a run looks at if some shards are kept."""
        is_read = (self.options.dedupe or shard.name not in kept for shard in self.planned)
        return sum(len(shard.files) for shard in itertools.compress(self.planned, is_read))

    def run(
        self,
        kept: Collection[str],
        workers: int,
        on_entry: Callable[[ShardEntry], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Made:
        """Makes all shards but those kept.

        Args:
            kept: Names of shards that are not to be made.
            workers: Threads.
            on_entry: Called with each shard when it is complete.
            on_progress: Called some ten times a second.

        Raises:
            OSError: A shard cannot be written. What is complete stays.
        """
        total = self.files_to_read(kept)
        entries: list[ShardEntry] = []
        started = time.perf_counter()
        with _records.Conversion(
            self.corpus.files,
            self._plan(kept),
            **self.options.for_core(),
            read_member=self.corpus.read_member,
            workers=workers,
        ) as conversion:
            while not conversion.done():
                index = conversion.wait(_PATIENCE_MS)
                if index is not None:
                    entry = _entry(self.planned[index], *conversion.take_result(index))
                    entries.append(entry)
                    if on_entry:
                        on_entry(entry)
                elif failed := conversion.failure():
                    return Made(entries, failed)
                if on_progress:
                    seconds = time.perf_counter() - started
                    on_progress(Progress(conversion.files_done(), total, seconds))
        return Made(entries, None)

    def _plan(self, kept: Collection[str]) -> _records.ShardPlan:
        plan = _records.ShardPlan(self.listing.num_groups)
        for shard in self.planned:
            if isinstance(shard.files, range):
                plan.add_range(shard.files)
            else:
                for file in shard.files:
                    plan.add_file(file, self.listing.group(file), self.listing.features(file))
            path = os.fsencode(self.folder / shard.name)
            plan.end_shard(path, shard.set_number, shard.name in kept)
        return plan


def failure(place: str, told: Mapping[str, Any]) -> GrooveFastError:
    """Returns the error of the file at a place that ended a run under `on_error="fail"`."""
    if "offset" in told:
        return MidiError(told["reason"], told["offset"], place)
    return GrooveFastError(f"{place}: {explain(told)}")


def _entry(
    shard: PlannedShard,
    size: int,
    crc32c: int,
    counts: Mapping[str, Any],
    problems: Sequence[Mapping[str, Any]],
) -> ShardEntry:
    return ShardEntry(
        name=shard.name,
        files=len(shard.files),
        records=counts["records"],
        bytes=size,
        crc32c=crc32c,
        counts=counts,
        problems=manifest.to_json(problems),
    )
