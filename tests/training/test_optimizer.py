import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import HParams
from groovefast.training.optimizer import Adam, LossScale, MovingAverage
from groovefast.training.schedules import learning_rate


def test_adam_is_the_paper_s():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 5))
    variable = tf.Variable(start, dtype=tf.float32)
    adam = Adam([variable])
    wanted, mean, square = start.copy(), np.zeros((3, 5)), np.zeros((3, 5))
    for step in range(20):
        gradient = rng.normal(size=(3, 5)) * 10.0 ** rng.integers(-6, 2)
        adam.apply([tf.constant(gradient, tf.float32)], 0.01, tf.constant(step, tf.int64))
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        wanted -= rate * mean / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose(variable.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_adam_s_moments_are_saved(tmp_path):
    variable = tf.Variable([1.0, 2.0])
    adam = Adam([variable])
    path = tf.train.Checkpoint(adam=adam).save(str(tmp_path / "adam"))
    stored = [shape for name, shape in tf.train.list_variables(path) if "VARIABLE_VALUE" in name]
    assert stored.count([2]) == 3


def test_loss_scale_follows_overflow(monkeypatch):
    monkeypatch.setattr(LossScale, "GROWTH_STEPS", 4)
    scale = LossScale(dynamic=True)
    exponents = []
    for finite in [False, *[True] * 4, *[True] * 3, False, *[True] * 4, *[False] * 20]:
        scale.update(tf.constant(finite))
        exponents.append(np.log2(scale.value))
    assert exponents[:13] == [9, 9, 9, 9, 10, 10, 10, 10, 9, 9, 9, 9, 10]
    assert exponents[-1] == 0


def test_constant_loss_scale():
    scale = LossScale(dynamic=False)
    scale.update(tf.constant(False))
    assert scale.factor == 1.0


def test_a_run_may_go_on_in_float16(tmp_path):
    path = tf.train.Checkpoint(scale=LossScale(dynamic=False)).write(str(tmp_path / "scale"))
    scale = LossScale(dynamic=True)
    tf.train.Checkpoint(scale=scale).read(path)
    assert scale.factor == LossScale.INITIAL


@pytest.mark.parametrize("step", [0, 1, 1000, 50_000])
def test_learning_rate_is_magenta_s(step):
    wanted = (1e-3 - 1e-5) * 0.9999**step + 1e-5
    rate = learning_rate(HParams(), tf.constant(step, tf.int64))
    np.testing.assert_allclose(float(rate), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("step", "share"), [(0, 1 / 100), (49, 0.5), (99, 1), (1049, 0.5), (2099, 0), (9999, 0)]
)
def test_learning_rate_warms_up_and_comes_down_on_a_cosine(step, share):
    hparams = HParams(
        learning_rate=1.0, min_learning_rate=0.0, warmup_steps=100, cosine_decay_steps=2099
    )
    rate = learning_rate(hparams, tf.constant(step, tf.int64))
    decay = (1 + np.cos(np.pi * min(step / 2099, 1))) / 2
    np.testing.assert_allclose(float(rate), min((step + 1) / 100, 1) * decay, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(float(rate), share, atol=0.02)


def test_warm_up_goes_with_the_exponential_decay():
    plain, warmed = HParams(), HParams(warmup_steps=10)
    for step, share in ((0, 0.1), (4, 0.5), (9, 1), (500, 1)):
        at = tf.constant(step, tf.int64)
        np.testing.assert_allclose(
            learning_rate(warmed, at), share * learning_rate(plain, at), rtol=1e-6
        )


def test_moving_average_forgets_its_first_steps_sooner():
    variable, average = tf.Variable([2.0]), tf.Variable([2.0])
    moving = MovingAverage([variable], [average], decay=0.9)
    wanted = 2.0
    for step in range(200):
        variable.assign([float(step % 7)])
        moving.update(tf.constant(step, tf.int64))
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * (step % 7)
        np.testing.assert_allclose(average.numpy(), [wanted], rtol=1e-5)
