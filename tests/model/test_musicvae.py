"""The models of MusicVAE against Magenta's own numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import CONFIGS
from groovefast.model.checkpoints import load_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.magenta import export_tf1
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.training.optimizer import Adam
from groovefast.training.schedules import beta, learning_rate, sampling_probability

GOLDEN = (
    "cat-drums_2bar_small",
    "hierdec-drums_16bar",
    "cat-mel_2bar_small",
    "hierdec-mel_16bar",
    "hier-mel_16bar",
    "hierdec-trio_16bar",
)
WITH_CONDUCTOR = [name for name in GOLDEN if name.startswith("hier")]
SAMPLED_IN_TRAINING = [name for name in GOLDEN if name.startswith("cat")]


class Golden(NamedTuple):
    """A checkpoint that Magenta wrote, and what Magenta computed with it."""

    model: GrooVAE
    expected: dict[str, np.ndarray]
    tokens: np.ndarray
    step: int

    @property
    def beta(self) -> float:
        return float(beta(self.model.config.hparams, tf.constant(self.step)))

    def losses(self, **options: Any) -> dict[str, np.ndarray]:
        """Those of the tokens, with the noise of z that Magenta had."""
        options = {"eps": self.expected["eps"], "beta": self.beta, **options}
        losses = self.model.losses(self.tokens, self.tokens, **options)
        return {name: value.numpy() for name, value in losses.items()}


@pytest.fixture(scope="module")
def load(dataset_golden_dir: Path) -> Callable[[str], Golden]:
    def load_one(name: str) -> Golden:
        folder = dataset_golden_dir / "musicvae" / name
        meta = json.loads((folder / "meta.json").read_text())
        read = load_model(folder / f"model.ckpt-{meta['global_step']}", name)
        own = read.config.hparams
        assert (own.enc_rnn_size, own.dec_rnn_size, own.z_size) == (
            tuple(meta["enc_rnn_size"]),
            tuple(meta["dec_rnn_size"]),
            meta["z_size"],
        )
        model = GrooVAE(read.config.with_hparams({"free_bits": meta["free_bits"]}))
        for variable, weight in model.weights.items():
            weight.assign(read.weights[variable])
        with np.load(folder / "expected.npz") as file:
            expected = dict(file)
        tokens = expected["tokens"]
        return Golden(
            model, expected, tokens if tokens.shape[2] > 1 else tokens[..., 0], meta["global_step"]
        )

    return load_one


@pytest.fixture(params=GOLDEN)
def golden(request: pytest.FixtureRequest, load: Callable[[str], Golden]) -> Golden:
    return load(request.param)


def in_numpy(model: GrooVAE) -> NumpyGrooVAE:
    return NumpyGrooVAE(model.config, {name: x.numpy() for name, x in model.weights.items()})


def with_parts(tokens: Any) -> np.ndarray:
    """Tokens as Magenta's numbers have them: with an axis of parts."""
    array = np.asarray(tokens)
    return array[..., None] if array.ndim == 2 else array


def test_the_posterior_is_magentas(golden: Golden) -> None:
    mu, sigma = golden.model.encode(golden.tokens)
    np.testing.assert_allclose(mu, golden.expected["mu"], atol=1e-5)
    np.testing.assert_allclose(sigma, golden.expected["sigma"], atol=1e-5)


@pytest.mark.parametrize("name", WITH_CONDUCTOR)
def test_the_conductor_is_magentas(name: str, load: Callable[[str], Golden]) -> None:
    golden = load(name)
    embeddings = golden.model.embeddings(golden.expected["z"])
    np.testing.assert_allclose(embeddings, golden.expected["embeddings"], atol=1e-5)


def test_logits_are_magentas(golden: Golden) -> None:
    model, expected = golden.model, golden.expected
    logits = np.asarray(model.teacher_forced(expected["z"], golden.tokens))
    np.testing.assert_allclose(
        logits[:2, expected["logits_steps"]], expected["logits"], atol=1e-4, rtol=1e-5
    )
    parts = model._layout.split(tf, tf.constant(logits))
    for part, (own, true) in enumerate(
        zip(parts, np.moveaxis(with_parts(golden.tokens), -1, 0), strict=True)
    ):
        chances = np.take_along_axis(
            tf.nn.log_softmax(own).numpy(), true[..., None].astype(int), -1
        )
        np.testing.assert_allclose(
            chances[..., 0], expected["target_logprob"][..., part], atol=1e-4
        )


