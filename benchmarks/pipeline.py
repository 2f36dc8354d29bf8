"""The input pipeline: windows per second from shards to batches of 512, ready for the model.

python benchmarks/pipeline.py [--midi DIR]

"Cached" is the endless shuffled stream that training reads; "from shards" opens the files, checks
them and makes one pass over them, with or without keeping the performances in memory. What these
take there is compared with windows that are kept each for itself, at 54 bytes a step.
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
from groovefast.config import get_config
from groovefast.windows.dataset import open_windows

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
BY_BARS = {2: SHARDS_CONFIG, 4: "groovae_4bar"}
BYTES_PER_STEP, MEMORY_GOAL = 54, 0.35


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


def cached_bytes(shards: Path, config: str) -> tuple[int, int]:
    """Bytes of an open data set, and those of its windows each for itself."""
    windows = open_windows(shards, get_config(config))
    steps = get_config(config).converter.window_steps or 0
    return windows.nbytes, windows.count * steps * BYTES_PER_STEP


def main() -> None:
    parser = option_parser(__doc__, rounds=5)
    add_midi_option(parser)
    arguments = parser.parse_args()
    midi_files(arguments.midi)
    report = Report(f"Windows in batches of {BATCH_SIZE}", ("tensorflow",))
    with tempfile.TemporaryDirectory() as scratch:
        shards = Path(scratch)
        convert(arguments.midi, shards)
        cached = {name: endless(shards, config) for name, config in CACHED.items()}
        timings = race(cached, BATCHES * BATCH_SIZE, arguments.rounds)
        report.table("windows/s", timings)
        for name, times in timings.items():
            report.figure(name, times.rate, "windows/s", at_least=CACHED_GOAL)
        print()
        from_shards = {
            "from shards, kept in memory": one_pass(shards, cache=True),
            "from shards, streamed": one_pass(shards, cache=False),
        }
        windows = open_windows(shards, get_config(SHARDS_CONFIG)).count
        timings = race(from_shards, windows, arguments.rounds)
        memory = {bars: cached_bytes(shards, config) for bars, config in BY_BARS.items()}
    report.table("windows/s", timings)
    for name, times in timings.items():
        report.figure(name, times.rate, "windows/s", at_least=SHARDS_GOAL)
    print()
    for bars, (taken, apart) in memory.items():
        goal = MEMORY_GOAL if bars == 4 else None
        report.figure(f"cached, {bars} bars", taken / 1e6, "MB")
        report.figure("  of windows each for itself", taken / apart, "×", at_most=goal)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
