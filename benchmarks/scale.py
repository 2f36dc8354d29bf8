"""A model of what a conversion costs, fitted to measured runs, and worked out for larger corpora.

    python benchmarks/scale.py [--midi DIR] [--sizes 1150 23000 230000] [--scratch DIR]

Each run converts the dataset under as many names as there shall be files. One process is the
driver, which lists the files, plans, and enters what comes back; another does the work as workers
of a runner do, a shard after the other. Of both the time on the CPU counts, user and system, the
least of all rounds, so that a busy machine disturbs little; of the driver also the memory.

So that the cost of a file, of a byte of MIDI and of a bar can be told apart, there are runs of
the smallest quarter of the files and so on, and of a channel that nobody plays on. The tables at
the end are those of docs/scale.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from corpus import add_midi_option, midi_files
from timing import Report, option_parser

from groovefast import convert
from groovefast.conversion import work
from groovefast.conversion.job import default_shards
from groovefast.conversion.work import Stored, Work
from groovefast.shards.manifest import MANIFEST

SIZES = (1_150, 23_000, 230_000)
QUARTERS = 4
SILENT_CHANNEL = 16
FILES_PER_LISTING = 1_000
"""Of a request to list, as S3 and Google Cloud Storage have it."""
LISTING_COST = 12.5
"""Requests to read that cost as much as one to write or list: S3 Standard, early 2026."""


class Run(NamedTuple):
    """What a conversion was of, and what it took."""

    files: int
    midi_mb: float
    bars: int
    shards: int
    driver_s: float
    worker_s: float
    driver_mb: float
    records_mb: float
    manifest_mb: float


class Corpus(NamedTuple):
    """A corpus to work the model out for.

    Attributes:
        name: What it is called in the table.
        files: How many there are.
        file_kb: Bytes of a file in the mean, in thousands.
        drums: The share of files with drums.
        bars: Bars of a file with drums in the mean.
    """

    name: str
    files: float
    file_kb: float
    drums: float
    bars: float


LAKH = {"file_kb": 32.0, "drums": 0.75, "bars": 100.0}
"""Assumed, of a pop song with all its instruments, and not measured; see docs/scale.md."""
CORPORA = (
    Corpus("Lakh", 176_581, **LAKH),
    Corpus("a million such files", 1e6, **LAKH),
    Corpus("a billion such files", 1e9, **LAKH),
)


@dataclasses.dataclass(frozen=True)
class Linear:
    """A cost that is a sum of so much for each of some things, none of it negative."""

    each: Mapping[str, float]

    @classmethod
    def fitted(cls, rows: Sequence[Mapping[str, float]], costs: Sequence[float]) -> Linear:
        """The sum whose relative errors have the least squares."""
        names = tuple(rows[0])
        things = np.array([[row[name] for name in names] for row in rows], float)
        things /= np.array(costs)[:, None]
        used = list(range(len(names)))
        while True:  # what would be negative is left out, one thing after another
            found = np.linalg.lstsq(things[:, used], np.ones(len(costs)), rcond=None)[0]
            if (found >= 0).all():
                break
            del used[int(np.argmin(found * np.abs(things[:, used]).mean(axis=0)))]
        each = dict(zip(used, found.tolist(), strict=True))
        return cls({name: each.get(index, 0.0) for index, name in enumerate(names)})

    def of(self, row: Mapping[str, float]) -> float:
        """The cost of some things."""
        return sum(each * row[name] for name, each in self.each.items())

    def __getitem__(self, name: str) -> float:
        return self.each[name]


class Model(NamedTuple):
    """All costs."""

    worker_s: Linear
    driver_s: Linear
    driver_mb: Linear
    records_mb: Linear
    manifest_mb: Linear

    @classmethod
    def fitted(cls, runs: Sequence[Run]) -> Model:
        done = [{"files": r.files, "midi_mb": r.midi_mb, "bars": r.bars} for r in runs]
        held = [{"conversion": 1, "files": r.files} for r in runs]
        driven = [{"conversion": 1, "shards": r.shards, "files": r.files} for r in runs]
        told = [
            {"shards": r.shards, "files": r.files, "silent": 0 if r.bars else r.files} for r in runs
        ]
        with_records = [(row, r) for row, r in zip(done, runs, strict=True) if r.bars]
        return cls(
            Linear.fitted([{"shards": r.shards, **row} for row, r in zip(done, runs, strict=True)],
                          [r.worker_s for r in runs]),
            Linear.fitted(driven, [r.driver_s for r in runs]),
            Linear.fitted(held, [r.driver_mb for r in runs]),
            Linear.fitted([{"files": row["files"], "bars": row["bars"]} for row, _ in with_records],
                          [r.records_mb for _, r in with_records]),
            Linear.fitted(told, [r.manifest_mb for r in runs]),
        )  # fmt: skip

    def predicted(
        self, files: float, midi_mb: float, bars: float, silent: float = 0
    ) -> dict[str, float]:
        """What a conversion takes; `silent` is the number of files without drums."""
        shards = default_shards(int(files))
        row = {"conversion": 1, "shards": shards, "files": files, "silent": silent}
        row |= {"midi_mb": midi_mb, "bars": bars}
        costs = {name: cost.of(row) for name, cost in self._asdict().items()}
        return {"shards": shards, **costs}


# Measuring


def drive(midi: Path, output: Path, channel: int) -> Run:
    """Converts by the hands of another process; the costs of both."""
    worker_s = []

    def run(works: Iterable[Work], attempts: Path) -> None:
        stored = work.store(works, attempts)
        command = [sys.executable, __file__, "--as-worker"]
        done = subprocess.run(
            command, input=pickle.dumps(stored), stdout=subprocess.PIPE, check=True
        )
        worker_s.append(float(done.stdout))

    started = time.process_time()
    report = convert(midi, output, runner=run, channel=channel)
    driver_s = time.process_time() - started
    return Run(
        files=report.files,
        midi_mb=0,
        bars=report.bars,
        shards=len(report.shards),
        driver_s=driver_s,
        worker_s=worker_s[0],
        driver_mb=peak_mb(),
        records_mb=sum(shard.bytes for shard in report.shards) / 1e6,
        manifest_mb=(output / MANIFEST).stat().st_size / 1e6,
    )


def do_all(stored: Sequence[Stored]) -> float:
    """Does work; seconds on the CPU, without starting Python."""
    started = time.process_time()
    for each in stored:
        work.note(work.do(work.fetch(each)), each.attempts)
    return time.process_time() - started


def peak_mb() -> float:
    """The most memory that this process had, in MB."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1e3


