"""The decoder: a stacked LSTM that writes a window step by step from what it wrote before.

It runs twice: over a whole known window, and over one it writes itself. Where it starts from and
what else it is told at each step is its `Context`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from groovefast.model.layers import Cell, Dense, Dropout, Weights, time_major
from groovefast.model.lstm import State
from groovefast.model.plan import Plan

NextInput: TypeAlias = "Callable[[tf.Tensor, tf.Tensor], tf.Tensor]"
"""From a step's number and its logits, (n, depth), to the next step's input, (n, depth)."""


class Context(NamedTuple):
    """What a decoder knows beforehand.

    Attributes:
        states: The c and h of every layer before the first step.
        known: What it hears beside its own last row, in this order: (steps, n, width) each, at
            least one of them, or (n, width) where it is the same at every step.
    """

    states: Sequence[State]
    known: Sequence[tf.Tensor]

    @classmethod
    def of(cls, plan: Plan, weights: Weights, z: tf.Tensor, controls: tf.Tensor) -> Context:
        """Returns what a decoder is told of windows: z, from which its first states follow too.

        Args:
            plan: Of the model.
            weights: Of the model.
            z: (n, z_size); of a model without z, whose states begin with 0, that is 0.
            controls: (n, steps, control_depth).
        """
        flat = tf.zeros([tf.shape(z)[0], plan.initial_states.outputs])
        if plan.has_z:
            flat = tf.tanh(weights.dense(plan.initial_states)(z))
        states = tf.split(flat, [cell.units for cell in plan.decoder for _ in "ch"], 1)
        pairs = zip(states[::2], states[1::2], strict=True)
        return cls([State(c, h) for c, h in pairs], [z, time_major(controls)])


class Decoder(NamedTuple):
    """The weights of a decoder: layers from the lowest, and what makes logits of the last."""

    cells: Sequence[Cell]
    output: Dense

    @classmethod
    def of(cls, plan: Plan, weights: Weights) -> Decoder:
        """Returns the decoder of a model."""
        return cls([weights.cell(cell) for cell in plan.decoder], weights.dense(plan.output))

    def teacher_forced(self, context: Context, rows: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """Returns the logits of each step given the true rows before it, (n, steps, depth)."""
        previous = time_major(tf.pad(rows[:, :-1], [[0, 0], [1, 0], [0, 0]]))
        parts = [previous, *context.known]
        for layer, (cell, state) in enumerate(zip(self.cells, context.states, strict=True)):
            parts = [cell.over(parts, state, dropout.of(layer))]
        return time_major(self.output(parts[0]))

    def write(
        self, context: Context, next_input: NextInput, dropout: Dropout
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs on its own output.

        What is known beforehand meets its rows of the first layer's kernel once and outside of
        the loop.

        Returns:
            Logits, and what `next_input` made of them, (n, steps, depth) each.
        """
        steps, n = tf.unstack(tf.shape(next(x for x in context.known if x.shape.rank == 3))[:2])
        front, depth = self.cells[0].front, self.output.bias.shape[0]
        own_rows, known_rows = front.kernel[:depth], front.kernel[depth:]
        known_inputs = dropout.of(len(self.cells))(context.known, front.kernel.dtype)
        is_told = known_rows.shape[0] > 0
        known = Dense(known_rows, front.bias)(*known_inputs) if is_told else front.bias
        masks = self._masks(steps, n, dropout)

        def step(t: tf.Tensor, x: tf.Tensor, states: Any, logits: Any, written: Any) -> Any:
            known_now = known[t] if known.shape.rank == 3 else known
            first = self.cells[0].with_front(Dense(own_rows, known_now))
            new_states = []
            cells = [first, *self.cells[1:]]
            for layer, (cell, state) in enumerate(zip(cells, states, strict=True)):
                x = x * tf.cast(masks[layer][t], tf.float32) if masks else x
                x, state = cell.step(x, state)
                new_states.append(state)
            row = self.output(x)
            x = next_input(t, row)
            return t + 1, x, new_states, logits.write(t, row), written.write(t, x)

        arrays = [tf.TensorArray(tf.float32, steps, element_shape=[None, depth]) for _ in "lw"]
        start = (0, tf.zeros([n, depth]), list(context.states), *arrays)
        *_, logits, written = tf.while_loop(
            lambda t, *_: t < steps, step, start, maximum_iterations=steps
        )
        return time_major(logits.stack()), time_major(written.stack())

    def _masks(self, steps: tf.Tensor, n: tf.Tensor, dropout: Dropout) -> Sequence[tf.Tensor]:
        """What dropout leaves of each layer's own input, (steps, n, width) each."""
        if not dropout.drops:
            return []
        dtype = self.output.kernel.dtype
        widths = [self.output.bias.shape[0]]
        widths += [cell.lstm.recurrent.shape[0] for cell in self.cells[:-1]]
        return [
            dropout.of(layer)([tf.ones([steps, n, width])], dtype)[0]
            for layer, width in enumerate(widths)
        ]
