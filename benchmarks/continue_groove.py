"""How long playing on takes from the command line: 500 steps after 64, and what of it is start-up.

python benchmarks/continue_groove.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from startup import running
from timing import Report, option_parser, race

from groovefast import Groove, load_model
from groovefast.playing import continue_groove

STEPS, STEPS_PER_BAR = 500, 16
BARS_HEARD = 4
GOAL_SECONDS = 0.1


def main() -> None:
    parser = option_parser(__doc__, rounds=9)
    arguments = parser.parse_args()
    report = Report("Playing on", ("click", "numpy"))
    command = str(Path(sys.executable).parent / "groovefast-sample")
    bars = -(-STEPS // STEPS_PER_BAR)
    with tempfile.TemporaryDirectory() as folder:
        beat = Path(folder) / "beat.mid"
        _write_beat(beat)
        into = ("--overwrite", "--output-dir", str(Path(folder) / "out"))
        words = (
            command,
            "--mode",
            "continue",
            "--input",
            str(beat),
            "--seed",
            "1",
            *into,
            "--bars",
        )
        model = load_model("groove_rnn")
        ways = {
            "python -c pass": running(sys.executable, "-c", "pass"),
            "1 bar": running(*words, "1"),
            f"{bars} bars": running(*words, str(bars)),
            f"{bars} bars, started": lambda: continue_groove(beat, bars, model, seed=1),
        }
        timings = race(ways, 1, arguments.rounds)
    report.table("calls/s", timings)
    seconds = {name: 1 / timing.rate for name, timing in timings.items()}
    beyond = (seconds[f"{bars} bars"] - seconds["1 bar"]) * STEPS / (STEPS_PER_BAR * (bars - 1))
    report.figure(f"{STEPS} steps beyond start-up", beyond, "s", at_most=GOAL_SECONDS)
    report.figure("with start-up", seconds[f"{bars} bars"], "s")
    report.figure("in Python, model loaded", seconds[f"{bars} bars, started"], "s")
    report.write(arguments.json)


def _write_beat(path: Path) -> None:
    """A plain beat of some bars."""
    steps = np.arange(0, BARS_HEARD * STEPS_PER_BAR, 2)
    drums = np.choose(steps % 8 // 2, (0, 2, 1, 2))
    none = np.zeros(len(steps))
    Groove.from_hits(steps, drums, np.full(len(steps), 90), none, 120.0).save(path)


if __name__ == "__main__":
    main()