def measured(files: Sequence[Path], count: int, channel: int, scratch: Path, rounds: int) -> Run:
    """The least that a conversion of files under `count` names took."""
    midi = scratch / f"{count}-names-of-{len(files)}-from-{files[0].stat().st_size}"
    if not midi.exists():
        link(midi, files, count)
    sizes = [path.stat().st_size for path in files]
    total = sum(sizes) * (count // len(files)) + sum(sizes[: count % len(files)])
    best: Run | None = None
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=scratch) as output:
            command = [sys.executable, __file__, "--as-driver", str(midi), output, str(channel)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        run = Run(*json.loads(done.stdout))._replace(midi_mb=total / 1e6)
        least = (min(a, b) for a, b in zip(best or run, run, strict=True))
        best = Run(*least)  # type: ignore[arg-type]
    assert best
    return best


def link(folder: Path, files: Sequence[Path], count: int) -> None:
    """Fills a folder with `count` names of the files, each of which is copied once."""
    copies: list[Path] = []
    for number in range(count):
        copy, index = divmod(number, len(files))
        path = folder / f"{copy:04d}" / files[index].parent.name / f"{index}-{files[index].name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if copy:
            os.link(copies[index], path)
        else:
            path.write_bytes(files[index].read_bytes())
            copies.append(path)


def compositions(files: Sequence[Path]) -> Iterator[tuple[Sequence[Path], int]]:
    """The files by their size in quarters, on the drums' channel and on one that is silent."""
    by_size = sorted(files, key=lambda path: path.stat().st_size)
    for quarter in range(QUARTERS):
        part = by_size[quarter * len(files) // QUARTERS : (quarter + 1) * len(files) // QUARTERS]
        for channel in (10, SILENT_CHANNEL):
            if part:
                yield part, channel


# Telling


def print_runs(runs: Sequence[Run]) -> None:
    names = ("files", "MB of MIDI", "bars", "shards", "driver, CPU s", "workers, CPU s")
    print_row(*names, "driver, MB", "records, MB", "manifest, MB")
    print_rule(9)
    for r in runs:
        counts = (f"{r.files:,}", f"{r.midi_mb:,.1f}", f"{r.bars:,}", f"{r.shards:,}")
        print_row(
            *counts, *(f"{value:.3g}" if value < 1000 else f"{value:,.0f}" for value in r[4:])
        )
    print()


def print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def print_rule(columns: int) -> None:
    print_row("---", *["---:"] * (columns - 1))


def print_model(model: Model) -> None:
    worker, driver = model.worker_s, model.driver_s
    print_row("what", "takes")
    print_rule(2)
    for what, takes in (
        ("a file, on a worker", f"{1e6 * worker['files']:.1f} µs"),
        ("1,000 bytes of MIDI", f"{1e3 * worker['midi_mb']:.2f} µs"),
        ("a bar of drums", f"{1e6 * worker['bars']:.2f} µs"),
        ("a shard", f"{1e3 * worker['shards']:.1f} ms"),
        ("a file, on the driver", f"{1e6 * driver['files']:.1f} µs"),
        ("a shard, on the driver", f"{1e3 * driver['shards']:.1f} ms"),
        ("a conversion, on the driver", f"{1e3 * driver['conversion']:.0f} ms"),
        ("memory of the driver, a file", f"{1e6 * model.driver_mb['files']:.0f} bytes"),
        ("… at the least", f"{model.driver_mb['conversion']:.0f} MB"),
        ("records, a bar of drums", f"{1e6 * model.records_mb['bars']:.0f} bytes"),
        ("… a file", f"{1e6 * model.records_mb['files']:.0f} bytes"),
        ("manifest, a file", f"{1e6 * model.manifest_mb['files']:.1f} bytes"),
        ("… one without drums, beyond that", f"{1e6 * model.manifest_mb['silent']:.0f} bytes"),
        ("… a shard", f"{1e6 * model.manifest_mb['shards']:,.0f} bytes"),
    ):
        print_row(what, takes)
    print()


def print_corpora(model: Model) -> None:
    """What conversions take that nobody has made yet."""
    print_row("", *(corpus.name for corpus in CORPORA))
    print_rule(len(CORPORA) + 1)
    columns = [of_corpus(model, corpus) for corpus in CORPORA]
    for name in columns[0]:
        print_row(name, *(column[name] for column in columns))
    print()


def of_corpus(model: Model, corpus: Corpus) -> dict[str, str]:
    """A column of the table."""
    midi_mb = corpus.files * corpus.file_kb / 1e3
    bars = corpus.files * corpus.drums * corpus.bars
    cost = model.predicted(corpus.files, midi_mb, bars, (1 - corpus.drums) * corpus.files)
    listings = corpus.files / FILES_PER_LISTING
    # A worker reads its part of the plan, writes its shard and a note, and both are read.
    reads, writes = corpus.files + 3 * cost["shards"], listings + 3 * cost["shards"]
    useful = cost["worker_s"] / cost["driver_s"]
    return {
        "files": quantity(corpus.files),
        "MIDI": size(midi_mb),
        "bars of drums": quantity(bars),
        "shards": f"{cost['shards']:,}, of {size(cost['records_mb'] / cost['shards'])}",
        "workers, CPU": duration(cost["worker_s"]),
        "… 64 cores": duration(cost["worker_s"] / 64),
        "driver, CPU, one core": duration(cost["driver_s"]),
        "workers beyond which the driver takes longer": f"{useful:.0f}",
        "memory of the driver": size(cost["driver_mb"]),
        "manifest": size(cost["manifest_mb"]),
        "records": size(cost["records_mb"]),
        "from object storage: requests to read": quantity(reads),
        "… to list and write": quantity(writes),
        "… all, as requests to read cost": quantity(reads + LISTING_COST * writes),
        "… listing, one request of 50 ms after the other": duration(0.05 * listings),
        "… reading, 64 at once of 20 ms each, one worker": duration(0.02 * corpus.files / 64),
        "10 Gbit/s, in and out": duration((midi_mb + cost["records_mb"]) / 1250),
    }


def quantity(number: float) -> str:
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if number >= unit:
            return f"{number / unit:,.3g} {name}"
    return f"{number:,.0f}"


def size(mb: float) -> str:
    for unit, name in ((1e6, "TB"), (1e3, "GB")):
        if mb >= unit:
            return f"{mb / unit:.3g} {name}"
    return f"{mb:.3g} MB"


def duration(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.2g} s"


def tell_predictions(report: Report, sizes: Sequence[Run], others: Sequence[Run]) -> None:
    """Each size predicted from all other runs: by how much that is off."""
    if len(sizes) < 2:
        return
    costs = ("workers, CPU", "driver, CPU", "driver, memory", "records", "manifest")
    print_row("predicted from all other runs", *costs)
    print_rule(1 + len(costs))
    for left_out in sizes:
        model = Model.fitted([run for run in (*sizes, *others) if run is not left_out])
        found = model.predicted(left_out.files, left_out.midi_mb, left_out.bars)
        off = [100 * (found[name] / getattr(left_out, name) - 1) for name in Model._fields]
        print_row(f"{left_out.files:,} files", *(f"{percent:+.1f} %" for percent in off))
    print()
    for cost, percent in zip(costs, off, strict=True):
        report.figure(f"{sizes[-1].files:,} files, predicted: {cost}", percent, "% off")


def main() -> None:
    if sys.argv[1:2] == ["--as-worker"]:
        print(do_all(pickle.load(sys.stdin.buffer)))
        return
    if sys.argv[1:2] == ["--as-driver"]:
        midi, output, channel = sys.argv[2:]
        print(json.dumps(drive(Path(midi), Path(output), int(channel))))
        return
    arguments = parse()
    files = midi_files(arguments.midi)
    report = Report("What a conversion costs, in CPU, memory and bytes")
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as name:
        scratch = Path(name)
        sizes = [measured(files, count, 10, scratch, arguments.rounds) for count in arguments.sizes]
        print_runs(sizes)
        part = max(1, sorted(arguments.sizes)[len(arguments.sizes) // 2] // QUARTERS)
        others = [
            measured(some, part, channel, scratch, arguments.rounds)
            for some, channel in compositions(files)
        ]
        print_runs(others)
    model = Model.fitted([*sizes, *others])
    print_model(model)
    print_corpora(model)
    tell_predictions(report, sizes, others)
    for cost, linear in model._asdict().items():
        for thing, each in linear.each.items():
            report.figure(f"{cost}, each of {thing}", 1e6 * each, "millionths")
    report.write(arguments.json)


def parse() -> argparse.Namespace:
    parser = option_parser(__doc__, rounds=3)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="(default: 1150 23000 230000)"
    )
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="disk to work on")
    add_midi_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
