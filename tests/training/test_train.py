import json
import logging
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from signals import run_with_signal
from window_records import performed_windows, random_windows, write_shards

from groovefast.errors import GrooveFastError
from groovefast.files import lock_folder
from groovefast.model.checkpoints import load_model, saved_step
from groovefast.training import plot
from groovefast.training.memory import free_memory
from groovefast.training.metrics import read_metrics
from groovefast.training.run_checkpoints import RunCheckpoints, saved_steps
from groovefast.training.train import Progress, TrainingResult, train

# Note dropout, so that the input pipeline draws too.
CONFIG = "groovae_2bar_tap_fixed_velocity_note_dropout"
SMALL = "enc_rnn_size=[16],dec_rnn_size=[16],z_size=8,batch_size=8"
LARGER = SMALL.replace("batch_size=8", "batch_size=16")
STEPS = 12


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    """A folder with a training and an evaluation set."""
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, random_windows(50), num_shards=2)
    write_shards(folder, random_windows(11, seed=1), name="validation")
    return folder


def run(shards: Path, run_dir: Path, steps: int = STEPS, **options: object) -> TrainingResult:
    return train(
        CONFIG,
        run_dir=run_dir,
        steps=steps,
        **{
            "data": shards / "train-*",
            "eval_data": shards / "validation-*",
            "hparams": SMALL,
            "precision": "float32",
            "log_every": 2,
            "eval_every": 4,
            "prior": False,  # it takes as long as all the rest
            **options,
        },
    )


@pytest.fixture(scope="module")
def unbroken(shards, tmp_path_factory) -> tuple[Path, TrainingResult]:
    """A run that nothing disturbs."""
    run_dir = tmp_path_factory.mktemp("runs") / "unbroken"
    return run_dir, run(shards, run_dir)


@pytest.fixture
def run_copy(unbroken, tmp_path) -> Path:
    return shutil.copytree(unbroken[0], tmp_path / "copy")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Drawing takes half of a run's time; that of `unbroken` is drawn, being made before this."""
    monkeypatch.setattr(plot, "plot_training", lambda *_: None)


def record_of(run_dir: Path) -> list[dict[str, float]]:
    """The record without the speed, which is never the same."""
    return [
        {name: value for name, value in line.items() if name != "examples_per_second"}
        for line in read_metrics(run_dir)
    ]


def assert_same_run(one: Path, other: Path) -> None:
    """Bit for bit the same weights and record."""
    for folder in ("model", "best"):
        with (
            np.load(one / folder / "weights.npz") as a,
            np.load(other / folder / "weights.npz") as b,
        ):
            assert set(a) == set(b)
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], err_msg=f"{folder}: {name}")
    assert record_of(one) == record_of(other)


def test_a_run_folder(unbroken):
    run_dir, result = unbroken
    assert (result.step, result.skipped_steps, result.interrupted) == (STEPS, 0, False)
    assert saved_step(result.model_dir) == STEPS
    model = load_model(run_dir)
    assert model.config.name == CONFIG
    assert model.config.hparams.dec_rnn_size == (16,)
    assert (run_dir / "training.png").read_bytes().startswith(b"\x89PNG")
    lines = record_of(run_dir)
    assert [line["step"] for line in lines if line["split"] == "train"] == [2, 4, 6, 8, 10, 12]
    assert [line["step"] for line in lines if line["split"] == "eval"] == [4, 8, 12]
    by_magenta = {"loss", "losses/r_loss", "losses/kl_loss", "losses/kl_bits", "losses/kl_beta"}
    assert by_magenta | {"metrics/hits_loss", "metrics/hits_acc", "learning_rate"} <= set(lines[0])
    assert result.metrics["loss"] == lines[-2]["loss"] < lines[0]["loss"]
    assert result.eval_metrics["loss"] == lines[-1]["loss"]
    assert saved_step(run_dir / "best") == STEPS


def test_the_same_call_again_changes_nothing(shards, unbroken, run_copy):
    result = run(shards, run_copy)
    assert result.metrics == unbroken[1].metrics
    assert result.eval_metrics == {}
    assert_same_run(run_copy, unbroken[0])


