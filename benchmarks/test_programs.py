"""Each program runs, in its smallest form: what it measures here says nothing.

pytest benchmarks --benchmark-disable
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from groovefast import demo

SMALL = "enc_rnn_size=[8],dec_rnn_size=[8,8],z_size=4"
MIDI = ["--midi", "{midi}"]
PROGRAMS: dict[str, list[str]] = {
    "continue_groove": [],
    "convert": MIDI,
    "gpu_train": [*MIDI, "--batch-size", "4", "--steps", "1", "--hparams", SMALL],
    "many_workers": [*MIDI, "--steps", "40", "--hparams", f"{SMALL},batch_size=4"],
    "memory": [*MIDI, "--few", "5", "--many", "10"],
    "parse": MIDI,
    "pipeline": MIDI,
    "precision": [*MIDI, "--steps", "100", "--hparams", f"{SMALL},batch_size=4"],
    "remote_reads": [*MIDI, "--few", "5"],
    "runners": [*MIDI, "--files", "50"],
    "sample": [],
    "scale": [*MIDI, "--sizes", "20", "40", "60"],
    "startup": [],
    "studio": [],
    "syscalls": MIDI,
    "to_tensors": MIDI,
    "tokens": [*MIDI, "--files", "5"],
    "train_step": ["--config", "groovae_2bar_humanize", "--batch-size", "2"],
}
OF_PEERS = {"note_seq_drums", "note_seq_grid", "train_torch"}
"""Not run: their packages, old or large, are not installed for tests."""
PARTS = {"conftest", "corpus", "slow_store", "test_programs", "test_speed", "timing", "worker"}
PARTS |= {"train_groovefast", "training_worker"}  # of gpu_train and many_workers


@pytest.fixture(scope="module")
def midi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some made-up performances, named as in the dataset."""
    folder = tmp_path_factory.mktemp("midi")
    demo.write_corpus(folder, num=40)
    return folder


def test_every_program_is_here() -> None:
    files = {path.stem for path in Path(__file__).parent.glob("*.py")}
    assert files == {*PROGRAMS, *OF_PEERS, *PARTS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs(
    name: str,
    midi: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "syscalls" and not shutil.which("strace"):
        pytest.skip("strace is not installed")
    found = tmp_path / "found.json"
    words = [word.format(midi=midi) for word in PROGRAMS[name]]
    monkeypatch.setattr(sys, "argv", [name, *words, "--rounds", "1", "--json", str(found)])
    main: Callable[[], None] = import_module(name).main
    main()
    assert json.loads(found.read_text())["title"] in capsys.readouterr().out
    assert {"figures", "timings"} & json.loads(found.read_text()).keys()
