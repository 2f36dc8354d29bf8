import sys
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from window_records import random_windows, write_shards

from groovefast.config import CONFIGS, Config
from groovefast.errors import GrooveFastError
from groovefast.training.step import LOSS_METRICS, Trainer
from groovefast.windows.dataset import batches, open_windows
from groovefast.windows.order import Order

SMALL = "enc_rnn_size=[16],dec_rnn_size=[16],z_size=8,batch_size=8,free_bits=0"
CONFIG = CONFIGS["groovae_2bar_humanize"].with_hparams(SMALL)
STRATEGY = tf.distribute.OneDeviceStrategy("CPU:0")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), random_windows(24))


@pytest.fixture(scope="module")
def training_batches(shards) -> tf.data.Dataset:
    return batches(open_windows(shards, CONFIG), CONFIG.converter, Order(repeat=True), 8)


@pytest.fixture(scope="module")
def shared_trainer() -> tuple[Trainer, list[np.ndarray]]:
    """One trainer, since building its graph takes a second, and its first values."""
    trainer = Trainer(CONFIG, STRATEGY)
    return trainer, [variable.numpy() for variable in trainer.variables]


@pytest.fixture
def fresh(shared_trainer) -> Callable[[], Trainer]:
    """Sets the shared trainer back to its start and gives it."""
    trainer, values = shared_trainer

    def fresh() -> Trainer:
        for variable, value in zip(trainer.variables, values, strict=True):
            variable.assign(value)
        return trainer

    return fresh


@pytest.fixture
def trainer(fresh) -> Trainer:
    return fresh()


def weights_of(trainer: Trainer) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in trainer.model.weights.items()}


def first_step(config: Config, dataset: tf.data.Dataset, seed: int = 0) -> dict[str, float]:
    trainer = Trainer(config, STRATEGY, seed=seed)
    trainer.run(iter(dataset), tf.constant(1))
    return trainer.means()


def test_a_step_goes_against_the_gradient(training_batches):
    config = CONFIG.with_hparams("dropout_keep_prob=1.0,max_beta=0.0")
    trainer = Trainer(config, STRATEGY)
    trainer.model.weights["encoder/sigma/bias"].assign(tf.fill([8], -20.0))  # no noise in z
    # Elsewhere gradients are so small that Adam's epsilon counts.
    names = [
        name for name in trainer.model.weights if name.startswith(("decoder/mul", "decoder/o"))
    ]
    before = weights_of(trainer)
    with tf.GradientTape() as tape:
        losses = trainer.model.losses(*next(iter(training_batches)), beta=0.0)
    gradients = tape.gradient(losses["total"], [trainer.model.weights[name] for name in names])
    trainer.run(iter(training_batches), tf.constant(1))
    after = weights_of(trainer)
    for name, gradient in zip(names, gradients, strict=True):
        # In its first step Adam moves each weight by the learning rate.
        clear = np.abs(gradient) > 0.01 * np.abs(gradient).max()
        wanted = before[name] - config.hparams.learning_rate * np.sign(gradient)
        np.testing.assert_allclose(after[name][clear], wanted[clear], atol=2e-5, err_msg=name)


def test_the_logged_norm_is_that_before_clipping(training_batches, trainer):
    trainer.run(iter(training_batches), tf.constant(1))
    clipped = trainer.means()
    unclipped = first_step(CONFIG.with_hparams("grad_clip=100000.0"), training_batches)
    assert clipped["global_norm"] == unclipped["global_norm"] > CONFIG.hparams.grad_clip


def test_clipping_keeps_the_direction(training_batches, trainer):
    """Adam's first step does not depend on the size of the gradient."""
    trainer.run(iter(training_batches), tf.constant(1))
    unclipped = Trainer(CONFIG.with_hparams("grad_clip=100000.0"), STRATEGY)
    unclipped.run(iter(training_batches), tf.constant(1))
    name = "decoder/output_projection/kernel"
    np.testing.assert_allclose(weights_of(trainer)[name], weights_of(unclipped)[name], atol=3e-5)


