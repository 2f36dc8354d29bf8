"""The whole conversion: MIDI files on disk to performances in TFRecord shards on disk.

It is raced against symusic merely parsing the same files, and against note_seq with a grid in plain
Python (`note_seq_grid.py`), which writes nothing. note_seq has old requirements; an environment of
its own will do:

    python -m venv DIR
    DIR/bin/pip install --no-deps note_seq==0.0.5
    DIR/bin/pip install absl-py attrs bokeh intervaltree IPython librosa pandas pretty_midi \\
        protobuf pydub
    python benchmarks/convert.py --note-seq-python DIR/bin/python

Its grids are compared with GrooveFast's before anything is timed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from corpus import add_midi_option, midi_files
from timing import Report, Timings, Work, option_parser, race, version
from worker import Worker

from groovefast import GrooveConverter, convert

MEMORY_FOLDER = Path("/dev/shm")
SHARDS = 8


def converting(midi: Path, scratch: Path, workers: int) -> Work:
    """A conversion by GrooveFast into a new folder; removing it does not count."""

    def work() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as output:
            start = time.perf_counter()
            convert(midi, output, workers=workers)
            return time.perf_counter() - start

    return work


def writing(size: int, scratch: Path) -> Work:
    """Nothing but writing as many bytes, in as many files."""
    piece = bytes(size // SHARDS)

    def work() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as output:
            start = time.perf_counter()
            for index in range(SHARDS):
                with (Path(output) / f"{index}").open("wb", buffering=0) as file:
                    file.write(piece)
            return time.perf_counter() - start

    return work


def reading(paths: list[Path]) -> Work:
    """Nothing but reading the files, in Python."""

    def work() -> None:
        for path in paths:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                file.read()

    return work


def parsing(paths: list[Path]) -> Work:
    """symusic parsing the files."""
    from symusic import Score

    names = list(map(str, paths))

    def work() -> None:
        for name in names:
            Score(name)

    return work


@contextlib.contextmanager
def note_seq_worker(python: str, paths: list[Path], scratch: Path) -> Iterator[Worker]:
    listing = scratch / "files.txt"
    listing.write_text("\n".join(map(str, paths)))
    script = Path(__file__).with_name("note_seq_grid.py")
    with Worker([python, str(script), str(listing)]) as worker:
        yield worker


def differing_files(worker: Worker, paths: list[Path], scratch: Path) -> list[Path]:
    """Files of which note_seq's grid is another than GrooveFast's."""
    worker.ask(str(scratch))
    grids = np.load(scratch / "grids.npz")
    converter = GrooveConverter(split_bars=None, magenta_compat=True)
    return [
        path
        for index, path in enumerate(paths)
        if not _is_same(converter, path, grids.get(str(index)))
    ]


def _is_same(converter: GrooveConverter, path: Path, grid: np.ndarray | None) -> bool:
    rows = converter.to_tensors(path).outputs
    if grid is None:
        return not len(rows)
    expected = np.concatenate(list(grid), axis=1).astype(np.float32)
    return len(rows) == 1 and np.array_equal(rows[0], expected)


def find_note_seq(python: str | None) -> str | None:
    """The interpreter to run note_seq in."""
    return python or (sys.executable if importlib.util.find_spec("note_seq") else None)


def own_ways(midi: Path, scratch: Path, memory: Path | None) -> dict[str, Work]:
    ways = {}
    ways["groovefast, 1 worker"] = converting(midi, scratch, 1)
    if (os.cpu_count() or 1) > 1:
        ways["groovefast, 2 workers"] = converting(midi, scratch, 2)
    if memory:
        ways["groovefast, 1 worker, to memory"] = converting(midi, memory, 1)
    return ways


def main() -> None:
    parser = option_parser(__doc__, rounds=7)
    parser.add_argument("--note-seq-python", metavar="PATH", help="interpreter that has note_seq")
    parser.add_argument("--output", type=Path, metavar="DIR", help="disk to write to")
    add_midi_option(parser)
    arguments = parser.parse_args()
    paths = midi_files(arguments.midi)
    report = Report(f"Converting {len(paths):,} files on disk", ("symusic",))
    python = find_note_seq(arguments.note_seq_python)
    with contextlib.ExitStack() as stack:
        scratch, memory = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
            for folder in (arguments.output, MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None)
        )
        ways = own_ways(arguments.midi, scratch, memory)
        if version("symusic"):
            ways["symusic, parsing only"] = parsing(paths)
        else:
            report.note("symusic is not installed: left out")
        size = converted_bytes(arguments.midi, scratch)
        ways["reading the files only"] = reading(paths)
        ways["writing the bytes only"] = writing(size, scratch)
        timings = race(ways, len(paths), arguments.rounds, least_seconds=1)
        report.table("files/s", timings)
        report.figure("megabytes written", size / 1e6, "MB", at_most=20)
        tell_goals(report, timings)
        if python:
            worker = stack.enter_context(note_seq_worker(python, paths, scratch))
            own = {name: work for name, work in ways.items() if name.startswith("groovefast")}
            against_note_seq(report, own, worker, paths, scratch)
        else:
            report.note("note_seq is not installed and no --note-seq-python given: left out")
    report.write(arguments.json)


def converted_bytes(midi: Path, scratch: Path) -> int:
    """Bytes of the shards that a conversion writes."""
    with tempfile.TemporaryDirectory(dir=scratch) as output:
        return sum(shard.bytes for shard in convert(midi, output).shards)


def tell_goals(report: Report, timings: Mapping[str, Timings]) -> None:
    one = timings["groovefast, 1 worker"]
    report.figure("seconds, 1 worker", one.items / one.rate, "s")
    if two := timings.get("groovefast, 2 workers"):
        report.figure("2 workers against 1", two.faster_than(one), "×")
    if symusic := timings.get("symusic, parsing only"):
        report.figure("against symusic parsing", one.faster_than(symusic), "×", at_least=1.2)
    print()


def against_note_seq(
    report: Report, own: dict[str, Work], worker: Worker, paths: list[Path], scratch: Path
) -> None:
    differing = differing_files(worker, paths, scratch)
    report.note(f"{len(paths) - len(differing):,} of {len(paths):,} grids equal note_seq's")
    for path in differing:
        report.note(f"another grid: {path}")
    peer = f"note_seq {worker.ready['version']} + Python grid"
    timings = race({**own, peer: lambda: worker.ask()["seconds"]}, len(paths), rounds=3)
    print()
    report.table("files/s", timings)
    for name in own:
        ratio = timings[name].faster_than(timings[peer])
        report.figure(f"{name}, against note_seq", ratio, "×", at_least=400)


if __name__ == "__main__":
    main()
