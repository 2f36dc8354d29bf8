"""Conversion on Apache Beam: the bytes of one machine, whatever becomes of the workers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import midi_bytes as midi
import pytest
from folders import contents
from records import split_frames
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


def wait_for_two_workers(folder: Path) -> None:
    import distributed

    with distributed.Client(scheduler_file=str(folder / "scheduler.json")) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)


def test_dask_with_a_worker_killed_while_it_writes(
    corpus: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    # After a shard that it wrote and named, it is killed with half of the next one written.
    killed = environment_with_signal(out, 3, name=".tfrecord")
    with dask_cluster(tmp_path, killed, dict(os.environ)) as (option, workers):
        wait_for_two_workers(tmp_path)
        report = convert(corpus, out, shards=SHARDS, runner="DaskRunner", runner_options=[option])
        wait_until(lambda: workers[0].poll() is not None)
        assert workers[0].returncode == -9
        assert workers[1].poll() is None
    assert contents(out) == expected
    assert report.failed == {"damaged": 1}


def test_where_there_is_nothing_to_do_no_cluster_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed (the extra beam)")
    from groovefast.conversion.beam import run_on

    run_on("DaskRunner", ["--dask_client_address=tcp://127.0.0.1:1"])([], tmp_path)


# The transform


def records_of(
    files: list[str | tuple[str, bytes]], expected: list[bytes], **options: object
) -> dict[str, int]:
    """Checks the records of some files, and returns what was counted."""
    import apache_beam as beam
    from apache_beam.testing.util import assert_that, equal_to

    from groovefast.conversion.beam import ConvertMidi

    pipeline = beam.Pipeline(runner="FnApiRunner")
    records = pipeline | beam.Create(files) | ConvertMidi(**options)
    assert_that(records, equal_to(expected))
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query()["counters"]
    return {
        counter.key.metric.name: counter.committed
        for counter in counters
        if counter.key.metric.namespace == "groovefast"
    }


def test_transform_gives_the_records_of_shards(
    corpus: Path, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    files = [(path.name, path.read_bytes()) for path in corpus.glob("*.mid")]
    with zipfile.ZipFile(corpus / "some.zip") as archive:
        files.append(("some.zip/in/zip.mid", archive.read("in/zip.mid")))
    shards = (expected[name] for name in expected if name.startswith("data-"))
    records = [record for shard in shards for record in split_frames(shard)]
    assert records_of(files, records) == {"converted": 21, "damaged": 1}
    assert [line for line in caplog.messages if line.startswith("damaged.mid: ")]


def test_transform_takes_paths(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(corpus / "00.mid", tmp_path)
    records = list(split_frames((tmp_path / "data-00000-of-00001.tfrecord").read_bytes()))
    monkeypatch.chdir(corpus)
    assert records_of(["00.mid"], records) == {"converted": 1}


def test_transform_on_dask(corpus: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    """Records go into a file each: Beam's own sinks do not work on Dask, see docs/beam.md."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dask.dask_runner import DaskRunner

    from groovefast.conversion.beam import ConvertMidi

    written = tmp_path / "written"
    written.mkdir()

    def write(record: bytes) -> None:
        (written / hashlib.sha256(record).hexdigest()).write_bytes(record)

    files = [(path.name, path.read_bytes()) for path in sorted(corpus.glob("*.mid"))]
    with dask_cluster(tmp_path, dict(os.environ), dict(os.environ)) as (option, _):
        wait_for_two_workers(tmp_path)
        options = PipelineOptions([option, "--dask_partition_size=1"])
        pipeline = beam.Pipeline(runner=DaskRunner(), options=options)
        _ = pipeline | beam.Create(files) | ConvertMidi() | beam.Map(write)
        result = pipeline.run()
        result.wait_until_finish()
        result.client.close()
    shards = (expected[name] for name in expected if name.startswith("data-"))
    records = [record for shard in shards for record in split_frames(shard)]
    in_zip = [record for record in records if b"some.zip/" in record]
    assert len(in_zip) == 1
    assert sorted([*in_zip, *contents(written).values()]) == sorted(records)


def test_transform_ends_at_a_failure_if_asked_to(corpus: Path) -> None:
    with pytest.raises(Exception, match=r"damaged\.mid: .*byte"):
        records_of([str(corpus / "damaged.mid")], [], on_error="fail")


def test_transform_refuses_what_it_cannot_do() -> None:
    from groovefast.conversion.beam import ConvertMidi

    with pytest.raises(OptionError, match="dedupe: is of whole corpora"):
        ConvertMidi(dedupe=True)
    with pytest.raises(OptionError, match="on_error"):
        ConvertMidi(on_error="perhaps")
