"""GrooVAE: a variational autoencoder of drum performances, whole in this file.

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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from groovefast.config import MAX_TEMPERATURE, Config, ConverterConfig, get_config
from groovefast.drums import NUM_CLASSES
from groovefast.errors import GrooveFastError
from groovefast.model.lstm import (
    LstmWeights,
    State,
    lstm,
    lstm_step,
    project,
    side_by_side_over_time,
)
from groovefast.task import Task
from groovefast.windows.rows import RowLayout

Vector: TypeAlias = "npt.NDArray[np.float32]"
Seed: TypeAlias = "int | tf.Tensor | None"
NextInput: TypeAlias = "Callable[[tf.Tensor, tf.Tensor], tf.Tensor]"
"""From a step's number and its logits, (n, depth), to the next step's input, (n, depth)."""

PRECISIONS = {
    "float32": tf.float32,
    "mixed_float16": tf.float16,
    "mixed_bfloat16": tf.bfloat16,
}
"""Names of what the matrix products are computed in; all else is float32."""


# --- The variables --------------------------------------------------------------------------


def encoder_scope(level: int, direction: str) -> str:
    """Magenta's name of an encoder cell; `direction` is "fw" or "bw"."""
    return f"encoder/cell_{level}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0"


def decoder_scope(layer: int) -> str:
    """Magenta's name of a decoder cell."""
    return f"decoder/multi_rnn_cell/cell_{layer}"


def variable_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Returns every variable's shape by its name in Magenta's checkpoints.

    Residual layers first project their input to their own size, except a decoder layer as wide
    as the one below: as there, these hold an `input_projection_wrapper`.
    """
    hparams = config.hparams
    shapes: dict[str, tuple[int, ...]] = {}
    layout = RowLayout.of(config.converter)
    depth, control_depth = layout.depth, layout.control_depth

    def dense(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}/kernel"] = (inputs, outputs)
        shapes[f"{name}/bias"] = (outputs,)

    def cell(scope: str, inputs: int, units: int, project: bool) -> None:
        if project:
            scope = f"{scope}/input_projection_wrapper"
            dense(scope, inputs, units)
            inputs = units
        dense(f"{scope}/lstm_cell", inputs + units, 4 * units)

    width = depth + control_depth
    for level, units in enumerate(hparams.enc_rnn_size):
        for direction in ("fw", "bw"):
            cell(encoder_scope(level, direction), width, units, hparams.residual_encoder)
        width = 2 * units
    dense("encoder/mu", width, hparams.z_size)
    dense("encoder/sigma", width, hparams.z_size)

    dense("decoder/z_to_initial_state", hparams.z_size, 2 * sum(hparams.dec_rnn_size))
    width = depth + hparams.z_size + control_depth
    for layer, units in enumerate(hparams.dec_rnn_size):
        project = hparams.residual_decoder and (layer == 0 or units != width)
        cell(decoder_scope(layer), width, units, project)
        width = units
    dense("decoder/output_projection", width, depth)
    return shapes


def _initial_value(name: str, shape: tuple[int, ...], seed: list[int]) -> tf.Tensor:
    """Zero biases, N(0, 0.001) around z, Glorot's uniform elsewhere."""
    if name.endswith("/bias"):
        return tf.zeros(shape)
    if name.startswith(("encoder/mu", "encoder/sigma", "decoder/z_to_initial_state")):
        return tf.random.stateless_normal(shape, seed, stddev=0.001)
    limit = math.sqrt(6 / sum(shape))
    return tf.random.stateless_uniform(shape, seed, -limit, limit)


# --- One row: hits, velocities, offsets -----------------------------------------------------

ROW_PARTS = ("hits", "velocities", "offsets")
_LOG_LOSS_EPSILON = 1e-7  # as in TensorFlow 1's log_loss: the loss of one hit stays below 16.2