def test_steps_in_one_call_are_steps_in_several(training_batches, trainer):
    trainer.run(iter(training_batches), tf.constant(5))
    values = [variable.numpy() for variable in trainer.variables]
    again = Trainer(CONFIG, STRATEGY)
    iterator = iter(training_batches)
    for count in (1, 3, 1):
        again.run(iterator, tf.constant(count))
    assert int(again.step) == 5
    for variable, value in zip(again.variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.name)


def test_seed_decides_weights_and_noise(training_batches, trainer):
    trainer.run(iter(training_batches), tf.constant(1))
    loss = trainer.means()["loss"]
    assert first_step(CONFIG, training_batches, seed=0)["loss"] == loss
    assert first_step(CONFIG, training_batches, seed=2**31 - 1)["loss"] != loss


def test_means_are_over_the_steps_since_they_were_cleared(training_batches, fresh):
    trainer, iterator, singles = fresh(), iter(training_batches), []
    for _ in range(3):
        trainer.run(iterator, tf.constant(1))
        singles.append(trainer.means()["loss"])
        trainer.clear_means()
    assert np.isnan(trainer.means()["loss"])
    trainer = fresh()
    trainer.run(iter(training_batches), tf.constant(3))
    np.testing.assert_allclose(trainer.means()["loss"], np.mean(singles), rtol=1e-6)


def test_too_large_gradients_change_nothing(training_batches):
    trainer = Trainer(CONFIG.with_hparams("grad_norm_clip_to_zero=1.0"), STRATEGY)
    before = weights_of(trainer)
    trainer.run(iter(training_batches), tf.constant(3))
    for name, weights in weights_of(trainer).items():
        np.testing.assert_array_equal(weights, before[name], err_msg=name)
    assert (int(trainer.step), int(trainer.skipped), int(trainer.skipped_in_row)) == (3, 3, 3)


def test_averaged_weights_are_what_is_evaluated(training_batches):
    trainer = Trainer(CONFIG.with_hparams("ema_decay=0.5"), STRATEGY)
    averages = {name: value.numpy() for name, value in trainer.averaged.weights.items()}
    iterator = iter(training_batches)
    for step in range(4):
        trainer.run(iterator, tf.constant(1))
        decay = min(0.5, (1 + step) / (10 + step))
        for name, weights in weights_of(trainer).items():
            averages[name] = decay * averages[name] + (1 - decay) * weights
    for name, value in trainer.averaged.weights.items():
        np.testing.assert_allclose(value.numpy(), averages[name], atol=1e-6, err_msg=name)
    windows = list(training_batches.take(1))
    evaluated = trainer.evaluate(windows)
    plain = Trainer(CONFIG, STRATEGY)
    plain.step.assign(trainer.step)
    for name, value in trainer.averaged.weights.items():
        plain.model.weights[name].assign(value)
    assert plain.evaluate(windows)["loss"] == pytest.approx(evaluated["loss"], rel=1e-6)


def test_skipped_steps_leave_the_average_alone(training_batches):
    config = CONFIG.with_hparams("ema_decay=0.9,grad_norm_clip_to_zero=0.0")
    trainer = Trainer(config, STRATEGY)
    before = {name: value.numpy() for name, value in trainer.averaged.weights.items()}
    trainer.run(iter(training_batches), tf.constant(2))
    for name, value in trainer.averaged.weights.items():
        np.testing.assert_array_equal(value.numpy(), before[name], err_msg=name)


def test_without_averages_the_model_itself_is_evaluated(trainer):
    assert trainer.averaged is trainer.model


def test_a_batch_that_is_no_number_is_skipped(training_batches, trainer):
    def spoiled(inputs, outputs, controls):
        return inputs, outputs * np.nan, controls

    good = training_batches.take(2)
    dataset = good.concatenate(training_batches.take(1).map(spoiled)).concatenate(good)
    trainer.run(iter(dataset), tf.constant(3))
    assert (int(trainer.skipped), int(trainer.skipped_in_row)) == (1, 1)
    trainer.run(iter(dataset), tf.constant(1))
    assert (int(trainer.skipped), int(trainer.skipped_in_row)) == (1, 0)
    assert np.isfinite(trainer.means()["loss"])
    assert all(np.isfinite(weights).all() for weights in weights_of(trainer).values())


