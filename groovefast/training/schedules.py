"""How quantities change over training."""

from __future__ import annotations

import math

import tensorflow as tf

from groovefast.config import HParams


def learning_rate(hparams: HParams, step: tf.Tensor) -> tf.Tensor:
    """Returns the rate after `step` steps, a float32.

    It decays from `learning_rate` towards `min_learning_rate`, exponentially as Magenta's or, with
    `cosine_decay_steps`, on half a cosine (Loshchilov & Hutter, "SGDR", 2017); in the first
    `warmup_steps` it is a growing part of that.
    """
    steps = tf.cast(step, tf.float64)  # float32 has too few digits of decay rates like 0.9999
    if hparams.cosine_decay_steps:
        part = tf.minimum(steps / hparams.cosine_decay_steps, 1.0)
        decay = (1 + tf.cos(math.pi * part)) / 2
    else:
        decay = hparams.decay_rate**steps
    span = hparams.learning_rate - hparams.min_learning_rate
    rate = span * tf.cast(decay, tf.float32) + hparams.min_learning_rate
    if not hparams.warmup_steps:
        return rate
    return rate * tf.cast(tf.minimum((steps + 1) / hparams.warmup_steps, 1.0), tf.float32)
