"""Training in two processes with a core each, against one process with one core.

    python benchmarks/many_workers.py [--midi DIR] [--config groovae_2bar_humanize] [--steps 200]

Both train with the same global batch, of which each of the two has half; they talk over
127.0.0.1. Two cores are wanted; with fewer the two share one, and the ratio says nothing. What the
processes themselves measure counts: without starting up and building the graph.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from corpus import add_midi_option, midi_files
from timing import Report, option_parser

from groovefast import convert

PROCESSES = (1, 2)
LOGS = 10
"""Several workers come back to Python as often as that in a run, whatever their speed."""


def train(task: dict[str, Any]) -> None:
    """What each process does: trains on its core, and says at what rate."""
    os.sched_setaffinity(0, [task["core"]])
    from groovefast.training.train import train

    looks: list[tuple[int, float]] = []  # steps done, and seconds on the CPU until then
    with tempfile.TemporaryDirectory() as own:  # only the first worker writes, so none is shared
        result = train(
            task["config"],
            task["shards"],
            own,
            steps=task["steps"],
            hparams=task["hparams"] or None,
            precision=task["precision"],
            device="cpu",
            log_every=max(1, task["steps"] // LOGS),
            prior=False,
            progress=lambda now: looks.append((now.step, time.process_time())),
        )
    (first, cpu_then), (last, cpu_now) = looks[0], looks[-1]
    print(json.dumps([result.examples_per_second, (cpu_now - cpu_then) / max(1, last - first)]))


class Speed(NamedTuple):
    """How fast processes trained together.

    Attributes:
        rate: Examples per second.
        step_cpu_s: Seconds on the CPU that a step took them all: other processes of the machine
            take no part of it, nor does waiting for one another.
    """

    rate: float
    step_cpu_s: float


def speed_of(
    processes: int, cores: Sequence[int], options: argparse.Namespace, shards: str
) -> Speed:
    """How fast so many processes train together."""
    addresses = free_addresses(processes)
    started = []
    for number in range(processes):
        task = {
            "core": cores[number % len(cores)],
            "shards": shards,
            **{
                name: getattr(options, name) for name in ("config", "steps", "hparams", "precision")
            },
        }
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
        environment.pop("TF_CONFIG", None)
        if processes > 1:
            here = {"type": "worker", "index": number}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": here})
        command = [sys.executable, __file__, "--as-worker", json.dumps(task)]
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        )
    told = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"{processes} processes: one ended with an error")
    rates, step_cpu_s = zip(*(json.loads(text.splitlines()[-1]) for text in told), strict=True)
    return Speed(min(rates), sum(step_cpu_s))


def free_addresses(count: int) -> list[str]:
    """Addresses on this machine that nobody uses now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def main() -> None:
    if sys.argv[1:2] == ["--as-worker"]:
        train(json.loads(sys.argv[2]))
        return
    parser = option_parser(__doc__, rounds=3)
    add_midi_option(parser)
    parser.add_argument("--config", default="groovae_2bar_humanize")
    parser.add_argument("--hparams", default="", help="as for groovefast-train")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    midi_files(arguments.midi)
    cores = sorted(os.sched_getaffinity(0))
    report = Report(f"{arguments.steps} steps of {arguments.config}, a core each", ("tensorflow",))
    speeds: dict[int, list[Speed]] = {processes: [] for processes in PROCESSES}
    with tempfile.TemporaryDirectory() as scratch:
        convert(arguments.midi, Path(scratch) / "records", name="train")
        shards = f"{scratch}/records/train-*.tfrecord"
        for _ in range(arguments.rounds):
            for processes in PROCESSES:
                speeds[processes].append(speed_of(processes, cores, arguments, shards))
    one, two = (speeds[processes] for processes in PROCESSES)
    for name, runs in (("one process", one), ("two processes", two)):
        report.figure(name, median(run.rate for run in runs), "examples/s")
        report.figure("  a step of all, least", min(run.step_cpu_s for run in runs), "s of CPU")
    ratios = (b.rate / a.rate for a, b in zip(one, two, strict=True))
    report.figure("two against one", median(ratios), "×")
    least = min(run.step_cpu_s for run in one) / min(run.step_cpu_s for run in two)
    report.figure("  by CPU alone, if none had to wait", len(PROCESSES) * least, "×")
    report.write(arguments.json)


if __name__ == "__main__":
    main()
