"""Several processes that train one model: as one would, and after one of them was killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from window_records import random_windows, write_shards

from groovefast.cli.console import EXIT_INTERRUPTED, EXIT_WORKER_LOST
from groovefast.training.metrics import read_metrics
from groovefast.training.run_checkpoints import saved_steps

CONFIG = "groovae_2bar_tap_fixed_velocity_note_dropout"
# Each replica has dropout of its own, so there is none; 12 can be shared out to two and to three.
HPARAMS = "enc_rnn_size=[16],dec_rnn_size=[16],z_size=8,batch_size=12,dropout_keep_prob=1.0"
STEPS = 12
PATIENCE = 240

Process = subprocess.Popen[str]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training and an evaluation set; an epoch is of about four batches."""
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, random_windows(50), num_shards=2)
    write_shards(folder, random_windows(11, seed=1), name="validation")
    return folder


def words(
    shards: Path,
    run_dir: Path,
    steps: int = STEPS,
    checkpoint_minutes: float = 0,
    *,
    prior: bool = False,
) -> list[str]:
    options = {
        "config": CONFIG,
        "data": str(shards / "train-*"),
        "eval-data": str(shards / "validation-*"),
        "run-dir": str(run_dir),
        "steps": str(steps),
        "hparams": HPARAMS,
        "precision": "float32",
        "log-every": "2",
        "eval-every": "4",
        "checkpoint-minutes": str(checkpoint_minutes),
    }
    command = "from groovefast.cli.train import main; main()"
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-c", command, *given, *([] if prior else ["--no-prior"])]


def free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


@contextmanager
def cluster(jobs: Sequence[str], command: Sequence[str]) -> Iterator[list[Process]]:
    """A process for each job, such as "chief", "worker", "worker"; none outlives the block."""
    addresses = free_addresses(len(jobs))
    spec: dict[str, list[str]] = {}
    tasks = []
    for job, address in zip(jobs, addresses, strict=True):
        tasks.append({"type": job, "index": len(spec.setdefault(job, []))})
        spec[job].append(address)
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TF_CONFIG": json.dumps({"cluster": spec, "task": task})},
        )
        for task in tasks
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def endings(processes: Sequence[Process]) -> list[tuple[int, str]]:
    """Exit status and stderr of each."""
    told = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


def saved_step(run_dir: Path) -> int:
    return max(saved_steps(run_dir / "checkpoints"), default=0)


def logged_step(run_dir: Path) -> int:
    return max((line["step"] for line in read_metrics(run_dir)), default=0)


def wait_for_step(
    run_dir: Path,
    step: int,
    processes: Sequence[Process],
    step_of: Callable[[Path], int] = saved_step,
) -> None:
    deadline = time.monotonic() + PATIENCE
    while step_of(run_dir) < step:
        assert all(process.poll() is None for process in processes), endings(processes)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def record_of(run_dir: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in line.items() if name != "examples_per_second"}
        for line in read_metrics(run_dir)
    ]


def assert_close(record: list[dict[str, float]], wanted: list[dict[str, float]]) -> None:
    assert [line["step"] for line in record] == [line["step"] for line in wanted]
    for got, line in zip(record, wanted, strict=True):
        for name in line.keys() - {"split"}:
            # An accuracy counts cells, a few of which rounding may turn.
            tolerance = {"abs": 1e-3} if name.endswith("_acc") else {"rel": 1e-4}
            assert got[name] == pytest.approx(line[name], **tolerance), (line["step"], name)


@pytest.fixture(scope="module")
def alone(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The record of one process with the same batches."""
    run_dir = tmp_path_factory.mktemp("runs") / "alone"
    subprocess.run(words(shards, run_dir), check=True, capture_output=True)
    return record_of(run_dir)


@pytest.mark.parametrize(
    "jobs",
    [("worker", "worker"), ("chief", "worker", "worker")],
    ids=" ".join,
)
def test_many_workers_are_one(
    shards: Path, alone: list[dict[str, float]], tmp_path: Path, jobs: Sequence[str]
) -> None:
    with cluster(jobs, words(shards, tmp_path, prior=True)) as processes:
        for status, complaints in endings(processes):
            assert status == 0, complaints
    assert_close(record_of(tmp_path), alone)
    for kind in ("model", "best"):
        assert {path.name for path in (tmp_path / kind).iterdir()} >= {"prior.npz", "touch.npz"}


@pytest.mark.parametrize(
    ("jobs", "victim"),
    [(("worker", "worker"), 0), (("worker", "worker"), 1), (("chief", "worker"), 0)],
    ids=["the first", "another", "the chief"],
)
def test_a_killed_worker_ends_all_and_started_again_they_go_on(
    shards: Path,
    alone: list[dict[str, float]],
    tmp_path: Path,
    jobs: Sequence[str],
    victim: int,
) -> None:
    with cluster(jobs, words(shards, tmp_path, steps=100_000)) as processes:
        wait_for_step(tmp_path, 4, processes)
        processes[victim].kill()
        ended = endings(processes)
    assert ended[victim][0] == -signal.SIGKILL
    assert_lost(ended[1 - victim])
    steps = max(STEPS, saved_step(tmp_path) + 2)
    with cluster(jobs, words(shards, tmp_path, steps)) as processes:
        for status, complaints in endings(processes):
            assert status == 0, complaints
    record = record_of(tmp_path)
    in_steps = [line["step"] for line in record if line["split"] == "train"]
    assert in_steps == list(range(2, steps + 1, 2))  # none is there twice or left out
    assert_close([line for line in record if line["step"] <= STEPS], alone)


def assert_lost(ended: tuple[int, str]) -> None:
    """A process ended as one that lost another should, and said why."""
    status, complaints = ended
    assert status == EXIT_WORKER_LOST, complaints
    *_, line = complaints.splitlines()
    assert line.startswith("groovefast-train: another worker went away (Collective ops is aborted")
    assert line.endswith("start all workers again to go on from the last checkpoint")


@pytest.mark.parametrize("victim", [0, 1], ids=["the first", "another"])
def test_a_worker_that_falls_silent_is_given_up(shards: Path, tmp_path: Path, victim: int) -> None:
    with cluster(("worker", "worker"), words(shards, tmp_path, steps=100_000)) as processes:
        wait_for_step(tmp_path, 4, processes)
        processes[victim].send_signal(signal.SIGSTOP)
        (ended,) = endings([processes[1 - victim]])
    assert_lost(ended)


def test_a_worker_asked_to_stop_stops_all(shards: Path, tmp_path: Path) -> None:
    command = words(shards, tmp_path, steps=100_000, checkpoint_minutes=60)
    with cluster(("worker", "worker"), command) as processes:
        wait_for_step(tmp_path, 4, processes, logged_step)
        before = saved_step(tmp_path)
        processes[1].send_signal(signal.SIGTERM)
        for status, complaints in endings(processes):
            assert status == EXIT_INTERRUPTED, complaints
    assert saved_step(tmp_path) >= logged_step(tmp_path) > before  # it is of when they stopped
