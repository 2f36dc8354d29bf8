"""What became of the files of a conversion."""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.conversion.corpus import Corpus, Listing
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.windows.manifest import ShardEntry

_NOT_LISTED = "not in the metadata"
_WITHOUT_SPLIT = "no split in the metadata"
_UNOPENED = "not looked into"
_SALVAGED = "salvaged"


class FileProblem(NamedTuple):
    """A file that gave no windows, or not all of them; or a folder or zip.

    Attributes:
        file: Its path relative to the input, as in the records; of a folder or zip the whole path.
        reason: A few words, the same for all files with this problem.
        failed: Whether it could not be read, rather than holding nothing to convert.
        message: What exactly was wrong and where; empty if the reason says it all.
    """

    file: str
    reason: str
    failed: bool = False
    message: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.message or self.reason}"


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """What a conversion made of its files.

    Attributes:
        output_dir: The folder of the shards.
        shards: The shards, in order.
        corpus: The files.
        listing: The sets they were put into.
        seconds: How long it took, from looking for the files to the manifest.
        reused: How many shards of an earlier run were kept.
    """

    output_dir: Path
    shards: Sequence[ShardEntry]
    corpus: Corpus = dataclasses.field(repr=False)
    listing: Listing = dataclasses.field(repr=False)
    seconds: float
    reused: int

    @property
    def files(self) -> int:
        """MIDI files found: those converted, skipped and failed."""
        return len(self.corpus)

    @property
    def files_per_second(self) -> float:
        """Files that were found, by the time it took."""
        return self.files / self.seconds

    @property
    def windows(self) -> int:
        """Windows written."""
        return sum(entry.records for entry in self.shards)

    @property
    def windows_by_set(self) -> dict[str, int]:
        """Windows in each set of shards."""
        windows = dict.fromkeys(self.listing.sets, 0)
        for entry in self.shards:
            windows[entry.set_name] += entry.records
        return windows

    @property
    def windows_by_style(self) -> dict[str, int]:
        """Windows of each style that the metadata names."""
        windows = self._sum("groups")
        return {style: int(windows[group]) for group, style in enumerate(self.listing.styles)}

    @property
    def converted(self) -> int:
        """Files that gave windows."""
        return self._total("converted")

    @property
    def salvaged(self) -> int:
        """Files among them that are damaged, and gave what came before the damage."""
        return self._total("salvaged")

    @functools.cached_property
    def skipped(self) -> Mapping[str, int]:
        """Files that could be read but gave no windows, by reason."""
        left_out = {
            _NOT_LISTED: len(self.listing.unlisted),
            _WITHOUT_SPLIT: len(self.listing.without_split),
        }
        return self._count_problems(left_out, failed=False)

    @functools.cached_property
    def failed(self) -> Mapping[str, int]:
        """Files that could not be read, by reason."""
        return self._count_problems({}, failed=True)

    @property
    def unopened(self) -> int:
        """Folders and zips that could not be looked into."""
        return len(self.corpus.unreadable)

    @property
    def notes(self) -> int:
        """Notes kept: those of a drum class, in the songs that gave windows."""
        return self._total("notes") - self.merged

    @property
    def merged(self) -> int:
        """Notes dropped for a louder one of the same class on the same step."""
        return self._total("notes") - int(self._sum("velocities").sum())

    @property
    def unmapped(self) -> dict[int, int]:
        """Notes dropped because their pitch is of no drum class, by pitch."""
        counts = self._sum("unmapped")
        return {int(pitch): int(counts[pitch]) for pitch in np.flatnonzero(counts)}

    @property
    def duplicates(self) -> int:
        """Windows left out by `dedupe`."""
        return self._total("duplicates")

    @property
    def sparse(self) -> int:
        """Windows left out by `min_hits`."""
        return self._total("sparse")

    @property
    def complete(self) -> bool:
        """Whether every file, folder and zip could be read, those salvaged as far as they go."""
        return not self.failed and not self.unopened

    def problems(self) -> Iterator[FileProblem]:
        """Yields what could not be looked into, and every file that gave no windows, or not all."""
        for place in self.corpus.unreadable:
            yield FileProblem(place.path, _UNOPENED, True, place.reason)
        for file in self.listing.unlisted:
            yield FileProblem(self.corpus.name(file), _NOT_LISTED)
        for file in self.listing.without_split:
            yield FileProblem(self.corpus.name(file), _WITHOUT_SPLIT)
        for entry in self.shards:
            for file, *problem in json.loads(entry.problems):
                yield FileProblem(self.corpus.name(file), *problem)

    def first_place(self, reason: str) -> str | None:
        """Returns where the first file with a reason is; None if there is none outside archives."""
        for entry in self.shards:
            for file, why, *_ in json.loads(entry.problems):
                if why == reason and self.corpus.files.member(file) is None:
                    return self.corpus.place(file)
        return None

    def statistics(self) -> dict[str, Any]:
        """Returns the counts that `plot.plot_corpus` draws."""
        tempos = self._sum("tempos")
        velocities = self._sum("velocities").reshape(NUM_CLASSES, -1)
        return {
            "hits": velocities.sum(axis=1).tolist(),
            "velocities": velocities.tolist(),
            "offsets": self._sum("offsets").reshape(NUM_CLASSES, -1).tolist(),
            "tempos": {int(qpm): int(tempos[qpm]) for qpm in np.flatnonzero(tempos)},
            "windows": self.windows_by_set,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything as JSON, with each file that gave no windows on a line of its own."""
        head = {
            "output_dir": str(self.output_dir),
            "files": self.files,
            "converted": self.converted,
            "salvaged": self.salvaged,
            "skipped": dict(self.skipped),
            "failed": dict(self.failed),
            "folders_and_zips_not_looked_into": self.unopened,
            "missing_from_input": list(self.listing.missing),
            "windows": self.windows,
            "windows_by_set": self.windows_by_set,
            "windows_by_style": self.windows_by_style,
            "windows_left_out": {"duplicates": self.duplicates, "too few hits": self.sparse},
            "notes": {
                "kept": self.notes,
                "merged": self.merged,
                "unmapped": sum(self.unmapped.values()),
                "unmapped_by_pitch": self.unmapped,
            },
            "hits_by_class": dict(zip(DRUM_CLASSES, self.statistics()["hits"], strict=True)),
            "statistics": self.statistics(),
            "shards": {entry.name: entry.summary() for entry in self.shards},
            "shards_kept_from_earlier_run": self.reused,
            "seconds": round(self.seconds, 6),
            "files_per_second": round(self.files_per_second, 1),
        }
        with Path(path).open("w", encoding="utf-8") as file:
            lines = (f"  {json.dumps(key)}: {json.dumps(head[key])},\n" for key in head)
            file.writelines(("{\n", *lines, '  "problems": ['))
            for index, problem in enumerate(self.problems()):
                file.write((",\n    " if index else "\n    ") + json.dumps(problem._asdict()))
            file.write("\n  ]\n}\n")

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the corpus: hits, velocities and offsets by class, tempos and windows.

        Raises:
            OSError: The file cannot be written.
        """
        from groovefast.conversion.plot import plot_corpus

        plot_corpus(self.statistics(), path)

    def _total(self, name: str) -> int:
        return sum(entry.counts[name] for entry in self.shards)

    def _sum(self, name: str) -> NDArray[np.int64]:
        counts = np.array([entry.counts[name] for entry in self.shards], np.int64)
        return np.asarray(counts.sum(axis=0), np.int64)

    def _count_problems(self, reasons: Mapping[str, int], *, failed: bool) -> dict[str, int]:
        """Adds the files of the shards that failed, or had nothing to convert, to some counts."""
        counts = collections.Counter(reasons)
        for entry in self.shards:
            for _, reason, is_failure, _ in json.loads(entry.problems):
                if is_failure == failed and reason != _SALVAGED:
                    counts[reason] += 1
        return {reason: count for reason, count in counts.most_common() if count}
