import dataclasses
import math

import numpy as np
import pytest
import reference_groovae as reference
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from groovefast.config import CONFIGS, Config, ConverterConfig, HParams
from groovefast.errors import GrooveFastError
from groovefast.model.groovae import GrooVAE, slerp, variable_shapes
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
    for name, value in reference.random_weights(variable_shapes(config)).items():
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


@pytest.mark.parametrize("training", [False, True])
def test_losses_are_the_reference(config, training):
    config = config.with_hparams({"dropout_keep_prob": 1.0})
    model = with_random_weights(config)
    inputs, outputs = random_windows(config), random_windows(config, seed=2)
    controls, eps = random_controls(config), np.random.default_rng(3).normal(size=(3, 6))
    losses = model.losses(inputs, outputs, controls, eps, training=training)

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
            total = model.losses(windows, windows, controls, training=True, seed=0)["total"]
        return tape.gradient(total, list(model.weights.values()))

    for name, gradient in zip(model.weights, gradients(), strict=True):
        assert np.abs(gradient).max() > 0, name


@pytest.mark.parametrize("name", CONFIGS)
def test_named_configs_sample(name):
    config = CONFIGS[name].with_hparams(SIZES)
    controls = random_controls(config, 1)[0] if config.converter.hits_as_controls else None
    windows = GrooVAE(config).sample(2, seed=0, controls=controls).numpy()
    assert windows.shape == (2, 16 * config.converter.split_bars, 27)
    hits, velocities, offsets = np.split(windows, 3, -1)
    assert set(np.unique(hits)) == {0, 1}
    assert 0 < velocities.min() < velocities.max() < 1
    assert -1 < offsets.min() < offsets.max() < 1


def test_a_published_size_has_the_published_shapes():
    shapes = variable_shapes(CONFIGS["groovae_4bar"])
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


def test_given_hits_are_kept_and_heard():
    model = with_random_weights(small())
    z = np.random.default_rng(0).normal(size=(2, 6))
    hits = np.random.default_rng(1).integers(0, 2, (2, 32, 9)).astype(np.float32)
    hits[:, :, 4] = np.nan
    windows = model.decode(z, temperature=0, hits=hits).numpy()
    np.testing.assert_array_equal(np.delete(windows[..., :9], 4, -1), np.delete(hits, 4, -1))
    assert set(np.unique(windows[..., 4])) <= {0, 1}
    free = model.decode(z, temperature=0).numpy()
    assert not np.allclose(free[..., 9:], windows[..., 9:], atol=1e-3)


def test_any_number_of_steps_can_be_decoded():
    model = with_random_weights(small())
    z = np.zeros((1, 6))
    long = model.decode(z, temperature=0, steps=48).numpy()
    np.testing.assert_allclose(model.decode(z, temperature=0), long[:, :32], atol=1e-5)


def test_dropout_is_fresh_for_every_number():
    config = small(dropout_keep_prob=0.3)
    model = GrooVAE(config)
    heard = model._drop([tf.ones([50, 40, 30])], tf.constant([1, 2]))[0].numpy()
    np.testing.assert_allclose(np.unique(heard), [0, 1 / 0.3], rtol=1e-6)
    kept = heard > 0
    assert kept.mean() == pytest.approx(0.3, abs=0.01)
    for axis in range(3):
        agreement = (kept == np.roll(kept, 1, axis)).mean()
        assert agreement == pytest.approx(0.3**2 + 0.7**2, abs=0.01)
    other = model._drop([tf.ones([50, 40, 30])], tf.constant([1, 3]))[0].numpy()
    assert ((other > 0) == kept).mean() == pytest.approx(0.58, abs=0.01)


def test_dropout_is_for_training_only():
    model, windows = with_random_weights(small()), random_windows(small())
    eps = np.zeros((3, 6))
    first, again, trained, same = (
        model.losses(windows, windows, eps=eps, training=training, seed=seed)["total"].numpy()
        for training, seed in ((False, 1), (False, 2), (True, 1), (True, 1))
    )
    assert first == again
    assert trained == same != first


def test_scheduled_sampling_follows_its_schedule():
    def probability(schedule: str, rate: float, step: int | None, training: bool = True) -> float:
        config = small(sampling_schedule=schedule, sampling_rate=rate, dropout_keep_prob=1.0)
        windows = random_windows(config, 1)[:, :3]
        losses = GrooVAE(config).losses(windows, windows, training=training, step=step)
        return float(losses["sampling_probability"])

    assert probability("teacher_forcing", 0.5, 10) == 0
    assert probability("constant", 0.25, 10) == 0.25
    assert probability("exponential", 0.9, 3) == pytest.approx(1 - 0.9**3)
    assert probability("inverse_sigmoid", 5.0, 4) == pytest.approx(1 - 5 / (5 + np.exp(0.8)))
    assert probability("inverse_sigmoid", 5.0, 10_000) == 1
    assert probability("exponential", 0.9, None) == 1
    # Magenta evaluates such models on their own steps alone.
    assert probability("constant", 0.25, 10, training=False) == 1


