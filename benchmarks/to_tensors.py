"""`GrooveConverter.to_tensors` on the bytes of files, as a Python loop would call it.

python benchmarks/to_tensors.py [--midi DIR] [--clock cpu]
"""

from __future__ import annotations

from corpus import add_midi_option, midi_files
from timing import CLOCKS, Report, Work, option_parser, race

from groovefast import CONFIGS, GrooveConverter

GOAL = 15_000
FIRST = "groovae_4bar"


def converting(converter: GrooveConverter, files: list[bytes]) -> Work:
    def work() -> None:
        for data in files:
            converter.to_tensors(data)

    return work


def main() -> None:
    parser = option_parser(__doc__, rounds=9)
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    add_midi_option(parser)
    arguments = parser.parse_args()
    files = [path.read_bytes() for path in midi_files(arguments.midi)]
    report = Report(f"Tensors of {len(files):,} files in memory", ("numpy",))
    ways = {
        name: converting(GrooveConverter.from_config(name), files)
        for name in sorted(CONFIGS, key=lambda name: name != FIRST)
        if not CONFIGS[name].tokens
    }
    timings = race(ways, len(files), arguments.rounds, arguments.clock)
    report.table("files/s", timings)
    for name, times in timings.items():
        report.figure(name, times.rate, "files/s", at_least=GOAL)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
