import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from groovefast.checkpoints import load_model, save_model
from groovefast.cli.checkpoints import export_main, import_main
from groovefast.config import CONFIGS
from groovefast.model import GrooVAE

TF_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def run(main, monkeypatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", [main.__name__, *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


@pytest.fixture
def model_folder(tmp_path) -> Path:
    sizes = "z_size=4,enc_rnn_size=[6],dec_rnn_size=[5,5]"
    model = GrooVAE(CONFIGS["groovae_2bar_humanize"].with_hparams(sizes))
    return save_model(model, tmp_path / "model", step=1234)


def test_out_and_in_again(tmp_path, model_folder, monkeypatch, capsys):
    out, back = tmp_path / "tf1", tmp_path / "back"
    assert run(export_main, monkeypatch, model_folder, "--format", "tf1", out) == 0
    assert capsys.readouterr().out.startswith(f"{out}/model.ckpt-1234: ")
    assert tf.train.load_variable(str(out), "global_step") == 1234

    options = "--config", "groovae_2bar_humanize"
    assert run(import_main, monkeypatch, out, back, *options) == 0
    line = capsys.readouterr().out
    assert f"{back}: groovae_2bar_humanize after 1,234 steps" in line
    assert "z 4, encoder [6], decoder [5, 5]" in line
    first, last = load_model(model_folder), load_model(back)
    assert first.config == last.config
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, last.weights[name])


def test_mistakes_are_told_in_one_line(tmp_path, model_folder, monkeypatch, capsys):
    out = tmp_path / "out"
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "empty").mkdir()
    for main, words, message in (
        (import_main, (tmp_path / "nowhere", out), "nowhere: no such model"),
        (import_main, (model_folder, out, "--config", "groovae_2bar"), "did you mean"),
        (import_main, (model_folder,), "OUT_DIR is missing"),
        (export_main, (tmp_path / "empty", out), "no model and no checkpoint in it"),
        (export_main, (model_folder, tmp_path / "file" / "x"), "parent folders is a file"),
        (export_main, (model_folder, out, "--format", "onnx"), "--format: no such choice 'onnx'"),
    ):
        assert run(main, monkeypatch, *words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not out.exists()


def test_tensorflow_starts_quietly(tmp_path):
    script = "from groovefast.cli.checkpoints import import_main; import_main()"
    words = [sys.executable, "-c", script, tmp_path / "nowhere", tmp_path / "out"]
    environment = {name: value for name, value in os.environ.items() if name != TF_LOG_LEVEL}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("groovefast-import: ")
    assert done.stderr.count("\n") == 1
