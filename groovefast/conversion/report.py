"""What became of the files of a conversion."""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.config import CONFIGS, Config, get_config
from groovefast.conversion.corpus import Corpus, Listing
from groovefast.conversion.outcomes import FileProblem, Outcome, explain
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.errors import OptionError, check_whole
from groovefast.files import replacing
from groovefast.shards.manifest import ShardEntry


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """What a conversion made of its files.

    Attributes:
        output_dir: The folder of the shards, or its URL.
        shards: The shards, in order.
        corpus: The files.
        listing: The sets they were put into.
        steps_per_quarter: Of the records' grid.
        representation: What they hold, see `convert`.
        seconds: How long it took, from looking for the files to the manifest.
        reused: How many shards of an earlier run were kept.
    """

    output_dir: Path | str
    shards: Sequence[ShardEntry]
    corpus: Corpus = dataclasses.field(repr=False)
    listing: Listing = dataclasses.field(repr=False)
    steps_per_quarter: int
    representation: str
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
    def performances(self) -> int:
        """Records written: performances, or parts of them where the meter changes."""
        return sum(entry.records for entry in self.shards)

    @property
    def performances_by_set(self) -> dict[str, int]:
        """Records in each set of shards."""
        records = dict.fromkeys(self.listing.sets, 0)
        for entry in self.shards:
            records[entry.set_name] += entry.records
        return records

    @property
    def bars(self) -> int:
        """Bars in them, of whatever meter."""
        return self._total("bars")

    @property
    def bars_by_set(self) -> dict[str, int]:
        """Bars in each set of shards."""
        bars = dict.fromkeys(self.listing.sets, 0)
        for entry in self.shards:
            bars[entry.set_name] += entry.counts["bars"]
        return bars

    @property
    def bars_by_style(self) -> dict[str, int]:
        """Bars of each style that the metadata names."""
        bars = self._sum("groups")
        return {style: int(bars[group]) for group, style in enumerate(self.listing.styles)}

    def windows(self, config: str | Config, hop_bars: int | None = None) -> int:
        """Returns how many windows a config would cut from the records.

        Args:
            config: A config or its name.
            hop_bars: Bars from the start of a window to the start of the next; those of the config
                if None.

        Raises:
            GrooveFastError: An unknown config, one of windows of any length, or no such hop.
        """
        converter = get_config(config).converter
        if converter.split_bars is None:
            raise OptionError("split_bars", "windows of one length wanted, not None")
        hop = converter.hop_bars if hop_bars is None else hop_bars
        check_whole("hop_bars", hop, 1)
        if converter.steps_per_quarter != self.steps_per_quarter:
            return 0
        return sum(
            count * max(0, 1 + (bars - converter.split_bars) // hop)
            for entry in self.shards
            for steps_per_bar, bars, count in entry.counts["lengths"]
            if steps_per_bar == converter.steps_per_bar
        )

    @property
    def windows_by_config(self) -> dict[str, int]:
        """Windows that each named config of performances would cut."""
        return {name: self.windows(name) for name, config in CONFIGS.items() if not config.tokens}

    @property
    def windows_by_length(self) -> dict[int, int]:
        """Windows of so many bars that the named configs would cut, if they can read the grid."""
        lengths = {
            config.converter.split_bars: name
            for name, config in CONFIGS.items()
            if not config.tokens and config.converter.steps_per_quarter == self.steps_per_quarter
        }
        return {bars: self.windows(lengths[bars]) for bars in sorted(filter(None, lengths))}

    @property
    def converted(self) -> int:
        """Files that gave records."""
        return self._total("converted")

    @property
    def salvaged(self) -> int:
        """Files among them that are damaged, and gave what came before the damage."""
        return self._total("salvaged")

    @functools.cached_property
    def outcomes(self) -> Mapping[Outcome, int]:
        """Files by what became of them, if not simply converted; the most frequent first."""
        counts = collections.Counter(
            {
                Outcome.NOT_LISTED: len(self.listing.unlisted),
                Outcome.WITHOUT_SPLIT: len(self.listing.without_split),
            }
        )
        for told in self._told():
            counts[Outcome(told["outcome"])] += 1
        return {outcome: count for outcome, count in counts.most_common() if count}

    @property
    def skipped(self) -> Mapping[str, int]:
        """Files that could be read but gave no records, by what became of them."""
        return {
            outcome.words: count
            for outcome, count in self.outcomes.items()
            if not outcome.is_failure and outcome is not Outcome.SALVAGED
        }

    @property
    def failed(self) -> Mapping[str, int]:
        """Files that could not be read, by what became of them."""
        return {
            outcome.words: count for outcome, count in self.outcomes.items() if outcome.is_failure
        }

    @property
    def unopened(self) -> int:
        """Folders and zips that could not be looked into."""
        return len(self.corpus.unreadable)

    @property
    def notes(self) -> int:
        """Notes kept: the hits of the records."""
        return int(self._sum("velocities").sum())

    @property
    def merged(self) -> int:
        """Notes dropped for a louder one of the same class on the same step."""
        return self._total("merged")

    @property
    def outside(self) -> int:
        """Notes dropped because they are in no whole bar of whole steps."""
        return self._total("outside")

    @property
    def unmapped(self) -> dict[int, int]:
        """Notes dropped because their pitch is of no drum class, by pitch."""
        counts = self._sum("unmapped")
        return {int(pitch): int(counts[pitch]) for pitch in np.flatnonzero(counts)}

    @property
    def duplicates(self) -> int:
        """Performances left out by `dedupe`."""
        return self._total("duplicates")

    @property
    def complete(self) -> bool:
        """Whether every file, folder and zip could be read, those salvaged as far as they go."""
        return not self.failed and not self.unopened

    def problems(self) -> Iterator[FileProblem]:
        """Yields what could not be looked into, and every file that was not converted whole."""
        for place in self.corpus.unreadable:
            yield FileProblem(place.path, Outcome.UNOPENED, place.reason)
        for file in self.listing.unlisted:
            yield FileProblem(self.corpus.name(file), Outcome.NOT_LISTED)
        for file in self.listing.without_split:
            yield FileProblem(self.corpus.name(file), Outcome.WITHOUT_SPLIT)
        for told in self._told():
            name = self.corpus.name(told["file"])
            yield FileProblem(name, Outcome(told["outcome"]), explain(told))

    def first_place(self, outcome: Outcome) -> str | None:
        """Returns where the first file of an outcome is; None if there is none outside archives."""
        for told in self._told():
            if told["outcome"] == outcome.value and self.corpus.files.member(told["file"]) is None:
                return self.corpus.place(told["file"])
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
            "bars": self.bars_by_set,
            "windows": self.windows_by_length,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything as JSON, with each file that was not converted whole on a line.

        Raises:
            OSError: The file cannot be written.
        """
        head = {
            "output_dir": str(self.output_dir),
            "files": self.files,
            "converted": self.converted,
            "salvaged": self.salvaged,
            "skipped": dict(self.skipped),
            "failed": dict(self.failed),
            "folders_and_zips_not_looked_into": self.unopened,
            "missing_from_input": list(self.listing.missing),
            "performances": self.performances,
            "performances_by_set": self.performances_by_set,
            "performances_left_out_as_duplicates": self.duplicates,
            "bars": self.bars,
            "bars_by_set": self.bars_by_set,
            "bars_by_style": self.bars_by_style,
            "windows_by_config": self.windows_by_config,
            "notes": {
                "kept": self.notes,
                "merged": self.merged,
                "outside": self.outside,
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
        with replacing(path) as file:
            lines = (f"  {json.dumps(key)}: {json.dumps(head[key])},\n" for key in head)
            file.write(("{\n" + "".join(lines) + '  "problems": [').encode())
            for index, problem in enumerate(self.problems()):
                line = (",\n    " if index else "\n    ") + json.dumps(_to_json(problem))
                file.write(line.encode())
            file.write(b"\n  ]\n}\n")

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the corpus: hits, velocities and offsets by class, tempos, bars and windows.

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

    def _told(self) -> Iterator[Mapping[str, Any]]:
        """What the shards tell of their files; see `_records.Conversion`."""
        for entry in self.shards:
            yield from entry.told()


def _to_json(problem: FileProblem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "outcome": problem.outcome.value,
        "reason": problem.outcome.words,
        "failed": problem.outcome.is_failure,
        "message": problem.message,
    }
