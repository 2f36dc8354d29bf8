"""How long a command takes to start: `groovefast-convert --help`, from process start to end.

python benchmarks/startup.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from timing import Report, Work, option_parser, race

COMMANDS = ("groovefast-convert", "groovefast-train", "groovefast-sample", "groovefast-evaluate")
GOAL_SECONDS = 0.3


def running(*command: str) -> Work:
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = option_parser(__doc__, rounds=9)
    arguments = parser.parse_args()
    report = Report("Starting", ("click", "numpy", "tensorflow"))
    folder = Path(sys.executable).parent
    ways = {f"{name} --help": running(str(folder / name), "--help") for name in COMMANDS}
    ways = {"python -c pass": running(sys.executable, "-c", "pass"), **ways}
    timings = race(ways, 1, arguments.rounds)
    report.table("starts/s", timings)
    name = f"{COMMANDS[0]} --help"
    report.figure(name, 1 / timings[name].rate, "s", at_most=GOAL_SECONDS)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
