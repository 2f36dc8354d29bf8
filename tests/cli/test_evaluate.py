"""`groovefast-evaluate` as a user runs it, on small untrained models and random windows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fitted import simple_touch
from small_models import make_rnn
from window_records import Played, random_played, random_windows, write_performances, write_shards

from groovefast.cli import console
from groovefast.cli.evaluate import command
from groovefast.config import CONFIGS
from groovefast.evaluation.control import AttributeEffect, StyleRecognition
from groovefast.model.checkpoints import save_model
from groovefast.model.fitted import fingerprint
from groovefast.model.groovae import GrooVAE

SMALL = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"
HUMANIZE, ADD_HI_HAT = "groovae_2bar_humanize", "groovae_2bar_add_closed_hh"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models by the names of their configs."""
    folder = tmp_path_factory.mktemp("models")
    for name in (HUMANIZE, ADD_HI_HAT, "groovae_4bar"):
        save_model(GrooVAE(CONFIGS[name].with_hparams(SMALL)), folder / name)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of converted windows of two bars."""
    folder = tmp_path_factory.mktemp("data")
    write_shards(folder, random_windows(20, seed=1), num_shards=2, name="train")
    write_shards(folder, random_windows(12, seed=2), num_shards=2, name="test")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command; gives exit status, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            console.run(command, [str(word) for word in ("--resamples", 20, *words)])
        output = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, output.out, output.err

    return run


def row(text: str, name: str) -> list[str]:
    """The cells of the first line that begins with `name`."""
    line = next(line for line in text.splitlines() if line.strip().startswith(name))
    return line.strip().removeprefix(name).replace(" ±", "±").split()


def test_the_table_holds_the_model_the_baselines_and_the_paper(
    run: Run, models: Path, data: Path
) -> None:
    status, out, err = run("--model", models / HUMANIZE, "--data", data / "test-*.tfrecord")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"{HUMANIZE}, 12 windows"
    assert row(out, "Seq2Seq, published") == ["18.80", "0.032", "0.31", "0.08", "–"]
    quantized = row(out, "quantized")
    assert quantized[2:] == ["∞", "–", "–"]
    assert "±" in quantized[0]
    for name in ("this model", "mean of drum and step", "linear regression"):
        assert len(row(out, name)) == 5
    assert "hits a bar" not in out
    assert len(row(out, "high tom")) == 6
    assert "r_loss" in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_models_that_choose_hits_are_told_how_well_they_choose(
    run: Run, models: Path, data: Path
) -> None:
    status, out, _ = run("--model", models / ADD_HI_HAT, "--data", data / "test-*.tfrecord")
    assert status == 0
    assert "precision" in out
    assert len(row(out, "average hi-hat")) == 9
    assert "published" not in out
    assert "snare" not in out


def test_json_and_picture_are_written(run: Run, models: Path, data: Path, tmp_path: Path) -> None:
    numbers, picture = tmp_path / "numbers.json", tmp_path / "picture.png"
    status, out, _ = run(
        *("--model", models / HUMANIZE, "--data", data / "test-*.tfrecord"),
        *("--json", numbers, "--plot", picture),
    )
    assert status == 0
    written = json.loads(numbers.read_text())
    mae = written["rows"][0]["scores"]["all"]["timing_mae_ms"]
    assert row(out, "this model")[0].startswith(f"{mae['value']:.2f}±")
    assert mae["low"] < mae["value"] < mae["high"]
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_baselines_need_a_training_split(
    run: Run, models: Path, data: Path, tmp_path: Path
) -> None:
    write_shards(tmp_path, random_windows(12, seed=2), name="test")
    alone = ("--model", models / ADD_HI_HAT, "--data", tmp_path / "test-00000-of-00001.tfrecord")
    _, out, _ = run(*alone)
    assert "see --train-data" in out
    assert "average hi-hat" not in out
    _, out, _ = run(*alone, "--train-data", data / "train-*.tfrecord")
    assert "see --train-data" not in out
    assert "average hi-hat" in out


def test_one_shard_of_a_split_finds_the_training_split(run: Run, models: Path, data: Path) -> None:
    shard = data / "test-00001-of-00002.tfrecord"
    _, out, _ = run("--model", models / ADD_HI_HAT, "--data", shard)
    assert "average hi-hat" in out


@pytest.fixture(scope="module")
def four_bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    write_shards(folder, random_windows(20, 64, seed=1), name="train")
    write_shards(folder, random_windows(12, 64, seed=2), name="test")
    return folder


def test_new_grooves_are_measured(run: Run, models: Path, four_bars: Path, tmp_path: Path) -> None:
    words = ("--model", models / "groovae_4bar", "--data", four_bars / "test-*.tfrecord")
    numbers = tmp_path / "numbers.json"
    status, out, _ = run(*words, "--samples", 10, "--json", numbers)
    assert status == 0
    assert "10 new grooves" in out
    written = json.loads(numbers.read_text())["samples"]
    for name in ("samples", "training windows, by z", "training windows", "played windows"):
        cells = row(out.split("new grooves")[1], f"{name} ")  # one begins like another
        assert len(cells) == 11
        assert cells[9] == f"{written[name]['copying']['median']:.0f}"
    assert "Attributes" not in out
    assert "style" not in out
    assert "new grooves" not in run(*words, "--samples", 0)[1].lower()


def test_styles_and_attributes_are_shown(
    run: Run, models: Path, four_bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = AttributeEffect(1.25, 0.975, 0.5, "toms")
    styles = StyleRecognition(["funk", "rock"], [0.5, 0.75], [0.25, 1], [1, 1], [0, 0.5])
    control = {"styles": styles, "attributes": {"density": effect}}
    monkeypatch.setattr("groovefast.evaluation.evaluate._control", lambda *_: control)
    words = ("--model", models / "groovae_4bar", "--data", four_bars / "test-*.tfrecord")
    _, out, _ = run(*words, "--samples", 1)
    assert row(out, "funk") == ["0.500", "0.250", "1.000", "0.000"]
    assert row(out, "mean") == ["0.625", "0.625", "1.000", "0.250"]
    assert row(out, "density") == ["1.25", "0.975", "0.50", "toms"]


def test_the_touch_is_measured_beside_the_model(run: Run, tmp_path: Path) -> None:
    bar = random_played(1)
    loop = (np.tile(each, (6, 1)) for each in (bar.hits, bar.velocities, bar.offsets))
    write_performances(tmp_path, [Played(*loop), random_played(4, seed=1)], name="test")
    model = GrooVAE(CONFIGS[HUMANIZE].with_hparams(SMALL))
    about = {"weights": fingerprint(model.weights)}
    model.touch = dataclasses.replace(simple_touch(bar_cell=1.0), about=about)
    folder = save_model(model, tmp_path / "model")
    numbers = tmp_path / "numbers.json"
    words = ("--model", folder, "--data", tmp_path / "test-*.tfrecord", "--json", numbers)
    status, out, err = run(*words, "--touch", 1)
    assert status == 0, err
    assert len(row(out, "this model, touch 1")) == 5
    repeats = json.loads(numbers.read_text())["repeats"]
    cells = row(out.split("over repeats")[1], "all")
    assert cells[0] == str(5 * bar.hits.sum())
    assert cells[3] == f"{repeats['touched']['all']['velocity']:.3f}"
    assert "repeats" not in run(*words)[1]


def test_the_same_seed_prints_the_same(run: Run, models: Path, data: Path) -> None:
    words = ("--model", models / ADD_HI_HAT, "--data", data / "test-*.tfrecord", "--seed")
    assert run(*words, 5) == run(*words, 5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--model": "nowhere"}, "nowhere"),
        ({"--data": "nowhere/test-*.tfrecord"}, "no shard matches"),
        ({"--train-data": "nowhere/train-*.tfrecord"}, "no shard matches"),
        ({"--json": "nowhere/numbers.json"}, "--json: no such folder nowhere"),
        ({"--plot": "."}, "--plot: . is a folder"),
        ({"--batch-size": "0"}, "--batch-size"),
        ({"--resamples": "-1"}, "--resamples"),
        ({"--samples": "-1"}, "--samples"),
        ({"--style-data": "nowhere/test-*.tfrecord"}, "no shard matches"),
        ({"--hop-bars": "0"}, "--hop-bars"),
        ({"--min-hits": "1000"}, "--min-hits: no window has 1000 hits, the fullest has "),
    ],
)
def test_mistakes_are_told_in_one_line(
    run: Run, models: Path, data: Path, changes: dict[str, str], said: str
) -> None:
    words = {"--model": models / HUMANIZE, "--data": data / "test-*.tfrecord", **changes}
    status, out, err = run(*(word for pair in words.items() for word in pair))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("groovefast-evaluate: ")
    assert said in err


def test_which_windows_are_measured(run: Run, models: Path, tmp_path: Path) -> None:
    write_performances(tmp_path, [random_played(7)] * 2, name="test")
    words = ("--model", models / HUMANIZE, "--data", tmp_path / "test-*")
    _, out, _ = run(*words, "--hop-bars", 2, "--min-hits", 1, "--dedupe")
    assert out.splitlines()[0] == f"{HUMANIZE}, 3 windows"


def test_too_short_performances_are_told(run: Run, models: Path, data: Path) -> None:
    status, _, err = run("--model", models / "groovae_4bar", "--data", data / "test-*.tfrecord")
    assert status == 2
    assert "no performance is as long as the 4 bars of groovae_4bar; the longest" in err


def test_help_loads_nothing_heavy(run_python: Callable[[str], str]) -> None:
    loaded = run_python(
        "import sys, groovefast.cli.evaluate\n"
        "print([m for m in ('numpy', 'tensorflow', 'rich', 'matplotlib') if m in sys.modules])"
    )
    assert loaded == "[]"


@pytest.fixture(scope="module")
def next_step(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """A model without z and what to measure it on."""
    folder = tmp_path_factory.mktemp("next")
    write_performances(folder, [random_played(16, seed) for seed in range(2)], name="train")
    write_performances(folder, [random_played(17)], name="test")
    model = save_model(make_rnn(), folder / "model")
    return "--model", model, "--data", folder / "test-*"


def test_what_follows_is_measured(run: Run, next_step: tuple[object, ...], tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.json"
    status, out, _ = run(*next_step, "--json", numbers, "--seed", 3)
    assert status == 0
    written = json.loads(numbers.read_text())["rows"]
    bits, following = out.split("8 bars after 1 windows, temperature 0.75")
    assert "groove_rnn, the next step in 10 windows" in bits
    assert row(bits, "this model")[0] == f"{written[0]['bits']['hits']:.3f}"
    assert row(bits, "last bar repeated")[1] == "–"
    assert row(following, "this model")[0] == f"{written[0]['following']['repeats']:.3f}"
    assert row(following, "played")[3] == "1.000"
    assert run(*next_step, "--seed", 3)[1] == out


@pytest.mark.parametrize(
    "words", [("--samples", 3), ("--touch", 1), ("--plot", "picture.png")], ids=str
)
def test_what_a_model_without_z_has_no_use_for(
    run: Run, next_step: tuple[object, ...], words: tuple[object, ...]
) -> None:
    status, out, err = run(*next_step, *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert f"{words[0]}: of no use to a model of groove_rnn" in err


def test_a_model_of_tokens_is_measured_by_how_often_it_is_right(
    run: Run, tune_records: Path, tmp_path: Path
) -> None:
    save_model(GrooVAE(CONFIGS["cat-mel_2bar_small"].with_hparams(SMALL)), tmp_path / "model")
    words = ("--model", tmp_path / "model", "--data", tune_records / "melody" / "test-*")
    status, out, err = run(*words, "--json", tmp_path / "out.json")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "cat-mel_2bar_small, 20 windows"
    found = json.loads((tmp_path / "out.json").read_text())["accuracy"]["melody"]
    measures = ("teacher_forcing", "sampling", "commonest")
    assert row(out, "melody") == [f"{found[name]:.3f}" for name in measures]
    status, out, err = run(*words, "--samples", 5)
    assert (status, out) == (console.EXIT_MISTAKE, "")
    assert err == (
        "groovefast-evaluate: --samples: of no use to a model of cat-mel_2bar_small, which is of "
        "tokens\n"
    )
