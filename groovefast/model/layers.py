"""What a model is made of: variables, dense layers, cells, dropout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from groovefast.config import PRECISIONS
from groovefast.model.lstm import (
    LstmWeights,
    State,
    lstm,
    lstm_step,
    project,
    side_by_side_over_time,
)
from groovefast.model.plan import CellPlan, DensePlan, Plan

DTYPES = dict(zip(PRECISIONS, (tf.float32, tf.float16, tf.bfloat16), strict=True))
"""What the matrix products are computed in, by the name of a precision; all else is float32."""

_SMALL = 0.001
_DRAWS = 2**16
"""So many outcomes has a draw of dropout: 16 random bits are enough to tell what is kept."""


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


def by_section(x: tf.Tensor, sections: int | tf.Tensor) -> tf.Tensor:
    """Cuts (steps, n, depth) into so many sections: (their steps, sections * n, depth)."""
    if isinstance(sections, int) and sections == 1:
        return x
    n, depth = tf.shape(x)[1], x.shape[-1]
    apart = tf.transpose(tf.reshape(x, [sections, -1, n, depth]), [1, 0, 2, 3])
    return tf.reshape(apart, [-1, sections * n, depth])


def in_a_row(x: tf.Tensor, sections: int | tf.Tensor) -> tf.Tensor:
    """The inverse of `by_section`."""
    if isinstance(sections, int) and sections == 1:
        return x
    n, depth = tf.shape(x)[1] // sections, x.shape[-1]
    apart = tf.transpose(tf.reshape(x, [-1, sections, n, depth]), [1, 0, 2, 3])
    return tf.reshape(apart, [-1, n, depth])


def initial_states(dense: Dense | None, told: tf.Tensor, units: Sequence[int]) -> list[State]:
    """The c and h of layers of so many units before the first step, of what they are told."""
    flat = tf.tanh(dense(told)) if dense else tf.zeros([tf.shape(told)[0], 2 * sum(units)])
    states = tf.split(flat, [size for size in units for _ in "ch"], 1)
    return [State(c, h) for c, h in zip(states[::2], states[1::2], strict=True)]
