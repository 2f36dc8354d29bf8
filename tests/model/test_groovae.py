import dataclasses
import math

import numpy as np
import pytest
import reference_groovae as reference
import tensorflow as tf
from model_families import GROOVAE

from groovefast.config import CONFIGS, Config, ConverterConfig, HParams
from groovefast.errors import GrooveFastError
from groovefast.model.groovae import GrooVAE
from groovefast.model.plan import layers
from groovefast.windows.rows import RowLayout

SIZES = {"z_size": 6, "enc_rnn_size": (7,), "dec_rnn_size": (5, 5), "free_bits": 1.0}
DEEP = {"enc_rnn_size": (7, 6), "dec_rnn_size": (8, 5, 5)}
SPLIT = ConverterConfig(split_bars=1, split_instruments=True)


def small(converter: ConverterConfig | None = None, **hparams) -> Config:
    return Config("small", converter or ConverterConfig(), HParams(**{**SIZES, **hparams}))


CONFIGURATIONS = {
    "plain": small(),
    "deep": small(**DEEP),
    "hits as controls": small(ConverterConfig(hits_as_controls=True), **DEEP),
    "split": small(SPLIT),
    "split, hits as controls": small(dataclasses.replace(SPLIT, hits_as_controls=True)),
    "binned": small(ConverterConfig(num_velocity_bins=4, num_offset_bins=3)),
    "binned offsets": small(dataclasses.replace(SPLIT, num_offset_bins=3)),
    "residual": small(**DEEP, residual_encoder=True, residual_decoder=True),
}


@pytest.fixture(params=CONFIGURATIONS)
def config(request) -> Config:
    return CONFIGURATIONS[request.param]


def with_random_weights(config: Config, precision: str = "float32") -> GrooVAE:
    model = GrooVAE(config, precision)
    for name, value in reference.random_weights(layers(config).shapes()).items():
        model.weights[name].assign(value)
    return model


def row_sizes(config: Config) -> tuple[int, int, int]:
    return RowLayout.of(config.converter)[:3]


def random_windows(config: Config, n: int = 3, seed: int = 0) -> np.ndarray:
    """Rows that are as the converter makes them."""
    draw = np.random.default_rng(seed)
    drums, velocity_bins, offset_bins = row_sizes(config)
    steps = config.converter.window_steps * RowLayout.of(config.converter).rows_per_step

    def values(bins: int, low: float) -> np.ndarray:
        if bins:
            return np.eye(bins)[draw.integers(0, bins, (n, steps, drums))].reshape(n, steps, -1)
        return draw.uniform(low, 1, (n, steps, drums))

    hits = draw.random((n, steps, drums)) < 0.3
    parts = hits, values(velocity_bins, 0), values(offset_bins, -1)
    return np.concatenate(parts, -1).astype(np.float32)


def random_controls(config: Config, n: int = 3) -> np.ndarray:
    layout = RowLayout.of(config.converter)
    steps = config.converter.window_steps * layout.rows_per_step
    draw = np.random.default_rng(1)
    return draw.integers(0, 2, (n, steps, layout.control_depth)).astype(np.float32)


def numpy_weights(model: GrooVAE) -> dict[str, np.ndarray]:
    return {name: value.numpy().astype(np.float64) for name, value in model.weights.items()}


