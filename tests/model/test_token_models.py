"""Models of tokens, and those with a conductor, whatever Magenta says of them."""

from __future__ import annotations

import functools
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from groovefast import GrooveConverter, load_dataset
from groovefast.cli.checkpoints import import_checkpoint
from groovefast.config import CONFIGS, Config
from groovefast.errors import GrooveFastError
from groovefast.model.checkpoints import load_model, save_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.magenta import export_tf1
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.onnx_files import export_onnx
from groovefast.model.plan import layers
from groovefast.playing.modes import humanize
from groovefast.windows.token_rows import TokenLayout, layout_of

TOKENS = [name for name, config in CONFIGS.items() if config.tokens]
LONG = ["groovae_16bar", "groovae_16bar_flat"]
CLOSE = 1e-5
DRUMS, LAID_OUT, MELODY, TRIO = (
    "cat-drums_2bar_small",
    "hierdec-drums_16bar",
    "hier-mel_16bar",
    "hierdec-trio_16bar",
)


def small(name: str) -> Config:
    """A config with as many layers as it has, all small."""
    hparams = CONFIGS[name].hparams
    sizes: dict[str, Any] = {
        kind: [6 + number for number in range(len(getattr(hparams, kind)))]
        for kind in ("enc_rnn_size", "dec_rnn_size")
    }
    return CONFIGS[name].with_hparams({"z_size": 5, **sizes})


@functools.cache
def make_model(name: str) -> GrooVAE:
    """A model with weights that say something."""
    model, rng = GrooVAE(small(name)), np.random.default_rng(1)
    for variable in model.weights.values():
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return model


@functools.cache
def in_numpy(name: str) -> NumpyGrooVAE:
    model = make_model(name)
    return NumpyGrooVAE(model.config, {key: x.numpy() for key, x in model.weights.items()})


def tokens_of(name: str, n: int, bars: int | None = None, seed: int = 0) -> np.ndarray:
    """Tokens at random, or rows of performances."""
    config, rng = CONFIGS[name], np.random.default_rng(seed)
    layout, steps = layout_of(config), 16 * (bars or config.converter.split_bars or 0)
    if not isinstance(layout, TokenLayout):
        return rng.random((n, steps, layout.depth)).astype(np.float32)
    return rng.integers(0, layout.tokens, (n, steps, len(layout.tokens))).reshape(
        layout.shape(n, steps)
    )


def latents(n: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 5)).astype(np.float32)


@pytest.mark.parametrize("name", [*TOKENS, *LONG])
def test_backends_are_the_same(name: str) -> None:
    slow, quick = make_model(name), in_numpy(name)
    tokens, z = tokens_of(name, 3), latents(3)
    for ours, theirs in zip(quick.encode(tokens), slow.encode(tokens), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    for temperature in (0, 0.7):
        ours, theirs = (model.decode(z, None, temperature, seed=4) for model in (quick, slow))
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    ours, theirs = (model.teacher_forced(z, tokens) for model in (quick, slow))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=3e-5)
    if CONFIGS[name].hparams.hierarchical_decoder:
        ours, theirs = (model.embeddings(z) for model in (quick, slow))
        assert ours.shape == (3, 16, small(name).hparams.dec_rnn_size[-1])
        np.testing.assert_allclose(ours, theirs, atol=CLOSE)


@pytest.mark.parametrize("name", TOKENS)
def test_what_is_written_is_likeliest_after_what_was_written(name: str) -> None:
    model, z = in_numpy(name), latents(2)
    tokens = model.decode(z, temperature=0)
    layout = layout_of(model.config)
    assert tokens.shape == layout.shape(2, CONFIGS[name].converter.window_steps)
    assert np.issubdtype(tokens.dtype, np.integer)
    np.testing.assert_array_equal(layout.told(np, model.teacher_forced(z, tokens)), tokens)


def test_tokens_may_be_of_any_kind_of_whole_numbers() -> None:
    model, tokens = make_model(DRUMS), tokens_of(DRUMS, 2)
    wanted = np.asarray(model.encode(tokens).mu)
    for same in (tokens.astype(np.int16), tokens.tolist(), tf.constant(tokens, tf.int32)):
        np.testing.assert_array_equal(model.encode(same).mu, wanted)


