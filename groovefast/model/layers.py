"""The plan of a model's layers, and what they are made of: dense layers, cells, dropout.

`layers(config)` says which layers there are. Their variables and names, those of Magenta's
checkpoints, follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from groovefast.config import PRECISIONS, Config
from groovefast.model.lstm import (
    LstmWeights,
    State,
    lstm,
    lstm_step,
    project,
    side_by_side_over_time,
)
from groovefast.windows.rows import RowLayout

DTYPES = dict(zip(PRECISIONS, (tf.float32, tf.float16, tf.bfloat16), strict=True))
"""What the matrix products are computed in, by the name of a precision; all else is float32."""

_SMALL = 0.001
_DRAWS = 2**16
"""So many outcomes has a draw of dropout: 16 random bits are enough to tell what is kept."""


# --- The plan -------------------------------------------------------------------------------


class DensePlan(NamedTuple):
    """A kernel and a bias.

    Attributes:
        name: What their names begin with.
        inputs: Rows of the kernel.
        outputs: Its columns.
        is_small: Whether the kernel starts near 0, as those around z do.
    """

    name: str
    inputs: int
    outputs: int
    is_small: bool = False

    @property
    def kernel(self) -> str:
        """The name of the kernel, (inputs, outputs)."""
        return f"{self.name}/kernel"

    @property
    def bias(self) -> str:
        """The name of the bias, (outputs,)."""
        return f"{self.name}/bias"


class CellPlan(NamedTuple):
    """One layer of the encoder, in one direction, or of the decoder.

    Attributes:
        scope: What its names begin with.
        inputs: Width of its input.
        units: Width of its output.
        residual: Whether its input is added to its output.
        projects: Whether the input is first brought to the layer's own size.
    """

    scope: str
    inputs: int
    units: int
    residual: bool = False
    projects: bool = False

    @property
    def projection(self) -> DensePlan | None:
        """What brings the input to the layer's own size."""
        return DensePlan(self._inner, self.inputs, self.units) if self.projects else None

    @property
    def lstm(self) -> DensePlan:
        """The LSTM, which takes its input and its own last output."""
        inputs = self.units if self.projects else self.inputs
        return DensePlan(f"{self._inner}/lstm_cell", inputs + self.units, 4 * self.units)

    @property
    def _inner(self) -> str:
        return f"{self.scope}/input_projection_wrapper" if self.projects else self.scope


class Plan(NamedTuple):
    """All layers of a model.

    Attributes:
        encoder: The bidirectional layers, forward and backward, from the lowest.
        mu: The posterior's mean, from the last outputs of the last layer.
        sigma: Its deviation, before softplus.
        initial_states: From z to the decoder's first c and h.
        decoder: The layers, from the lowest.
        output: From the last layer to the logits of a row.
    """

    encoder: tuple[tuple[CellPlan, CellPlan], ...]
    mu: DensePlan
    sigma: DensePlan
    initial_states: DensePlan
    decoder: tuple[CellPlan, ...]
    output: DensePlan

    @property
    def cells(self) -> tuple[CellPlan, ...]:
        """Those of the encoder and of the decoder."""
        return (*(cell for level in self.encoder for cell in level), *self.decoder)

    def dense(self) -> Iterator[DensePlan]:
        """Everything that has weights, in the order in which they are drawn."""
        for level in self.encoder:
            for cell in level:
                yield from _parts(cell)
        yield from (self.mu, self.sigma, self.initial_states)
        for cell in self.decoder:
            yield from _parts(cell)
        yield self.output

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns every variable's shape by its name."""
        return {
            name: shape
            for plan in self.dense()
            for name, shape in (
                (plan.kernel, (plan.inputs, plan.outputs)),
                (plan.bias, (plan.outputs,)),
            )
        }


def layers(config: Config) -> Plan:
    """Returns the layers of a model.

    Residual layers first project their input to their own size, except a decoder layer as wide
    as the one below.
    """
    hparams, layout = config.hparams, RowLayout.of(config.converter)
    width = layout.depth + layout.control_depth
    encoder = []
    for level, units in enumerate(hparams.enc_rnn_size):
        residual = hparams.residual_encoder
        forward, backward = (
            CellPlan(encoder_scope(level, direction), width, units, residual, projects=residual)
            for direction in ("fw", "bw")
        )
        encoder.append((forward, backward))
        width = 2 * units
    mu, sigma = (
        DensePlan(f"encoder/{name}", width, hparams.z_size, is_small=True)
        for name in ("mu", "sigma")
    )

    initial_states = DensePlan(
        "decoder/z_to_initial_state", hparams.z_size, 2 * sum(hparams.dec_rnn_size), is_small=True
    )
    width = layout.depth + hparams.z_size + layout.control_depth
    decoder = []
    for layer, units in enumerate(hparams.dec_rnn_size):
        residual = hparams.residual_decoder
        projects = residual and (layer == 0 or units != width)
        decoder.append(CellPlan(decoder_scope(layer), width, units, residual, projects))
        width = units
    output = DensePlan("decoder/output_projection", width, layout.depth)
    return Plan(tuple(encoder), mu, sigma, initial_states, tuple(decoder), output)


