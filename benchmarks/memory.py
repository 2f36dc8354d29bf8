"""Peak memory and speed of converting few files and many: neither should depend on how many.

python benchmarks/memory.py [--few 1000] [--many 100000] [--midi DIR]

Each conversion runs in a process of its own. The many files are the same few under many names.
Their windows take some 6 GB of disk; `--scratch` says where.
"""

from __future__ import annotations

import argparse
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
report = convert(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
kilobytes = int(status["VmHWM"].split()[0])
print(json.dumps([report.files, report.windows, report.seconds, kilobytes / 1e3]))
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
    windows: int
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


def convert(midi: Path, scratch: Path, workers: int) -> Conversion:
    """Converts a folder in a fresh process and removes what it wrote."""
    with tempfile.TemporaryDirectory(dir=scratch) as output:
        command = [sys.executable, "-c", CONVERT, str(midi), output, str(workers)]
        # Elsewhere than here, where `python -c` would find the sources beside this folder.
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=scratch)
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
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=shards)
    return Reading(*json.loads(done.stdout))


def main() -> None:
    parser = option_parser(__doc__, rounds=3)
    parser.add_argument("--few", type=int, default=1000, help="(default: 1000)")
    parser.add_argument("--many", type=int, default=100_000, help="(default: 100000)")
    parser.add_argument("--workers", type=int, default=2, help="(default: 2)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="disk to work on")
    add_midi_option(parser)
    arguments = parser.parse_args()
    report = Report(f"Converting {arguments.few:,} and {arguments.many:,} files")
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        few, many = measure(arguments, Path(scratch))
    for runs in (few, many):
        for run in runs:
            print(
                f"{run.files:>9,} files {run.windows:>10,} windows {run.seconds:8.2f} s"
                f" {run.files / run.seconds:9,.0f} files/s {run.megabytes:8.1f} MB"
            )
    print()
    peaks = [max(run.megabytes for run in runs) for runs in (few, many)]
    rates = [statistics.median(run.files / run.seconds for run in runs) for runs in (few, many)]
    report.figure(f"peak memory, {arguments.few:,} files", peaks[0], "MB", at_most=150)
    report.figure(f"peak memory, {arguments.many:,} files", peaks[1], "MB", at_most=150)
    report.figure("more memory for many", peaks[1] - peaks[0], "MB", at_most=20)
    report.figure("files/s, many against few", rates[1] / rates[0], "×", at_least=0.9)
    report.write(arguments.json)


def measure(
    arguments: argparse.Namespace, scratch: Path
) -> tuple[list[Conversion], list[Conversion]]:
    """The conversions of few files and those of many, in turn."""
    files = midi_files(arguments.midi)
    random.Random(0).shuffle(files)  # so that the first of them are like all
    folders = []
    for count in (arguments.few, arguments.many):
        folders.append(scratch / f"{count}")
        make_names(folders[-1], files, count)
    few, many = [], []
    for _ in range(arguments.rounds):
        few += [convert(folders[0], scratch, arguments.workers) for _ in range(3)]
        many.append(convert(folders[1], scratch, arguments.workers))
    return few, many


if __name__ == "__main__":
    main()
