"""Timing several ways of doing the same thing side by side, and saying how they compare.

All of a benchmark is measured in one run, in rounds: in each round every way has its turn, so that
whatever else the machine does meets all of them alike. What counts is the ratio of two ways within
a round; the median over the rounds is reported.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Work = Callable[[], Any]
"""Does a round's work once. A float it returns is the seconds that count; else all it took does."""

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
LEAST_SECONDS = 0.2


@dataclass(frozen=True)
class Timings:
    """How long one way took for the same number of items, in each round."""

    items: float
    seconds: list[float]

    @property
    def rate(self) -> float:
        """Items per second, the median over the rounds."""
        return self.items / statistics.median(self.seconds)

    @property
    def best(self) -> float:
        """Items per second in the best round."""
        return self.items / min(self.seconds)

    def faster_than(self, other: Timings) -> float:
        """How many times as fast as `other`, the median over the rounds."""
        rounds = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(
            (self.items / mine) / (other.items / theirs) for mine, theirs in rounds
        )


def race(
    ways: Mapping[str, Work],
    items: float,
    rounds: int,
    clock: str = "wall",
    least_seconds: float = LEAST_SECONDS,
) -> dict[str, Timings]:
    """Times every way in every round.

    Args:
        ways: What to do, by name; each is done once beforehand to warm up.
        items: How many items each does.
        rounds: How many rounds.
        clock: "wall", or "cpu" for the time this process computes: that of a busy machine is
            comparable, but waiting and other processes do not count.
        least_seconds: In a round each way is repeated for about this long; the mean counts.
    """
    now = CLOCKS[clock]
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        work()
    for _ in range(rounds):
        for name, work in ways.items():
            gc.collect()
            seconds[name].append(_mean_time(work, now, least_seconds))
    return {name: Timings(items, times) for name, times in seconds.items()}


def _mean_time(work: Work, now: Callable[[], float], least_seconds: float) -> float:
    total, times = 0.0, 0
    while total < least_seconds:
        start = now()
        own = work()
        total += own if isinstance(own, float) else now() - start
        times += 1
    return total / times


@dataclass
class Report:
    """What a benchmark found: printed as it comes, and kept for `--json`."""

    title: str
    packages: tuple[str, ...] = ()
    _found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        versions = ", ".join(f"{name} {version(name)}" for name in ("groovefast", *self.packages))
        machine = f"{os.cpu_count()} CPUs, {_cpu_model()}, load {os.getloadavg()[0]:.1f}"
        print(f"{self.title}\nPython {platform.python_version()}, {versions}; {machine}\n")
        self._found = {"title": self.title, "versions": versions, "machine": machine}

    def table(self, unit: str, timings: Mapping[str, Timings]) -> None:
        """Prints rates; the ratios are to the first way."""
        first = next(iter(timings.values()))
        print(f"{'':46}{unit:>16}{'best':>14}{'ratio':>9}")
        for name, times in timings.items():
            ratio = times.faster_than(first)
            print(f"{name:46}{times.rate:16,.0f}{times.best:14,.0f}{ratio:9.3g}")
            row = {"rate": times.rate, "best": times.best, "ratio": ratio, "seconds": times.seconds}
            self._found.setdefault("timings", {})[name] = row
        print()

    def figure(
        self,
        name: str,
        value: float,
        unit: str = "",
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Prints a figure, and whether it reaches its goal."""
        number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        verdict = ""
        for goal, sign, reached in (
            (at_least, "≥", at_least is not None and value >= at_least),
            (at_most, "≤", at_most is not None and value <= at_most),
        ):
            if goal is not None:
                verdict = f"goal {sign} {goal:,g}  {'reached' if reached else 'MISSED'}"
        print(f"{name:50}{number:>14} {unit:14}{verdict}")
        self._found.setdefault("figures", {})[name] = {
            "value": value, "unit": unit, "at_least": at_least, "at_most": at_most,
        }  # fmt: skip

    def note(self, text: str) -> None:
        """Prints a remark, such as that a peer is missing."""
        print(f"({text})")
        self._found.setdefault("notes", []).append(text)

    def write(self, path: Path | None) -> None:
        """Writes all that was found as JSON, if there is a path."""
        if path:
            path.write_text(json.dumps(self._found, indent=1, ensure_ascii=False) + "\n")


def option_parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Returns a parser with the options of all benchmarks; `description` is their docstring."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds, help=f"(default: {rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found here")
    return parser


def version(package: str) -> str | None:
    """Version of an installed package, None if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
