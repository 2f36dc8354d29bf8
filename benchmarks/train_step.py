"""One training step of GrooVAE against a plain Keras version of it, in one run.

    python benchmarks/train_step.py [--config groovae_4bar] [--batch-size 512]

Prints examples/s of each and its ratio to plain Keras in float32. The data is random: time does
not depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from timing import Report, Work, option_parser, race

from groovefast.config import Config, get_config
from groovefast.model.groovae import GrooVAE
from groovefast.model.outputs import PerformanceRow
from groovefast.windows.rows import RowLayout

Step = Callable[[tf.Tensor], tf.Tensor]
"""From windows to their loss, with or without training on them."""

PACKAGES = ("tensorflow", "keras")
GOAL, KERAS_THEN = 480, 272
"""Examples/s of groovae_4bar at batch 512, and those of plain Keras where the goal was set."""


def plain_keras(config: Config, precision: str) -> tuple[Step, list[Any]]:
    """The same network of Keras' own layers: its total loss as a function, and its variables."""
    keras.mixed_precision.set_global_policy(precision)
    layers, hparams, depth = keras.layers, config.hparams, RowLayout.of(config.converter).depth
    steps = config.converter.window_steps
    rate = 1 - hparams.dropout_keep_prob
    units = hparams.dec_rnn_size

    window = keras.Input([steps, depth])
    x = window
    for level, size in enumerate(hparams.enc_rnn_size):
        last = level == len(hparams.enc_rnn_size) - 1
        sides = [
            layers.LSTM(size, return_sequences=not last, go_backwards=backwards)(
                layers.Dropout(rate)(x)
            )
            for backwards in (False, True)
        ]
        x = layers.Concatenate()(sides)
    mu = layers.Dense(hparams.z_size, dtype="float32")(x)
    sigma = layers.Dense(hparams.z_size, activation="softplus", dtype="float32")(x)
    encoder = keras.Model(window, [mu, sigma])

    z = keras.Input([hparams.z_size])
    previous = keras.Input([steps, depth])
    states = layers.Dense(2 * sum(units), activation="tanh")(z)
    x = layers.Concatenate()([previous, layers.RepeatVector(steps)(z)])
    start = 0
    for size in units:
        c, h = states[:, start : start + size], states[:, start + size : start + 2 * size]
        start += 2 * size
        x = layers.LSTM(size, return_sequences=True)(layers.Dropout(rate)(x), initial_state=[h, c])
    decoder = keras.Model([z, previous], layers.Dense(depth, dtype="float32")(x))
    keras.mixed_precision.set_global_policy("float32")
    row = PerformanceRow(RowLayout.of(config.converter), hparams)

    def total(windows: tf.Tensor) -> tf.Tensor:
        mu, sigma = encoder(windows, training=True)
        z = mu + sigma * tf.random.normal(tf.shape(mu))
        previous = tf.pad(windows[:, :-1], [[0, 0], [1, 0], [0, 0]])
        r_loss = tf.reduce_sum(row.losses(decoder([z, previous], training=True), windows).loss, 1)
        kl = 0.5 * tf.reduce_sum(sigma**2 + mu**2 - 1 - 2 * tf.math.log(sigma), 1)
        kl_loss = tf.maximum(kl - hparams.free_bits * np.log(2), 0)
        return tf.reduce_mean(r_loss) + hparams.max_beta * tf.reduce_mean(kl_loss)

    return total, [*encoder.trainable_variables, *decoder.trainable_variables]


def groovefast(config: Config, precision: str) -> tuple[Step, list[Any]]:
    """This project's model."""
    model = GrooVAE(config, precision)
    variables = list(model.trainable_variables)

    def total(windows: tf.Tensor) -> tf.Tensor:
        losses = model.losses(
            windows,
            windows,
            beta=config.hparams.max_beta,
            dropout_keep_prob=config.hparams.dropout_keep_prob,
            compiled=True,
        )
        return losses["total"]

    return total, variables


def train_step(total: Step, variables: Sequence[tf.Variable]) -> Step:
    """The rest of a step, the same for both."""
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(windows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = total(windows)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled: Step = step
    return compiled


def main() -> None:
    parser = option_parser(__doc__, rounds=7)
    parser.add_argument("--config", default="groovae_4bar")
    parser.add_argument("--batch-size", type=int, default=512)
    arguments = parser.parse_args()
    config = get_config(arguments.config)
    steps = config.converter.window_steps
    assert steps is not None
    shape = (arguments.batch_size, steps, RowLayout.of(config.converter).depth)
    windows = tf.constant(np.random.default_rng(0).random(shape, np.float32))

    def way(step: Step) -> Work:
        def work() -> None:
            step(windows).numpy()  # waits for it

        return work

    report = Report(f"A training step of {config.name}, batch {arguments.batch_size}", PACKAGES)
    ways = {
        f"{name} {precision}": way(train_step(*build(config, precision)))
        for name, build in (("plain Keras", plain_keras), ("groovefast", groovefast))
        for precision in ("float32", "mixed_bfloat16")
    }
    timings = race(ways, arguments.batch_size, arguments.rounds)
    report.table("examples/s", timings)
    baseline, _, *own = timings.values()
    fastest = max(own, key=lambda times: times.rate)
    if config.name == "groovae_4bar" and arguments.batch_size == 512:
        ratio = fastest.faster_than(baseline)
        report.figure("groovefast at its fastest", fastest.rate, "examples/s", at_least=GOAL)
        report.figure("… against plain Keras", ratio, "times", at_least=GOAL / KERAS_THEN)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
