"""MIDI files to MusicVAE's tokens, beside note_seq and a Python loop, of which Magenta's is made.

python benchmarks/tokens.py [--midi DIR] [--note-seq-python PATH] [--files N]

What is timed begins with files on disk and ends with the different windows of two bars of drums.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from convert import find_note_seq
from corpus import add_midi_option, midi_files
from timing import Report, Work, option_parser, race
from worker import Worker

from groovefast import DrumsConverter, MelodyConverter, TrioConverter
from groovefast.windows.token_tensors import TokenTensors

MAGENTA = 49
"""Files a second of Magenta's DrumsConverter on the dataset, on another machine."""
GOAL = 200
OWN = "DrumsConverter, 2 bars"

Convert = Callable[[Path], TokenTensors]


def converting(convert: Convert, paths: list[Path]) -> Work:
    def work() -> None:
        for path in paths:
            convert(path)

    return work


def differing_files(worker: Worker, paths: list[Path], scratch: Path) -> list[Path]:
    """Files of which note_seq's windows are others than GrooveFast's."""
    worker.ask(str(scratch))
    expected = np.load(scratch / "windows.npz")
    converter = DrumsConverter()
    found = (sorted(converter.to_tensors(path).tokens.tolist()) for path in paths)
    return [
        path
        for index, (path, own) in enumerate(zip(paths, found, strict=True))
        if own != expected[str(index)].tolist()
    ]


def main() -> None:
    parser = option_parser(__doc__, rounds=5)
    parser.add_argument("--note-seq-python", metavar="PATH", help="interpreter that has note_seq")
    parser.add_argument(
        "--files", type=int, default=200, help="how many note_seq converts (default: 200)"
    )
    add_midi_option(parser)
    arguments = parser.parse_args()
    paths = midi_files(arguments.midi)
    report = Report(f"Tokens of {len(paths):,} files on disk", ("numpy",))
    ways: dict[str, Convert] = {
        OWN: DrumsConverter().to_tensors,
        "DrumsConverter, 16 bars": DrumsConverter(slice_bars=16).to_tensors,
        "MelodyConverter, 2 bars": MelodyConverter().to_tensors,
        "TrioConverter": TrioConverter().to_tensors,
    }
    works = {name: converting(convert, paths) for name, convert in ways.items()}
    timings = race(works, len(paths), arguments.rounds)
    report.table("files/s", timings)
    report.figure(
        "DrumsConverter against what was measured of Magenta",
        timings[OWN].rate / MAGENTA,
        "×",
        at_least=GOAL,
    )
    if python := find_note_seq(arguments.note_seq_python):
        some = paths[:: max(1, len(paths) // arguments.files)]
        with contextlib.ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            against_note_seq(report, python, some, scratch, stack)
    else:
        report.note("note_seq is not installed and no --note-seq-python given: left out")
    report.write(arguments.json)


def against_note_seq(
    report: Report, python: str, paths: list[Path], scratch: Path, stack: contextlib.ExitStack
) -> None:
    """The same drums in both, of some files."""
    listing = scratch / "files.txt"
    listing.write_text("\n".join(map(str, paths)))
    script = Path(__file__).with_name("note_seq_drums.py")
    worker = stack.enter_context(Worker([python, str(script), str(listing)]))
    differing = differing_files(worker, paths, scratch)
    report.note(
        f"windows of {len(paths) - len(differing):,} of {len(paths):,} files equal note_seq's"
    )
    for path in differing:
        report.note(f"other windows: {path}")
    peer = f"note_seq {worker.ready['version']} + Python windows"
    works: dict[str, Work] = {
        OWN: converting(DrumsConverter().to_tensors, paths),
        peer: lambda: worker.ask()["seconds"],
    }
    timings = race(works, len(paths), rounds=3)
    print()
    report.table("files/s", timings)
    report.figure(
        f"{OWN}, against note_seq", timings[OWN].faster_than(timings[peer]), "×", at_least=GOAL
    )


if __name__ == "__main__":
    main()