def test_an_evaluation_of_an_earlier_call_is_none_of_this(shards, run_copy):
    result = run(shards, run_copy, steps=STEPS + 2, eval_data=None)
    assert result.step == STEPS + 2
    assert result.eval_metrics == {}


def test_data_may_move_and_be_split_otherwise(shards, unbroken, tmp_path):
    moved = tmp_path / "moved"
    write_shards(moved, random_windows(50), num_shards=5)
    shutil.copytree(shards, moved, dirs_exist_ok=True)
    run(shards, tmp_path / "run", steps=8)
    run(shards, tmp_path / "run", data=moved / "train-*-of-00005.tfrecord")
    assert_same_run(tmp_path / "run", unbroken[0])


def test_a_run_that_goes_on_keeps_its_precision(shards, tmp_path):
    run(shards, tmp_path, steps=1, precision="mixed_bfloat16")
    assert run(shards, tmp_path, steps=2, precision="auto").step == 2
    line = r"precision mixed_bfloat16, not float32; give precision mixed_bfloat16 to go on, or"
    with pytest.raises(GrooveFastError, match=line):
        run(shards, tmp_path, steps=3, precision="float32")


@pytest.mark.parametrize(
    "change",
    [
        lambda begun: begun.pop("precision"),
        lambda begun: begun.update(data=None),
        lambda begun: begun["config"]["hparams"].pop("z_size"),
        lambda begun: begun["cutting"].update(stride=1),
    ],
)
def test_runs_of_other_versions_are_told(shards, run_copy, change):
    file = run_copy / "run.json"
    begun = json.loads(file.read_text())
    change(begun)
    file.write_text(json.dumps(begun))
    line = r"run\.json: not a run of this version of groovefast; use another folder"
    with pytest.raises(GrooveFastError, match=line):
        run(shards, run_copy, steps=STEPS + 1)


@pytest.mark.parametrize("number", [np.int64, int])
def test_numbers_may_be_those_of_numpy(shards, run_copy, number):
    options = {"seed": number(0), "hop_bars": number(1), "keep": number(3), "log_every": number(2)}
    hparams = {"hparams": SMALL.removesuffix(",batch_size=8"), "batch_size": number(8)}
    assert run(shards, run_copy, steps=number(STEPS), **options, **hparams).step == STEPS


