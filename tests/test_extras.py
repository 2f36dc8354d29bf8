"""What plays needs no TensorFlow; what trains says in a line how to get it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RunPython = Callable[[str], str]

WITHOUT = "import sys; sys.modules['tensorflow'] = sys.modules['sklearn'] = None\n"
MESSAGE = "TensorFlow is not installed, which this needs: pip install 'groovefast[train]'"


@pytest.mark.parametrize("name", ["GrooVAE", "load_dataset", "train"])
def test_what_trains_says_what_to_install(run_python: RunPython, name: str) -> None:
    code = f"{WITHOUT}import groovefast\ntry: groovefast.{name}\nexcept ImportError as e: print(e)"
    assert run_python(code) == MESSAGE


def test_a_model_of_tensorflow_and_checkpoints_say_so_too(
    run_python: RunPython, tmp_path: Path
) -> None:
    code = (
        f"{WITHOUT}from groovefast import GrooveFastError, load_model\n"
        f"for path, backend in (('groovae_4bar', 'tensorflow'), ({str(tmp_path)!r}, 'numpy')):\n"
        " try: load_model(path, backend=backend)\n"
        " except GrooveFastError as error: print(error)"
    )
    assert run_python(code).splitlines() == [MESSAGE] * 2


COMMANDS = {
    "train": "--config groovae_4bar --data {shard} --run-dir {new} --steps 1",
    "evaluate": "--model groovae_4bar --data {shard}",
    "prior": "groovae_4bar --data {shard} --out {new}",
    "export": "groovae_4bar {new}",
    "import": "model.ckpt-1 {new}",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_train_say_what_to_install(
    run_python: RunPython, tmp_path: Path, name: str
) -> None:
    shard = tmp_path / "train-00000-of-00001.tfrecord"
    shard.touch()
    words = COMMANDS[name].format(shard=shard, new=tmp_path / "new").split()
    module, main = ("checkpoints", f"{name}_main") if "port" in name else (name, "main")
    code = (
        f"{WITHOUT}from groovefast.cli.{module} import {main}\n"
        f"sys.argv, sys.stderr = [{name!r}, *{words!r}], sys.stdout\n"
        f"try: {main}()\nexcept SystemExit as ended: print(ended.code)"
    )
    assert run_python(code).splitlines() == [f"groovefast-{name}: {MESSAGE}", "2"]


def test_saved_models_need_tensorflow(run_python: RunPython, tmp_path: Path) -> None:
    code = (
        f"{WITHOUT}from groovefast.cli.checkpoints import export_main\n"
        f"words = ['groovae_4bar', {str(tmp_path / 'new')!r}, '--format', 'saved-model']\n"
        "sys.argv, sys.stderr = ['export', *words], sys.stdout\n"
        "try: export_main()\nexcept SystemExit as ended: print(ended.code)"
    )
    assert run_python(code).splitlines() == [f"groovefast-export: {MESSAGE}", "2"]
    assert not (tmp_path / "new").exists()


def test_onnx_files_need_onnx_and_no_tensorflow(run_python: RunPython, tmp_path: Path) -> None:
    code = (
        f"{WITHOUT}sys.modules['onnx'] = None\n"
        "from groovefast.cli.checkpoints import export_main\n"
        f"words = ['groovae_4bar', {str(tmp_path / 'new')!r}, '--format', 'onnx']\n"
        "sys.argv, sys.stderr = ['export', *words], sys.stdout\n"
        "try: export_main()\nexcept SystemExit as ended: print(ended.code)"
    )
    message = "onnx is not installed, which this needs: pip install 'groovefast[onnx]'"
    assert run_python(code).splitlines() == [f"groovefast-export: {message}", "2"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("module", "runner", "named"),
    [("apache_beam", "DirectRunner", "Apache Beam"), ("distributed", "DaskRunner", "Dask")],
)
def test_runners_need_beam(
    run_python: RunPython, tmp_path: Path, module: str, runner: str, named: str
) -> None:
    if module != "apache_beam":
        pytest.importorskip("apache_beam", reason="Apache Beam is not installed (the extra beam)")
    code = (
        f"{WITHOUT}sys.modules[{module!r}] = None\n"
        "from groovefast.cli.convert import main\n"
        f"sys.argv, sys.stderr = ['', '.', {str(tmp_path / 'new')!r}, '--runner', {runner!r}], "
        "sys.stdout\n"
        "try: main()\nexcept SystemExit as ended: print(ended.code)"
    )
    message = f"{named} is not installed, which this needs: pip install 'groovefast[beam]'"
    assert run_python(code).splitlines() == [f"groovefast-convert: {message}", "2"]
    assert not (tmp_path / "new").exists()


def test_all_that_plays_plays(run_python: RunPython) -> None:
    code = (
        f"{WITHOUT}from groovefast.playing import MODES, play, sample\n"
        "a, b = (each.groove for each in sample(num=2, seed=1))\n"
        "for name, mode in MODES.items():\n"
        " given = [a, b][: max(mode.inputs[0], name != 'sample')]\n"
        " options = {'groove_from': b} if name == 'groove-transfer' else {}\n"
        " print(name, len(play(name, given, seed=2, **options)) > 0)"
    )
    lines = run_python(code).splitlines()
    assert len(lines) == 9
    assert all(line.endswith("True") for line in lines)
