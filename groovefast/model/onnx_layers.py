"""The layers of a model in an ONNX graph.

Weights keep the names of Magenta's checkpoints where they are as there, but for the biases of the
LSTMs: they have with them the 1 that the forget gate is to get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.model.onnx_graph import Graph, Name
from groovefast.model.plan import FORGET_BIAS, Arrays, CellPlan, DecoderPlan, DensePlan, Plan


def with_forget_bias(plan: Plan, weights: Mapping[str, NDArray[np.float32]]) -> Arrays:
    """Returns the weights of a model as `Layers` takes them."""
    added = dict(weights)
    for cell in plan.cells:
        bias = weights[cell.lstm.bias].copy()
        bias[2 * cell.units : 3 * cell.units] += np.float32(FORGET_BIAS)  # gates i, j, f, o
        added[cell.lstm.bias] = bias
    return added


class Layers(NamedTuple):
    """Adds layers to a graph.

    Attributes:
        graph: The graph.
        plan: Of the model.
        weights: See `with_forget_bias`.
    """

    graph: Graph
    plan: Plan
    weights: Arrays

    def dense(self, plan: DensePlan, x: Name) -> Name:
        """Adds x·kernel + bias."""
        return self.graph.add("Add", self._product(plan, x, 0, plan.inputs), self._bias(plan))

    def encoder(self, x: Name) -> Name:
        """Adds the encoder's layers: from (steps, n, depth) to their last outputs, (n, width)."""
        (levels,) = self.plan.encoder
        for level in levels[:-1]:
            x = self.graph.concat(*self._both_ways(level, x, last_only=False))
        return self.graph.concat(*self._both_ways(levels[-1], x, last_only=True))

    def _both_ways(self, level: Sequence[CellPlan], x: Name, last_only: bool) -> list[Name]:
        ways = zip(level, ("forward", "reverse"), strict=True)
        return [self._over(cell, x, direction, last_only) for cell, direction in ways]

    def _over(self, cell: CellPlan, x: Name, direction: str, last_only: bool) -> Name:
        """A layer over whole windows: its outputs, (steps, n, units), or the last h."""
        if cell.projection:
            x = self.dense(cell.projection, x)
        weights = self._lstm_weights(cell)
        outputs, h = self.graph.add_many(
            "LSTM", (x, *weights), 2, direction=direction, hidden_size=cell.units
        )
        if last_only:
            return self.graph.add("Squeeze", h, self.graph.wholes(0))
        outputs = self.graph.add("Squeeze", outputs, self.graph.wholes(1))
        return self.graph.add("Add", x, outputs) if cell.residual else outputs

    def _lstm_weights(self, cell: CellPlan) -> list[Name]:
        """As ONNX has them: gates i, o, f, j, transposed, of one direction, with two biases."""
        kernel, bias = (_as_iofj(self.weights[name]) for name in (cell.lstm.kernel, cell.lstm.bias))
        own, recurrent = np.split(kernel.T, [len(kernel) - cell.units], axis=1)
        parts = {"input": own, "recurrent": recurrent, "biases": np.append(bias, 0 * bias)}
        return [
            self.graph.weights(f"{cell.lstm.name}/{part}", values[None])
            for part, values in parts.items()
        ]

    def first_states(self, z: Name) -> list[Name]:
        """Adds what the decoder's layers remember before the first step: c and h of each."""
        assert self._decoder.initial_states is not None
        flat = self.graph.add("Tanh", self.dense(self._decoder.initial_states, z))
        widths = [units for cell in self._decoder.cells for units in (cell.units, cell.units)]
        return self.graph.split(flat, widths)

    def known(self, z: Name, controls: Sequence[Name]) -> Name:
        """Adds what z and controls, if any, say to the decoder's first layer, its bias with it.

        Of controls of one step it is (n, width), of those by time (steps, n, width).
        """
        plan = self._first
        of_controls = self._depth + self.plan.mu.outputs
        of_z = self._product(plan, z, self._depth, of_controls)
        said = self.graph.add("Add", of_z, self._bias(plan))
        for each in controls:
            told = self._product(plan, each, of_controls, self._decoder.cells[0].inputs)
            said = self.graph.add("Add", told, said)
        return said

    @property
    def known_width(self) -> int:
        """The width of what `known` returns."""
        return self._first.outputs

    def step(self, row: Name, known: Name, states: Sequence[Name]) -> tuple[Name, list[Name]]:
        """Adds one step of the decoder: the logits, and the states after it.

        Args:
            row: The row before, (n, depth).
            known: See `known`, of the step.
            states: As of `first_states`.
        """
        x = self.graph.add("Add", self._product(self._first, row, 0, self._depth), known)
        after: list[Name] = []
        for number, cell in enumerate(self._decoder.cells):
            if number and cell.projection:
                x = self.dense(cell.projection, x)
            c, h = states[2 * number : 2 * number + 2]
            # What is known has met the first layer's gates, unless a projection comes before them.
            has_met = number == 0 and not cell.projection
            c, h = self._cell(cell, x if has_met else self._met(cell, x), c, h)
            x = self.graph.add("Add", x, h) if cell.residual else h
            after += [c, h]
        return self.dense(self._decoder.output, x), after

    def _met(self, cell: CellPlan, x: Name) -> Name:
        """What a layer's input makes of its kernel, with the bias."""
        own = self._product(cell.lstm, x, 0, cell.lstm.inputs - cell.units)
        return self.graph.add("Add", own, self._bias(cell.lstm))

    def _cell(self, cell: CellPlan, met: Name, c: Name, h: Name) -> tuple[Name, Name]:
        """Returns c and h after a step."""
        add, inputs = self.graph.add, cell.lstm.inputs
        gates = add("Add", met, self._product(cell.lstm, h, inputs - cell.units, inputs))
        i, j, f, o = self.graph.split(gates, [cell.units] * 4)
        kept = add("Mul", c, add("Sigmoid", f))
        c = add("Add", kept, add("Mul", add("Sigmoid", i), add("Tanh", j)))
        return c, add("Mul", add("Sigmoid", o), add("Tanh", c))

    @property
    def _decoder(self) -> DecoderPlan:
        (decoder,) = self.plan.decoders
        return decoder

    @property
    def _first(self) -> DensePlan:
        """What the decoder's input meets first."""
        cell = self._decoder.cells[0]
        return cell.projection or cell.lstm

    @property
    def _depth(self) -> int:
        return self._decoder.output.outputs

    def _product(self, plan: DensePlan, x: Name, first: int, end: int) -> Name:
        """Adds x times some rows of a kernel."""
        is_part = (first, end) != (0, plan.inputs)
        name = f"{plan.kernel}[{first}:{end}]" if is_part else plan.kernel
        rows = self.graph.weights(name, self.weights[plan.kernel][first:end])
        return self.graph.add("MatMul", x, rows)

    def _bias(self, plan: DensePlan) -> Name:
        return self.graph.weights(plan.bias, self.weights[plan.bias])


def _as_iofj(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Columns of the gates i, j, f, o in the order in which ONNX has them."""
    i, j, f, o = np.split(weights, 4, axis=-1)
    return np.concatenate([i, o, f, j], axis=-1)
