"""What a model learns of a row: its loss, how one is drawn, and what of it is kept as given.

What the columns mean is in `windows.rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from groovefast.config import LossHParams
from groovefast.model.in_use import LEAST_DRAW, drawn
from groovefast.model.inputs import Kept
from groovefast.model.layers import time_major
from groovefast.windows.rows import RowLayout

Activation: TypeAlias = "Callable[[tf.Tensor], tf.Tensor]"

_LOG_LOSS_EPSILON = 1e-7  # as in TensorFlow 1's log_loss: the loss of one hit stays below 16.2


class RowLosses(NamedTuple):
    """The losses of rows.

    Attributes:
        loss: What is trained on, (...), summed over each row.
        parts: What it is the weighted sum of, and other measures, by name: arrays whose means
            count.
    """

    loss: tf.Tensor
    parts: Mapping[str, tf.Tensor]


class Row(Protocol):
    """What a model writes at each step. Rows and their logits are (..., depth)."""

    @property
    def depth(self) -> int:
        """Width of a row."""

    @property
    def draws(self) -> int:
        """Draws that decide a row."""

    def losses(self, logits: tf.Tensor, target: tf.Tensor) -> RowLosses:
        """Returns what the logits cost where the truth is `target`.

        Both are (n, sections, steps of a section, depth).
        """

    def noise(self, n: tf.Tensor, steps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns uniform draws for `draw`, (steps, n, draws); a window's do not depend on n."""

    def draw(
        self, logits: tf.Tensor, noise: tf.Tensor, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        """Draws rows; temperature 0 takes the likeliest."""

    def keep(self, row: tf.Tensor, kept: Kept | None) -> tf.Tensor:
        """Returns rows as they are heard: with what is known in place of their own."""


class PerformanceRow(NamedTuple):
    """Rows of hits, velocities and offsets.

    Attributes:
        layout: What their columns are.
        hparams: How their losses are weighted.
        is_cleared: Whether of a drum that is not hit nothing else is told, as a model without z
            was trained to hear it.
    """

    layout: RowLayout
    hparams: LossHParams
    is_cleared: bool = False

    @property
    def depth(self) -> int:
        """Width of a row."""
        return self.layout.depth

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return sum(drawn(self.layout))

    def losses(self, logits: tf.Tensor, target: tf.Tensor) -> RowLosses:
        """Returns the loss of hits, velocities and offsets, and `hits_accuracy`.

        Log-loss of the hits, squared error of numbers, and of one-hots the softmax
        cross-entropy (Magenta, which has the one-hots, has no loss for them).
        """
        hparams = self.hparams
        hits, velocities, offsets = self.layout.split(tf, logits)
        true_hits, true_velocities, true_offsets = self.layout.split(tf, target)
        hit = tf.sigmoid(hits)
        log_hit = tf.math.log(hit + _LOG_LOSS_EPSILON)
        log_rest = tf.math.log(1 - hit + _LOG_LOSS_EPSILON)
        right = tf.equal(hits > 0, true_hits > 0.5)
        counted = true_hits if hparams.loss_at_hits_only else tf.ones_like(true_hits)

        def value_loss(
            values: tf.Tensor, truth: tf.Tensor, bins: int, activation: Activation
        ) -> tf.Tensor:
            return tf.reduce_sum(counted * self._value_loss(values, truth, bins, activation), -1)

        layout = self.layout
        parts = {
            "hits_loss": -tf.reduce_sum(
                hparams.played_weight * true_hits * log_hit + (1 - true_hits) * log_rest, -1
            ),
            "velocities_loss": value_loss(
                velocities, true_velocities, layout.velocity_bins, tf.sigmoid
            ),
            "offsets_loss": value_loss(offsets, true_offsets, layout.offset_bins, tf.tanh),
            "hits_accuracy": tf.reduce_mean(tf.cast(right, tf.float32), -1),
        }
        loss = (
            parts["hits_loss"]
            + hparams.velocities_weight * parts["velocities_loss"]
            + hparams.offsets_weight * parts["offsets_loss"]
        )
        return RowLosses(loss, parts)

    def noise(self, n: tf.Tensor, steps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns uniform draws for `draw`, (steps, n, draws); a window's do not depend on n."""
        draws = tf.random.stateless_uniform([n, steps, self.draws], seed, minval=LEAST_DRAW)
        return time_major(draws)

    def draw(
        self, logits: tf.Tensor, noise: tf.Tensor, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        """Draws rows; temperature 0 takes the more likely hits and bins.

        A logit plus logistic noise is above 0 with the probability sigmoid(logit), and of
        logits plus Gumbel noise each is the largest with its softmax probability.
        """
        hits, velocities, offsets = self.layout.split(tf, logits)
        for_hits, for_velocities, for_offsets = tf.split(noise, drawn(self.layout), -1)
        logistic = tf.math.log(for_hits) - tf.math.log1p(-for_hits)
        hits = tf.cast(hits + temperature * logistic > 0, tf.float32)
        _, velocity_bins, offset_bins, _ = self.layout
        velocities = (
            self._draw_bins(velocities, for_velocities, velocity_bins, temperature)
            if velocity_bins
            else tf.sigmoid(velocities)
        )
        offsets = (
            self._draw_bins(offsets, for_offsets, offset_bins, temperature)
            if offset_bins
            else tf.tanh(offsets)
        )
        return tf.concat([hits, velocities, offsets], -1)

    def keep(self, row: tf.Tensor, kept: Kept | None) -> tf.Tensor:
        """Returns rows as they are heard: with hits that are known in place of their own."""
        if kept:
            hits, velocities, offsets = self.layout.split(tf, row)
            row = tf.concat([tf.where(kept.mask, kept.values, hits), velocities, offsets], -1)
        if self.is_cleared:
            is_hit = tf.gather(row, self.layout.hit_columns, axis=-1) > 0
            row = tf.where(is_hit, row, self.layout.silence)
        return row

    def _groups(self, values: tf.Tensor, bins: int) -> tf.Tensor:
        """(..., drums * bins) as (..., drums, bins)."""
        return tf.reshape(values, tf.concat([tf.shape(values)[:-1], [self.layout.drums, bins]], 0))

    def _value_loss(
        self, logits: tf.Tensor, target: tf.Tensor, bins: int, activation: Activation
    ) -> tf.Tensor:
        """Of each drum, (..., drums)."""
        if not bins:
            return tf.math.squared_difference(activation(logits), target)
        return tf.nn.softmax_cross_entropy_with_logits(
            self._groups(target, bins), self._groups(logits, bins)
        )

    def _draw_bins(
        self, logits: tf.Tensor, noise: tf.Tensor, bins: int, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        gumbel = -tf.math.log(-tf.math.log(noise))
        best = tf.argmax(self._groups(logits + temperature * gumbel, bins), -1)
        return tf.reshape(tf.one_hot(best, bins), tf.shape(logits))
