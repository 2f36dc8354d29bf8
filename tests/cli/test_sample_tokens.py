"""`groovefast-sample` with models of tokens, as a user runs it."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from token_models import DRUMS, MELODY, SIXTEEN, TRIO, make_token_model

from groovefast import Groove
from groovefast.cli.sample import main
from groovefast.midi.arrangement import Arrangement
from groovefast.model.checkpoints import load_model, save_model
from groovefast.playing import play


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    kinds = (DRUMS, MELODY, TRIO, SIXTEEN)
    return {kind: save_model(make_token_model(kind), folder / kind) for kind in kinds}


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Runs the command into `out`; gives its exit status and what it printed."""
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "mpl"))

    def run_with(*words: object) -> tuple[int, str, str]:
        words = ["groovefast-sample", "--output-dir", tmp_path / "out", "--seed", 1, *words]
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), *capfd.readouterr()

    return run_with


@pytest.mark.parametrize("kind", [DRUMS, MELODY, TRIO, SIXTEEN])
def test_new_music_with_its_picture_and_sound(run, models, tmp_path, kind):
    status, out, err = run("--model", models[kind], "--num", 2, "--plot", "--render", "wav")
    assert (status, err) == (0, "")
    assert out == f"2 MIDI files in {tmp_path / 'out'} (seed 1)\n"
    wanted = play("sample", model=load_model(models[kind]), model_name=kind, num=2, seed=1)
    for number, rendition in enumerate(wanted, start=1):
        stem = tmp_path / "out" / f"sample-{number:03d}"
        assert stem.with_suffix(".mid").read_bytes() == rendition.midi
        assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        with wave.open(str(stem.with_suffix(".wav"))) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert np.abs(samples).max() > 1000


def test_sixteen_bars_are_sixteen(run, models, tmp_path):
    assert run("--model", models[SIXTEEN], "--num", 1)[0] == 0
    assert Groove.from_midi(tmp_path / "out" / "sample-001.mid").quarters == 64


def test_on_from_what_it_made(run, models, tmp_path):
    run("--model", models[TRIO], "--num", 2)
    a, b = (tmp_path / "out" / f"sample-00{number}.mid" for number in (1, 2))
    words = ["--model", models[TRIO], "--mode"]
    status, out, _ = run(*words, "interpolate", "--input", a, "--input", b, "--num", 3)
    assert (status, out[:12]) == (0, "3 MIDI files")
    assert run(*words, "vary", "--input", a, "--num", 2, "--plot")[0] == 0
    made = sorted(path.name for path in (tmp_path / "out").glob("*-*-*.mid"))
    assert made == [
        *(f"sample-001-interpolate-00{number}.mid" for number in (1, 2, 3)),
        *(f"sample-001-vary-00{number}.mid" for number in (1, 2)),
    ]
    varied = Arrangement.from_midi(tmp_path / "out" / made[-1])
    assert varied.quarters == 64


def test_mistakes_are_told_in_one_line(run, models, tmp_path):
    run("--model", models[DRUMS], "--num", 1)
    beat = tmp_path / "out" / "sample-001.mid"
    here = ["--model", models[MELODY], "--mode"]
    why = "a model of cat-mel_2bar_small"
    for words, message in (
        (["vary", "--input", beat], f"{beat}: no melody of the programs wanted beside channel 10"),
        (["humanize", "--input", beat], "humanize: not what a model of cat-mel_2bar_small has"),
        (["sample", "--touch", 1], f"--touch: {why} plays all on the grid"),
        (["sample", "--style", "funk"], f"--style: {why} has no fitted prior"),
        (["sample", "--bars", 4], "--bars: of no use to --mode sample; it is for continue"),
        (["sample", "--input", beat], "--input: this model makes up its own"),
    ):
        status, _, err = run(*here, *words)
        assert (status, err.count("\n")) == (2, 1), err
        assert err.startswith(f"groovefast-sample: {message}"), err
