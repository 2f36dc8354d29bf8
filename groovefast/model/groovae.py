"""GrooVAE: a variational autoencoder of drum performances.

A window of a performance is a sequence of steps, each [9 hits, 9 velocities, 9 offsets]. The
encoder, a stacked bidirectional LSTM, reads it into a normal distribution over z; the decoder, a
stacked LSTM, writes it again step by step from z and what it wrote before:

    window -> encoder -> mu, sigma -> z = mu + sigma·eps -> decoder -> logits -> window

From Gillick et al., "Learning to Groove with Inverse Sequence Transformations" (ICML 2019), and
number for number Magenta's implementation of it; variables carry the names of Magenta's
checkpoints.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.config import MAX_SEED, PRECISIONS, Config, get_config
from groovefast.drums import NUM_CLASSES
from groovefast.errors import check_choice, check_whole
from groovefast.model.decoder import Context, Decoder, NextInput
from groovefast.model.encoder import Encoder
from groovefast.model.in_use import InUse, Posterior, Seed, seed_pair
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.layers import (
    DTYPES,
    NO_DROPOUT,
    Dropout,
    Weights,
    fresh_variables,
    time_major,
)
from groovefast.model.outputs import PerformanceRow, Row
from groovefast.model.plan import layers
from groovefast.task import Task


class GrooVAE(tf.Module, InUse):  # type: ignore[misc]
    """The model in TensorFlow: variables, encoder, decoder, losses, sampling.

    n counts windows and steps the rows of one: the grid's steps, or 9 rows each with
    `split_instruments`. `depth`, `control_depth` are the widths of a row (27 and 0, mostly).

    Attributes:
        config: The `Config` it was built from.
        precision: "float32", "mixed_float16" or "mixed_bfloat16".
        weights: The variables, always float32, by their names in Magenta's checkpoints.
        prior: As of `InUse`.
        touch: As of `InUse`.
    """

    def __init__(self, config: str | Config, precision: str = "float32", seed: int = 0) -> None:
        """Builds the model with fresh weights, the same for the same seed.

        Raises:
            OptionError: An unknown config or precision, or a seed out of its range.
        """
        super().__init__(name="groovae")
        check_choice("precision", precision, PRECISIONS)
        check_whole("seed", seed, 0, MAX_SEED)
        self.config = get_config(config)
        self.precision = precision
        self.prior = None
        self.touch = None
        self._plan = layers(self.config)
        self._inputs = Inputs(self.config, tf)
        self._layout = self._inputs.layout
        self._row: Row = PerformanceRow(self._layout, self.config.hparams)
        self.weights = fresh_variables(self._plan, seed)
        windows = tf.TensorSpec([None, None, self._layout.depth])
        controls = tf.TensorSpec([None, None, self._layout.control_depth])
        hits = [None, None, self._layout.drums]
        latents = tf.TensorSpec([None, self.config.hparams.z_size])
        self._encode_graph = tf.function(self._encode, input_signature=[windows, controls])
        self._teacher_forced_graph = tf.function(
            self._teacher_forced, input_signature=[latents, windows, controls]
        )
        self._decode_graph = tf.function(
            self._decode,
            input_signature=[
                latents,
                controls,
                Kept(tf.TensorSpec(hits), tf.TensorSpec(hits, tf.bool)),
                tf.TensorSpec([]),
                tf.TensorSpec([2], tf.int32),
            ],
        )
        self._continue_graph = tf.function(
            self._continue,
            input_signature=[
                windows,
                tf.TensorSpec([None], tf.bool),
                tf.TensorSpec([]),
                tf.TensorSpec([2], tf.int32),
            ],
        )

    # The paper: what is learned.

    def losses(
        self,
        inputs: Any,
        outputs: Any,
        controls: Any = None,
        eps: Any = None,
        *,
        beta: float | tf.Tensor = 1.0,
        sampling_probability: float | tf.Tensor = 0.0,
        dropout_keep_prob: float = 1.0,
        compiled: bool = False,
        seed: Seed = None,
    ) -> dict[str, tf.Tensor]:
        """Returns Magenta's losses and metrics of a batch.

        Args:
            inputs: What the encoder reads, (n, steps, depth).
            outputs: What the decoder should write, (n, steps, depth).
            controls: As for `encode`.
            eps: The noise of z = mu + sigma·eps, (n, z_size); drawn when None.
            beta: What the KL above the free bits is multiplied by.
            sampling_probability: How likely the decoder hears its own last row rather than the
                true one; with the number 0 it hears the truth.
            dropout_keep_prob: How likely a number that a layer hears is kept.
            compiled: Whether to compile the cells for these shapes: for training, see
                `lstm.lstm`.
            seed: The same seed gives the same noise, dropout and samples.

        Returns:
            One value per window: `r_loss`, `kl` (nats), `kl_loss` (above the free bits),
            `kl_bits`. Scalars: `total`, and means per step `hits_loss`, `velocities_loss`,
            `offsets_loss`, `hits_accuracy`.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        inputs = self._inputs.windows("inputs", inputs)
        outputs = self._inputs.windows("outputs", outputs)
        shape = tf.shape(outputs)
        controls = self._inputs.controls(controls, shape[0], shape[1])
        weights = self._weights(compiled)
        for_encoder, for_eps, for_decoder, for_rows = tf.unstack(
            tf.random.split(_seed_of_graph(seed), 4)
        )

        mu = sigma = tf.zeros([shape[0], 0])
        if self._plan.has_z:
            encoder = Encoder.of(self._plan, weights)
            mu, sigma = encoder(
                tf.concat([inputs, controls], -1), Dropout(dropout_keep_prob, for_encoder)
            )
        if eps is None:
            eps = tf.random.stateless_normal(tf.shape(mu), for_eps)
        z = mu + sigma * tf.cast(eps, tf.float32)

        decoder = Decoder.of(self._plan, weights)
        context = Context.of(self._plan, weights, z, controls)
        dropout = Dropout(dropout_keep_prob, for_decoder)
        if isinstance(sampling_probability, (int, float)) and not sampling_probability:
            logits = decoder.teacher_forced(context, outputs, dropout)
        else:
            heard = self._own_or_true(outputs, sampling_probability, for_rows)
            logits, _ = decoder.write(context, heard, dropout)

        losses = self._row.losses(logits, outputs)
        r_loss = tf.reduce_sum(losses.loss, 1)
        kl = 0.5 * tf.reduce_sum(sigma**2 + mu**2 - 1 - 2 * tf.math.log(sigma), 1)
        kl_loss = tf.maximum(kl - self.config.hparams.free_bits * math.log(2), 0)
        return {
            "total": tf.reduce_mean(r_loss) + beta * tf.reduce_mean(kl_loss),
            "r_loss": r_loss,
            "kl": kl,
            "kl_loss": kl_loss,
            "kl_bits": kl / math.log(2),
            **{name: tf.reduce_mean(part) for name, part in losses.parts.items()},
        }

    def _own_or_true(
        self, outputs: tf.Tensor, probability: float | tf.Tensor, seed: tf.Tensor
    ) -> NextInput:
        """What the decoder hears in scheduled sampling (Bengio et al. 2015)."""
        for_coins, for_rows = tf.unstack(tf.random.split(seed, 2))
        noise = self._row.noise(tf.shape(outputs)[0], tf.shape(outputs)[1], for_rows)
        truth = time_major(outputs)
        true_hits = self._layout.split(tf, truth)[0]
        coins = tf.random.stateless_uniform(tf.shape(truth)[:2], for_coins)[..., None]
        told = np.isin(range(NUM_CLASSES), Task.of(self.config.converter).given_drums)
        told = tf.constant(told.reshape(self._layout.rows_per_step, -1))

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            own = self._row.draw(logits, noise[t], 1.0)
            if self.config.hparams.sampling_keeps_hits:
                own = self._row.keep(own, Kept(true_hits[t], told[t % told.shape[0]]))
            own = self._as_played(own)
            return tf.where(coins[t] < probability, own, truth[t])

        return next_input

    def _as_played(self, row: tf.Tensor) -> tf.Tensor:
        """Rows as a model without z was trained to hear them, with nothing where no drum is hit."""
        if self._plan.has_z:
            return row
        is_hit = tf.gather(row, self._layout.hit_columns, axis=-1) > 0
        return tf.where(is_hit, row, self._layout.silence)

    def _weights(self, compiled: bool = False) -> Weights:
        return Weights(self.weights, DTYPES[self.precision], compiled)

    # The graphs of what is learned, in use.

    def _encode(self, inputs: tf.Tensor, controls: tf.Tensor) -> Posterior:
        encoder = Encoder.of(self._plan, self._weights())
        return encoder(tf.concat([inputs, controls], -1), NO_DROPOUT)

    def _teacher_forced(self, z: tf.Tensor, outputs: tf.Tensor, controls: tf.Tensor) -> tf.Tensor:
        weights = self._weights()
        context = Context.of(self._plan, weights, z, controls)
        return Decoder.of(self._plan, weights).teacher_forced(context, outputs, NO_DROPOUT)

    def _decode(
        self,
        z: tf.Tensor,
        controls: tf.Tensor,
        kept: Kept,
        temperature: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        noise = self._row.noise(tf.shape(controls)[0], tf.shape(controls)[1], seed)
        hits, mask = map(time_major, kept)

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            row = self._row.draw(logits, noise[t], temperature)
            return self._as_played(self._row.keep(row, Kept(hits[t], mask[t])))

        weights = self._weights()
        context = Context.of(self._plan, weights, z, controls)
        _, windows = Decoder.of(self._plan, weights).write(context, next_input, NO_DROPOUT)
        return windows

    def _continue(
        self, rows: tf.Tensor, silent: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        n, played = tf.shape(rows)[0], tf.shape(rows)[1]
        steps = tf.size(silent)
        silent = tf.pad(silent, [[played, 0]])
        noise = self._row.noise(n, steps, seed)
        noise = tf.pad(noise, [[played, 0], [0, 0], [0, 0]], constant_values=0.5)
        truth = tf.pad(time_major(rows), [[0, steps], [0, 0], [0, 0]])

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            row = self._as_played(self._row.draw(logits, noise[t], temperature))
            row = tf.where(silent[t], self._layout.silence, row)
            return tf.where(t < played, truth[t], row)

        weights = self._weights()
        controls = self._inputs.controls(None, n, played + steps)
        context = Context.of(self._plan, weights, tf.zeros([n, 0]), controls)
        _, windows = Decoder.of(self._plan, weights).write(context, next_input, NO_DROPOUT)
        return windows[:, played:]

    # In use.

    def _encoded(self, inputs: tf.Tensor, controls: tf.Tensor) -> Posterior:
        return Posterior(*self._encode_graph(inputs, controls))

    def _decoded(
        self,
        z: tf.Tensor,
        controls: tf.Tensor,
        kept: Kept,
        temperature: float,
        seed: NDArray[np.int32],
    ) -> tf.Tensor:
        return self._decode_graph(z, controls, kept, temperature, seed)

    def _forced(self, z: tf.Tensor, outputs: tf.Tensor, controls: tf.Tensor) -> tf.Tensor:
        return self._teacher_forced_graph(z, outputs, controls)

    def _continued(
        self,
        rows: tf.Tensor,
        silent: NDArray[np.bool_],
        temperature: float,
        seed: NDArray[np.int32],
    ) -> tf.Tensor:
        return self._continue_graph(rows, silent, temperature, seed)

    def warm_up(self) -> None:
        """Builds the graph of `decode` now, so that the first groove is as fast as the next."""
        controls = tf.zeros([1, self._layout.control_depth])
        self.decode(tf.zeros([1, self.config.hparams.z_size]), controls, seed=0)

    def _normal(self, shape: tuple[int, int], seed: NDArray[np.int32]) -> tf.Tensor:
        return tf.random.stateless_normal(shape, seed)

    def _own(self, rows: NDArray[np.float32]) -> tf.Tensor:
        return tf.constant(rows)


def _seed_of_graph(seed: Seed) -> tf.Tensor:
    """As `seed_pair`, where a graph is traced: drawn anew in each run for None."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    if isinstance(seed, tf.Tensor):
        pair = tf.cast(seed, tf.int32)
        return pair if pair.shape.rank else tf.stack([pair, 0])
    return tf.constant(seed_pair(seed))
