"""GrooVAE: a variational autoencoder of drum performances.

A window of a performance is a sequence of steps, each [9 hits, 9 velocities, 9 offsets]. The
encoder, a stacked bidirectional LSTM, reads it into a normal distribution over z; the decoder, a
stacked LSTM, writes it again step by step from z and what it wrote before:

    window -> encoder -> mu, sigma -> z = mu + sigma·eps -> decoder -> logits -> window

From Gillick et al., "Learning to Groove with Inverse Sequence Transformations" (ICML 2019), and
number for number Magenta's implementation of it; variables carry the names of Magenta's
checkpoints.

It is a branch of MusicVAE (Roberts et al., ICML 2018), all of which is here: rows may be tokens in
place of performances, and a conductor may lay out the bars of long windows for the decoder:

    z -> conductor -> a context for each bar -> decoder -> logits -> window
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.config import MAX_SEED, PRECISIONS, Config, get_config
from groovefast.drums import NUM_CLASSES
from groovefast.errors import check_choice, check_whole
from groovefast.model.conductor import Conductor, Decoders, conducted
from groovefast.model.decoder import NextInput
from groovefast.model.encoder import Encoder
from groovefast.model.in_use import InUse, Posterior, Seed, seed_pair
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.layers import (
    DTYPES,
    NO_DROPOUT,
    Dropout,
    Weights,
    by_section,
    fresh_variables,
    in_a_row,
    time_major,
)
from groovefast.model.outputs import PerformanceRow, Row
from groovefast.model.plan import layers
from groovefast.model.token_outputs import PartsRow, TokenRow
from groovefast.task import Task
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import layout_of


class GrooVAE(tf.Module, InUse):  # type: ignore[misc]
    """The model in TensorFlow: variables, encoder, decoder, losses, sampling.

    n counts windows and steps the rows of one: the grid's steps, or 9 rows each with
    `split_instruments`. `depth`, `input_depth` and `control_depth` are the widths of rows (27, 27
    and 0, mostly). Where rows are tokens these may be given in their place: whole numbers,
    (n, steps) or, of several parts, (n, steps, parts).

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
        self._row, self._rows = _rows_of(self.config, len(self._plan.decoders))
        self.weights = fresh_variables(self._plan, seed)
        heard = tf.TensorSpec([None, None, self._layout.input_depth])
        windows = tf.TensorSpec([None, None, self._layout.depth])
        controls = tf.TensorSpec([None, None, self._layout.control_depth])
        hits = [None, None, self._layout.drums]
        latents = tf.TensorSpec([None, self.config.hparams.z_size])
        self._encode_graph = tf.function(self._encode, input_signature=[heard, controls])
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
                tf.TensorSpec([None, None, self._row.draws]),
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
        noise: Any = None,
        coins: Any = None,
    ) -> dict[str, tf.Tensor]:
        """Returns Magenta's losses and metrics of a batch.

        Args:
            inputs: What the encoder reads, (n, steps, input_depth), or tokens.
            outputs: What the decoder should write, (n, steps, depth), or tokens.
            controls: As for `encode`.
            eps: The noise of z = mu + sigma·eps, (n, z_size); drawn when None.
            beta: What the KL above the free bits is multiplied by.
            sampling_probability: How likely the decoder hears its own last row rather than the
                true one; with the number 0 it hears the truth. Below a conductor bars are written
                side by side, each after the true end of the one before.
            dropout_keep_prob: How likely a number that a layer hears is kept.
            compiled: Whether to compile the cells for these shapes: for training, see
                `lstm.lstm`.
            seed: The same seed gives the same noise, dropout and samples.
            noise: What its own rows are drawn with in place of noise of the seed, as for `decode`.
            coins: Where it hears its own rows, bool (steps, n), whatever `sampling_probability`,
                and one bar after the other.

        Returns:
            One value per window: `r_loss`, `kl` (nats), `kl_loss` (above the free bits),
            `kl_bits`. Scalars: `total`, and means per step, of performances `hits_loss`,
            `velocities_loss`, `offsets_loss`, `hits_accuracy`, of tokens `accuracy` and
            `mean_per_class_accuracy`, with several parts each part's too, as in
            `accuracy/output_0`.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        inputs, outputs = self._inputs.heard(inputs), self._inputs.outputs(outputs)
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

        decoders = conducted(self._plan, weights, z, controls)
        dropout = Dropout(dropout_keep_prob, for_decoder)
        is_told = isinstance(sampling_probability, (int, float)) and not sampling_probability
        if coins is None and is_told:
            logits = self._forced_logits(decoders, outputs, dropout)
        else:
            logits = self._heard_logits(
                decoders, outputs, dropout, sampling_probability, for_rows, noise, coins
            )

        sectioned = [shape[0], decoders[0][1].sections, -1, self._layout.depth]
        losses = self._row.losses(tf.reshape(logits, sectioned), tf.reshape(outputs, sectioned))
        r_loss = tf.reduce_sum(losses.loss, [1, 2])
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

    def _forced_logits(self, decoders: Decoders, outputs: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """The logits of rows, each decoder's part given the true ones before it."""
        parts = tf.split(outputs, [row.depth for row in self._rows], -1)
        logits = [
            decoder.teacher_forced(context, part, self._of_part(dropout, number))
            for number, ((decoder, context), part) in enumerate(zip(decoders, parts, strict=True))
        ]
        return tf.concat(logits, -1)

    def _written(
        self,
        decoders: Decoders,
        heard: Sequence[NextInput],
        dropout: Dropout,
        first: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits, and what the decoders heard of their own parts, after first rows or none."""
        depths = [row.depth for row in self._rows]
        firsts = [None] * len(depths) if first is None else tf.split(first, depths, -1)
        each = zip(decoders, heard, firsts, strict=True)
        parts = [
            decoder.write(context, next_input, self._of_part(dropout, number), own_first)
            for number, ((decoder, context), next_input, own_first) in enumerate(each)
        ]
        logits, written = (tf.concat(each, -1) for each in zip(*parts, strict=True))
        return logits, written

    def _of_part(self, dropout: Dropout, number: int) -> Dropout:
        return dropout.of(number) if len(self._rows) > 1 else dropout

    def _heard_logits(
        self,
        decoders: Decoders,
        outputs: tf.Tensor,
        dropout: Dropout,
        probability: float | tf.Tensor,
        seed: tf.Tensor,
        noise: Any,
        coins: Any,
    ) -> tf.Tensor:
        """The logits of rows in scheduled sampling (Bengio et al. 2015), as of `losses`."""
        if not self._plan.conductor or coins is not None:
            heard = self._own_or_true(time_major(outputs), probability, seed, noise, coins)
            return self._written(decoders, heard, dropout)[0]
        sections = decoders[0][1].sections
        before = time_major(tf.pad(outputs[:, :-1], [[0, 0], [1, 0], [0, 0]]))
        truth, before = (by_section(rows, sections) for rows in (time_major(outputs), before))
        heard = self._own_or_true(truth, probability, seed)
        apart = [(decoder, context.side_by_side()) for decoder, context in decoders]
        logits, _ = self._written(apart, heard, dropout, before[0])
        return time_major(in_a_row(time_major(logits), sections))

    def _own_or_true(
        self,
        truth: tf.Tensor,
        probability: float | tf.Tensor,
        seed: tf.Tensor,
        noise: Any = None,
        coins: Any = None,
    ) -> list[NextInput]:
        """What the decoders hear of themselves or of the true rows, (steps, n, depth)."""
        for_coins, for_rows = tf.unstack(tf.random.split(seed, 2))
        steps, n = tf.unstack(tf.shape(truth)[:2])
        noise = (
            self._row.noise(n, steps, for_rows)
            if noise is None
            else self._inputs.noise(noise, n, steps, self._row.draws)
        )
        if coins is None:
            coins = tf.random.stateless_uniform([steps, n], for_coins) < probability
        coins = tf.cast(coins, tf.bool)[..., None]
        known = self._known_hits(truth)

        def of_part(row: Row, truth: tf.Tensor, noise: tf.Tensor) -> NextInput:
            def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
                own = row.draw(logits, noise[t], 1.0)
                own = row.keep(own, known(t) if known else None)
                return tf.where(coins[t], own, truth[t])

            return next_input

        return list(map(of_part, *self._by_part(truth, noise)))

    def _by_part(
        self, rows: tf.Tensor, noise: tf.Tensor
    ) -> tuple[Sequence[Row], Sequence[tf.Tensor], Sequence[tf.Tensor]]:
        """What each decoder writes, and its columns of rows and of noise."""
        depths, draws = zip(*((row.depth, row.draws) for row in self._rows), strict=True)
        return self._rows, tf.split(rows, depths, -1), tf.split(noise, draws, -1)

    def _known_hits(self, truth: tf.Tensor) -> Callable[[tf.Tensor], Kept] | None:
        """The true hits of each step that scheduled sampling keeps, where it keeps any."""
        layout = self._layout
        if not (self.config.hparams.sampling_keeps_hits and isinstance(layout, RowLayout)):
            return None
        hits = layout.split(tf, truth)[0]
        told = np.isin(range(NUM_CLASSES), Task.of(self.config.converter).given_drums)
        told = tf.constant(told.reshape(layout.rows_per_step, -1))
        return lambda t: Kept(hits[t], told[t % told.shape[0]])

    def _weights(self, compiled: bool = False) -> Weights:
        return Weights(self.weights, DTYPES[self.precision], compiled)

    # The graphs of what is learned, in use.

    def _encode(self, inputs: tf.Tensor, controls: tf.Tensor) -> Posterior:
        encoder = Encoder.of(self._plan, self._weights())
        return encoder(tf.concat([inputs, controls], -1), NO_DROPOUT)

    def _teacher_forced(self, z: tf.Tensor, outputs: tf.Tensor, controls: tf.Tensor) -> tf.Tensor:
        decoders = conducted(self._plan, self._weights(), z, controls)
        return self._forced_logits(decoders, outputs, NO_DROPOUT)

    def _decode(
        self,
        z: tf.Tensor,
        controls: tf.Tensor,
        kept: Kept,
        temperature: tf.Tensor,
        noise: tf.Tensor,
    ) -> tf.Tensor:
        hits, mask = map(time_major, kept)

        def of_part(row: Row, noise: tf.Tensor) -> NextInput:
            def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
                return row.keep(row.draw(logits, noise[t], temperature), Kept(hits[t], mask[t]))

            return next_input

        noises = tf.split(noise, [row.draws for row in self._rows], -1)
        decoders = conducted(self._plan, self._weights(), z, controls)
        _, windows = self._written(decoders, list(map(of_part, self._rows, noises)), NO_DROPOUT)
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
            own = self._row.draw(logits, noise[t], temperature)
            own = self._row.keep(own, Kept(tf.zeros([]), silent[t]))
            return tf.where(t < played, truth[t], own)

        controls = self._inputs.controls(None, n, played + steps)
        decoders = conducted(self._plan, self._weights(), tf.zeros([n, 0]), controls)
        _, windows = self._written(decoders, [next_input], NO_DROPOUT)
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
        draws: tf.Tensor,
    ) -> tf.Tensor:
        return self._decode_graph(z, controls, kept, temperature, draws)

    def _draws(self, n: int, steps: int, noise: Any, seed: Seed) -> tf.Tensor:
        if noise is None:
            return self._row.noise(n, steps, seed_pair(seed))
        return self._inputs.noise(noise, n, steps, self._row.draws)

    def _conducted(self, z: tf.Tensor, bars: int) -> tf.Tensor:
        assert self._plan.conductor is not None
        return time_major(Conductor.of(self._plan.conductor, self._weights())(z, bars))

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
        steps = self._plan.bar if self._plan.conductor else 1
        controls = tf.zeros([steps, self._layout.control_depth])
        self.decode(tf.zeros([1, self.config.hparams.z_size]), controls, seed=0)

    def _normal(self, shape: tuple[int, int], seed: NDArray[np.int32]) -> tf.Tensor:
        return tf.random.stateless_normal(shape, seed)

    def _own(self, rows: NDArray[np.float32]) -> tf.Tensor:
        return tf.constant(rows)


def _rows_of(config: Config, decoders: int) -> tuple[Row, Sequence[Row]]:
    """What a model writes at each step, and what each of its decoders does."""
    layout = layout_of(config)
    if isinstance(layout, RowLayout):
        whole: Row = PerformanceRow(layout, config.hparams, not config.hparams.z_size)
        return whole, [whole]
    parts = [TokenRow(size) for size in layout.tokens]
    whole = PartsRow(parts) if len(parts) > 1 else parts[0]
    return whole, parts if decoders > 1 else [whole]


def _seed_of_graph(seed: Seed) -> tf.Tensor:
    """As `seed_pair`, where a graph is traced: drawn anew in each run for None."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    if isinstance(seed, tf.Tensor):
        pair = tf.cast(seed, tf.int32)
        return pair if pair.shape.rank else tf.stack([pair, 0])
    return tf.constant(seed_pair(seed))