@pytest.mark.parametrize("name", [DRUMS, LAID_OUT, MELODY, TRIO, "groovae_16bar"])
def test_draws(name: str) -> None:
    model = in_numpy(name)
    many = model.sample(4, seed=5)
    np.testing.assert_array_equal(model.sample(2, seed=5), many[:2])
    assert (model.sample(4, seed=6) != many).any()
    z, steps = latents(2), CONFIGS[name].converter.window_steps
    noise = np.random.default_rng(0).uniform(0.01, 0.99, (steps, 2, model._row.draws))
    drawn = [model.decode(z, noise=noise, seed=seed) for seed in (1, 2)]
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_allclose(make_model(name).decode(z, noise=noise), drawn[0], atol=CLOSE)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_tokens_are_drawn_with_their_probability(temperature: float) -> None:
    model = GrooVAE(small("cat-mel_2bar_small"))
    for weight in model.weights.values():
        weight.assign(tf.zeros_like(weight))
    logits = np.linspace(0, 3, 90, dtype=np.float32)
    model.weights["decoder/output_projection/bias"].assign(logits)
    for each in (model, NumpyGrooVAE(model.config, dict(model.weights))):
        found = np.bincount(np.asarray(each.sample(600, temperature, seed=1)).ravel(), minlength=90)
        wanted = np.exp(logits / temperature)
        np.testing.assert_allclose(found / found.sum(), wanted / wanted.sum(), atol=0.003)


def test_each_bar_is_written_from_its_own_embedding_and_the_row_before() -> None:
    """So the logits of a bar are those of a window of one bar that is told it."""
    model, tokens, z = in_numpy(LAID_OUT), tokens_of(LAID_OUT, 1), latents(1)
    logits, embeddings = model.teacher_forced(z, tokens), model.embeddings(z)
    other = tokens.copy()
    other[:, : 16 * 5 - 1] = 7  # all but the last row before the sixth bar
    np.testing.assert_array_equal(model.teacher_forced(z, other)[:, 80:], logits[:, 80:])
    other[:, 79] = (tokens[:, 79] + 1) % 512
    assert (model.teacher_forced(z, other)[:, 80] != logits[:, 80]).any()
    assert len(np.unique(embeddings.round(6), axis=1)[0]) == 16


@pytest.mark.parametrize("name", [LAID_OUT, MELODY, "groovae_16bar"])
def test_any_number_of_bars(name: str) -> None:
    model, z = in_numpy(name), latents(2)
    whole, half = model.decode(z, temperature=0), model.decode(z, temperature=0, steps=128)
    np.testing.assert_allclose(half, whole[:, :128], atol=CLOSE)
    assert model.encode(tokens_of(name, 2, bars=3)).mu.shape == (2, 5)


@pytest.mark.parametrize("name", ["flat-mel_16bar", "groovae_16bar_flat"])
@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_only_what_is_read_by_bars_has_to_be_of_whole_bars(
    name: str, backend: str, tmp_path: Path
) -> None:
    model = GrooVAE(small(name).with_hparams({"hierarchical_encoder": True}))
    read_by_bars = load_model(save_model(model, tmp_path), backend=backend)
    outputs = tokens_of(name, 1, bars=2)[:, :17]
    assert read_by_bars.decode(latents(1), steps=17).shape[:2] == (1, 17)
    assert read_by_bars.teacher_forced(latents(1), outputs).shape[:2] == (1, 17)
    with pytest.raises(GrooveFastError, match="inputs: whole bars of 16 rows"):
        read_by_bars.encode(outputs)


@pytest.mark.parametrize("name", [DRUMS, TRIO, "flat-trio_16bar"])
def test_losses_of_a_model_that_knows_nothing(name: str) -> None:
    model = GrooVAE(small(name))
    for weight in model.weights.values():
        weight.assign(tf.zeros_like(weight))
    layout, steps = layout_of(model.config), CONFIGS[name].converter.window_steps
    tokens = tokens_of(name, 3)
    losses = model.losses(tokens, tokens, seed=1)
    bits = sum(math.log(size) for size in layout.tokens)
    np.testing.assert_allclose(losses["r_loss"], 3 * [steps * bits], rtol=1e-5)
    right = (tokens == 0).mean((0, 1))
    assert float(losses["accuracy"]) == pytest.approx(right.mean(), abs=1e-6)
    if right.size > 1:
        parts = [float(losses[f"accuracy/output_{part}"]) for part in range(3)]
        np.testing.assert_allclose(parts, right, atol=1e-6)


