"""A conversion at work: the plan of its shards, and each entered into the journal when complete.

The work is done in `csrc/convert.*`.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from groovefast import _records
from groovefast.conversion.corpus import Corpus, Listing
from groovefast.conversion.options import Options
from groovefast.conversion.outcomes import explain
from groovefast.conversion.output import OutputFolder
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
        count = shards or _default_shards(len(files))
        for index in range(count):
            shard = manifest.shard_name(name, index, count)
            planned.append(PlannedShard(shard, number, files[index::count]))
    return planned


def _default_shards(files: int) -> int:
    few = min(math.ceil(files / _FILES_PER_SHARD), _FEW_SHARDS)
    return max(1, few, math.ceil(files / _MANY_FILES_PER_SHARD))


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything a run needs.

    Attributes:
        corpus: The files.
        listing: The sets they were put into.
        options: What decides the content of the records.
        planned: All shards.
        folder: Where they go.
    """

    corpus: Corpus
    listing: Listing
    options: Options
    planned: Sequence[PlannedShard]
    folder: OutputFolder

    def run(
        self,
        kept: Mapping[str, ShardEntry],
        workers: int,
        on_progress: Callable[[Progress], None] | None,
    ) -> dict[str, ShardEntry]:
        """Makes all shards but those kept, and returns their entries.

        Raises:
            GrooveFastError: Under `on_error="fail"`, of the first file that failed.
            OSError: A shard cannot be written. What is complete stays.
        """
        is_read = [self.options.dedupe or shard.name not in kept for shard in self.planned]
        total = sum(len(shard.files) for shard in itertools.compress(self.planned, is_read))
        entries: dict[str, ShardEntry] = {}
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
                    self.folder.add(entry)
                    entries[entry.name] = entry
                elif failed := conversion.failure():
                    raise self._failure(failed)
                if on_progress:
                    seconds = time.perf_counter() - started
                    on_progress(Progress(conversion.files_done(), total, seconds))
        return entries

    def _plan(self, kept: Mapping[str, ShardEntry]) -> _records.ShardPlan:
        plan = _records.ShardPlan(self.listing.num_groups)
        for shard in self.planned:
            if isinstance(shard.files, range):
                plan.add_range(shard.files)
            else:
                for file in shard.files:
                    plan.add_file(file, self.listing.group(file), self.listing.features(file))
            path = os.fsencode(self.folder.path / shard.name)
            plan.end_shard(path, shard.set_number, shard.name in kept)
        return plan

    def _failure(self, told: Mapping[str, Any]) -> GrooveFastError:
        """The error that stops the run at a file under `on_error="fail"`."""
        place = self.corpus.place(told["file"])
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
