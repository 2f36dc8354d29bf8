"""What the README shows works: its snippets run, its options and files exist."""

from __future__ import annotations

import importlib
import re
import shlex
from importlib import metadata
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _commands():
    """Every call of a `groovefast-…` command, as its words."""
    for block in _blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0].startswith("groovefast-"):
                yield words


def _command(name):
    (entry,) = metadata.entry_points(group="console_scripts", name=name)
    home = vars(importlib.import_module(entry.module)).values()
    return next(made for made in home if isinstance(made, click.Command) and made.name == name)


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_commands_have_the_options_shown(words):
    known = {option for param in _command(words[0]).params for option in param.opts}
    own = words[: words.index("--")] if "--" in words else words  # others are a runner's
    assert {word for word in own if word.startswith("--")} <= known


def test_performances_shown_exist(groove_dir):
    shown = [word for words in _commands() for word in words if word.endswith(".mid")]
    assert shown
    for path in shown:
        in_dataset = path.startswith("data/groove/")
        place = groove_dir / path.removeprefix("data/groove/") if in_dataset else ROOT / path
        assert place.is_file()


def test_links_lead_to_files():
    targets = re.findall(r"\]\((?!https?://)([^)]+)\)", README)
    assert targets
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    files = [target for target in targets if target not in anchors]
    assert [target for target in files if not (ROOT / target).exists()] == []


def test_named_source_files_exist():
    folders = re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)
    wings = {path.parent.name for path in (ROOT / "groovefast").glob("*/__init__.py")}
    assert set(folders) == wings
    files = re.findall(r"`(\w+\.pyx?)`", README)
    assert {"_midi.pyx", "_records.pyx", "plot_style.py"} <= set(files)
    assert [file for file in files if not list((ROOT / "groovefast").rglob(file))] == []


NAMED_PATH = re.compile(r"`((?:benchmarks|csrc|docs|groovefast|scripts|tests)/[^\s`]*)`")


@pytest.mark.parametrize(
    "page", ["README.md", "benchmarks/README.md", "docs/measures.md", "docs/training.md"]
)
def test_named_paths_exist(page):
    named = NAMED_PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []
    assert named or page in ("benchmarks/README.md", "docs/measures.md")


def test_records_are_read_with_tensorflow_alone(own_files, tmp_path, monkeypatch):
    from groovefast import GrooveConverter, convert

    convert(own_files, tmp_path / "records")
    monkeypatch.chdir(tmp_path)
    (snippet,) = (block for block in _blocks("python") if "TFRecordDataset" in block)
    assert "groovefast" not in snippet
    names = {}
    exec(snippet, names)
    converter = GrooveConverter(split_bars=4, hop_bars=1)
    outputs = [window for path in own_files for window in converter.to_tensors(path).outputs]
    windows = [[part.numpy() for part in window] for window in names["dataset"]]
    assert len(windows) == len(outputs) > 0
    for (hits, velocities, offsets), window in zip(windows, outputs, strict=True):
        assert (hits == window[:, :9]).all()
        assert (velocities == (window[:, 9:18] * 127).round()).all()
        assert (offsets == window[:, 18:]).all()


def test_python_example_runs(own_files, tmp_path, monkeypatch):
    (tmp_path / "beat.mid").write_bytes(own_files[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    (snippet,) = (block for block in _blocks("python") if "load_model" in block)
    exec(snippet, {})
    from groovefast import Groove

    (again,) = tmp_path.glob("again*.mid")
    assert len(Groove.from_midi(again).notes) > 0
    assert len(Groove.from_midi(tmp_path / "played.mid").notes) > 0


def test_example_of_tokens_runs(own_files, tmp_path, monkeypatch):
    from groovefast import read_midi

    (tmp_path / "beat.mid").write_bytes(own_files[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    (snippet,) = (block for block in _blocks("python") if "DrumsConverter" in block)
    names = {}
    exec(snippet, names)
    assert names["drums"].tokens.shape[1] == 32
    assert read_midi("tune.mid", channel=1).notes["pitch"].tolist() == [62, 66, 69]


def test_onnx_files_are_played_with_onnxruntime_alone(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from groovefast import load_model
    from groovefast.model.onnx_files import export_onnx

    (words,) = (words for words in _commands() if "onnx" in words)
    monkeypatch.chdir(tmp_path)
    model = load_model(words[-2])
    export_onnx(model, Path(words[-1]))
    (snippet,) = (block for block in _blocks("python") if "onnxruntime" in block)
    assert "groovefast" not in snippet
    names = {}
    exec(snippet, names)
    assert names["hits"].shape == (4, 64, 9)
    assert 0 < names["hits"].mean() < 0.5
    assert set(names["hits"].ravel().tolist()) == {0, 1}