def test_accuracy_of_each_token() -> None:
    model = GrooVAE(small(LAID_OUT))
    for weight in model.weights.values():
        weight.assign(tf.zeros_like(weight))
    model.weights["core_decoder/decoder/output_projection/bias"].assign(np.eye(512)[7])
    tokens = np.full((2, 256), 3)
    tokens[0, :16] = 7  # in the first bar half are found, so one of 512 tokens always is
    losses = model.losses(tokens, tokens, seed=1)
    assert float(losses["accuracy"]) == pytest.approx(16 / 512)
    assert float(losses["mean_per_class_accuracy"]) == pytest.approx(1 / 512 / 16)


@pytest.mark.parametrize("name", [DRUMS, LAID_OUT, TRIO])
def test_sampling_that_never_happens_is_teacher_forcing(name: str) -> None:
    model, tokens = make_model(name), tokens_of(name, 2, bars=2)
    never, always = np.zeros((32, 2)), np.ones((32, 2))
    forced, same, other = (
        model.losses(tokens, tokens, eps=latents(2), seed=1, coins=coins)["r_loss"].numpy()
        for coins in (None, never, always)
    )
    np.testing.assert_allclose(same, forced, rtol=1e-5)
    assert (abs(other - forced) > 0.05).any()


@pytest.mark.parametrize("name", [DRUMS, MELODY, TRIO])
@pytest.mark.parametrize("model_of", [make_model, in_numpy])
def test_interpolation_goes_from_one_to_the_other(name: str, model_of: Callable) -> None:
    model = model_of(name)
    start, end = tokens_of(name, 1), tokens_of(name, 1, seed=8)
    way = np.asarray(model.interpolate(start, end, 5, temperature=0))
    assert len(way) == 5
    for there, own in ((way[:1], start), (way[-1:], end)):
        wanted = model.decode(model.encode(own).mu, temperature=0)
        assert (there == np.asarray(wanted)).mean() > 0.95  # slerp is exact but for the last bits


def test_every_variable_has_a_gradient() -> None:
    for name in ("hier-trio_16bar", "flat-trio_16bar", DRUMS):
        model, tokens = make_model(name), tokens_of(name, 2)
        with tf.GradientTape() as tape:
            total = model.losses(tokens, tokens, seed=0)["total"]
        gradients = tape.gradient(total, list(model.weights.values()))
        for variable, gradient in zip(model.weights, gradients, strict=True):
            assert np.abs(gradient).max() > 0, f"{name}: {variable}"


def test_published_sizes_have_the_published_shapes() -> None:
    shapes = layers(CONFIGS["hierdec-trio_16bar"]).shapes()
    core = "core_decoder/core_decoder_2/decoder"
    assert shapes[f"{core}/multi_rnn_cell/cell_0/lstm_cell/kernel"] == (512 + 2 * 1024, 4096)
    assert shapes["decoder/hierarchical_level_0/initial_state/kernel"] == (512, 4096)
    assert shapes["decoder/hierarchical_level_0/cell_0/lstm_cell/kernel"] == (1025, 4096)
    shapes = layers(CONFIGS["cat-mel_2bar_big"]).shapes()
    assert shapes["decoder/multi_rnn_cell/cell_0/lstm_cell/kernel"] == (90 + 512 + 2048, 8192)
    assert shapes["decoder/output_projection/kernel"] == (2048, 90)


@pytest.mark.parametrize("name", [DRUMS, "cat-mel_2bar_small", MELODY, TRIO, "flat-trio_16bar"])
def test_a_tar_of_magentas_is_imported(name: str, tmp_path: Path) -> None:
    export_tf1(in_numpy(name), tmp_path / "checkpoint", step=9)
    with tarfile.open(tmp_path / f"{name}.lokl.tar", "w") as tar:
        tar.add(tmp_path / "checkpoint", arcname=".")
    words = [str(tmp_path / f"{name}.lokl.tar"), str(tmp_path / "model")]
    result = CliRunner().invoke(import_checkpoint, words)
    assert result.exit_code == 0, result.output
    assert f"{name} after 9 steps, z 5" in result.output
    for backend in ("numpy", "tensorflow"):
        model = load_model(tmp_path / "model", backend=backend)
        assert model.config == small(name)
        ours, theirs = (
            np.asarray(each.decode(latents(2), temperature=0)) for each in (model, in_numpy(name))
        )
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_of_another_family_is_told(tmp_path: Path) -> None:
    export_tf1(in_numpy(DRUMS), tmp_path)
    with pytest.raises(GrooveFastError, match=r"16bar, but of cat-drums_2bar_small: missing"):
        load_model(tmp_path, LAID_OUT)
    with pytest.raises(GrooveFastError, match=r"misshapen: .* instead of \(90,\)"):
        load_model(tmp_path, "cat-mel_2bar_small")