def test_losses_and_metrics_are_magentas(golden: Golden) -> None:
    losses, expected = golden.losses(), golden.expected
    assert golden.beta == pytest.approx(float(expected["beta"]), rel=1e-4)
    for ours, theirs in (("r_loss", "r_loss"), ("kl", "kl"), ("total", "total")):
        np.testing.assert_allclose(losses[ours], expected[theirs], rtol=1e-5)
    np.testing.assert_allclose(losses["kl_loss"], expected["kl_cost"], rtol=1e-5, atol=1e-4)
    metrics = {name: float(value) for name, value in expected.items() if name[:7] == "metric/"}
    assert {name: losses[name.removeprefix("metric/")] for name in metrics} == pytest.approx(
        metrics, rel=1e-5
    )


@pytest.mark.parametrize(
    ("name", "compiled"),
    [*((name, False) for name in GOLDEN), (GOLDEN[0], True), (GOLDEN[-1], True)],
)
def test_gradients_and_four_steps_of_training_are_magentas(
    name: str, compiled: bool, load: Callable[[str], Golden]
) -> None:
    golden = load(name)
    model, expected = golden.model, golden.expected
    variables, beta_now = list(model.weights.values()), golden.beta
    optimizer = Adam(variables)

    @tf.function
    def gradients() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            total = model.losses(
                golden.tokens,
                golden.tokens,
                eps=expected["eps"],
                beta=beta_now,
                compiled=compiled,
            )["total"]
        return total, tape.gradient(total, variables)

    found, totals = {}, []
    for step in range(4):
        total, each = gradients()
        if not step:
            found = dict(zip(model.weights, map(np.linalg.norm, each), strict=True))
        totals.append(float(total))
        norm = float(tf.linalg.global_norm(each))
        rate = learning_rate(model.config.hparams, tf.constant(golden.step + step))
        optimizer.apply([part / max(norm, 1.0) for part in each], rate, tf.constant(step))
    wanted = dict(zip(expected["grad_names"], expected["grad_norms"], strict=True))
    assert found == pytest.approx(wanted, rel=1e-4)
    assert np.linalg.norm(list(found.values())) == pytest.approx(
        float(expected["grad_global_norm"]), rel=1e-4
    )
    np.testing.assert_allclose(totals, expected["train_losses"], rtol=1e-4)


@pytest.mark.parametrize("backend", ["tensorflow", "numpy"])
def test_windows_are_magentas(golden: Golden, backend: str) -> None:
    model = golden.model if backend == "tensorflow" else in_numpy(golden.model)
    expected = golden.expected
    greedy = model.decode(expected["mu"], temperature=0)
    np.testing.assert_array_equal(with_parts(greedy), expected["greedy"])
    for temperature in (0.5, 1.0):
        drawn = model.decode(
            expected["z"], temperature=temperature, noise=expected[f"noise_t{temperature}"]
        )
        np.testing.assert_array_equal(with_parts(drawn), expected[f"sampled_t{temperature}"])


@pytest.mark.parametrize("name", SAMPLED_IN_TRAINING)
def test_scheduled_sampling_is_magentas(name: str, load: Callable[[str], Golden]) -> None:
    golden = load(name)
    expected, hparams = golden.expected, golden.model.config.hparams
    assert hparams.evaluated_sampling_probability == 1
    of_itself = golden.losses(sampling_probability=1.0, noise=expected["eval_noise"])
    np.testing.assert_allclose(of_itself["r_loss"], expected["eval_r_loss"], rtol=1e-5)
    for metric in ("accuracy", "mean_per_class_accuracy"):
        wanted = float(expected[f"eval_metric/{metric}"])
        assert of_itself[metric] == pytest.approx(wanted, rel=1e-5)
    chance = sampling_probability(hparams, tf.constant(golden.step))
    assert float(chance) == pytest.approx(float(expected["sched_probability"]), rel=1e-4)
    now_and_then = golden.losses(noise=expected["sched_noise"], coins=expected["sched_coin"])
    np.testing.assert_allclose(now_and_then["r_loss"], expected["sched_r_loss"], rtol=1e-5)


def test_a_checkpoint_goes_out_as_it_came_in(
    golden: Golden, dataset_golden_dir: Path, tmp_path: Path
) -> None:
    name = golden.model.config.name
    exported = export_tf1(golden.model, tmp_path / name, golden.step)
    original = str(dataset_golden_dir / "musicvae" / name / f"model.ckpt-{golden.step}")
    assert tf.train.list_variables(str(exported)) == tf.train.list_variables(original)
    again = load_model(exported)
    assert again.config == CONFIGS[name].with_hparams(
        {
            part: getattr(golden.model.config.hparams, part)
            for part in ("z_size", "enc_rnn_size", "dec_rnn_size")
        }
    )
    read, written = map(tf.train.load_checkpoint, (original, str(exported)))
    for variable in golden.model.weights:
        np.testing.assert_array_equal(read.get_tensor(variable), written.get_tensor(variable))
