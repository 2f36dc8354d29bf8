import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import HParams
from groovefast.optimizer import Adam, LossScale
from groovefast.schedules import learning_rate


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
    assert scale.value == 1.0


@pytest.mark.parametrize("step", [0, 1, 1000, 50_000])
def test_learning_rate_is_magenta_s(step):
    wanted = (1e-3 - 1e-5) * 0.9999**step + 1e-5
    rate = learning_rate(HParams(), tf.constant(step, tf.int64))
    np.testing.assert_allclose(float(rate), wanted, rtol=1e-6)
