"""Conversion by others against conversion here: Beam's runners against threads of one process.

    python benchmarks/runners.py [--midi DIR] [--files 23000] [--scratch DIR]

The files are those of the dataset, in as many folders as it takes, each with names of its own for
the same files. Two threads convert them, Beam's DirectRunner, and Beam on a Dask cluster of two
worker processes with a thread each. All write the same bytes, which is checked first. What counts
is a conversion from its call to its end, in a process that has imported Beam, on a cluster that
has been started and used once; what these take is told beside it.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus import add_midi_option, midi_files
from timing import Report, Timings, Work, option_parser, race

from groovefast import convert

WORKERS = 2
GOAL = 0.6
THREADS, DIRECT, DASK = (f"{WORKERS} threads", "DirectRunner", f"DaskRunner, {WORKERS} processes")


def link_files(folder: Path, files: list[Path], midi: Path, count: int) -> None:
    """Fills a folder with the dataset over and over, until there are `count` names.

    The names are hard links, to copies where the disk is another.
    """
    first = folder / "000"
    for number in range(count):
        copy, index = divmod(number, len(files))
        name = files[index].relative_to(midi)
        path = folder / f"{copy:03d}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if copy:
            os.link(first / name, path)
        else:
            path.write_bytes(files[index].read_bytes())


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A Dask cluster on this machine; gives its address."""
    import distributed

    with distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started.scheduler_address


def converting(midi: Path, scratch: Path, **options: Any) -> Work:
    """A conversion into a new folder; removing it does not count."""

    def work() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as output:
            start = time.perf_counter()
            convert(midi, output, **options)
            return time.perf_counter() - start

    return work


def check_bytes(midi: Path, scratch: Path, ways: dict[str, dict[str, Any]]) -> int:
    """Ends the program where a way writes other bytes than the first; returns how many those are.

    No more than two outputs are on the disk at a time.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as expected:
        first, *others = ways
        convert(midi, expected, **ways[first])
        names = sorted(path.name for path in Path(expected).iterdir())
        for way in others:
            with tempfile.TemporaryDirectory(dir=scratch) as output:
                convert(midi, output, **ways[way])
                if names != sorted(path.name for path in Path(output).iterdir()):
                    raise SystemExit(f"{way}: other files than by {first}")
                _, other, lost = filecmp.cmpfiles(expected, output, names, shallow=False)
                if other or lost:
                    raise SystemExit(f"{way}: another {(other + lost)[0]} than by {first}")
        return sum(path.stat().st_size for path in Path(expected).iterdir())


def seconds_of_importing(module: str) -> float:
    """Seconds of CPU that a fresh process spends on an import, beyond what Python takes."""
    taken = []
    for words in ("pass", f"import {module}"):
        before = os.times()
        subprocess.run([sys.executable, "-c", words], check=True)
        after = os.times()
        taken.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
    return taken[1] - taken[0]


def tell(report: Report, timings: dict[str, Timings]) -> None:
    report.table("files/s", timings)
    native = timings[THREADS]
    for way, goal in ((DIRECT, None), (DASK, GOAL)):
        ratio = timings[way].faster_than(native)
        report.figure(f"{way}, against {THREADS}", ratio, "×", at_least=goal)
        least = timings[way].best / native.best
        report.figure("  the best rounds of each", least, "×")


def main() -> None:
    parser = option_parser(__doc__, rounds=7)
    parser.add_argument("--files", type=int, default=23_000, help="(default: 23000)")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="disk to work on")
    add_midi_option(parser)
    arguments = parser.parse_args()
    files = midi_files(arguments.midi)
    packages = ("apache-beam", "distributed")
    report = Report(f"Converting {arguments.files:,} files, by runner", packages)
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(dir=arguments.scratch)
        scratch = Path(stack.enter_context(temporary))
        midi = scratch / "midi"
        link_files(midi, files, arguments.midi, arguments.files)
        imports = seconds_of_importing("groovefast.conversion.beam")
        started = time.perf_counter()
        address = stack.enter_context(cluster())
        has_started = time.perf_counter() - started
        ways: dict[str, dict[str, Any]] = {
            THREADS: {"workers": WORKERS},
            DIRECT: {"runner": "DirectRunner"},
            DASK: {
                "runner": "DaskRunner",
                "runner_options": ["--dask_client_address", address],
            },
        }
        size = check_bytes(midi, scratch, ways)
        report.note(f"the same {size / 1e6:,.0f} MB by all")
        works = {way: converting(midi, scratch, **options) for way, options in ways.items()}
        tell(report, race(works, arguments.files, arguments.rounds))
        report.figure("importing Beam, once a process", imports, "s of CPU")
        report.figure("starting the cluster", has_started, "s")
    report.write(arguments.json)


if __name__ == "__main__":
    main()
