"""The encoder: a stacked bidirectional LSTM that reads a window into a distribution over z.

A hierarchical one reads each bar alone first, and then, with other weights, what it made of the
bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from groovefast.model.in_use import Posterior
from groovefast.model.layers import Cell, Dense, Dropout, Weights, by_section, time_major
from groovefast.model.lstm import State
from groovefast.model.plan import Plan


class Encoder(NamedTuple):
    """The weights of an encoder: layers, forward and backward, and what follows them.

    Attributes:
        stacks: Of rows, from the lowest layer; or of the rows of a bar, and of the bars.
        mu: The posterior's mean.
        sigma: Its deviation, before softplus.
        bar: Rows of a bar.
    """

    stacks: Sequence[Sequence[tuple[Cell, Cell]]]
    mu: Dense
    sigma: Dense
    bar: int

    @classmethod
    def of(cls, plan: Plan, weights: Weights) -> Encoder:
        """Returns the encoder of a model."""
        stacks = [
            [(weights.cell(fw), weights.cell(bw)) for fw, bw in levels] for levels in plan.encoder
        ]
        return cls(stacks, weights.dense(plan.mu), weights.dense(plan.sigma), plan.bar)

    def __call__(self, heard: tf.Tensor, dropout: Dropout) -> Posterior:
        """Reads windows, (n, steps, input_depth + control_depth)."""
        x, number = time_major(heard), 0
        for stack in self.stacks[:-1]:
            n, bars = tf.shape(x)[1], tf.shape(x)[0] // self.bar
            last = _read(stack, by_section(x, bars), dropout, number)
            x = tf.reshape(last, [bars, n, last.shape[-1]])
            number += 2 * len(stack)
        x = _read(self.stacks[-1], x, dropout, number)
        return Posterior(self.mu(x), tf.nn.softplus(self.sigma(x)))


def _read(
    levels: Sequence[tuple[Cell, Cell]], x: tf.Tensor, dropout: Dropout, number: int
) -> tf.Tensor:
    """What the last layer says in the end of (steps, n, depth): (n, 2 * units).

    Args:
        levels: The layers.
        x: What they read.
        dropout: Of all of them.
        number: Of the first one's own.
    """
    for level, cells in enumerate(levels):
        last = level == len(levels) - 1
        sides: list[tf.Tensor] = []
        for cell, sequence in zip(cells, (x, tf.reverse(x, [0])), strict=True):
            zero = tf.zeros([tf.shape(x)[1], cell.lstm.recurrent.shape[0]])
            side = dropout.of(number + 2 * level + len(sides))
            sides.append(cell.over([sequence], State(zero, zero), side, last_only=last))
        forward, backward = sides
        x = tf.concat([forward, backward if last else tf.reverse(backward, [0])], -1)
    return x