MISTAKES: dict[str, Callable[[str], object]] = {
    r"inputs: tokens of shape \(n, steps\) wanted by cat-drums": lambda _: in_numpy(DRUMS).encode(
        np.zeros((2, 32, 3), int)
    ),
    r"inputs: tokens of shape \(n, steps, 3\) wanted by hierd": lambda _: make_model(TRIO).encode(
        np.zeros((2, 256), int)
    ),
    r"inputs: shape \(n, steps, 10\) wanted": lambda _: in_numpy(DRUMS).encode(
        np.zeros((2, 32, 512))
    ),
    "inputs: no such token 512; they are 0 to 511": lambda _: make_model(DRUMS).encode(
        np.full((1, 32), 512)
    ),
    "outputs: no such token -1 of part 0; they are 0 to 89": lambda _: in_numpy(
        TRIO
    ).teacher_forced(latents(1), np.full((1, 256, 3), -1)),
    "inputs: whole bars of 16 rows wanted by hier-mel_16bar, 40 rows given": lambda _: in_numpy(
        MELODY
    ).encode(np.zeros((1, 40), int)),
    "steps: whole bars of 16 rows wanted by hierdec-drums_16bar, 17 rows": lambda _: make_model(
        LAID_OUT
    ).decode(latents(1), steps=17),
    r"noise: shape \(32, 2, 1\) wanted by cat-drums_2bar_small, \(2, 32, 1\) given": lambda _: (
        in_numpy(DRUMS).decode(latents(2), noise=np.zeros((2, 32, 1)))
    ),
    "hits: there are none in the rows of cat-drums": lambda _: in_numpy(DRUMS).decode(
        latents(1), hits=np.zeros((1, 32, 9))
    ),
    "embeddings: cat-drums_2bar_small has no conductor": lambda _: make_model(DRUMS).embeddings(
        latents(1)
    ),
    "num: 1 is no whole number from 2 on": lambda _: make_model(DRUMS).interpolate(
        np.zeros((1, 32), int), np.zeros((1, 32), int), 1
    ),
    "a model of hierdec-drums_16bar is of tokens: ONNX files": lambda path: export_onnx(
        in_numpy(LAID_OUT), Path(path)
    ),
    "min_hits: is of performances; cat-drums_2bar_small takes every bar": lambda path: load_dataset(
        path, DRUMS, min_hits=3
    ),
    "config: hier-mel_16bar is of melody": lambda _: GrooveConverter.from_config(MELODY),
    "humanize: not what a model of cat-drums_2bar_small has learned": lambda path: humanize(
        Path(path) / "none.mid", save_model(in_numpy(DRUMS), Path(path))
    ),
}


@pytest.mark.parametrize("problem", MISTAKES)
def test_mistakes(problem: str, tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError, match=problem) as error:
        MISTAKES[problem](str(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["groovae_16bar", MELODY, TRIO])
def test_bars_are_written_side_by_side_in_scheduled_sampling(name: str) -> None:
    model, rows, eps = make_model(name), tokens_of(name, 3, bars=2), latents(3)
    told = model.losses(rows, rows, eps=eps)["r_loss"]
    never = model.losses(rows, rows, eps=eps, sampling_probability=tf.constant(0.0))["r_loss"]
    np.testing.assert_allclose(never, told, rtol=CLOSE)
    # A single bar is the same written alone; a second one begins after the true end of the first.
    for bars, is_same in ((1, True), (2, False)):
        rows = tokens_of(name, 3, bars)
        coins = np.ones((16 * bars, 3), bool)
        side_by_side = model.losses(rows, rows, eps=eps, sampling_probability=1.0, seed=4)
        in_turn = model.losses(rows, rows, eps=eps, coins=coins, seed=4)
        found = np.allclose(side_by_side["r_loss"], in_turn["r_loss"], rtol=CLOSE)
        assert found == is_same
