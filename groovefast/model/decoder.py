"""The decoder: a stacked LSTM that writes a window step by step from what it wrote before.

It runs twice: over a whole known window, and over one it writes itself. Where it starts from and
what else it is told at each step is its `Context`: that of z, once for the whole window, or that of
the conductor, anew in each bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from groovefast.model.layers import (
    Cell,
    Dense,
    Dropout,
    Weights,
    by_section,
    in_a_row,
    initial_states,
    time_major,
)
from groovefast.model.lstm import State
from groovefast.model.plan import DecoderPlan

NextInput: TypeAlias = "Callable[[tf.Tensor, tf.Tensor], tf.Tensor]"
"""From a step's number and its logits, (n, depth), to the next step's input, (n, depth)."""


class Context(NamedTuple):
    """What a decoder knows beforehand of the sections of windows, section by section.

    Attributes:
        states: The c and h of every layer before the first step of each, (sections * n, units).
        told: What it hears beside its own last row, the same in all of a section,
            (sections * n, width).
        controls: What it hears of each step, (steps of a section, sections * n, width).
        sections: How many there are; 1 where windows are written in one go.
    """

    states: Sequence[State]
    told: tf.Tensor
    controls: tf.Tensor
    sections: int | tf.Tensor

    def side_by_side(self) -> Context:
        """Returns the same of the sections as windows by themselves, sections * n of them."""
        return self._replace(sections=1)


class Decoder(NamedTuple):
    """The weights of a decoder: of its first states, its layers, and of the logits."""

    initial_states: Dense | None
    cells: Sequence[Cell]
    output: Dense

    @classmethod
    def of(cls, plan: DecoderPlan, weights: Weights) -> Decoder:
        """Returns a decoder of a model."""
        cells = [weights.cell(cell) for cell in plan.cells]
        states = plan.initial_states and weights.dense(plan.initial_states)
        return cls(states, cells, weights.dense(plan.output))

    def context(
        self, told: tf.Tensor, controls: tf.Tensor, sections: int | tf.Tensor = 1
    ) -> Context:
        """Returns what this decoder knows.

        Args:
            told: Of each section, (sections * n, width).
            controls: (n, steps, width).
            sections: How many of them a window has.
        """
        units = [cell.lstm.recurrent.shape[0] for cell in self.cells]
        states = initial_states(self.initial_states, told, units)
        return Context(states, told, by_section(time_major(controls), sections), sections)

    def teacher_forced(self, context: Context, rows: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """Returns the logits of each step given the true rows before it, (n, steps, depth).

        As these are known, all sections are gone through at once.
        """
        previous = time_major(tf.pad(rows[:, :-1], [[0, 0], [1, 0], [0, 0]]))
        parts = [by_section(previous, context.sections), context.told, context.controls]
        for layer, (cell, state) in enumerate(zip(self.cells, context.states, strict=True)):
            parts = [cell.over(parts, state, dropout.of(layer))]
        return time_major(in_a_row(self.output(parts[0]), context.sections))

    def write(
        self,
        context: Context,
        next_input: NextInput,
        dropout: Dropout,
        first: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs on its own output.

        What is known beforehand meets its rows of the first layer's kernel once and outside of
        the loop.

        Args:
            context: What it knows of windows.
            next_input: What it hears of its own output.
            dropout: What it hears of all.
            first: What it hears before the first step, (n, depth); nothing if None.

        Returns:
            Logits, and what `next_input` made of them, (n, steps, depth) each.
        """
        sections = context.sections
        length, n = tf.unstack(tf.shape(context.controls)[:2] // [1, sections])
        steps = length * sections
        front, depth = self.cells[0].front, self.output.bias.shape[0]
        own_rows, known_rows = front.kernel[:depth], front.kernel[depth:]
        known_inputs = dropout.of(len(self.cells))(
            [context.told, context.controls], front.kernel.dtype
        )
        is_told = known_rows.shape[0] > 0
        known = Dense(known_rows, front.bias)(*known_inputs) if is_told else front.bias
        if known.shape.rank == 3:
            known = in_a_row(known, sections)
        masks = self._masks(steps, n, dropout)

        def of_section(values: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
            """The part of (sections * n, width) that step t is in."""
            if isinstance(sections, int) and sections == 1:
                return values
            first = (t // length) * n
            return values[first : first + n]

        def begun(states: Any, t: tf.Tensor) -> Any:
            """The states before step t: at the first of a section those it starts from."""
            if isinstance(sections, int) and sections == 1:
                return states
            is_first = t % length == 0
            return tf.nest.map_structure(
                lambda new, old: tf.where(is_first, of_section(new, t), old),
                list(context.states),
                states,
            )

        def step(t: tf.Tensor, x: tf.Tensor, states: Any, logits: Any, written: Any) -> Any:
            known_now = known[t] if known.shape.rank == 3 else of_section(known, t)
            first = self.cells[0].with_front(Dense(own_rows, known_now))
            new_states = []
            cells = [first, *self.cells[1:]]
            for layer, (cell, state) in enumerate(zip(cells, begun(states, t), strict=True)):
                x = x * tf.cast(masks[layer][t], tf.float32) if masks else x
                x, state = cell.step(x, state)
                new_states.append(state)
            row = self.output(x)
            x = next_input(t, row)
            return t + 1, x, new_states, logits.write(t, row), written.write(t, x)

        arrays = [tf.TensorArray(tf.float32, steps, element_shape=[None, depth]) for _ in "lw"]
        first_states = tf.nest.map_structure(lambda each: of_section(each, 0), list(context.states))
        start = (0, tf.zeros([n, depth]) if first is None else first, first_states, *arrays)
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