def test_evaluation_weighs_every_window_alike(tmp_path, trainer):
    windows = random_windows(24)
    for values in windows:
        values[-1] = 0
    opened = open_windows(write_shards(tmp_path, windows), CONFIG)

    def evaluated(batch_size: int) -> dict[str, float]:
        order = Order(shuffle=False)
        return trainer.evaluate(batches(opened, CONFIG.converter, order, batch_size))

    uneven = evaluated(23)
    assert list(uneven) == list(LOSS_METRICS)
    assert uneven == evaluated(23)
    # The noise differs with the batches, but at the start it hardly matters.
    for name, value in evaluated(24).items():
        np.testing.assert_allclose(uneven[name], value, rtol=0.04, err_msg=name)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_follows_float32(training_batches, trainer, precision):
    mixed = Trainer(CONFIG, STRATEGY, precision)
    if precision == "mixed_float16":
        # As after the first overflows, so that no step is skipped and the curves compare.
        mixed.loss_scale.value.assign(2.0**8)
    curves = []
    for each in (trainer, mixed):
        iterator = iter(training_batches)
        curves.append([])
        for _ in range(8):
            each.run(iterator, tf.constant(10))
            curves[-1].append(each.means()["loss"])
            each.clear_means()
    assert int(mixed.skipped) == 0
    assert all(variable.dtype == tf.float32 for variable in mixed.trainable_variables)
    np.testing.assert_allclose(curves[1], curves[0], rtol=0.02)
    assert curves[0][-1] < 0.8 * curves[0][0]


def test_float16_finds_a_loss_scale_without_overflow(training_batches):
    trainer = Trainer(CONFIG, STRATEGY, "mixed_float16")
    trainer.loss_scale.value.assign(2.0**40)
    trainer.run(iter(training_batches), tf.constant(40))
    assert 10 < int(trainer.skipped) < 40
    assert int(trainer.skipped_in_row) == 0
    assert np.isfinite(trainer.means()["loss"])


_PEAK = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from groovefast.config import CONFIGS
from groovefast.training.step import Trainer, step_memory

def status(name):
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name))

config = CONFIGS[{name!r}].with_hparams({hparams!r})
n, steps = config.hparams.batch_size, config.converter.window_steps
batch = tf.zeros([n, steps, 27]), tf.zeros([n, steps, 27]), tf.zeros([n, steps, 0])
before = status("VmRSS")
trainer = Trainer(config, tf.distribute.OneDeviceStrategy("CPU:0"), {precision!r})
trainer.run(iter(tf.data.Dataset.from_tensors(batch).repeat()), tf.constant(2))
print(step_memory(config, {precision!r}, n), status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak")
@pytest.mark.parametrize(
    ("name", "hparams", "precision"),
    [
        ("groovae_2bar_humanize", "enc_rnn_size=[128],dec_rnn_size=[64,64]", "float32"),
        ("groovae_4bar", "enc_rnn_size=[128],dec_rnn_size=[64,64]", "mixed_bfloat16"),
        (
            "groovae_2bar_humanize",
            "enc_rnn_size=[64,64],dec_rnn_size=[96],dropout_keep_prob=1.0,ema_decay=0.9",
            "float32",
        ),
        ("groovae_2bar_humanize", "enc_rnn_size=[1200],batch_size=4", "float32"),
    ],
)
def test_the_memory_of_a_step(run_python, name, hparams, precision):
    """An estimate that is too high would refuse what works, one far too low refuse nothing."""
    hparams = f"batch_size=1024,{hparams}" if "batch_size" not in hparams else hparams
    code = _PEAK.format(name=name, hparams=hparams, precision=precision)
    estimated, needed = map(int, run_python(code).split())
    graph = 200e6
    assert estimated < needed < 2 * estimated + graph


def test_unknown_precision():
    with pytest.raises(GrooveFastError, match="float8"):
        Trainer(CONFIG, STRATEGY, "float8")