class Row(NamedTuple):
    """What the columns of a row mean, and with it the losses and the sampling of each.

    Velocities and offsets are a number for each drum, or one-hot groups where they are binned.
    Tensors are (..., depth).

    Attributes:
        drums: 9, or 1 with `split_instruments`.
        velocity_bins: Size of a velocity's one-hot group; 0 for a number.
        offset_bins: The same of an offset.
    """

    drums: int
    velocity_bins: int
    offset_bins: int

    @classmethod
    def of(cls, converter: ConverterConfig) -> Row:
        """The row a converter makes."""
        return cls(
            RowLayout.of(converter).drums, converter.num_velocity_bins, converter.num_offset_bins
        )

    def losses(
        self,
        logits: tf.Tensor,
        target: tf.Tensor,
        played_weight: float = 1.0,
        at_hits_only: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Returns the loss of each part, summed over a row, and `hits_accuracy`.

        Log-loss of the hits, squared error of numbers, and of one-hot groups the softmax
        cross-entropy (Magenta, which has the groups, has no loss for them).

        Args:
            logits: What the model says.
            target: The truth.
            played_weight: What the loss of true hits is multiplied by.
            at_hits_only: Whether velocities and offsets count only at the truth's hits.
        """
        hits, velocities, offsets = self._split(logits)
        true_hits, true_velocities, true_offsets = self._split(target)
        hit = tf.sigmoid(hits)
        log_hit = tf.math.log(hit + _LOG_LOSS_EPSILON)
        log_rest = tf.math.log(1 - hit + _LOG_LOSS_EPSILON)
        right = tf.equal(hits > 0, true_hits > 0.5)
        values = {
            "velocities": self._value_loss(
                velocities, true_velocities, self.velocity_bins, tf.sigmoid
            ),
            "offsets": self._value_loss(offsets, true_offsets, self.offset_bins, tf.tanh),
        }
        counted = true_hits if at_hits_only else tf.ones_like(true_hits)
        return {
            "hits": -tf.reduce_sum(
                played_weight * true_hits * log_hit + (1 - true_hits) * log_rest, -1
            ),
            **{kind: tf.reduce_sum(counted * loss, -1) for kind, loss in values.items()},
            "hits_accuracy": tf.reduce_mean(tf.cast(right, tf.float32), -1),
        }

    def noise(self, n: tf.Tensor, steps: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Uniform draws for `sample`, (steps, n, width); a window's do not depend on n."""
        width = self.drums * (1 + self.velocity_bins + self.offset_bins)
        draws = tf.random.stateless_uniform([n, steps, width], seed, minval=1e-7)
        return time_major(draws)

    def sample(
        self, logits: tf.Tensor, noise: tf.Tensor, temperature: float | tf.Tensor
    ) -> tf.Tensor:
        """Draws rows; temperature 0 takes the more likely hits and bins.

        A logit plus logistic noise is above 0 with the probability sigmoid(logit), and of
        logits plus Gumbel noise each is the largest with its softmax probability.
        """
        hits, velocities, offsets = self._split(logits)
        widths = [self.drums * size for size in (1, self.velocity_bins, self.offset_bins)]
        for_hits, for_velocities, for_offsets = tf.split(noise, widths, -1)
        logistic = tf.math.log(for_hits) - tf.math.log1p(-for_hits)
        hits = tf.cast(hits + temperature * logistic > 0, tf.float32)
        velocities = (
            self._draw_bins(velocities, for_velocities, self.velocity_bins, temperature)
            if self.velocity_bins
            else tf.sigmoid(velocities)
        )
        offsets = (
            self._draw_bins(offsets, for_offsets, self.offset_bins, temperature)
            if self.offset_bins
            else tf.tanh(offsets)
        )
        return tf.concat([hits, velocities, offsets], -1)

    def hits(self, row: tf.Tensor) -> tf.Tensor:
        """Returns the hits of a row, (..., drums)."""
        return row[..., : self.drums]

    def keep_hits(self, row: tf.Tensor, hits: tf.Tensor) -> tf.Tensor:
        """Returns `row` with `hits`, (..., drums), for its own, except where they are NaN."""
        own, velocities, offsets = self._split(row)
        return tf.concat([tf.where(tf.math.is_nan(hits), own, hits), velocities, offsets], -1)

    def _split(self, row: tf.Tensor) -> Sequence[tf.Tensor]:
        widths = [self.drums * (bins or 1) for bins in (1, self.velocity_bins, self.offset_bins)]
        hits, velocities, offsets = tf.split(row, widths, -1)
        return hits, velocities, offsets

    def _groups(self, values: tf.Tensor, bins: int) -> tf.Tensor:
        """(..., drums * bins) as (..., drums, bins)."""
        return tf.reshape(values, tf.concat([tf.shape(values)[:-1], [self.drums, bins]], 0))

    def _value_loss(
        self,
        logits: tf.Tensor,
        target: tf.Tensor,
        bins: int,
        activation: Callable[[tf.Tensor], tf.Tensor],
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


# --- The model ------------------------------------------------------------------------------


class Dense(NamedTuple):
    """The weights of x·kernel + bias, x being one or more parts as for `project`."""

    kernel: tf.Tensor
    bias: tf.Tensor

    def __call__(self, *parts: tf.Tensor) -> tf.Tensor:
        """Does it, in float32 but for the product."""
        return tf.cast(project(parts, self.kernel), tf.float32) + self.bias


class Cell(NamedTuple):
    """The weights of one layer of the encoder or decoder.

    Attributes:
        projection: What a residual layer does to its input to bring it to its own size.
        lstm: The LSTM itself.
        residual: Whether the (projected) input is added to the output.
    """

    projection: Dense | None
    lstm: LstmWeights
    residual: bool

    @property
    def front(self) -> Dense:
        """What the input meets first."""
        return self.projection or Dense(self.lstm.kernel, self.lstm.bias)

    def with_front(self, front: Dense) -> Cell:
        """The cell with another front."""
        if self.projection:
            return self._replace(projection=front)
        return self._replace(lstm=self.lstm._replace(kernel=front.kernel, bias=front.bias))

    def step(self, x: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """The output and new state after one step, (n, units)."""
        x = self.projection(x) if self.projection else x
        state = lstm_step(x, self.lstm, state)
        return (x + state.h if self.residual else state.h), state


class GrooVAE(tf.Module):  # type: ignore[misc]
    """The model: variables, encoder, decoder, losses, sampling.

    n counts windows and steps the rows of one: the grid's steps, or 9 rows each with
    `split_instruments`. `depth`, `control_depth` are the widths of a row (27 and 0, mostly).

    Attributes:
        config: The `Config` it was built from.
        precision: "float32", "mixed_float16" or "mixed_bfloat16".
        weights: The variables, always float32, by their names in Magenta's checkpoints.
    """

    def __init__(self, config: str | Config, precision: str = "float32", seed: int = 0) -> None:
        """Builds the model with fresh weights, the same for the same seed.

        Raises:
            GrooveFastError: An unknown config or precision.
        """
        super().__init__(name="groovae")
        if precision not in PRECISIONS:
            raise GrooveFastError(
                f"precision: no such precision {precision!r}; it is one of {', '.join(PRECISIONS)}"
            )
        self.config = get_config(config)
        self.precision = precision
        self._dtype = PRECISIONS[precision]
        self._layout, self._row = RowLayout.of(self.config.converter), Row.of(self.config.converter)
        _check_schedule(self.config)
        self.weights = {
            name: tf.Variable(_initial_value(name, shape, [seed, index]), name=name)
            for index, (name, shape) in enumerate(variable_shapes(self.config).items())
        }
        windows = tf.TensorSpec([None, None, self._depth])
        controls = tf.TensorSpec([None, None, self._layout.control_depth])
        self._encode_graph = tf.function(self._encode, input_signature=[windows, controls])
        self._decode_graph = tf.function(
            self._decode,
            input_signature=[
                tf.TensorSpec([None, self.config.hparams.z_size]),
                controls,
                tf.TensorSpec([None, None, self._row.drums]),
                tf.TensorSpec([]),
                tf.TensorSpec([2], tf.int32),
            ],
        )

    @property
    def _depth(self) -> int:
        return self._layout.depth

    @property
    def _keep(self) -> float:
        return self.config.hparams.dropout_keep_prob

    # Public doors: check, convert, and run the graph.

    def encode(self, inputs: Any, controls: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the posterior's `mu` and `sigma`, (n, z_size) each.

        Args:
            inputs: Windows, (n, steps, depth).
            controls: (n, steps, control_depth), or (steps, control_depth) for all; needed only
                by configs with `hits_as_controls`.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        inputs = self._windows("inputs", inputs)
        n, steps = inputs.shape[:2]
        mu, sigma = self._encode_graph(inputs, self._controls(controls, n, steps))
        return mu, sigma

    def decode(
        self,
        z: Any,
        controls: Any = None,
        temperature: float = 1.0,
        seed: Seed = None,
        steps: int | None = None,
        hits: Any = None,
    ) -> tf.Tensor:
        """Returns windows decoded from `z`, (n, steps, depth).

        Args:
            z: Latent vectors, (n, z_size).
            controls: As for `encode`.
            temperature: Hits are drawn from sigmoid(logit / temperature), bins from
                softmax(logits / temperature); 0 takes the more likely.
            seed: The same seed gives the same windows, however many are decoded at once.
            steps: Rows to decode; the config's window, or the controls' length, when None.
            hits: Hits to keep, (n, steps, 9) or (n, steps, 1) with `split_instruments`: they are
                written, and heard by the steps after them, in place of drawn ones. NaN where the
                model is to choose.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        z = tf.convert_to_tensor(z, tf.float32)
        z_size = self.config.hparams.z_size
        if z.shape.rank != 2 or z.shape[1] != z_size:
            raise GrooveFastError(f"z: shape (n, {z_size}) wanted, {tuple(z.shape)} given")
        if not 0 <= temperature <= MAX_TEMPERATURE:
            raise GrooveFastError(
                f"temperature: {temperature} is not a number from 0 to {MAX_TEMPERATURE:g}"
            )
        steps = self._steps(controls) if steps is None else steps
        controls = self._controls(controls, z.shape[0], steps)
        hits = self._hits(hits, z.shape[0], steps)
        return self._decode_graph(z, controls, hits, float(temperature), _seed_pair(seed))

    def warm_up(self) -> None:
        """Builds the graph of `decode` now, so that the first groove is as fast as the next."""
        controls = tf.zeros([1, self._layout.control_depth])
        self.decode(tf.zeros([1, self.config.hparams.z_size]), controls, seed=0)

    def sample(
        self, n: int, temperature: float = 1.0, seed: Seed = None, controls: Any = None
    ) -> tf.Tensor:
        """Returns n new windows, (n, steps, depth), decoded from z ~ N(0, 1); see `decode`."""
        for_z, for_decoder = tf.unstack(tf.random.split(_seed_pair(seed), 2))
        z = tf.random.stateless_normal([n, self.config.hparams.z_size], for_z)
        return self.decode(z, controls, temperature, for_decoder)

    def interpolate(
        self,
        a: Any,
        b: Any,
        num: int,
        controls: Any = None,
        temperature: float = 0.0,
        seed: Seed = None,
    ) -> tf.Tensor:
        """Returns num windows from `a` to `b`, both included, on the sphere between their `mu`.

        Args:
            a: A window, (steps, depth), or its `mu`, (z_size,), which is what configs with
                `hits_as_controls` need.
            b: The other.
            num: How many windows, at least 2.
            controls: As for `decode`.
            temperature: As for `decode`.
            seed: As for `decode`.

        Raises:
            GrooveFastError: A shape that does not fit the config, or num < 2.
        """
        if num < 2:
            raise GrooveFastError(f"num: {num} given; an interpolation has at least 2 windows")
        ends = [np.asarray(end, np.float32) for end in (a, b)]
        mu_a, mu_b = (
            end if end.ndim == 1 else self.encode(end[None])[0][0].numpy() for end in ends
        )
        z = slerp(mu_a, mu_b, np.linspace(0, 1, num))
        return self.decode(z, controls, temperature, seed)

    def losses(
        self,
        inputs: Any,
        outputs: Any,
        controls: Any = None,
        eps: Any = None,
        training: bool = False,
        step: Any = None,
        seed: Seed = None,
    ) -> dict[str, tf.Tensor]:
        """Returns Magenta's losses and metrics of a batch.

        Args:
            inputs: What the encoder reads, (n, steps, depth).
            outputs: What the decoder should write, (n, steps, depth).
            controls: As for `encode`.
            eps: The noise of z = mu + sigma·eps, (n, z_size); drawn when None.
            training: Whether to apply dropout.
            step: Training steps done, for beta annealing and scheduled sampling; None means
                beta is at its maximum and a sampling schedule at its end.
            seed: The same seed gives the same noise, dropout and samples.

        Returns:
            One value per window: `r_loss`, `kl` (nats), `kl_loss` (above the free bits),
            `kl_bits`. Scalars: `total`, `kl_beta`, `sampling_probability`, and means per step
            `hits_loss`, `velocities_loss`, `offsets_loss`, `hits_accuracy`.

        Raises:
            GrooveFastError: A shape that does not fit the config.
        """
        inputs = self._windows("inputs", inputs)
        outputs = self._windows("outputs", outputs)
        shape = tf.shape(outputs)
        controls = self._controls(controls, shape[0], shape[1])
        seeds = tf.unstack(tf.random.split(_seed_pair(seed), 4))
        mu, sigma = self._encode(inputs, controls, seeds[0] if training else None)
        if eps is None:
            eps = tf.random.stateless_normal(tf.shape(mu), seeds[1])
        z = mu + sigma * tf.cast(eps, tf.float32)

        probability = self._sampling_probability(step, training)
        dropout_seed = seeds[2] if training else None
        if probability is None:
            logits = self.teacher_forced(z, outputs, controls, dropout_seed)
        else:
            logits = self._scheduled(z, outputs, controls, probability, dropout_seed, seeds[3])
        hparams = self.config.hparams
        parts = self._row.losses(logits, outputs, hparams.played_weight, hparams.loss_at_hits_only)
        r_loss = tf.reduce_sum(
            parts["hits"]
            + hparams.velocities_weight * parts["velocities"]
            + hparams.offsets_weight * parts["offsets"],
            1,
        )

        kl = 0.5 * tf.reduce_sum(sigma**2 + mu**2 - 1 - 2 * tf.math.log(sigma), 1)
        kl_loss = tf.maximum(kl - hparams.free_bits * math.log(2), 0)
        beta = self._beta(step)
        return {
            "total": tf.reduce_mean(r_loss) + beta * tf.reduce_mean(kl_loss),
            "r_loss": r_loss,
            "kl": kl,
            "kl_loss": kl_loss,
            "kl_bits": kl / math.log(2),
            "kl_beta": beta,
            "sampling_probability": tf.zeros([]) if probability is None else probability,
            **{f"{kind}_loss": tf.reduce_mean(parts[kind]) for kind in ROW_PARTS},
            "hits_accuracy": tf.reduce_mean(parts["hits_accuracy"]),
        }

    # The encoder.

    def _encode(
        self, inputs: tf.Tensor, controls: tf.Tensor, dropout_seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`encode` as a graph."""
        x = time_major(tf.concat([inputs, controls], -1))
        sizes = self.config.hparams.enc_rnn_size
        for level, units in enumerate(sizes):
            zero = tf.zeros([tf.shape(x)[1], units])
            last = level == len(sizes) - 1
            sides: list[tf.Tensor] = []
            for direction, sequence in (("fw", x), ("bw", tf.reverse(x, [0]))):
                seed = _fold(dropout_seed, 2 * level + len(sides))
                scope = encoder_scope(level, direction)
                y = self._layer(scope, [sequence], State(zero, zero), seed, last_only=last)
                sides.append(y if last or direction == "fw" else tf.reverse(y, [0]))
            x = tf.concat(sides, -1)
        sigma = tf.nn.softplus(self._weights("encoder/sigma")(x))
        return self._weights("encoder/mu")(x), sigma

    # The decoder, twice: over a whole known window, and step by step over one it writes itself.

    def teacher_forced(
        self,
        z: tf.Tensor,
        outputs: tf.Tensor,
        controls: tf.Tensor,
        dropout_seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns the logits of each step given the true steps before it, (n, steps, depth)."""
        z = tf.convert_to_tensor(z)
        previous = time_major(tf.pad(outputs[:, :-1], [[0, 0], [1, 0], [0, 0]]))
        parts = [previous, z, time_major(controls)]
        for layer, state in enumerate(self._initial_states(z)):
            seed = _fold(dropout_seed, layer)
            parts = [self._layer(decoder_scope(layer), parts, state, seed)]
        return time_major(self._weights("decoder/output_projection")(parts[0]))

    def _decode(
        self,
        z: tf.Tensor,
        controls: tf.Tensor,
        hits: tf.Tensor,
        temperature: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """`decode` as a graph."""
        noise = self._row.noise(tf.shape(controls)[0], tf.shape(controls)[1], seed)
        hits = time_major(hits)

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            return self._row.keep_hits(self._row.sample(logits, noise[t], temperature), hits[t])

        _, samples = self._write(z, controls, next_input)
        return samples

    def _scheduled(
        self,
        z: tf.Tensor,
        outputs: tf.Tensor,
        controls: tf.Tensor,
        probability: tf.Tensor,
        dropout_seed: tf.Tensor | None,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """The logits when each step's predecessor is the model's own with some probability."""
        for_coins, for_rows = tf.unstack(tf.random.split(seed, 2))
        noise = self._row.noise(tf.shape(outputs)[0], tf.shape(outputs)[1], for_rows)
        truth = time_major(outputs)
        coins = tf.random.stateless_uniform(tf.shape(truth)[:2], for_coins)[..., None]
        task, rows_per_step = Task.of(self.config.converter), self._layout.rows_per_step
        given_drums = tf.constant(
            np.isin(range(NUM_CLASSES), task.given_drums).reshape(rows_per_step, -1)
        )

        def next_input(t: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            own = self._row.sample(logits, noise[t], 1.0)
            if self.config.hparams.sampling_keeps_hits:
                given = given_drums[t % rows_per_step]
                own = self._row.keep_hits(own, tf.where(given, self._row.hits(truth[t]), math.nan))
            return tf.where(coins[t] < probability, own, truth[t])

        logits, _ = self._write(z, controls, next_input, dropout_seed)
        return logits

    def _write(
        self,
        z: tf.Tensor,
        controls: tf.Tensor,
        next_input: NextInput,
        dropout_seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs the decoder on its own output.

        What stays the same or is known beforehand, z and the controls, meets its rows of the
        first layer's kernel once and outside of the loop.

        Returns:
            Logits, and what `next_input` made of them, (n, steps, depth) each.
        """
        depth, units = self._depth, self.config.hparams.dec_rnn_size
        n, steps = tf.shape(controls)[0], tf.shape(controls)[1]
        cells = [self._cell(decoder_scope(layer)) for layer in range(len(units))]
        write_row = self._weights("decoder/output_projection")

        own_rows, known_rows = cells[0].front.kernel[:depth], cells[0].front.kernel[depth:]
        known_seed = _fold(dropout_seed, len(units))
        known_inputs = self._drop([z, time_major(controls)], known_seed)
        known = Dense(known_rows, cells[0].front.bias)(*known_inputs)
        masks = []
        if dropout_seed is not None:
            masks = [
                self._drop([tf.ones([steps, n, width])], _fold(dropout_seed, layer))[0]
                for layer, width in enumerate([depth, *units[:-1]])
            ]

        def step(t: tf.Tensor, x: tf.Tensor, states: Any, logits: Any, written: Any) -> Any:
            known_now = known if known.shape.rank == 2 else known[t]
            first = cells[0].with_front(Dense(own_rows, known_now))
            new_states = []
            for layer, (cell, state) in enumerate(zip([first, *cells[1:]], states, strict=True)):
                x = x * tf.cast(masks[layer][t], tf.float32) if masks else x
                x, state = cell.step(x, state)
                new_states.append(state)
            row = write_row(x)
            x = next_input(t, row)
            return t + 1, x, new_states, logits.write(t, row), written.write(t, x)

        arrays = [tf.TensorArray(tf.float32, steps, element_shape=[None, depth]) for _ in "lw"]
        start = (0, tf.zeros([n, depth]), self._initial_states(z), *arrays)
        *_, logits, written = tf.while_loop(
            lambda t, *_: t < steps, step, start, maximum_iterations=steps
        )
        return time_major(logits.stack()), time_major(written.stack())

    # The layers both are made of.

    def _layer(
        self,
        scope: str,
        parts: Sequence[tf.Tensor],
        state: State,
        dropout_seed: tf.Tensor | None,
        *,
        last_only: bool = False,
    ) -> tf.Tensor:
        """One layer over whole windows: its outputs, (steps, n, units), or its last h."""
        cell, training = self._cell(scope), dropout_seed is not None
        parts = self._drop(parts, dropout_seed)
        if cell.projection:
            parts = [cell.projection(*parts)]
        h = lstm(parts, cell.lstm, state, last_only=last_only, compiled=training)
        if cell.residual and not last_only:
            return tf.cast(h, tf.float32) + tf.cast(parts[0], tf.float32)
        return h

    def _drop(self, parts: Sequence[tf.Tensor], seed: tf.Tensor | None) -> Sequence[tf.Tensor]:
        """The inputs of a layer with fresh dropout at every step, if there is a seed."""
        if seed is None or self._keep == 1:
            return parts
        x = side_by_side_over_time([tf.cast(part, self._dtype) for part in parts])
        # 16 random bits are enough to tell whether to keep a number.
        size = tf.size(x)
        bits = tf.random.stateless_uniform([(size + 1) // 2], seed, None, None, tf.uint32)
        draws = tf.reshape(tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size], tf.shape(x))
        kept = tf.cast(draws < round(self._keep * 2**16), x.dtype)
        return [x * kept * tf.cast(1 / self._keep, x.dtype)]

    def _cell(self, scope: str) -> Cell:
        """The weights of the layer of that name."""
        wrapper = f"{scope}/input_projection_wrapper"
        projected = f"{wrapper}/kernel" in self.weights
        name = f"{wrapper if projected else scope}/lstm_cell"
        kernel, bias = self._weights(name)
        units = bias.shape[0] // 4
        hparams = self.config.hparams
        inputs, recurrent = tf.split(kernel, [kernel.shape[0] - units, units])
        return Cell(
            self._weights(wrapper) if projected else None,
            LstmWeights(inputs, bias, recurrent),
            hparams.residual_encoder if scope.startswith("encoder") else hparams.residual_decoder,
        )

    def _weights(self, name: str) -> Dense:
        """A kernel in the dtype of the products, and its bias."""
        kernel, bias = self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"]
        return Dense(tf.cast(kernel, self._dtype), tf.convert_to_tensor(bias))

    def _initial_states(self, z: tf.Tensor) -> list[State]:
        """The c and h of every decoder layer before the first step."""
        units = self.config.hparams.dec_rnn_size
        flat = tf.tanh(self._weights("decoder/z_to_initial_state")(z))
        states = tf.split(flat, [size for size in units for _ in "ch"], 1)
        return [State(c, h) for c, h in zip(states[::2], states[1::2], strict=True)]

    # Schedules.

    def _beta(self, step: Any) -> tf.Tensor:
        hparams = self.config.hparams
        if step is None:
            return tf.constant(hparams.max_beta)
        return hparams.max_beta * (1 - hparams.beta_rate ** tf.cast(step, tf.float32))

    def _sampling_probability(self, step: Any, training: bool) -> tf.Tensor | None:
        """How likely a step is fed the model's own last one; None for teacher forcing.

        Outside of training Magenta evaluates a scheduled model always on its own steps.
        """
        schedule, k = self.config.hparams.sampling_schedule, self.config.hparams.sampling_rate
        if schedule == "teacher_forcing" or (schedule == "constant" and k == 0):
            return None
        if schedule == "constant" and training:
            return tf.constant(k)
        if not training or step is None:
            return tf.constant(1.0)
        step = tf.cast(step, tf.float32)
        return 1 - (k**step if schedule == "exponential" else k / (k + tf.exp(step / k)))

    # Checks of what comes in.

    def _windows(self, name: str, windows: Any) -> tf.Tensor:
        windows = tf.convert_to_tensor(windows, tf.float32)
        if windows.shape.rank != 3 or windows.shape[2] != self._depth:
            raise GrooveFastError(
                f"{name}: shape (n, steps, {self._depth}) wanted by {self.config.name}, "
                f"{tuple(windows.shape)} given"
            )
        return windows

    def _controls(self, controls: Any, n: Any, steps: Any) -> tf.Tensor:
        depth = self._layout.control_depth
        if controls is None and Task.of(self.config.converter).wants_hits:
            raise GrooveFastError(
                f"controls: {self.config.name} wants hits as controls, (steps, {depth})"
            )
        if controls is None:
            rows = self._layout.controls_without_hits(tf, steps)
            return tf.tile(rows[None], [n, 1, 1])
        controls = tf.convert_to_tensor(controls, tf.float32)
        wanted = tf.TensorShape([tf.get_static_value(n), tf.get_static_value(steps), depth])
        rank = controls.shape.rank
        if rank not in (2, 3) or not controls.shape.is_compatible_with(wanted[-rank:]):
            raise GrooveFastError(
                f"controls: shape {tuple(wanted)} wanted by {self.config.name}, "
                f"{tuple(controls.shape)} given"
            )
        return tf.broadcast_to(controls, [n, steps, depth])

    def _hits(self, hits: Any, n: int, steps: int) -> tf.Tensor:
        shape = [n, steps, self._row.drums]
        if hits is None:
            return tf.fill(shape, math.nan)
        hits = tf.convert_to_tensor(hits, tf.float32)
        if hits.shape != shape:
            raise GrooveFastError(f"hits: shape {tuple(shape)} wanted, {tuple(hits.shape)} given")
        return hits

    def _steps(self, controls: Any) -> int:
        """How many rows to decode when not told."""
        if controls is not None:
            return int(tf.convert_to_tensor(controls).shape[-2])
        steps = self.config.converter.window_steps
        if steps is None:
            raise GrooveFastError(f"steps: {self.config.name} has no window length; give one")
        return steps * self._layout.rows_per_step


# --- Small things ---------------------------------------------------------------------------


def slerp(a: Vector, b: Vector, at: npt.ArrayLike) -> Vector:
    """Spherical interpolation between two vectors.

    Args:
        a: The vector at 0, (z_size,).
        b: The vector at 1, (z_size,).
        at: Where between the two, (num,), 0..1.

    Returns:
        (num, z_size); on the straight line where a and b point the same way or one is 0.
    """
    part = np.asarray(at, np.float32)[:, None]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    angle = math.acos(min(1.0, max(-1.0, float(np.dot(a, b)) / lengths))) if lengths else 0.0
    if math.sin(angle) < 1e-6:
        weights = 1 - part, part
    else:
        weights = tuple(np.sin(share * angle) / math.sin(angle) for share in (1 - part, part))
    return np.asarray(weights[0] * a + weights[1] * b, np.float32)


def time_major(x: tf.Tensor) -> tf.Tensor:
    """(n, steps, depth) as (steps, n, depth), and back."""
    return tf.transpose(x, [1, 0, 2])


def _fold(seed: tf.Tensor | None, number: int) -> tf.Tensor | None:
    """A seed of its own for each use."""
    return None if seed is None else tf.random.fold_in(seed, number)


def _seed_pair(seed: Seed) -> tf.Tensor:
    """The two numbers TensorFlow's stateless draws want."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    if isinstance(seed, int):
        return tf.constant([seed % 2**31, 0], tf.int32)
    pair = tf.cast(seed, tf.int32)
    return pair if pair.shape.rank else tf.stack([pair, 0])


def _check_schedule(config: Config) -> None:
    """Raises unless the sampling rate is one its schedule can use."""
    schedule, rate = config.hparams.sampling_schedule, config.hparams.sampling_rate
    allowed = {
        "teacher_forcing": (True, "anything"),
        "constant": (0 <= rate <= 1, "0 to 1"),
        "exponential": (0 < rate < 1, "between 0 and 1"),
        "inverse_sigmoid": (rate >= 1, "1 or more"),
    }
    if schedule not in allowed:
        raise GrooveFastError(
            f"sampling_schedule: no such schedule {schedule!r}; it is one of {', '.join(allowed)}"
        )
    fits, wanted = allowed[schedule]
    if not fits:
        raise GrooveFastError(f"sampling_rate: {schedule} wants {wanted}, not {rate}")
