"""Runs at URLs: those of a folder, whole there at any time, and gone on with anywhere."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from buckets import URL, Bucket, failing
from window_records import random_windows, write_shards

from groovefast.cli import console
from groovefast.cli.train import command
from groovefast.errors import GrooveFastError, OptionError
from groovefast.model.checkpoints import load_model, saved_step
from groovefast.remote import RemoteError
from groovefast.training import plot
from groovefast.training.run_at_url import RunAtUrl, open_run
from groovefast.training.train import TrainingResult, train

RUN = f"{URL}/runs/mine"
CONFIG = "groovae_2bar_tap_fixed_velocity_note_dropout"


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where temporary folders go; and no pictures, which take half of a run's time."""
    monkeypatch.setattr(plot, "plot_training", lambda *_: None)
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, random_windows(30), num_shards=2)
    write_shards(folder, random_windows(11, seed=1), name="validation")
    return folder


def run(shards: Path | str, run_dir: Path | str, steps: int, seed: int = 0) -> TrainingResult:
    return train(
        CONFIG,
        f"{shards}/train-*",
        run_dir,
        f"{shards}/validation-*",
        steps,
        hparams="enc_rnn_size=[8],dec_rnn_size=[8],z_size=4,batch_size=4",
        precision="float32",
        log_every=2,
        eval_every=4,
        keep=1,
        seed=seed,
        prior=False,
    )


def record_of(lines: bytes) -> list[dict[str, float]]:
    """The record without the speed, which is never the same."""
    parsed = map(json.loads, lines.splitlines())
    return [{k: v for k, v in line.items() if k != "examples_per_second"} for line in parsed]


def test_gone_on_with_elsewhere_is_unbroken(
    bucket: Bucket, shards: Path, tmp_path: Path, room: Path
) -> None:
    run(shards, tmp_path / "here", 8)
    bucket.put_folder(shards, "records")
    assert run(f"{URL}/records", RUN, 4).interrupted is False
    assert not list(room.glob("groovefast*"))  # as on another machine
    result = run(f"{URL}/records", RUN, 8)
    assert result.model_dir == f"{RUN}/model"
    there = bucket.contents("runs/mine")
    assert {name for name in there if name.startswith("checkpoints/")} == {
        "checkpoints/step-8.index",
        "checkpoints/step-8.data-00000-of-00001",
    }
    for name in ("run.json", "model/config.json", "best/config.json"):
        assert there[name] == (tmp_path / "here" / name).read_bytes()
    record = (tmp_path / "here" / "metrics.jsonl").read_bytes()
    assert record_of(there["metrics.jsonl"]) == record_of(record)
    assert saved_step(RUN) == 8
    models = load_model(f"{RUN}/model"), load_model(tmp_path / "here")
    for name, array in models[0].weights.items():
        np.testing.assert_array_equal(array, models[1].weights[name])
    with pytest.raises(GrooveFastError, match=rf"^{RUN}: holds a run with seed 0, not 1"):
        run(shards, RUN, 9, seed=1)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def step(number: int) -> tuple[str, str]:
    return (f"checkpoints/step-{number}.data-00000-of-00001", f"checkpoints/step-{number}.index")


def test_the_latest_checkpoint_is_always_whole(bucket: Bucket) -> None:
    with open_run(RUN) as place:
        write(place.path, "run.json", *step(1), "model/weights.npz", "model/prior.npz")
        write(place.path, "checkpoints/.unfinished.index", "train/events")
        place.saved()
        assert bucket.done("mv")[0] == "run.json"
        assert bucket.done("mv")[1:3] == ["step-1.data-00000-of-00001", "step-1.index"]
        assert bucket.done("mv")[-1] == "prior.npz"
        bucket.log.clear()
        write(place.path, *step(2), "model/weights.npz")
        for name in (*step(1), "model/prior.npz"):
            (place.path / name).unlink()
        place.saved()
        did = [each for each in bucket.log if each[0] != "put"]
        assert did == [
            ("rm", "prior.npz"),
            *[("mv", name.partition("/")[2]) for name in step(2)],
            ("mv", "weights.npz"),
            *[("rm", name.partition("/")[2]) for name in reversed(step(1))],
        ]
        bucket.log.clear()
        place.saved()
        assert bucket.log == []
    with open_run(RUN) as place:
        files = {path.relative_to(place.path).as_posix() for path in place.path.rglob("*.*")}
        assert files == {"run.json", *step(2), "model/weights.npz"}


def test_a_fault_between_costs_nothing(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.on_put = failing("run.json", TimeoutError("timed out"), 5)
    with caplog.at_level(logging.WARNING), open_run(RUN) as place:
        write(place.path, "run.json", *step(1))
        place.saved()
        assert bucket.contents("runs/mine") == {}
    assert caplog.messages == [
        f"{RUN}/run.json: timed out (tried 5 times); trying again at the next checkpoint"
    ]
    assert set(bucket.contents("runs/mine")) == {"run.json", *step(1)}


def test_a_fault_at_the_end_leaves_the_run_here(bucket: Bucket, room: Path) -> None:
    bucket.on_put = failing("step-1.index", TimeoutError("timed out"), 99)
    message = rf"^{RUN}/checkpoints/step-1.index: timed out \(tried 5 times\); what is not there is"

    def train_a_step() -> None:
        with open_run(RUN) as place:
            write(place.path, "run.json", *step(1))
            place.saved()

    with pytest.raises(GrooveFastError, match=message) as raised:
        train_a_step()
    (left,) = room.iterdir()
    assert str(raised.value).endswith(str(left))
    assert set(bucket.contents("runs/mine")) == {"run.json", step(1)[0]}


def test_who_does_not_write_puts_nothing(bucket: Bucket, room: Path) -> None:
    with open_run(RUN) as place:
        write(place.path, "run.json")
    assert bucket.contents("runs/mine") == {}
    assert not list(room.iterdir())


def test_what_cannot_be_had_leaves_nothing(bucket: Bucket, room: Path) -> None:
    bucket.put("runs/mine/run.json", b"{}")
    bucket.on_get = failing("run.json", TimeoutError("timed out"), 9)
    with pytest.raises(RemoteError, match=rf"^{RUN}/run.json: timed out"):
        RunAtUrl(RUN)
    assert not list(room.iterdir())


def test_records_of_tfds_need_a_folder(bucket: Bucket) -> None:
    del bucket
    words = ["--config", CONFIG, "--tfds", "groove/full-midionly", "--run-dir", RUN]
    with pytest.raises(OptionError) as raised:
        command.main(words, standalone_mode=False)
    assert console.describe(raised.value, command) == (
        "--tfds: is converted into the folder of the run, which is a URL; run groovefast-convert "
        "--tfds groove/full-midionly DIR and give --data 'DIR/train-*'"
    )
