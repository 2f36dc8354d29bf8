"""How quantities change over training."""

from __future__ import annotations

import math

import tensorflow as tf

from groovefast.config import OptimizerHParams, ScheduleHParams
from groovefast.errors import OptionError, which_of


def learning_rate(hparams: OptimizerHParams, step: tf.Tensor) -> tf.Tensor:
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


def beta(hparams: ScheduleHParams, step: tf.Tensor) -> tf.Tensor:
    """Returns the weight of the KL divergence after `step` steps, a float32."""
    return hparams.max_beta * (1 - hparams.beta_rate ** tf.cast(step, tf.float32))


def sampling_probability(hparams: ScheduleHParams, step: tf.Tensor) -> float | tf.Tensor:
    """Returns how likely the decoder hears its own last row after `step` steps.

    The number 0 stands for teacher forcing (Bengio et al., "Scheduled Sampling", 2015).
    """
    rate = hparams.sampling_rate
    if hparams.is_teacher_forced:
        return 0.0
    if hparams.sampling_schedule == "constant":
        return rate
    steps = tf.cast(step, tf.float32)
    if hparams.sampling_schedule == "exponential":
        return 1 - rate**steps
    return 1 - rate / (rate + tf.exp(steps / rate))


def check_sampling(hparams: ScheduleHParams) -> None:
    """Raises unless the sampling rate is one that its schedule can use.

    Raises:
        OptionError: It is not, or there is no such schedule.
    """
    schedule, rate = hparams.sampling_schedule, hparams.sampling_rate
    allowed = {
        "teacher_forcing": (True, "anything"),
        "constant": (0 <= rate <= 1, "0 to 1"),
        "exponential": (0 < rate < 1, "between 0 and 1"),
        "inverse_sigmoid": (rate >= 1, "1 or more"),
    }
    if schedule not in allowed:
        hint = which_of(schedule, allowed)
        raise OptionError("hparams", f"sampling_schedule: no such schedule {schedule!r}{hint}")
    fits, wanted = allowed[schedule]
    if not fits:
        raise OptionError("hparams", f"sampling_rate: {schedule} wants {wanted}, not {rate}")
