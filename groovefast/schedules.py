"""How quantities change over training."""

from __future__ import annotations

import tensorflow as tf

from groovefast.config import HParams


def learning_rate(hparams: HParams, step: tf.Tensor) -> tf.Tensor:
    """Returns Magenta's rate after `step` steps: exponential decay towards a minimum."""
    span = hparams.learning_rate - hparams.min_learning_rate
    decay = hparams.decay_rate ** tf.cast(step, tf.float64)  # float32 has too few digits of 0.9999
    return span * tf.cast(decay, tf.float32) + hparams.min_learning_rate
