"""`groovefast-train` as a user runs it."""

import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import drawn_by
from window_records import random_played, random_windows, write_performances, write_shards

from groovefast.cli import console
from groovefast.cli.train import _messages, command
from groovefast.model.checkpoints import load_model, saved_step
from groovefast.training.metrics import read_metrics

SMALL = ("--hparams", "enc_rnn_size=[16],dec_rnn_size=[16],z_size=8,batch_size=8")
CONFIG = ("--config", "groovae_2bar_humanize", "--no-prior")  # which would take as long again


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, random_windows(50), num_shards=2)
    write_shards(folder, random_windows(11, seed=1), name="validation")
    return folder


@pytest.fixture
def run(capsys):
    """Runs the command; gives exit status, stdout and stderr."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            console.run(command, [str(word) for word in words])
        output = capsys.readouterr()
        return ended.value.code, output.out, output.err

    return run


def complaint(run, *words) -> str:
    """The one line of a mistake."""
    status, out, err = run(*words)
    assert (status, out) == (console.EXIT_MISTAKE, "")
    (line,) = err.splitlines()
    assert line.startswith("groovefast-train: ")
    return line


def test_options_that_tokens_have_no_use_for(run, tune_records, tmp_path):
    words = ("--config", "cat-mel_2bar_small", "--run-dir", tmp_path / "run")
    data = ("--data", tune_records / "melody" / "train-*")
    name = "cat-mel_2bar_small"
    for option, problem in {
        ("--stream",): f"--stream: of no use to {name}: tokens are kept in memory",
        ("--min-hits", 2): f"--min-hits: is of performances; {name} takes every bar and no "
        "window of a file twice",
        ("--hparams", "thin_probability=0.5"): "--hparams: thin_probability is of performances, "
        f"{name} of tokens",
    }.items():
        assert complaint(run, *words, *data, *option) == f"groovefast-train: {problem}"
    line = complaint(run, *words, "--data", tune_records / "drums" / "train-*")
    assert line.endswith(
        f"holds tokens of drums, but {name} wants tokens of melody; convert again with "
        "--representation melody, or choose a config of drums, such as cat-drums_2bar_small"
    )
    assert not (tmp_path / "run").exists()


def started(*words) -> subprocess.Popen:
    """The installed command in a process of its own."""
    program = Path(sys.executable).with_name("groovefast-train")
    return subprocess.Popen(
        [str(program), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_train_and_train_on(run, shards, tmp_path):
    words = [*CONFIG, *SMALL, "--data", shards / "train-*.tfrecord", "--run-dir", tmp_path]
    words += ["--eval-data", shards / "validation-*", "--eval-every", 3, "--log-every", 2]
    status, out, err = run(*words, "--steps", 4)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(
        r"groovae_2bar_humanize: [\d,]+ parameters, 50 windows in batches of 8, \w+ on CPU:0",
        lines[0],
    )
    assert re.fullmatch(r"step 1/4  loss [\d.]+", lines[1])
    assert lines[-2].startswith("step 4/4  loss ")
    assert lines[-2].endswith("  0:00:00 left")
    assert re.fullmatch(
        r"step 4, loss [\d.]+, evaluation [\d.]+, \d+ examples/s: done; model in .*model", lines[-1]
    )
    assert saved_step(tmp_path / "model") == 4
    assert load_model(tmp_path).config.hparams.dec_rnn_size == (16,)

    status, out, err = run(*words, "--steps", 6)
    assert (status, err) == (0, "")
    assert "going on from step 4" in out.splitlines()
    assert saved_step(tmp_path / "model") == 6
    steps = [line["step"] for line in read_metrics(tmp_path) if line["split"] == "train"]
    assert steps == [2, 4, 6]


def test_streamed_data_and_batch_size(run, shards, tmp_path):
    words = [*CONFIG, "--data", shards / "train-*", "--run-dir", tmp_path, "--hparams"]
    words += [SMALL[1].removesuffix(",batch_size=8"), "--batch-size", 4, "--steps", 2]
    status, out, _ = run(*words, "--precision", "mixed_bfloat16", "--stream")
    assert status == 0
    assert "50 windows in batches of 4, mixed_bfloat16" in out
    assert load_model(tmp_path).config.hparams.batch_size == 4
    line = "data streamed, not kept in memory; give --stream as when it was begun to go on, or use"
    assert line in complaint(run, *words)


def test_the_prior_at_the_end(run, shards, tmp_path):
    words = [CONFIG[0], CONFIG[1], *SMALL, "--data", shards / "train-*", "--run-dir", tmp_path]
    status, out, err = run(*words, "--steps", 2)
    assert (status, err) == (0, "")
    assert "fitting prior and touch of model/" in out.splitlines()
    assert load_model(tmp_path).prior.fitted_to.windows == 50


def test_messages_are_told_once_where_a_root_logger_is_set_up(caplog):
    said, logger = [], logging.getLogger("groovefast")
    before = logger.level, logger.propagate, list(logger.handlers)
    with _messages(said.append):
        logging.getLogger("groovefast.training.finish").info("fitting")
        logging.getLogger("groovefast.training.devices").warning("slow")
    assert said == ["fitting", "warning: slow"]
    assert caplog.records == []  # what is told by the root logger's handlers
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_slow_precision_is_warned_of(run, shards, tmp_path):
    words = [*CONFIG, *SMALL, "--data", shards / "train-*", "--run-dir", tmp_path, "--steps", 1]
    status, out, err = run(*words, "--precision", "mixed_float16", "--device", "cpu")
    assert (status, err) == (0, "")
    assert out.startswith("warning: precision mixed_float16 is slow on a CPU")


def test_ctrl_c_saves_and_stops(shards, tmp_path):
    words = [*CONFIG, *SMALL, "--data", shards / "train-*", "--run-dir", tmp_path]
    process = started(*words, "--steps", 1_000_000)
    shown = ""
    while "step " not in shown:
        shown = process.stdout.readline()
        assert shown, process.stderr.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (console.EXIT_INTERRUPTED, "")
    ending = re.search(r"step (\d+)\b.*: stopped; the same command goes on from here", out)
    assert int(ending[1]) == saved_step(tmp_path / "model") > 0


def test_the_bar_of_a_run_that_goes_on_does_not_begin_at_0(run, shards, tmp_path):
    words = [*CONFIG, *SMALL, "--data", shards / "train-*", "--run-dir", tmp_path]
    assert run(*words, "--steps", 4)[0] == 0
    program = Path(sys.executable).with_name("groovefast-train")
    drawn, _ = drawn_by([program, *map(str, words), "--steps", "6"], "stdout")
    assert b"going on from step 4" in drawn
    assert b"6/6" in drawn
    assert b"0/6" not in drawn


def test_help_needs_no_tensorflow(run_python):
    seen = run_python(
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from groovefast.cli.train import command\n"
        "print(CliRunner().invoke(command, ['--help']).output)\n"
        "print('heavy:', *sorted({'tensorflow', 'numpy', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    assert "--eval-data" in seen
    assert seen.splitlines()[-1].strip() == "heavy:"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", "groovae_4bars"], "did you mean groovae_4bar"),
        (["--data", "{shards}/test-*"], r"the folder holds train-\*.tfrecord, validation-\*"),
        (["--data", "{shards}"], "several sets of shards"),
        (["--data", "nowhere/train-*"], "there is no folder nowhere"),
        (["--eval-data", "{shards}/test-*"], r"test-\*: no shard matches"),
        (["--hparams", "z_size=big"], "z_size wants int"),
        (["--hparams", "z_sise=3"], "did you mean z_size"),
        (["--steps", "0"], "--steps"),
        (["--batch-size", "none"], "--batch-size"),
        (["--batch-size", "4", *SMALL], "--batch-size: given in --hparams too; give it once"),
        (["--precision", "float16"], "did you mean float32 or mixed_float16"),
        (["--run-dir", "{shards}/train-00000-of-00002.tfrecord"], "is a file"),
        (["--stepps", "3"], "did you mean --steps"),
        (["more.tfrecord"], "more.tfrecord: unexpected; put the pattern after --data in quotes"),
    ],
)
def test_mistakes_found_before_tensorflow_starts(run, shards, tmp_path, words, message):
    given = [*CONFIG, "--data", shards / "train-*", "--run-dir", tmp_path / "run"]
    words = [word.format(shards=shards) for word in words]
    if "--data" in words:
        given = [*CONFIG, "--run-dir", tmp_path / "run"]
    assert re.search(message, complaint(run, *given, *words))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("missing", ["--config", "--data", "--run-dir"])
def test_what_is_missing_is_named(run, shards, tmp_path, missing):
    given = {"--config": CONFIG[1], "--data": shards / "train-*", "--run-dir": tmp_path}
    words = [word for option in given.items() if option[0] != missing for word in option]
    assert f"{missing} is missing" in complaint(run, *words)


def test_too_short_performances(run, shards, tmp_path):
    words = ["--config", "groovae_4bar", "--data", shards / "train-*", "--run-dir", tmp_path]
    assert "no performance is as long as the 4 bars of groovae_4bar" in complaint(run, *words)


def test_which_windows_are_trained_on(run, tmp_path):
    write_performances(tmp_path, [random_played(20)] * 2)
    words = [*CONFIG, *SMALL, "--data", tmp_path, "--run-dir", tmp_path / "run", "--steps", 1]
    status, out, _ = run(*words, "--hop-bars", 2, "--dedupe", "--min-hits", 1)
    assert status == 0
    assert "10 windows in batches of 8" in out
    assert (
        "holds a run with dedupe True, not False, hop_bars 2, not 1, min_hits 1, not 0; give the "
        "--hop-bars, --dedupe and --min-hits it was begun with to go on, or use another folder"
    ) in complaint(run, *words)


def test_a_corrupt_shard(run, tmp_path):
    (shard,) = write_shards(tmp_path, random_windows(20))
    content = bytearray(shard.read_bytes())
    content[2000] ^= 1
    shard.write_bytes(content)
    words = [*CONFIG, *SMALL, "--data", shard, "--run-dir", tmp_path / "run"]
    assert f"{shard}: corrupt" in complaint(run, *words)


def test_a_run_of_another_config(run, shards, tmp_path):
    words = [*SMALL, "--data", shards / "train-*", "--run-dir", tmp_path, "--steps", 1]
    assert run(*CONFIG, *words)[0] == 0
    other = complaint(run, "--config", "groovae_2bar_hits_control", *words)
    assert "holds a run with config groovae_2bar_humanize, not groovae_2bar_hits_control" in other


def test_a_folder_that_cannot_be_made(run, shards):
    words = [*CONFIG, *SMALL, "--data", shards / "train-*", "--run-dir", "/proc/nowhere/run"]
    assert "/proc/nowhere" in complaint(run, *words)


def test_debug_shows_the_traceback(shards, tmp_path):
    words = ["--config", "none", "--data", shards, "--run-dir", tmp_path, "--debug"]
    process = started(*words)
    _, err = process.communicate(timeout=60)
    assert "Traceback" in err
    assert "OptionError: config: no such config 'none'" in err


def test_out_of_memory(run, shards, tmp_path):
    words = [*CONFIG, "--data", shards / "train-*", "--run-dir", tmp_path / "run"]
    line = complaint(run, *words, "--hparams", "enc_rnn_size=[1000000],batch_size=8")
    assert "memory" in line
    assert "use a smaller batch than 8, or a smaller model" in line