def test_other_evaluation_data_begin_a_new_best(shards, run_copy, tmp_path, caplog):
    full = random_windows(11, seed=3)  # which is worse than what the model knows
    full.hits[:] = 1
    np.maximum(full.velocities, 1, out=full.velocities)
    other = write_shards(tmp_path / "other", full, name="validation")
    with caplog.at_level(logging.INFO):
        run(shards, run_copy, steps=STEPS + 1)
        assert "evaluation" not in caplog.text
        file = run_copy / "best" / "config.json"
        before = file.stat().st_mtime_ns
        losses = [line["loss"] for line in record_of(run_copy) if line["split"] == "eval"]
        result = run(shards, run_copy, steps=STEPS + 2, eval_data=other)
    assert result.eval_metrics["loss"] > min(losses)
    assert file.stat().st_mtime_ns > before
    assert saved_step(run_copy / "best") == STEPS + 2
    assert caplog.text.count("other evaluation data than before; best/ begins anew") == 1


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("step-2.data; No space left on device", "run: no space left there"),
        ("OOM when allocating tensor", "out of memory; use a smaller batch than 8"),
    ],
)
def test_what_ran_out_is_told(shards, tmp_path, monkeypatch, message, told):
    def fail(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, message)

    monkeypatch.setattr(RunCheckpoints, "save", fail)
    with pytest.raises(GrooveFastError, match=told):
        run(shards, tmp_path / "run", steps=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_continued_is_unbroken(shards, unbroken, tmp_path, number):
    sent = []

    def stop_at_5(progress: Progress) -> None:
        # Once only: a second signal stops at once, and with it these tests.
        if progress.step >= 5 and not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    handler = signal.getsignal(number)
    first = run(shards, tmp_path, progress=stop_at_5)
    assert first.interrupted
    assert 5 <= first.step < STEPS
    assert saved_step(first.model_dir) == first.step
    assert signal.getsignal(number) == handler
    assert not run(shards, tmp_path).interrupted
    assert_same_run(tmp_path, unbroken[0])


_TRAIN_AND_SAVE_ALWAYS = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from groovefast.training.train import train
train({config!r}, {data!r}, {run_dir!r}, {eval_data!r}, {steps}, hparams={hparams!r},
      log_every=2, eval_every=4, checkpoint_minutes=0, precision="float32", prior=False)
"""


def code_of_run(shards: Path, run_dir: Path, **options: object) -> str:
    """Code of the same run with a checkpoint after every step."""
    return _TRAIN_AND_SAVE_ALWAYS.format(
        config=CONFIG,
        data=str(shards / "train-*"),
        eval_data=str(shards / "validation-*"),
        run_dir=str(run_dir),
        **{"steps": STEPS, "hparams": SMALL, **options},
    )


def test_killed_and_continued_is_unbroken(shards, unbroken, tmp_path):
    kills = (
        # As the first checkpoint is about to be whole, and, with some steps done, as the fourth
        # model is about to take the place of the third.
        ("checkpoints/step-1.index", 1, False),
        ("model/weights.npz", 4, True),
    )
    for name, change, has_checkpoints in kills:
        words = ["-c", code_of_run(shards, tmp_path)]
        process = run_with_signal(words, tmp_path, change, name=name)
        assert process.returncode == -signal.SIGKILL, process.stderr
        assert bool(saved_steps(tmp_path / "checkpoints")) == has_checkpoints
    run(shards, tmp_path)
    assert_same_run(tmp_path, unbroken[0])


def test_what_a_killed_run_was_writing_is_removed(shards, unbroken, run_copy):
    leftovers = [
        run_copy / "checkpoints" / ".unfinished_temp" / "part-00000-of-00001.data-00000-of-00001",
        run_copy / "checkpoints" / ".unfinished.index",
        run_copy / "checkpoints" / "step-14.data-00000-of-00001",
        run_copy / ".metrics.jsonl.a1b2c3.tmp",
        run_copy / "model" / ".weights.npz.d4e5f6.tmp",
        run_copy / "best" / ".config.json.g7h8i9.tmp",
    ]
    for path in leftovers:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    run(shards, run_copy)
    assert not any(path.exists() for path in (*leftovers, leftovers[0].parent))
    assert_same_run(run_copy, unbroken[0])


def test_what_others_put_into_a_run_folder_stays(shards, run_copy):
    notes = run_copy / "model" / ".notes"
    notes.mkdir()
    (run_copy / "checkpoints" / "README").touch()
    run(shards, run_copy)
    assert notes.is_dir()
    assert (run_copy / "checkpoints" / "README").exists()


def test_one_process_trains_in_a_folder(shards, run_copy):
    lock = lock_folder(run_copy, "")
    with pytest.raises(GrooveFastError, match="another process is training in it"):
        run(shards, run_copy)
    os.close(lock)
    run(shards, run_copy)


def test_a_mistake_leaves_the_folder_free(shards, run_copy):
    with pytest.raises(GrooveFastError, match="seed 0, not 1"):
        run(shards, run_copy, seed=1)
    run(shards, run_copy)


def test_a_run_folder_that_is_a_file(shards, tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(GrooveFastError, match="run: is a file"):
        run(shards, tmp_path / "run")


@pytest.fixture(scope="module")
def gone_on(shards, unbroken, tmp_path_factory) -> tuple[Path, TrainingResult]:
    """The same run with some more steps, and a checkpoint at every second."""
    run_dir = shutil.copytree(unbroken[0], tmp_path_factory.mktemp("runs") / "gone-on")
    return run_dir, run(shards, run_dir, steps=STEPS + 4, checkpoint_minutes=0)


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_a_spoiled_checkpoint_costs_only_its_steps(shards, gone_on, tmp_path, caplog, part, share):
    interrupted = gone_on[1]
    run_copy = shutil.copytree(gone_on[0], tmp_path / "copy")
    newest = run_copy / "checkpoints" / f"step-{interrupted.step}.{part}"
    newest.write_bytes(newest.read_bytes()[: int(share * newest.stat().st_size)])
    result = run(shards, run_copy, steps=STEPS + 4)
    assert "cannot be read" in caplog.text
    assert result.step == STEPS + 4
    assert result.metrics["loss"] == interrupted.metrics["loss"]


def test_all_checkpoints_spoiled(shards, run_copy):
    for path in (run_copy / "checkpoints").glob("*.index"):
        path.write_bytes(b"")
    with pytest.raises(GrooveFastError, match="none of its checkpoints"):
        run(shards, run_copy)


def test_as_many_checkpoints_as_asked_for(shards, tmp_path):
    run(shards, tmp_path, steps=5, checkpoint_minutes=0, keep=2)
    left = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.index"))
    assert len(left) == 2
    assert left[-1] == "step-5.index"


def test_a_run_may_start_from_another_model(shards, unbroken, tmp_path):
    run_dir, _ = unbroken
    hparams = f"{SMALL},learning_rate=0.0,min_learning_rate=0.0,ema_decay=0.9"
    result = run(shards, tmp_path / "run", steps=1, start_from=run_dir, hparams=hparams)
    assert result.step == 1
    started, wanted = load_model(tmp_path / "run"), load_model(run_dir)
    for name, weights in wanted.weights.items():
        np.testing.assert_array_equal(started.weights[name], weights, err_msg=name)


def test_going_on_is_not_starting_again(shards, unbroken, run_copy):
    run_dir, _ = unbroken
    other = run(shards, run_copy.with_name("other"), steps=1, seed=5).model_dir
    run(shards, run_copy, start_from=other)
    assert_same_run(run_copy, run_dir)


def test_going_on_does_without_the_first_start(shards, unbroken, run_copy):
    run_dir, _ = unbroken
    run(shards, run_copy, start_from=run_copy.with_name("gone"))
    assert_same_run(run_copy, run_dir)


def test_a_model_of_other_sizes_is_no_start(shards, unbroken, tmp_path):
    run_dir, _ = unbroken
    with pytest.raises(GrooveFastError, match=r"misshapen: encoder/.* instead of") as info:
        run(shards, tmp_path / "run", start_from=run_dir, hparams="dec_rnn_size=[8]")
    assert str(run_dir) in str(info.value)
    assert not (tmp_path / "run").exists()


def test_best_stays_when_evaluation_gets_worse(tmp_path):
    silence, noise = random_windows(8), random_windows(8)
    for values in silence:
        values[:] = 0
    noise.hits[:] = 1
    np.maximum(noise.velocities, 1, out=noise.velocities)
    train(
        CONFIG,
        write_shards(tmp_path, silence),
        tmp_path / "run",
        eval_data=write_shards(tmp_path, noise, name="validation"),
        steps=4,
        hparams=SMALL,
        eval_every=1,
    )
    losses = [line["loss"] for line in record_of(tmp_path / "run") if line["split"] == "eval"]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]
    assert saved_step(tmp_path / "run" / "best") == 1
    assert saved_step(tmp_path / "run" / "model") == 4


def test_progress(shards, tmp_path):
    seen: list[Progress] = []
    run(shards, tmp_path, progress=seen.append)
    assert [progress.step for progress in seen] == sorted({progress.step for progress in seen})
    assert seen[-1].step == seen[-1].steps == STEPS
    assert (seen[0].examples_per_second, seen[0].seconds_left) == (None, None)
    assert seen[-1].seconds_left == 0
    assert seen[-1].eval_loss == record_of(tmp_path)[-1]["loss"]
    assert all(progress.examples_per_second > 0 for progress in seen[1:])


def test_building_the_graph_is_no_speed(shards, run_copy):
    """A run that goes on for one step has only that to count."""
    seen: list[Progress] = []
    result = run(shards, run_copy, steps=STEPS + 1, log_every=1, progress=seen.append)
    assert [progress.examples_per_second for progress in seen] == [None]
    assert result.examples_per_second is None
    assert "examples_per_second" not in read_metrics(run_copy)[-2]
    assert read_metrics(run_copy)[-2]["step"] == STEPS + 1


def test_real_windows_are_learned_by_heart(groove_files, tmp_path):
    windows = performed_windows(groove_files[::40], 200)
    shards = write_shards(tmp_path, windows)
    result = train(
        "groovae_2bar_humanize",
        shards,
        tmp_path / "run",
        steps=250,
        batch_size=50,
        hparams="enc_rnn_size=[64],dec_rnn_size=[64],z_size=32,dropout_keep_prob=1.0,"
        "learning_rate=0.01",
        log_every=1,
    )
    first = read_metrics(tmp_path / "run")[0]["loss"]
    assert result.metrics["loss"] < 0.2 * first


# --- Several devices ------------------------------------------------------------------------

_TWO_CPUS = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, 2 * [tf.config.LogicalDeviceConfiguration()])
"""


@pytest.fixture(scope="module")
def alone(shards, tmp_path_factory) -> list[dict[str, float]]:
    """The record of one process without dropout, whose masks are each replica's own."""
    run_dir = tmp_path_factory.mktemp("runs") / "alone"
    run(shards, run_dir, hparams=f"{SMALL},dropout_keep_prob=1.0")
    return record_of(run_dir)


def assert_close(record: list[dict[str, float]], wanted: list[dict[str, float]]) -> None:
    assert [line["step"] for line in record] == [line["step"] for line in wanted]
    for got, line in zip(record, wanted, strict=True):
        for name in line.keys() - {"split"}:
            assert got[name] == pytest.approx(line[name], rel=1e-4), (line["step"], name)


def test_two_devices_are_one(shards, alone, tmp_path, run_python):
    code = _TWO_CPUS + _TRAIN_AND_SAVE_ALWAYS.replace(
        "checkpoint_minutes=0", "strategy='mirrored'"
    ).format(
        config=CONFIG,
        data=str(shards / "train-*"),
        eval_data=str(shards / "validation-*"),
        run_dir=str(tmp_path),
        steps=STEPS,
        hparams=f"{SMALL},dropout_keep_prob=1.0",
    )
    run_python(code)
    assert_close(record_of(tmp_path), alone)


# --- Mistakes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hparams": LARGER}, "batch_size 8, not 16; use another folder"),
        (
            {"cache": False},
            "data kept in memory, not streamed; give `cache` as when it was begun to go on, or use "
            "another folder",
        ),
        ({"seed": 1}, "seed 0, not 1; give seed 0 to go on, or use another folder"),
        (
            {"seed": 1, "precision": "mixed_bfloat16"},
            "seed 0, not 1, precision float32, not mixed_bfloat16; "
            "give seed 0 and precision float32 to go on, or use another folder",
        ),
        (
            {"seed": 1, "hparams": LARGER},
            "seed 0, not 1, batch_size 8, not 16; use another folder",
        ),
        ({"hparams": SMALL.replace("z_size=8", "z_size=4")}, "z_size 8, not 4; use another folder"),
    ],
)
def test_run_folder_of_another_run(shards, run_copy, options, message):
    with pytest.raises(GrooveFastError, match=f"copy: holds a run with .*{message}$"):
        run(shards, run_copy, **options)


