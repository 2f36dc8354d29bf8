import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from folders import contents

from groovefast.cli.checkpoints import export_main, import_main
from groovefast.config import CONFIGS
from groovefast.model.checkpoints import load_model, save_model, saved_step
from groovefast.model.groovae import GrooVAE

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
        (export_main, (model_folder, out, "--format", "torch"), "--format: no such choice 'torch'"),
        (export_main, (tmp_path / "empty", out, "--format", "onnx"), "no model and no checkpoint"),
        (export_main, (tmp_path / "empty", out, "--format", "saved-model"), "no model and no"),
    ):
        assert run(main, monkeypatch, *words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("kept", ["config.json", "weights.npz", None])
def test_a_model_is_replaced_only_if_asked_to(tmp_path, model_folder, monkeypatch, capsys, kept):
    """Half a model counts as one."""
    other, out = tmp_path / "other", tmp_path / "out"
    assert run(export_main, monkeypatch, model_folder, other) == 0
    save_model(load_model(model_folder), out, step=7)
    for path in out.iterdir():
        if kept not in (None, path.name):
            path.unlink()
    before = contents(out)
    words = other, out, "--config", "groovae_2bar_humanize"
    capsys.readouterr()
    assert run(import_main, monkeypatch, *words) == 2
    file = out / (kept or "config.json")
    assert capsys.readouterr().err == (
        f"groovefast-import: {out}: holds a model ({file}); choose another folder, or replace it "
        "with --overwrite\n"
    )
    assert contents(out) == before
    assert run(import_main, monkeypatch, *words, "--overwrite") == 0
    assert saved_step(out) == 1234


def test_nothing_is_imported_beside_the_model_of_a_run(tmp_path, model_folder, monkeypatch, capsys):
    assert run(import_main, monkeypatch, tmp_path / "x.tar", model_folder.parent) == 2
    assert f"holds a model ({model_folder}/config.json)" in capsys.readouterr().err


def test_a_folder_of_other_checkpoints_goes_on_pointing_to_its_own(
    tmp_path, model_folder, monkeypatch, capsys
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-99999"')
    before = contents(out)
    assert run(export_main, monkeypatch, model_folder, out) == 2
    assert f"{out / 'checkpoint'}: is there already" in capsys.readouterr().err
    assert contents(out) == before


@pytest.mark.parametrize("of_ours", [True, False])
def test_a_checkpoint_is_replaced_only_if_asked_to(
    tmp_path, model_folder, monkeypatch, capsys, of_ours
):
    out = tmp_path / "out"
    assert run(export_main, monkeypatch, model_folder, out) == 0
    (out / "checkpoint").write_text("mine")
    before = contents(out)
    model = model_folder
    if not of_ours:
        model = tmp_path / "groovae_2bar_humanize.tar"
        with tarfile.open(model, "w") as tar:
            for path in out.glob("model.ckpt-*"):
                tar.add(path, path.name)
    capsys.readouterr()
    assert run(export_main, monkeypatch, model, out) == 2
    assert capsys.readouterr().err == (
        f"groovefast-export: {out}/model.ckpt-1234: is there already; choose another folder, or "
        "replace it with --overwrite\n"
    )
    assert contents(out) == before
    assert run(export_main, monkeypatch, model, out, "--overwrite") == 0
    assert contents(out).keys() == before.keys()
    assert contents(out) != before


def test_onnx_files_are_replaced_only_if_asked_to(tmp_path, model_folder, monkeypatch, capsys):
    pytest.importorskip("onnx")
    out = tmp_path / "onnx"
    words = model_folder, out, "--format", "onnx"
    assert run(export_main, monkeypatch, *words) == 0
    names = ["encoder.onnx", "decoder.onnx", "decoder-start.onnx", "decoder-step.onnx"]
    assert capsys.readouterr().out.splitlines() == [f"{out}/{name}" for name in names]
    before = contents(out)
    assert sorted(before) == sorted(names)
    for name in names[1:]:
        (out / name).unlink()
    assert run(export_main, monkeypatch, *words) == 2
    assert capsys.readouterr().err == (
        f"groovefast-export: {out}/encoder.onnx: is there already; choose another folder, or "
        "replace it with --overwrite\n"
    )
    assert [path.name for path in out.iterdir()] == names[:1]
    (out / "encoder.onnx").write_text("mine")
    assert run(export_main, monkeypatch, *words, "--overwrite") == 0
    assert contents(out) == before


def test_a_version_to_serve_is_replaced_only_if_asked_to(
    tmp_path, model_folder, monkeypatch, capsys
):
    out = tmp_path / "served"
    words = model_folder, out, "--format", "saved-model"
    assert run(export_main, monkeypatch, *words) == 0
    place = f"{out}/1: for TensorFlow Serving, whose model_base_path is {out}"
    assert capsys.readouterr().out.splitlines() == [place]
    before = sorted(out.rglob("*"))
    (out / "1" / "saved_model.pb").write_text("mine")
    assert run(export_main, monkeypatch, *words) == 2
    assert capsys.readouterr().err == (
        f"groovefast-export: {out}/1: is there already; choose another folder, or replace it with "
        "--overwrite\n"
    )
    assert (out / "1" / "saved_model.pb").read_text() == "mine"
    assert run(export_main, monkeypatch, *words, "--overwrite") == 0
    assert sorted(out.rglob("*")) == before
    assert "decode" in tf.saved_model.load(str(out / "1")).signatures

    (out / "20").mkdir()
    capsys.readouterr()
    assert run(export_main, monkeypatch, *words, "--overwrite") == 2
    assert f"{out}/20: would be served instead; choose" in capsys.readouterr().err


def test_a_refusal_needs_no_tensorflow(tmp_path, model_folder, monkeypatch):
    out = tmp_path / "out"
    assert run(export_main, monkeypatch, model_folder, out) == 0
    script = (
        "import sys; from groovefast.cli.checkpoints import *\n"
        "try: {main}()\n"
        "finally: sys.exit(0 if 'tensorflow' not in sys.modules else 9)"
    )
    for main, words in (("import_main", (out, model_folder)), ("export_main", (model_folder, out))):
        code = [sys.executable, "-c", script.format(main=main), *words]
        done = subprocess.run(code, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("--overwrite")) == (0, 1)


def test_tensorflow_starts_quietly(tmp_path):
    script = "from groovefast.cli.checkpoints import import_main; import_main()"
    words = [sys.executable, "-c", script, tmp_path / "nowhere", tmp_path / "out"]
    environment = {name: value for name, value in os.environ.items() if name != TF_LOG_LEVEL}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("groovefast-import: ")
    assert done.stderr.count("\n") == 1