@pytest.mark.parametrize("control", [False, True])
def test_scheduled_sampling_starts_as_teacher_forcing(control):
    converter = ConverterConfig(hits_as_controls=control)
    taught = small(converter, dropout_keep_prob=1.0, residual_decoder=True)
    scheduled = taught.with_hparams("sampling_schedule=exponential,sampling_rate=0.5")
    windows, controls = random_windows(taught), random_controls(taught)
    eps = np.zeros((3, 6))

    def total(config: Config, step: int) -> float:
        model = with_random_weights(config)
        return float(model.losses(windows, windows, controls, eps, True, step, 1)["total"])

    assert total(scheduled, 0) == pytest.approx(total(taught, 0), rel=1e-5)
    assert total(scheduled, 100) != pytest.approx(total(taught, 0), rel=1e-3)


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
    config = small(
        converter,
        sampling_schedule="constant",
        sampling_rate=1.0,
        sampling_keeps_hits=True,
        dropout_keep_prob=1.0,
    )
    windows = random_windows(config)

    def velocities_loss(bias: float) -> float:
        model = with_random_weights(config)
        variable = model.weights["decoder/output_projection/bias"]
        biases = variable.numpy()
        biases[drums] = bias
        variable.assign(biases)
        losses = model.losses(windows, windows, eps=np.zeros((3, 6)), step=0, seed=1)
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


def test_beta_is_annealed():
    model = GrooVAE(small(beta_rate=0.9, max_beta=0.5))
    windows = random_windows(small(), 1)
    for step, beta in ((0, 0), (3, 0.5 * (1 - 0.9**3)), (None, 0.5)):
        assert float(model.losses(windows, windows, step=step)["kl_beta"]) == pytest.approx(beta)


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


def test_interpolation_goes_from_one_to_the_other():
    model, windows = with_random_weights(small()), random_windows(small(), 2)
    mu, _ = model.encode(windows)
    path = model.interpolate(*windows, num=5).numpy()
    assert path.shape == (5, 32, 27)
    np.testing.assert_allclose(path[[0, -1]], model.decode(mu, temperature=0), atol=1e-4)
    np.testing.assert_allclose(model.interpolate(*mu.numpy(), num=5), path, atol=1e-4)


vectors = st_numpy.arrays(np.float32, 4, elements=st.floats(-4, 4, width=16))


@given(vectors, vectors, st.floats(0, 1))
def test_slerp_stays_between_the_lengths_of_its_ends(a, b, at):
    start, between, end = slerp(a, b, np.array([0, at, 1]))
    np.testing.assert_allclose(start, a, atol=1e-4)
    np.testing.assert_allclose(end, b, atol=1e-4)
    assert np.isfinite(between).all()


def test_slerp_keeps_the_length_of_equals():
    path = slerp(np.array([2.0, 0]), np.array([0, 2.0]), np.linspace(0, 1, 7))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, atol=1e-6)
    np.testing.assert_allclose(path[3], [2**0.5, 2**0.5], atol=1e-6)


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
        (lambda model: model.interpolate(np.zeros(6), np.zeros(6), 1), "num: 1"),
        (lambda _: GrooVAE("groovae_4bars"), "did you mean groovae_4bar"),
        (lambda _: GrooVAE(small(), "float64"), "precision: no such precision 'float64'"),
        (lambda _: GrooVAE(small(sampling_schedule="linear")), "no such schedule 'linear'"),
        (
            lambda _: GrooVAE(small(sampling_schedule="inverse_sigmoid", sampling_rate=0.5)),
            "sampling_rate: inverse_sigmoid wants 1 or more, not 0.5",
        ),
        (
            lambda _: GrooVAE(small(ConverterConfig(hits_as_controls=True))).sample(1),
            "controls: small wants hits as controls",
        ),
        (lambda model: model.sample(1, temperature=-1), "temperature: -1 is not a number from 0"),
        (lambda model: model.sample(1, temperature=math.nan), "temperature: nan is not"),
        (lambda model: model.sample(1, temperature=math.inf), "temperature: inf is not"),
        (
            lambda _: GrooVAE(small(ConverterConfig(split_bars=None))).sample(1),
            "steps: small has no window length",
        ),
    ],
)
def test_what_does_not_fit_is_told(ask, message):
    with pytest.raises(GrooveFastError, match=message):
        ask(GrooVAE(small()))
