"""Peak memory and speed of converting few files and many: neither should depend on how many.

python benchmarks/memory.py [--few 1000] [--many 100000] [--midi DIR]

Each conversion runs in a process of its own. The many files are the same few under many names.
Their records take some 2 GB of disk; `--scratch` says where. With `dedupe` each performance is
written once, which leaves the kernel's writing out and nothing else.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from corpus import add_midi_option, midi_files
from timing import Report, option_parser

FILES_PER_FOLDER = 1000

CONVERT = """
import json, sys
from pathlib import Path
from groovefast import convert
report = convert(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]), dedupe=sys.argv[4] == "1")
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
kilobytes = int(status["VmHWM"].split()[0])
print(json.dumps([report.files, report.bars, report.seconds, kilobytes / 1e3]))
"""

READ = """
import json, sys, time
from pathlib import Path
from groovefast import load_dataset
def peak():
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1e3
load_dataset(sys.argv[2], sys.argv[4], shuffle=False)  # TensorFlow's own, once and for all
before = peak()
start = time.perf_counter()
data = load_dataset(sys.argv[1], sys.argv[4], cache=sys.argv[3] == "1")
windows = sum(len(inputs) for inputs, _, _ in data)
print(json.dumps([windows, time.perf_counter() - start, peak(), peak() - before]))
"""


class Conversion(NamedTuple):
    """What one conversion took."""

    files: int
    bars: int
    seconds: float
    megabytes: float


def make_names(folder: Path, files: list[Path], count: int) -> None:
    """Fills a folder with `count` names for copies of the files."""
    copies = []
    for number in range(count):
        inside = folder / f"{number // FILES_PER_FOLDER:05d}"
        inside.mkdir(parents=True, exist_ok=True)
        name = inside / f"{number:07d}.mid"
        if number < len(files):
            name.write_bytes(files[number].read_bytes())
            copies.append(name)
        else:
            os.link(copies[number % len(copies)], name)


def convert(midi: Path, workers: int, dedupe: bool) -> Conversion:
    """Converts a folder in a fresh process and removes what it wrote."""
    with tempfile.TemporaryDirectory(dir=midi.parent) as output:
        arguments = [str(midi), output, str(workers), str(int(dedupe))]
        command = [sys.executable, "-c", CONVERT, *arguments]
        # Elsewhere than here, where `python -c` would find the sources beside this folder.
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=output)
    return Conversion(*json.loads(done.stdout))


class Reading(NamedTuple):
    """What opening converted data and one pass of it took."""

    windows: int
    seconds: float
    megabytes: float
    """At the peak."""
    megabytes_more: float
    """Than what a few windows take."""


def read(shards: Path, few: Path, cache: bool, config: str = "groovae_4bar") -> Reading:
    """Reads shards once, shuffled, in a fresh process that has read those of `few` before."""
    arguments = [str(shards), str(few), str(int(cache)), config]
    command = [sys.executable, "-c", READ, *arguments]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=shards, env=quiet
    )
    return Reading(*json.loads(done.stdout))


def main() -> None:
    parser = option_parser(__doc__, rounds=3)
    parser.add_argument("--few", type=int, default=1000, help="(default: 1000)")
    parser.add_argument("--many", type=int, default=100_000, help="(default: 100000)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="disk to work on")
    add_midi_option(parser)
    arguments = parser.parse_args()
    report = Report(f"Converting and reading {arguments.few:,} and {arguments.many:,} files")
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        few, many = make_corpora(arguments, Path(scratch))
        tell_conversions(report, few, many, arguments.rounds)
        tell_readings(report, few, many)
    report.write(arguments.json)


def make_corpora(arguments: argparse.Namespace, scratch: Path) -> tuple[Path, Path]:
    """The folders of few files and of many."""
    files = midi_files(arguments.midi)
    random.Random(0).shuffle(files)  # so that the first of them are like all
    folders = []
    for count in (arguments.few, arguments.many):
        folders.append(scratch / f"{count}-files")
        make_names(folders[-1], files, count)
    return folders[0], folders[1]


def tell_conversions(report: Report, few: Path, many: Path, rounds: int) -> None:
    """Measures few and many files in turn, with one worker and two, and writing little."""
    runs: dict[tuple[str, int, bool], list[Conversion]] = collections.defaultdict(list)
    for _ in range(rounds):
        for dedupe in (False, True):
            for workers in (1, 2):
                for _ in range(3):
                    runs["few", workers, dedupe].append(convert(few, workers, dedupe))
                runs["many", workers, dedupe].append(convert(many, workers, dedupe))
    for (_, workers, dedupe), conversions in runs.items():
        for run in conversions:
            print(
                f"{run.files:>9,} files {run.bars:>10,} bars {run.seconds:8.2f} s"
                f" {run.files / run.seconds:9,.0f} files/s {run.megabytes:8.1f} MB"
                f"  {workers} workers{', each performance written once' * dedupe}"
            )
    print()
    peaks = {
        size: max(run.megabytes for key, all_ in runs.items() if key[0] == size for run in all_)
        for size in ("few", "many")
    }
    report.figure("peak memory, few files", peaks["few"], "MB", at_most=60)
    report.figure("peak memory, many files", peaks["many"], "MB", at_most=60)
    for dedupe, suffix in ((False, ""), (True, ", each performance written once")):
        rates = {
            (size, workers): statistics.median(
                run.files / run.seconds for run in runs[size, workers, dedupe]
            )
            for size in ("few", "many")
            for workers in (1, 2)
        }
        against_few = rates["many", 2] / rates["few", 2]
        against_one = rates["many", 2] / rates["many", 1]
        report.figure(f"files/s, many against few{suffix}", against_few, "×", at_least=0.9)
        report.figure(f"many files, 2 workers against 1{suffix}", against_one, "×", at_least=1.6)


def tell_readings(report: Report, few: Path, many: Path) -> None:
    """Measures what reading the records of few files and of many takes."""
    from groovefast import convert as convert_here

    records = []
    for folder in (few, many):
        records.append(folder.with_name(f"{folder.name}-records"))
        convert_here(folder, records[-1])
    for cache, name in ((True, "cached"), (False, "streamed")):
        reading = read(records[1], records[0], cache)
        print(f"{reading.windows:>9,} windows of 4 bars {reading.seconds:8.2f} s, {name}")
        report.figure(f"load_dataset, {name}, many files", reading.megabytes, "MB")
        report.figure("  more than few files take", reading.megabytes_more, "MB")


if __name__ == "__main__":
    main()
