"""The conductor: an LSTM that lays out the bars of a window before any of them is written.

It starts from z and hears nothing, and its outputs are the bars' embeddings. Each bar is then
written from its own embedding alone: z reaches the decoder only through the conductor, which so
has to use it. From Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term
Structure in Music" (ICML 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import tensorflow as tf

from groovefast.model.decoder import Context, Decoder
from groovefast.model.layers import NO_DROPOUT, Cell, Dense, Weights, initial_states
from groovefast.model.plan import ConductorPlan, Plan

Decoders: TypeAlias = "Sequence[tuple[Decoder, Context]]"
"""Those of a model, each with what it knows beforehand."""


class Conductor(NamedTuple):
    """The weights of a conductor: what makes first states of z, and layers from the lowest."""

    initial_states: Dense
    cells: Sequence[Cell]

    @classmethod
    def of(cls, plan: ConductorPlan, weights: Weights) -> Conductor:
        """Returns the conductor of a model."""
        return cls(weights.dense(plan.initial_states), [weights.cell(cell) for cell in plan.cells])

    def __call__(self, z: tf.Tensor, bars: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings of so many bars, (bars, n, units), of z, (n, z_size)."""
        x = tf.zeros([bars, tf.shape(z)[0], 1])
        units = [cell.lstm.recurrent.shape[0] for cell in self.cells]
        states = initial_states(self.initial_states, z, units)
        for cell, state in zip(self.cells, states, strict=True):
            x = cell.over([x], state, NO_DROPOUT)
        return tf.cast(x, tf.float32)


def conducted(plan: Plan, weights: Weights, z: tf.Tensor, controls: tf.Tensor) -> Decoders:
    """Returns the decoders of a model, told z, or of each bar its embedding.

    Args:
        plan: Of the model.
        weights: Of the model.
        z: (n, z_size).
        controls: (n, steps, control_depth).
    """
    told, sections = z, 1
    if plan.conductor:
        sections = tf.shape(controls)[1] // plan.bar
        embeddings = Conductor.of(plan.conductor, weights)(z, sections)
        told = tf.reshape(embeddings, [-1, embeddings.shape[-1]])
    decoders = [Decoder.of(decoder, weights) for decoder in plan.decoders]
    return [(decoder, decoder.context(told, controls, sections)) for decoder in decoders]
