"""`--tfds` of `groovefast-convert` and `groovefast-train`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from prepared_groove import Prepare

from groovefast.cli import console, convert, train
from groovefast.shards.manifest import MANIFEST

FULL = "groove/full-midionly"
SMALL = "enc_rnn_size=[16],dec_rnn_size=[16],z_size=8,batch_size=4"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; gives exit status, stdout and stderr."""

    def run(command: click.Command, *words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            console.run(command, [str(word) for word in words])
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, output.out, output.err

    return run


def on_tfds(data_dir: Path, run_dir: Path, config: str = "groovae_2bar_humanize") -> list[object]:
    given = ("--tfds", FULL, "--tfds-data-dir", data_dir, "--config", config, "--run-dir", run_dir)
    return [*given, "--hparams", SMALL, "--no-prior", "--precision", "float32"]


def test_convert(run: Run, prepare_groove: Prepare, tmp_path: Path) -> None:
    words = ("--tfds", FULL, "--tfds-data-dir", prepare_groove("full-midionly"), "--verify")
    status, out, _ = run(convert.command, *words, tmp_path / "out")
    assert status == 0
    assert out.endswith("all right\n")
    sets = json.loads((tmp_path / "out" / MANIFEST).read_text())["plan"]["sets"]
    assert sets.keys() == {"train", "validation", "test"}


def test_train_and_go_on_without_the_data_set(
    run: Run, prepare_groove: Prepare, tmp_path: Path
) -> None:
    data_dir = shutil.copytree(prepare_groove("full-midionly"), tmp_path / "tfds")
    words = on_tfds(data_dir, tmp_path / "run")
    status, out, err = run(train.command, *words, "--steps", 2)
    assert status == 0, err
    assert "converted 12 of 12 files of groove/full-midionly into" in out + err
    assert "evaluation" in out.splitlines()[-1]
    shutil.rmtree(data_dir)
    status, out, err = run(train.command, *words, "--steps", 4)
    assert status == 0, err
    assert "going on from step 2" in out + err


def test_train_on_tokens(run: Run, prepare_groove: Prepare, tmp_path: Path) -> None:
    words = on_tfds(prepare_groove("full-midionly"), tmp_path / "run", "cat-drums_2bar_small")
    status, _, err = run(train.command, *words, "--steps", 1)
    assert status == 0, err


def test_several_workers_convert_first(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    status, _, err = run(train.command, *on_tfds(tmp_path, tmp_path / "run"))
    assert status == console.EXIT_MISTAKE
    (line,) = err.splitlines()
    assert "run groovefast-convert --tfds groove/full-midionly DIR and give all of them" in line


@pytest.mark.parametrize(
    ("command", "words", "problem"),
    [
        (convert.command, ("--tfds", FULL, "in", "out"), "--tfds: brings its own MIDI"),
        (convert.command, ("--tfds", FULL, "--metadata", "a.csv", "out"), "--metadata: is for"),
        (convert.command, ("--tfds-data-dir", "x", "in", "out"), "--tfds-data-dir: there is no"),
        (train.command, ("--tfds-data-dir", "x", "--data", "y"), "--tfds-data-dir: there is no"),
        (train.command, ("--tfds", FULL, "--data", "y"), "--data: give either it or --tfds"),
        (train.command, (), "--data is missing: name the shards, or a data set with --tfds"),
    ],
)
def test_options_that_make_no_sense(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: click.Command,
    words: tuple[str, ...],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if command is train.command:
        words = (*words, "--config", "groovae_4bar", "--run-dir", "run")
    status, out, err = run(command, *words)
    assert (status, out) == (console.EXIT_MISTAKE, "")
    (line,) = err.splitlines()
    assert problem in line
    assert not list(tmp_path.iterdir())