def test_encode_is_the_reference(config):
    model = with_random_weights(config)
    windows, controls = random_windows(config), random_controls(config)
    mu, sigma = model.encode(windows, controls)
    heard = np.concatenate([windows, controls], 2)
    wanted = reference.encode(numpy_weights(model), heard, config.hparams.residual_encoder)
    np.testing.assert_allclose(mu, wanted[0], atol=1e-5)
    np.testing.assert_allclose(sigma, wanted[1], atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_are_the_reference(config, compiled):
    model = with_random_weights(config)
    inputs, outputs = random_windows(config), random_windows(config, seed=2)
    controls, eps = random_controls(config), np.random.default_rng(3).normal(size=(3, 6))
    losses = model.losses(inputs, outputs, controls, eps, beta=0.2, compiled=compiled)

    weights = numpy_weights(model)
    heard = np.concatenate([inputs, controls], 2)
    mu, sigma = reference.encode(weights, heard, config.hparams.residual_encoder)
    logits = reference.decode(
        weights,
        mu + sigma * eps,
        controls,
        lambda t, _: outputs[:, t],
        config.hparams.residual_decoder,
    )
    parts = reference.reconstruction_losses(logits, outputs, *row_sizes(config))
    kl = 0.5 * (mu**2 + sigma**2 - 1 - 2 * np.log(sigma)).sum(1)
    kl_loss = np.maximum(kl - np.log(2), 0)
    np.testing.assert_allclose(losses["r_loss"], sum(parts), rtol=1e-4)
    np.testing.assert_allclose(losses["kl"], kl, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(losses["total"], sum(parts).mean() + 0.2 * kl_loss.mean(), rtol=1e-4)
    steps = outputs.shape[1]
    for name, part in zip(("hits", "velocities", "offsets"), parts, strict=True):
        np.testing.assert_allclose(losses[f"{name}_loss"], part.mean() / steps, rtol=1e-4)
    hits = logits[..., : row_sizes(config)[0]] > 0
    right = hits == outputs[..., : hits.shape[-1]].astype(bool)
    np.testing.assert_allclose(losses["hits_accuracy"], right.mean(), rtol=1e-5)


def test_decode_at_temperature_0_is_the_reference(config):
    model = with_random_weights(config)
    z, controls = np.random.default_rng(4).normal(size=(3, 6)), random_controls(config)
    windows = model.decode(z, controls, temperature=0, seed=1).numpy()
    rows: list[np.ndarray] = []

    def next_input(_: int, logits: np.ndarray) -> np.ndarray:
        rows.append(reference.likeliest(logits, *row_sizes(config)))
        return rows[-1]

    residual = config.hparams.residual_decoder
    reference.decode(numpy_weights(model), z, controls, next_input, residual)
    np.testing.assert_allclose(windows, np.stack(rows, 1), atol=1e-4)


@pytest.mark.parametrize("name", ["plain", "residual"])
def test_every_variable_has_a_gradient_in_training(name):
    config = CONFIGURATIONS[name]
    model = with_random_weights(config)
    windows, controls = random_windows(config), random_controls(config)

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            total = model.losses(
                windows, windows, controls, dropout_keep_prob=0.3, compiled=True, seed=0
            )["total"]
        return tape.gradient(total, list(model.weights.values()))

    for name, gradient in zip(model.weights, gradients(), strict=True):
        assert np.abs(gradient).max() > 0, name


@pytest.mark.parametrize("name", GROOVAE)
def test_named_configs_sample(name):
    config = CONFIGS[name].with_hparams(SIZES)
    controls = random_controls(config, 1)[0] if config.converter.hits_as_controls else None
    windows = GrooVAE(config).sample(2, seed=0, controls=controls).numpy()
    layout = RowLayout.of(config.converter)
    assert windows.shape == (2, 16 * config.converter.split_bars, layout.depth)
    hits, velocities, offsets = layout.numbers(windows)
    assert set(np.unique(hits)) == {0, 1}
    if layout.offset_bins:
        return
    assert 0 < velocities.min() < velocities.max() < 1
    assert -1 < offsets.min() < offsets.max() < 1


def test_a_published_size_has_the_published_shapes():
    shapes = layers(CONFIGS["groovae_4bar"]).shapes()
    encoder = "encoder/cell_0/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell"
    assert shapes[f"{encoder}/kernel"] == (27 + 512, 4 * 512)
    assert shapes["encoder/mu/kernel"] == (1024, 256)
    assert shapes["decoder/z_to_initial_state/kernel"] == (256, 1024)
    assert shapes["decoder/multi_rnn_cell/cell_0/lstm_cell/kernel"] == (27 + 256 + 256, 1024)
    assert shapes["decoder/multi_rnn_cell/cell_1/lstm_cell/bias"] == (1024,)
    assert shapes["decoder/output_projection/kernel"] == (256, 27)
    assert len(shapes) == 16


def test_weights_start_from_the_seed():
    first, same, other = (GrooVAE(small(), seed=seed) for seed in (1, 1, 2))
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, same.weights[name])
        assert name.endswith("bias") or (weight.numpy() != other.weights[name].numpy()).all()
    assert np.std(first.weights["encoder/mu/kernel"]) == pytest.approx(0.001, rel=0.3)


def test_the_same_seed_gives_the_same_windows_however_many():
    model = with_random_weights(small())
    many = model.sample(5, temperature=1.0, seed=3).numpy()
    np.testing.assert_allclose(model.sample(2, temperature=1.0, seed=3), many[:2], atol=1e-5)
    assert (model.sample(5, temperature=1.0, seed=4).numpy() != many).any()


def test_hits_are_drawn_with_their_probability():
    model = GrooVAE(small())
    for weight in model.weights.values():
        weight.assign(tf.zeros_like(weight))
    logits = np.linspace(-2, 2, 9, dtype=np.float32)
    model.weights["decoder/output_projection/bias"].assign(np.concatenate([logits, np.zeros(18)]))
    for temperature in (0.5, 1.0):
        windows = model.sample(400, temperature, seed=0).numpy()
        rates = windows[..., :9].mean((0, 1))
        np.testing.assert_allclose(rates, reference.sigmoid(logits / temperature), atol=0.02)


def test_bins_are_drawn_with_their_probability():
    model = GrooVAE(small(ConverterConfig(num_velocity_bins=3)))
    for weight in model.weights.values():
        weight.assign(tf.zeros_like(weight))
    logits = np.array([0, 1, 2], np.float32)
    bias = np.concatenate([np.zeros(9), np.tile(logits, 9), np.zeros(9)])
    model.weights["decoder/output_projection/bias"].assign(bias)
    groups = model.sample(400, seed=0).numpy()[..., 9:36].reshape(400, -1, 9, 3)
    np.testing.assert_array_equal(groups.sum(-1), 1)
    wanted = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(groups.mean((0, 1, 2)), wanted, atol=0.02)


def test_dropout_follows_the_seed():
    model, windows = with_random_weights(small()), random_windows(small())
    eps = np.zeros((3, 6))
    first, again, dropped, same, other = (
        float(model.losses(windows, windows, eps=eps, dropout_keep_prob=keep, seed=seed)["total"])
        for keep, seed in ((1.0, 1), (1.0, 2), (0.3, 1), (0.3, 1), (0.3, 2))
    )
    assert first == again
    assert dropped == same
    assert len({first, dropped, other}) == 3


def test_beta_weighs_what_is_above_the_free_bits():
    model, windows = with_random_weights(small()), random_windows(small())
    for beta in (0.0, 0.5):
        losses = model.losses(windows, windows, eps=np.zeros((3, 6)), beta=beta)
        wanted = np.mean(losses["r_loss"]) + beta * np.mean(losses["kl_loss"])
        assert float(losses["total"]) == pytest.approx(wanted)


def test_given_hits_are_kept_and_heard():
    model = with_random_weights(small())
    z = np.random.default_rng(0).normal(size=(2, 6))
    hits = np.random.default_rng(1).integers(0, 2, (2, 32, 9)).astype(np.float32)
    windows = model.decode(z, temperature=0, hits=hits, given=np.arange(9) != 4).numpy()
    np.testing.assert_array_equal(np.delete(windows[..., :9], 4, -1), np.delete(hits, 4, -1))
    assert set(np.unique(windows[..., 4])) <= {0, 1}
    free = model.decode(z, temperature=0).numpy()
    assert not np.allclose(free[..., 9:], windows[..., 9:], atol=1e-3)


def test_any_number_of_steps_can_be_decoded():
    model = with_random_weights(small())
    z = np.zeros((1, 6))
    long = model.decode(z, temperature=0, steps=48).numpy()
    np.testing.assert_allclose(model.decode(z, temperature=0), long[:, :32], atol=1e-5)
    np.testing.assert_array_equal(
        model.sample(1, seed=1, steps=48)[:, :32], model.sample(1, seed=1, steps=32)
    )
    whole_files = GrooVAE(small(ConverterConfig(split_bars=None)))
    assert whole_files.sample(1, steps=16).shape == (1, 16, 27)


@pytest.mark.parametrize("control", [False, True])
def test_sampling_that_never_happens_is_teacher_forcing(control):
    config = small(ConverterConfig(hits_as_controls=control), residual_decoder=True)
    windows, controls = random_windows(config), random_controls(config)
    model = with_random_weights(config)

    def total(probability: float | tf.Tensor) -> float:
        losses = model.losses(
            windows,
            windows,
            controls,
            np.zeros((3, 6)),
            sampling_probability=probability,
            compiled=True,
            seed=1,
        )
        return float(losses["total"])

    assert total(tf.constant(0.0)) == pytest.approx(total(0.0), rel=1e-5)
    assert total(tf.constant(1.0)) != pytest.approx(total(0.0), rel=1e-3)


HUMANIZE = ConverterConfig(humanize=True)


@pytest.mark.parametrize(
    ("converter", "drums", "hears"),
    [
        (HUMANIZE, slice(0, 9), False),
        (dataclasses.replace(HUMANIZE, split_instruments=True), slice(0, 1), False),
        (ConverterConfig(add_instruments=(2,)), slice(0, 2), False),
        (ConverterConfig(add_instruments=(2,)), slice(2, 3), True),
        (ConverterConfig(tapify=True), slice(0, 9), True),
    ],
)
def test_true_hits_of_given_drums_are_fed_where_sampling_keeps_them(converter, drums, hears):
    """Then it makes no difference to the later steps what the hits' own logits say."""
    config = small(converter, sampling_keeps_hits=True)
    windows = random_windows(config)

    def velocities_loss(bias: float) -> float:
        model = with_random_weights(config)
        variable = model.weights["decoder/output_projection/bias"]
        biases = variable.numpy()
        biases[drums] = bias
        variable.assign(biases)
        losses = model.losses(
            windows, windows, eps=np.zeros((3, 6)), sampling_probability=1.0, seed=1
        )
        return float(losses["velocities_loss"])

    assert (velocities_loss(20.0) != velocities_loss(-20.0)) == hears


def test_losses_are_weighted(config):
    windows, controls = random_windows(config), random_controls(config)
    weighted = config.with_hparams("velocities_weight=3.0,offsets_weight=0.5")
    plain, other = (
        with_random_weights(each).losses(windows, windows, controls, np.zeros((3, 6)), seed=1)
        for each in (config, weighted)
    )
    parts = {kind: float(plain[f"{kind}_loss"]) for kind in ("hits", "velocities", "offsets")}
    wanted = parts["hits"] + 3 * parts["velocities"] + 0.5 * parts["offsets"]
    steps = windows.shape[1]
    np.testing.assert_allclose(np.mean(other["r_loss"]), steps * wanted, rtol=1e-5)
    np.testing.assert_allclose(other["velocities_loss"], plain["velocities_loss"], rtol=1e-6)


def test_played_weight_counts_true_hits_only(config):
    windows, controls = random_windows(config), random_controls(config)
    drums = row_sizes(config)[0]

    def hits_loss(hits: float, weight: float) -> float:
        target = windows.copy()
        target[..., :drums] = hits
        model = with_random_weights(config.with_hparams({"played_weight": weight}))
        losses = model.losses(windows, target, controls, np.zeros((3, 6)), seed=1)
        return float(losses["hits_loss"])

    assert hits_loss(1.0, 2.5) == pytest.approx(2.5 * hits_loss(1.0, 1.0), rel=1e-5)
    assert hits_loss(0.0, 2.5) == pytest.approx(hits_loss(0.0, 1.0), rel=1e-5)


def test_loss_at_hits_only_ignores_what_is_said_of_silence(config):
    windows, controls = random_windows(config), random_controls(config)
    masked = config.with_hparams({"loss_at_hits_only": True})
    drums, velocity_bins, offset_bins = row_sizes(config)
    model = with_random_weights(masked)
    z, _ = model.encode(windows, controls)
    logits = model.teacher_forced(z, tf.constant(windows), tf.constant(controls)).numpy()
    widths = np.cumsum([drums, drums * (velocity_bins or 1)])
    _, velocities, offsets = np.split(logits.astype(np.float64), widths, -1)
    hits, true_velocities, true_offsets = np.split(windows.astype(np.float64), widths, -1)

    def loss(values, truth, bins, activation):
        if not bins:
            return (activation(values) - truth) ** 2
        values, truth = (x.reshape(*hits.shape, bins) for x in (values, truth))
        return np.log(np.exp(values).sum(-1)) - (values * truth).sum(-1)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    losses = model.losses(windows, windows, controls, np.zeros((3, 6)), seed=1)
    for kind, each in (
        ("velocities", loss(velocities, true_velocities, velocity_bins, sigmoid)),
        ("offsets", loss(offsets, true_offsets, offset_bins, np.tanh)),
    ):
        wanted = (hits * each).sum(-1).mean()
        np.testing.assert_allclose(losses[f"{kind}_loss"], wanted, rtol=1e-4, err_msg=kind)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_near_and_hands_out_float32(precision):
    exact, mixed = (with_random_weights(small(**DEEP), p) for p in ("float32", precision))
    windows = random_windows(small(), 8)
    eps = np.zeros((8, 6))
    wanted = exact.losses(windows, windows, eps=eps)
    for name, value in mixed.losses(windows, windows, eps=eps).items():
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, wanted[name], rtol=0.05, atol=0.05, err_msg=name)
    assert all(weight.dtype == tf.float32 for weight in mixed.weights.values())


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model: model.encode(np.zeros((2, 32, 26))), r"inputs: shape \(n, steps, 27\)"),
        (lambda model: model.encode(np.zeros((32, 27))), "inputs: shape"),
        (lambda model: model.decode(np.zeros((2, 5))), r"z: shape \(n, 6\)"),
        (lambda model: model.decode(np.zeros((2, 6)), temperature=-1), "temperature: -1"),
        (lambda model: model.decode(np.zeros((2, 6)), np.zeros((32, 3))), "controls: shape"),
        (
            lambda _: GrooVAE(small(ConverterConfig(hits_as_controls=True))).decode(
                np.zeros((2, 6)), np.zeros((3, 32, 9))
            ),
            r"controls: shape \(2, 32, 9\) wanted by small, \(3, 32, 9\) given",
        ),
        (lambda model: model.decode(np.zeros((2, 6)), hits=np.zeros((2, 3))), "hits: shape"),
        (lambda _: GrooVAE("groovae_4bars"), "did you mean groovae_4bar"),
        (lambda _: GrooVAE(small(), "float64"), "precision: no such choice 'float64'; did"),
        (lambda _: GrooVAE(small(), seed=2**31), "seed: 2147483648 is no whole number from 0 to"),
        (lambda model: model.decode(np.zeros((2, 6)), given=np.ones(9, bool)), "given: .* `hits`"),
        (
            lambda model: model.decode(
                np.zeros((2, 6)), hits=np.zeros((2, 32, 9)), given=[True, False]
            ),
            r"given: a shape that goes with \(2, 32, 9\) wanted, \(2,\) given",
        ),
        (
            lambda _: GrooVAE(small(ConverterConfig(hits_as_controls=True))).sample(1),
            "controls: small wants hits as controls",
        ),
        (lambda model: model.sample(1, temperature=-1), "temperature: -1 is no number from 0"),
        (lambda model: model.sample(1, temperature=math.nan), "temperature: nan is no"),
        (lambda model: model.sample(1, temperature=math.inf), "temperature: inf is no"),
        (
            lambda _: GrooVAE(small(ConverterConfig(split_bars=None))).sample(1),
            "steps: small has no window length",
        ),
    ],
)
def test_what_does_not_fit_is_told(ask, message):
    with pytest.raises(GrooveFastError, match=message):
        ask(GrooVAE(small()))
