"""The input pipeline: windows per second from shards to batches of 512, ready for the model.

python benchmarks/pipeline.py [--midi DIR]

"Cached" is the endless shuffled stream that training reads; "from shards" opens the files, checks
them and makes one pass over them, with or without keeping the windows in memory.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from corpus import add_midi_option, midi_files
from timing import Report, Work, option_parser, race

from groovefast import convert, load_dataset

CACHED_GOAL, SHARDS_GOAL = 150_000, 40_000
BATCH_SIZE = 512
BATCHES = 100
CACHED = {
    "cached, humanize": "groovae_2bar_humanize",
    "cached, tapify": "groovae_2bar_tap_fixed_velocity",
    "cached, note dropout and tapify": "groovae_2bar_tap_fixed_velocity_note_dropout",
    "cached, 4 bars as performed": "groovae_4bar",
}
SHARDS_CONFIG = "groovae_2bar_humanize"


def endless(shards: Path, config: str) -> Work:
    """The next batches of a training stream that is already open."""
    stream = iter(load_dataset(shards, config, BATCH_SIZE, repeat=True))

    def work() -> None:
        for _ in itertools.islice(stream, BATCHES):
            pass

    return work


def one_pass(shards: Path, cache: bool) -> Work:
    """Everything from opening the shards to the last batch."""

    def work() -> None:
        for _ in load_dataset(shards, SHARDS_CONFIG, BATCH_SIZE, cache=cache):
            pass

    return work


def main() -> None:
    parser = option_parser(__doc__, rounds=5)
    add_midi_option(parser)
    arguments = parser.parse_args()
    midi_files(arguments.midi)
    report = Report(f"Windows in batches of {BATCH_SIZE}", ("tensorflow",))
    with tempfile.TemporaryDirectory() as scratch:
        two_bars, four_bars = Path(scratch) / "2", Path(scratch) / "4"
        windows = convert(arguments.midi, two_bars, SHARDS_CONFIG).windows
        convert(arguments.midi, four_bars, "groovae_4bar")
        cached = {
            name: endless(four_bars if "4bar" in config else two_bars, config)
            for name, config in CACHED.items()
        }
        timings = race(cached, BATCHES * BATCH_SIZE, arguments.rounds)
        report.table("windows/s", timings)
        for name, times in timings.items():
            report.figure(name, times.rate, "windows/s", at_least=CACHED_GOAL)
        print()
        from_shards = {
            "from shards, kept in memory": one_pass(two_bars, cache=True),
            "from shards, streamed": one_pass(two_bars, cache=False),
        }
        timings = race(from_shards, windows, arguments.rounds)
    report.table("windows/s", timings)
    for name, times in timings.items():
        report.figure(name, times.rate, "windows/s", at_least=SHARDS_GOAL)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
