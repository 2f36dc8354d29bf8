"""Parsing alone: MIDI bytes in memory to notes, against the public parsers.

python benchmarks/parse.py [--midi DIR] [--clock cpu]
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from corpus import add_midi_option, midi_files
from timing import CLOCKS, Report, Timings, Work, option_parser, race, version

import groovefast
from groovefast.drum_part import ALL_CHANNELS

Parser = Callable[[bytes], Any]

GOALS = {"symusic": 2, "mido": 150, "pretty_midi": 250}


def fast_peer() -> dict[str, Parser]:
    """symusic, alone and with its notes as numpy arrays, which is what `read_midi` returns."""
    from symusic import Score

    def with_arrays(data: bytes) -> list[Any]:
        return [track.notes.numpy() for track in Score.from_midi(data).tracks]

    return {"symusic": Score.from_midi, "symusic, notes as arrays": with_arrays}


def slow_peers() -> dict[str, Parser]:
    """Those in Python that are installed."""
    peers: dict[str, Parser] = {}
    if version("mido"):
        import mido

        peers["mido"] = lambda data: mido.MidiFile(file=io.BytesIO(data))
    if version("pretty_midi"):
        import pretty_midi

        peers["pretty_midi"] = lambda data: pretty_midi.PrettyMIDI(io.BytesIO(data))
    return peers


def over_files(parser: Parser, files: list[bytes]) -> Work:
    """Parses all files."""

    def work() -> None:
        for data in files:
            parser(data)

    return work


def main() -> None:
    parser = option_parser(__doc__, rounds=5)
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    add_midi_option(parser)
    arguments = parser.parse_args()
    files = [path.read_bytes() for path in midi_files(arguments.midi)]
    report = Report(f"Parsing {len(files):,} files in memory", tuple(GOALS))
    for name in GOALS:
        if not version(name):
            report.note(f"{name} is not installed: left out")

    own = {
        "groovefast": lambda data: groovefast.read_midi(data, ALL_CHANNELS),
        "groovefast, drums only": groovefast.read_midi,
    }
    fast = {**own, **(fast_peer() if version("symusic") else {})}
    for peers, rounds in ((fast, 4 * arguments.rounds), (slow_peers(), arguments.rounds)):
        parsers = {"groovefast": own["groovefast"], **peers}
        ways = {name: over_files(each, files) for name, each in parsers.items()}
        timings = race(ways, len(files), rounds, arguments.clock)
        report.table("files/s", timings)
        tell_goals(report, timings)
    megabytes = sum(map(len, files)) / 1e6
    report.figure("megabytes of MIDI", megabytes, "MB")
    report.write(arguments.json)


def tell_goals(report: Report, timings: dict[str, Timings]) -> None:
    for peer, goal in GOALS.items():
        if peer in timings:
            ratio = timings["groovefast"].faster_than(timings[peer])
            report.figure(f"parsing against {peer}", ratio, "×", at_least=goal)
    print()


if __name__ == "__main__":
    main()
