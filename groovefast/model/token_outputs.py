"""What a model learns of rows of tokens: their loss, and how one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from groovefast.model.inputs import Kept
from groovefast.model.layers import time_major
from groovefast.model.outputs import RowLosses


class TokenRow(NamedTuple):
    """Rows of one token, as one-hots.

    Attributes:
        depth: How many tokens there are.
    """

    depth: int

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return 1

    def losses(self, logits: tf.Tensor, target: tf.Tensor) -> RowLosses:
        """Returns the cross-entropy, `accuracy` and `mean_per_class_accuracy`.

        The latter is a mean over all tokens, also those that do not occur, of how many were found:
        taken, as in Magenta, of the windows' first sections, of their second, and so on.
        """
        true, found = tf.argmax(target, -1), tf.argmax(logits, -1)
        right = tf.cast(tf.equal(true, found), tf.float32)
        sections = tf.cast(tf.shape(true)[1], tf.int64)
        classes = true + self.depth * tf.range(sections)[:, tf.newaxis]
        right_of, all_of = (
            tf.math.unsorted_segment_sum(values, classes, sections * self.depth)
            for values in (right, tf.ones_like(right))
        )
        return RowLosses(
            tf.nn.softmax_cross_entropy_with_logits(target, logits),
            {
                "accuracy": right,
                "mean_per_class_accuracy": tf.math.divide_no_nan(right_of, all_of),
            },
        )

    def noise(self, n: tf.Tensor, steps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns uniform draws for `draw`, (steps, n, 1); a window's do not depend on n."""
        return time_major(tf.random.stateless_uniform([n, steps, self.draws], seed))

    def draw(
        self, logits: tf.Tensor, noise: tf.Tensor, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        """Draws rows; temperature 0 takes the likeliest.

        It is the first token whose cumulated probability exceeds the draw.
        """
        temperature = tf.convert_to_tensor(temperature, tf.float32)
        scaled = tf.math.divide_no_nan(logits, temperature)
        below = tf.cumsum(tf.nn.softmax(scaled), -1) <= noise
        drawn = tf.minimum(tf.reduce_sum(tf.cast(below, tf.int64), -1), self.depth - 1)
        chosen = tf.where(temperature > 0, drawn, tf.argmax(logits, -1))
        return tf.one_hot(chosen, self.depth)

    def keep(self, row: tf.Tensor, kept: Kept | None) -> tf.Tensor:
        """Returns rows as they are: nothing of them can be given."""
        del kept
        return row


class PartsRow(NamedTuple):
    """Rows of several parts, side by side.

    Attributes:
        parts: What each of them is.
    """

    parts: Sequence[TokenRow]

    @property
    def depth(self) -> int:
        """Width of a row."""
        return sum(part.depth for part in self.parts)

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return sum(part.draws for part in self.parts)

    def losses(self, logits: tf.Tensor, target: tf.Tensor) -> RowLosses:
        """Returns the sum of the parts' losses, and their measures, each and their means."""
        losses = [
            part.losses(*both)
            for part, *both in zip(self.parts, self.split(logits), self.split(target), strict=True)
        ]
        measures: dict[str, tf.Tensor] = {}
        for name in losses[0].parts:
            means = [tf.reduce_mean(each.parts[name]) for each in losses]
            measures[name] = tf.stack(means)
            measures |= {f"{name}/output_{part}": mean for part, mean in enumerate(means)}
        return RowLosses(tf.add_n([each.loss for each in losses]), measures)

    def split(self, rows: tf.Tensor) -> list[tf.Tensor]:
        """Returns the columns of each part of rows, (..., depth)."""
        return list(tf.split(rows, [part.depth for part in self.parts], -1))

    def noise(self, n: tf.Tensor, steps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns uniform draws for `draw`, (steps, n, parts); a window's do not depend on n."""
        return time_major(tf.random.stateless_uniform([n, steps, self.draws], seed))

    def draw(
        self, logits: tf.Tensor, noise: tf.Tensor, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        """Draws each part of rows; temperature 0 takes the likeliest."""
        noises = tf.split(noise, [part.draws for part in self.parts], -1)
        drawn = [
            part.draw(own, noise, temperature)
            for part, own, noise in zip(self.parts, self.split(logits), noises, strict=True)
        ]
        return tf.concat(drawn, -1)

    def keep(self, row: tf.Tensor, kept: Kept | None) -> tf.Tensor:
        """Returns rows as they are: nothing of them can be given."""
        del kept
        return row
