"""Training on records of tokens, and measuring what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import get_config
from groovefast.errors import GrooveFastError, OptionError
from groovefast.evaluation.token_accuracy import evaluate_tokens
from groovefast.model.checkpoints import load_model
from groovefast.model.groovae import GrooVAE
from groovefast.training.metrics import read_metrics
from groovefast.training.train import TrainingResult, train
from groovefast.windows.dataset import load_dataset
from groovefast.windows.token_dataset import TokenWindows

SMALL = "enc_rnn_size=[8],dec_rnn_size=[8],z_size=4,batch_size=4"
REPRESENTATIONS = {"drums": "drums", "mel": "melody", "trio": "trio"}


def run(name: str, records: Path, run_dir: Path, steps: int = 4, **options: Any) -> TrainingResult:
    folder = records / REPRESENTATIONS[name.partition("-")[2].split("_")[0]]
    return train(
        name,
        run_dir=run_dir,
        steps=steps,
        **{
            "data": folder / "train-*",
            "eval_data": folder / "validation-*",
            "hparams": SMALL,
            "precision": "float32",
            "log_every": 2,
            "eval_every": 2,
            **options,
        },
    )


@pytest.fixture(scope="module")
def unbroken(tune_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on melodies of two bars, which are transposed and hear their own tokens."""
    run_dir = tmp_path_factory.mktemp("runs") / "unbroken"
    run("cat-mel_2bar_small", tune_records, run_dir)
    return run_dir


def test_a_run_on_tokens(unbroken: Path) -> None:
    lines = read_metrics(unbroken)
    assert [(line["split"], line["step"]) for line in lines] == [
        ("train", 2), ("eval", 2), ("train", 4), ("eval", 4),
    ]  # fmt: skip
    assert {"metrics/accuracy", "metrics/mean_per_class_accuracy"} <= set(lines[0])
    assert (unbroken / "training.png").exists()
    assert load_model(unbroken).config.name == "cat-mel_2bar_small"
    assert not list(unbroken.rglob("prior*"))


def test_evaluation_hears_its_own_tokens(unbroken: Path, tune_records: Path) -> None:
    model = load_model(unbroken, backend="tensorflow", fitted=False)
    (*_, last) = read_metrics(unbroken)
    data = load_dataset(tune_records / "melody" / "validation-*", model.config, 4, shuffle=False)
    found: dict[float, float] = {}
    for own in (0.0, 1.0):
        losses = [
            model.losses(*batch, sampling_probability=own, seed=tf.random.fold_in([0, 0], number))[
                "r_loss"
            ]
            for number, batch in enumerate(data)
        ]
        found[own] = float(tf.reduce_mean(tf.concat(losses, 0)))
    assert last["losses/r_loss"] == pytest.approx(found[1.0], rel=1e-5)
    assert last["losses/r_loss"] != pytest.approx(found[0.0], rel=1e-5)


def test_a_run_that_was_stopped_goes_on(unbroken: Path, tune_records: Path, tmp_path: Path) -> None:
    run("cat-mel_2bar_small", tune_records, tmp_path, steps=2)
    run("cat-mel_2bar_small", tune_records, tmp_path)
    with (
        np.load(tmp_path / "model" / "weights.npz") as found,
        np.load(unbroken / "model" / "weights.npz") as wanted,
    ):
        for name in wanted:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


@pytest.mark.parametrize(
    ("name", "precision"),
    [("hierdec-drums_16bar", "mixed_bfloat16"), ("hier-trio_16bar", "float32")],
)
def test_sixteen_bars(name: str, precision: str, tune_records: Path, tmp_path: Path) -> None:
    result = run(name, tune_records, tmp_path, steps=1, precision=precision, eval_data=None)
    assert result.step == 1
    assert np.isfinite(result.metrics["loss"])
    parts = [f"metrics/accuracy/output_{part}" for part in range(3)]
    assert all(part in result.metrics for part in parts) == ("trio" in name)


@pytest.mark.parametrize(
    "text",
    ["swap_probability=0.1", "thin_probability=0.5", "loss_at_hits_only=true", "played_weight=2"],
)
def test_refuses_what_is_of_performances(text: str) -> None:
    name = text.partition("=")[0]
    with pytest.raises(
        OptionError, match=f"hparams: {name} is of performances, cat-drums_2bar_small of tokens"
    ):
        get_config("cat-drums_2bar_small").with_hparams(text)


def test_refuses_other_records(tune_records: Path, tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError, match="holds tokens of melody, but flat-trio_16bar wants"):
        run("flat-trio_16bar", tune_records, tmp_path, data=tune_records / "melody" / "train-*")


@pytest.mark.parametrize("name", ["flat-mel_16bar", "hierdec-trio_16bar"])
def test_accuracies_are_those_of_the_losses(name: str, tune_records: Path) -> None:
    model = GrooVAE(get_config(name).with_hparams(SMALL), seed=1)
    representation = REPRESENTATIONS[name.partition("-")[2].split("_")[0]]
    data = tune_records / representation / "test-*"
    evaluation = evaluate_tokens(model, data, batch_size=64, seed=2)
    tokens = TokenWindows.read(data, model.config, 2).tokens
    assert evaluation.windows == len(tokens)
    assert [part.part for part in evaluation.parts] == (
        ["melody", "bass", "drums"] if "trio" in name else ["melody"]
    )
    for own, measure in ((0.0, "teacher_forcing"), (1.0, "sampling")):
        seed = tf.random.fold_in([2, 0], 0)
        losses = model.losses(tokens, tokens, sampling_probability=own, seed=seed)
        mean = np.mean([getattr(part, measure) for part in evaluation.parts])
        assert mean == pytest.approx(float(losses["accuracy"]), rel=1e-5)
    for number, part in enumerate(evaluation.parts):
        own_tokens = tokens.numpy().reshape(-1, len(evaluation.parts))[:, number]
        counts = np.unique(own_tokens, return_counts=True)[1]
        assert part.commonest == counts.max() / counts.sum()
    assert set(evaluation.to_json()) == {"config", "windows", "accuracy", "losses"}


def test_accuracy_is_of_tokens(tune_records: Path) -> None:
    model = GrooVAE(get_config("groovae_4bar").with_hparams(SMALL))
    with pytest.raises(GrooveFastError, match="model: groovae_4bar is not of tokens"):
        evaluate_tokens(model, tune_records / "drums" / "test-*")
