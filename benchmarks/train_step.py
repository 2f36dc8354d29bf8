"""One training step of GrooVAE against a plain Keras version of it, in one run.

    python benchmarks/train_step.py [--config groovae_4bar] [--batch-size 512]

Prints examples/s of each and its ratio to plain Keras in float32. The data is random: time does
not depend on it. With a conductor the goal is of `hierdec-drums_16bar` at these sizes:

    python benchmarks/train_step.py --config hierdec-drums_16bar --batch-size 64 \\
        --hparams z_size=256,enc_rnn_size=[512],dec_rnn_size=[256,256]
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
from groovefast.model.outputs import PerformanceRow, Row
from groovefast.model.token_outputs import TokenRow
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import DRUM_TOKENS, Layout, layout_of

Step = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From windows as heard and as written to their loss, with or without training on them."""

PACKAGES = ("tensorflow", "keras")
GOAL, KERAS_THEN = 480, 272
"""Examples/s of groovae_4bar at batch 512, and those of plain Keras where the goal was set."""
CONDUCTED, CONDUCTED_GOAL = "hierdec-drums_16bar", 1.5
"""A config with a conductor, and how many times as fast as plain Keras it is to be."""


def plain_keras(config: Config, precision: str) -> tuple[Step, list[Any]]:
    """The same network of Keras' own layers: its total loss as a function, and its variables."""
    keras.mixed_precision.set_global_policy(precision)
    layers, hparams, layout = keras.layers, config.hparams, layout_of(config)
    steps, depth = config.converter.window_steps, layout.depth
    assert steps is not None
    bar = config.converter.steps_per_bar if hparams.hierarchical_decoder else steps
    rate = 1 - hparams.dropout_keep_prob
    units = hparams.dec_rnn_size

    window = keras.Input([steps, layout.input_depth])
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

    def states(told: Any) -> list[Any]:
        """The first h and c of layers, of what they are told."""
        flat = layers.Dense(2 * sum(units), activation="tanh")(told)
        ends = np.cumsum(np.repeat(units, 2)).tolist()
        c_and_h = [flat[:, first:end] for first, end in zip([0, *ends], ends, strict=False)]
        return [[h, c] for c, h in zip(c_and_h[::2], c_and_h[1::2], strict=True)]

    told = keras.Input([units[-1] if hparams.hierarchical_decoder else hparams.z_size])
    before = keras.Input([bar, depth])
    x = layers.Concatenate()([before, layers.RepeatVector(bar)(told)])
    for size, state in zip(units, states(told), strict=True):
        x = layers.LSTM(size, return_sequences=True)(layers.Dropout(rate)(x), initial_state=state)
    core = keras.Model([told, before], layers.Dense(depth, dtype="float32")(x))
    if hparams.hierarchical_decoder:
        x = layers.RepeatVector(steps // bar)(keras.ops.zeros_like(z[:, :1]))
        for size, state in zip(units, states(z), strict=True):
            x = layers.LSTM(size, return_sequences=True)(x, initial_state=state)
        rows = [core([x[:, k], previous[:, k * bar : k * bar + bar]]) for k in range(steps // bar)]
        written = layers.Concatenate(axis=1, dtype="float32")(rows)
    else:
        written = core([z, previous])
    decoder = keras.Model([z, previous], written)
    keras.mixed_precision.set_global_policy("float32")
    row: Row = TokenRow(layout.depth)
    if isinstance(layout, RowLayout):
        row = PerformanceRow(layout, hparams)

    def total(heard: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
        mu, sigma = encoder(heard, training=True)
        z = mu + sigma * tf.random.normal(tf.shape(mu))
        previous = tf.pad(windows[:, :-1], [[0, 0], [1, 0], [0, 0]])
        logits = decoder([z, previous], training=True)
        losses = row.losses(logits[:, tf.newaxis], windows[:, tf.newaxis])
        r_loss = tf.reduce_sum(losses.loss, [1, 2])
        kl = 0.5 * tf.reduce_sum(sigma**2 + mu**2 - 1 - 2 * tf.math.log(sigma), 1)
        kl_loss = tf.maximum(kl - hparams.free_bits * np.log(2), 0)
        return tf.reduce_mean(r_loss) + hparams.max_beta * tf.reduce_mean(kl_loss)

    return total, [*encoder.trainable_variables, *decoder.trainable_variables]


def groovefast(config: Config, precision: str) -> tuple[Step, list[Any]]:
    """This project's model."""
    model = GrooVAE(config, precision)
    variables = list(model.trainable_variables)

    def total(heard: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
        losses = model.losses(
            heard,
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
    def step(heard: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = total(heard, windows)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled: Step = step
    return compiled


def random_windows(layout: Layout, n: int, steps: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows as heard and as written."""
    draw = np.random.default_rng(0)
    if isinstance(layout, RowLayout):
        windows = tf.constant(draw.random((n, steps, layout.depth), np.float32))
        return windows, windows
    tokens = draw.integers(0, layout.depth, (n, steps))
    return tf.constant(layout.inputs(np, tokens)), tf.constant(layout.outputs(np, tokens))


def main() -> None:
    parser = option_parser(__doc__, rounds=7)
    parser.add_argument("--config", default="groovae_4bar")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--hparams", default="", help="to replace, as in dec_rnn_size=[256,256]")
    arguments = parser.parse_args()
    config = get_config(arguments.config).with_hparams(arguments.hparams)
    layout = layout_of(config)
    steps = config.converter.window_steps
    assert steps is not None
    if config.hparams.hierarchical_encoder or layout.depth > DRUM_TOKENS:
        parser.error(f"{config.name}: there is no plain Keras version of it")
    heard, windows = random_windows(layout, arguments.batch_size, steps)

    def way(step: Step) -> Work:
        def work() -> None:
            step(heard, windows).numpy()  # waits for it

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
    if config.name == CONDUCTED:
        ratio = fastest.faster_than(baseline)
        report.figure("groovefast against plain Keras", ratio, "times", at_least=CONDUCTED_GOAL)
    report.write(arguments.json)


if __name__ == "__main__":
    main()
