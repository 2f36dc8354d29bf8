"""Training on a GPU: GrooveFast beside the same network in PyTorch, in turns on the same device.

python benchmarks/gpu_train.py [--torch-python PATH] [--tensorflow-python PATH] [--cpu]

PyTorch and TensorFlow each run in a process of their own, as they bring libraries of the same
names. The interpreters may be scripts, such as one that sets TensorFlow's environment first:

    #!/bin/sh
    . /path/to/env.sh
    exec python3 "$@"

GrooveFast trains as `groovefast-train` does, with its input pipeline; PyTorch (`nn.LSTM`, autocast,
fused Adam) on one batch that lies on the device. Without a GPU both run on the CPU, which is of use
to test this program:

    python benchmarks/gpu_train.py --batch-size 16 --steps 1 \\
        --hparams enc_rnn_size=[32],dec_rnn_size=[16,16],z_size=8
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus import add_midi_option, midi_files
from timing import Report, Work, option_parser, race
from worker import Worker

from groovefast import convert
from groovefast.config import Config, get_config
from groovefast.windows.rows import RowLayout

RATIO_GOAL, CPU_GOAL = 0.9, 20
PEER_PRECISION = "mixed_bfloat16"


class Utilisation:
    """The GPU's utilisation by nvidia-smi, for each way that takes its turn."""

    def __init__(self) -> None:
        self.current = ""
        self.percent: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watches until the end, if there is an nvidia-smi."""
        if not shutil.which("nvidia-smi"):
            yield
            return
        query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
        with subprocess.Popen(["nvidia-smi", *query], stdout=subprocess.PIPE, text=True) as watcher:
            thread = threading.Thread(target=self._read, args=(watcher,))
            thread.start()
            try:
                yield
            finally:
                watcher.terminate()
                thread.join()

    def _read(self, watcher: subprocess.Popen[str]) -> None:
        for line in watcher.stdout or ():
            with contextlib.suppress(ValueError):
                self.percent.setdefault(self.current, []).append(float(line.split()[0]))


def options_for_workers(config: Config, batch_size: int, shards: Path) -> dict[str, Any]:
    hparams = config.hparams
    return {
        "config": config.name,
        "hparams": config.to_dict()["hparams"],
        "shards": str(shards),
        "batch_size": batch_size,
        "device": "auto",
        "steps": config.converter.window_steps,
        "depth": RowLayout.of(config.converter).depth,
        "enc_rnn_size": hparams.enc_rnn_size,
        "dec_rnn_size": hparams.dec_rnn_size,
        "z_size": hparams.z_size,
        "dropout": 1 - hparams.dropout_keep_prob,
        "free_bits": hparams.free_bits,
        "max_beta": hparams.max_beta,
    }


def start(python: str, script: str, options: dict[str, Any]) -> Worker:
    return Worker([python, str(Path(__file__).with_name(script)), json.dumps(options)])


def training(
    name: str, worker: Worker, precision: str, steps: int, utilisation: Utilisation
) -> Work:
    def work() -> float:
        utilisation.current = name
        answer = worker.ask({"precision": precision, "steps": steps})
        utilisation.current = ""
        return float(answer["seconds"])

    return work


def parse_options() -> argparse.Namespace:
    parser = option_parser(__doc__, rounds=5)
    parser.add_argument("--config", default="groovae_4bar", help="(default: groovae_4bar)")
    parser.add_argument("--hparams", default="", help="as groovefast-train takes them")
    parser.add_argument("--batch-size", type=int, default=512, help="(default: 512)")
    parser.add_argument("--steps", type=int, default=20, help="in a turn (default: 20)")
    parser.add_argument("--torch-python", metavar="PATH", help="interpreter that has PyTorch")
    parser.add_argument("--tensorflow-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--cpu", action="store_true", help="also compare with this machine's CPU")
    add_midi_option(parser)
    return parser.parse_args()


def main() -> None:
    arguments = parse_options()
    midi_files(arguments.midi)
    config = get_config(arguments.config).with_hparams(arguments.hparams)
    report = Report(f"Training {config.name}, batch {arguments.batch_size}")
    with contextlib.ExitStack() as stack:
        shards = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        convert(arguments.midi, shards)
        options = options_for_workers(config, arguments.batch_size, shards)
        python = arguments.tensorflow_python
        workers = {"groovefast": start(python, "train_groovefast.py", options)}
        torch_python = arguments.torch_python or (
            sys.executable if importlib.util.find_spec("torch") else None
        )
        if torch_python:
            workers["PyTorch"] = start(torch_python, "train_torch.py", options)
        else:
            report.note("PyTorch is not installed and no --torch-python given: left out")
        for worker in workers.values():
            stack.enter_context(worker)
        compare(report, workers, arguments)
        if arguments.cpu:
            cpu = {**options, "device": "cpu"}
            with start(python, "train_groovefast.py", cpu) as worker:
                compare_with_cpu(report, workers["groovefast"], worker, arguments)
    report.write(arguments.json)


def compare(report: Report, workers: dict[str, Worker], arguments: argparse.Namespace) -> None:
    utilisation = Utilisation()
    ways = {}
    for name, worker in workers.items():
        report.note(f"{name} on {worker.ready['device']}, version {worker.ready['version']}")
        for precision in worker.ready["precisions"]:
            way = f"{name}, {precision}"
            ways[way] = training(way, worker, precision, arguments.steps, utilisation)
    with utilisation.watched():
        timings = race(ways, arguments.steps * arguments.batch_size, arguments.rounds)
    print()
    report.table("examples/s", timings)
    for way, percent in utilisation.percent.items():
        if way:
            report.figure(f"GPU utilisation, {way}", statistics.mean(percent), "%")
    for name, worker in workers.items():
        for precision in worker.ready["precisions"]:
            kernels = worker.ask({"precision": precision, "profile": True})["kernels"]
            found = ", ".join(kernels) or "none"
            report.note(f"cuDNN RNN kernels of {name}, {precision}: {found}")
    peer = timings.get(f"PyTorch, {PEER_PRECISION}")
    if peer:
        own = [times for way, times in timings.items() if way.startswith("groovefast")]
        best = max(own, key=lambda times: times.rate)
        ratio = best.faster_than(peer)
        report.figure(f"best against PyTorch in {PEER_PRECISION}", ratio, "×", at_least=RATIO_GOAL)


def compare_with_cpu(
    report: Report, worker: Worker, cpu: Worker, arguments: argparse.Namespace
) -> None:
    idle = Utilisation()
    ways = {
        "CPU, float32": training("", cpu, "float32", 1, idle),
        **{
            f"{worker.ready['device']}, {precision}": training("", worker, precision, 1, idle)
            for precision in worker.ready["precisions"]
        },
    }
    timings = race(ways, arguments.batch_size, arguments.rounds)
    print()
    report.table("examples/s", timings)
    slowest = timings["CPU, float32"]
    best = max(times.faster_than(slowest) for times in timings.values())
    report.figure("best against this machine's CPU", best, "×", at_least=CPU_GOAL)


if __name__ == "__main__":
    main()
