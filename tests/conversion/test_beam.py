"""Conversion on Apache Beam: the bytes of one machine, whatever becomes of the workers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import midi_bytes as midi
import pytest
from signals import environment_with_signal

from groovefast.conversion.convert import convert
from groovefast.errors import OptionError

pytest.importorskip("apache_beam", reason="Apache Beam is not installed (the extra beam)")

SHARDS = 8
PATIENCE_S = 60


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs in a folder and in a zip, and one that is damaged."""
    folder = tmp_path_factory.mktemp("beam") / "corpus"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02d}.mid").write_bytes(song(4 + number, 40 + number))
    (folder / "damaged.mid").write_bytes(song(9, 90)[:-30])
    with zipfile.ZipFile(folder / "some.zip", "w") as archive:
        archive.writestr("in/zip.mid", song(20, 50))
    return folder


@pytest.fixture(scope="module")
def expected(corpus: Path) -> dict[str, bytes]:
    """What one machine makes of it."""
    convert(corpus, corpus.parent / "here", shards=SHARDS)
    return contents(corpus.parent / "here")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_direct_runner(corpus: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    report = convert(corpus, tmp_path / "out", shards=SHARDS, runner="DirectRunner")
    assert contents(tmp_path / "out") == expected
    (problem,) = report.problems()
    assert problem.file == "damaged.mid"


def test_what_there_is_not_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"runner: .*NoRunner"):
        convert(corpus, tmp_path / "out", runner="NoRunner")
    options = ["--direct_num_wokrers=2"]
    with pytest.raises(OptionError, match="has an option --direct_num_wokrers"):
        convert(corpus, tmp_path / "out", runner="DirectRunner", runner_options=options)
    with pytest.raises(OptionError, match="workers: is of threads"):
        convert(corpus, tmp_path / "out", runner="DirectRunner", workers=2)
    assert not (tmp_path / "out").exists()


@contextlib.contextmanager
def dask_cluster(folder: Path, *environments: dict[str, str]) -> Iterator[tuple[str, list]]:
    """A scheduler, and a worker process in each of the environments."""
    pytest.importorskip("distributed", reason="Dask is not installed (the extra beam)")
    running = []

    def start(*words: str, env: dict[str, str]) -> None:
        with (folder / f"{len(running)}.log").open("wb") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", *words], env=env, cwd=folder, stdout=log, stderr=log
                )
            )

    file = folder / "scheduler.json"
    where = ("--scheduler-file", str(file))
    try:
        scheduler = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        start("distributed.cli.dask_scheduler", *where, *scheduler, env=dict(os.environ))
        wait_until(file.exists)
        for environment in environments:
            worker = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
            start("distributed.cli.dask_worker", *where, *worker, env=environment)
        yield f"--dask_scheduler_file={file}", running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_until(what) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_dask_with_a_worker_killed_while_it_writes(
    corpus: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    # After a shard that it wrote and named, it is killed with half of the next one written.
    killed = environment_with_signal(out, 3, name=".tfrecord")
    with dask_cluster(tmp_path, killed, dict(os.environ)) as (option, workers):
        import distributed

        with distributed.Client(scheduler_file=str(tmp_path / "scheduler.json")) as client:
            client.wait_for_workers(2, timeout=PATIENCE_S)
        report = convert(corpus, out, shards=SHARDS, runner="DaskRunner", runner_options=[option])
        wait_until(lambda: workers[0].poll() is not None)
        assert workers[0].returncode == -9
        assert workers[1].poll() is None
    assert contents(out) == expected
    assert report.failed == {"damaged": 1}