@pytest.mark.parametrize(
    ("windows", "count"), [(random_windows(50, seed=2), 50), (random_windows(60), 60)]
)
def test_run_folder_of_other_data(run_copy, shards, tmp_path, windows, count):
    other = write_shards(tmp_path / "other", windows)
    line = (
        rf"data of 50 windows \(SHA-256 [0-9a-f]{{8}}…\), not {count} windows \(.*\); "
        "give the data it was begun with to go on, or use another folder"
    )
    with pytest.raises(GrooveFastError, match=line):
        run(shards, run_copy, data=other)


def test_run_folder_of_another_config(shards, run_copy):
    with pytest.raises(GrooveFastError, match=f"with config {CONFIG}, not groovae_2bar_humanize;"):
        train("groovae_2bar_humanize", shards / "train-*", run_copy, hparams=SMALL)


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_damaged_run_file(shards, tmp_path, content, precision):
    (tmp_path / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(GrooveFastError, match=r"run\.json: damaged"):
        run(shards, tmp_path, precision=precision)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "^steps: 0"),
        ({"log_every": 0}, "^log_every: 0"),
        ({"eval_every": -1}, "^eval_every: -1"),
        ({"keep": 0}, "^keep: 0"),
        ({"hparams": {}, "batch_size": 0}, "^batch_size: 0"),
        ({"batch_size": 8}, "^batch_size: given in `hparams` too; give it once$"),
        ({"keep": 1.5}, "^keep: 1.5 is no whole number"),
        ({"steps": 1.5}, "^steps: 1.5 is no whole number"),
        ({"seed": 2**64}, "^seed: 18446744073709551616 is no whole number from 0 to 2,147,483,647"),
        ({"seed": -1}, "^seed: -1 is no whole number"),
        ({"checkpoint_minutes": -1}, "^checkpoint_minutes: -1"),
        ({"checkpoint_minutes": float("nan")}, "^checkpoint_minutes: nan"),
        ({"checkpoint_minutes": float("inf")}, "^checkpoint_minutes: inf"),
        ({"device": "tpu"}, "^device: .*'tpu'"),
        ({"strategy": "horovod"}, "^strategy: .*'horovod'"),
        ({"strategy": "multiworker"}, "TF_CONFIG"),
        ({"precision": "float8"}, "^precision: .*'float8'"),
        ({"hparams": "z_sise=3"}, "z_size"),
        ({"hparams": "sampling_schedule=linear"}, "^hparams: .*'linear'"),
    ],
)
def test_options_that_make_no_sense(shards, tmp_path, monkeypatch, options, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(GrooveFastError, match=message):
        run(shards, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(free_memory() is None, reason="this machine does not tell its memory")
def test_more_than_the_memory(shards, tmp_path):
    line = (
        r"not enough memory: a step of 999999 windows needs [\d,]+\.\d GB or more, and "
        r"\d[\d,.]* GB are free; use a smaller batch than 999999, or a smaller model"
    )
    with pytest.raises(GrooveFastError, match=line):
        run(shards, tmp_path / "run", hparams={}, batch_size=999_999, device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_no_gpu(shards, tmp_path):
    with pytest.raises(GrooveFastError, match=r"^device: .*no GPU"):
        run(shards, tmp_path, device="gpu")


def test_tf_config_that_is_no_json(shards, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{cluster")
    with pytest.raises(GrooveFastError, match="TF_CONFIG: not the JSON"):
        run(shards, tmp_path)


def test_float16_on_a_cpu_is_warned_of(shards, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        run(shards, tmp_path, steps=2, precision="mixed_float16", device="cpu")
    assert "mixed_float16 is slow on a CPU" in caplog.text


def test_loss_that_is_no_number(tmp_path):
    shards = write_shards(tmp_path, random_windows(20))
    beyond_float32 = f"{SMALL},offsets_weight=3e38"
    with pytest.raises(GrooveFastError, match=r"not a number .* check the data"):
        train(CONFIG, shards, tmp_path / "run", steps=200, hparams=beyond_float32)
    assert not (tmp_path / "run" / "model").exists()


def test_a_prior_at_the_end(shards, tmp_path):
    run(shards, tmp_path, prior=True)
    models = {folder: load_model(tmp_path / folder) for folder in ("model", "best")}
    for model in models.values():
        assert model.prior.fitted_to.windows == 50
        assert model.sample(2, seed=0).shape == (2, 32, 27)
    files = {folder: tmp_path / folder / "prior.npz" for folder in models}
    times = {folder: file.stat().st_mtime_ns for folder, file in files.items()}
    run(shards, tmp_path, prior=True)
    assert {folder: file.stat().st_mtime_ns for folder, file in files.items()} == times

    # Trained on, the model is another one; the prior of the old one goes, and it gets its own.
    run(shards, tmp_path, steps=STEPS + 2)
    assert not files["model"].exists()
    run(shards, tmp_path, steps=STEPS + 2, prior=True)
    assert load_model(tmp_path / "model").prior.fitted_to != models["model"].prior.fitted_to


def test_no_prior_of_a_run_that_is_not_through(shards, tmp_path):
    def stop(progress: Progress) -> None:
        if progress.step >= 2:
            signal.raise_signal(signal.SIGINT)

    assert run(shards, tmp_path, prior=True, progress=stop).interrupted
    assert not list(tmp_path.rglob("prior.npz"))