def encoder_scope(level: int, direction: str) -> str:
    """Magenta's name of an encoder cell; `direction` is "fw" or "bw"."""
    return f"encoder/cell_{level}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0"


def decoder_scope(layer: int) -> str:
    """Magenta's name of a decoder cell."""
    return f"decoder/multi_rnn_cell/cell_{layer}"


def _parts(cell: CellPlan) -> Iterator[DensePlan]:
    if cell.projection:
        yield cell.projection
    yield cell.lstm


def fresh_variables(plan: Plan, seed: int) -> dict[str, tf.Variable]:
    """Returns new variables by name, the same for the same seed.

    Zero biases, N(0, 0.001) around z, Glorot's uniform elsewhere.
    """
    variables = {}
    for number, dense in enumerate(plan.dense()):
        shape, of_kernel = (dense.inputs, dense.outputs), [seed, 2 * number]
        if dense.is_small:
            kernel = tf.random.stateless_normal(shape, of_kernel, stddev=_SMALL)
        else:
            limit = math.sqrt(6 / sum(shape))
            kernel = tf.random.stateless_uniform(shape, of_kernel, -limit, limit)
        variables[dense.kernel] = tf.Variable(kernel, name=dense.kernel)
        variables[dense.bias] = tf.Variable(tf.zeros(dense.outputs), name=dense.bias)
    return variables


# --- The layers -----------------------------------------------------------------------------


class Dropout(NamedTuple):
    """What is left of a layer's inputs: all, or some, fresh at every step.

    Attributes:
        keep: How likely a number is kept; with 1, as in use, nothing changes.
        seed: Decides which.
    """

    keep: float
    seed: tf.Tensor

    def of(self, number: int) -> Dropout:
        """Returns the dropout of one of several layers, with a seed of its own."""
        return self._replace(seed=tf.random.fold_in(self.seed, number)) if self.drops else self

    @property
    def drops(self) -> bool:
        """Whether anything is left out."""
        return round(self.keep * _DRAWS) < _DRAWS

    def __call__(self, parts: Sequence[tf.Tensor], dtype: tf.DType) -> Sequence[tf.Tensor]:
        """Returns what is left of inputs as for `project`: one part of that dtype, or them."""
        if not self.drops:
            return parts
        x = side_by_side_over_time([tf.cast(part, dtype) for part in parts])
        size = tf.size(x)
        bits = tf.random.stateless_uniform([(size + 1) // 2], self.seed, None, None, tf.uint32)
        draws = tf.reshape(tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size], tf.shape(x))
        kept = tf.cast(draws < round(self.keep * _DRAWS), x.dtype)
        return [x * kept * tf.cast(1 / self.keep, x.dtype)]


NO_DROPOUT = Dropout(1.0, (0, 0))


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
        compiled: Whether to compile it for the shapes at hand, see `lstm`.
    """

    projection: Dense | None
    lstm: LstmWeights
    residual: bool
    compiled: bool

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

    def over(
        self,
        parts: Sequence[tf.Tensor],
        state: State,
        dropout: Dropout,
        *,
        last_only: bool = False,
    ) -> tf.Tensor:
        """Over whole windows: its outputs, (steps, n, units), or its last h."""
        parts = dropout(parts, self.lstm.kernel.dtype)
        if self.projection:
            parts = [self.projection(*parts)]
        h = lstm(parts, self.lstm, state, last_only=last_only, compiled=self.compiled)
        if self.residual and not last_only:
            return tf.cast(h, tf.float32) + tf.cast(parts[0], tf.float32)
        return h


class Weights(NamedTuple):
    """Where layers get their weights.

    Attributes:
        variables: Float32, by name.
        dtype: What products are computed in.
        compiled: Whether cells are to be compiled, see `lstm`.
    """

    variables: Mapping[str, tf.Variable]
    dtype: tf.DType
    compiled: bool = False

    def dense(self, plan: DensePlan) -> Dense:
        """A kernel in the dtype of the products, and its bias."""
        kernel, bias = self.variables[plan.kernel], self.variables[plan.bias]
        return Dense(tf.cast(kernel, self.dtype), tf.convert_to_tensor(bias))

    def cell(self, plan: CellPlan) -> Cell:
        """The weights of a layer."""
        kernel, bias = self.dense(plan.lstm)
        inputs, recurrent = tf.split(kernel, [plan.lstm.inputs - plan.units, plan.units])
        projection = self.dense(plan.projection) if plan.projection else None
        return Cell(projection, LstmWeights(inputs, bias, recurrent), plan.residual, self.compiled)


def time_major(x: tf.Tensor) -> tf.Tensor:
    """(n, steps, depth) as (steps, n, depth), and back."""
    return tf.transpose(x, [1, 0, 2])
