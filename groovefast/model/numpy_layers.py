"""The layers of the model in NumPy.

Known inputs meet their columns of the kernel once, before the loop. What a step does between its
products is `csrc/lstm.cpp`, and the products of few windows are `csrc/few_windows.cpp`.

Windows are the last axis, (width, n) or (width, steps, n), so that each gate of all of them lies in
one piece.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast._lstm import (
    MOST_WINDOWS,
    QUICK_AT_FEW_WINDOWS,
    advance,
    halved,
    multiply,
    multiply_halves,
)
from groovefast.model.plan import FORGET_BIAS
from groovefast.progress import Progress

Array: TypeAlias = NDArray[np.float32]

_STEPS_AT_ONCE = 64
"""Of so many a layer's inputs meet the kernel in one go; more take memory, and are no faster."""


class Dense(NamedTuple):
    """The weights of kernel·x + bias.

    Attributes:
        kernel: (outputs, inputs).
        bias: (outputs,).
    """

    kernel: Array
    bias: Array

    def __call__(self, x: Array, bias: Array | None = None) -> Array:
        """Returns it for (inputs, …), with another bias, of the result's axes, if one is given."""
        product = _product(self.kernel, x)
        product += _for_all(self.bias, x.ndim) if bias is None else bias
        return product


class Known(NamedTuple):
    """What is known beforehand as the first layer meets it: z, the controls, and the bias."""

    dense: Dense

    def __call__(self, z: Array, controls: Array) -> Array:
        """Returns it for each step, (width, steps, n).

        Args:
            z: (z_size, n), or what else is told of all steps.
            controls: Of each step, (control_depth, steps, n).
        """
        kernel, bias = self.dense
        depth, steps, n = controls.shape
        known = (kernel[:, : len(z)] @ z + bias[:, None])[:, None]
        if depth:
            known = known + _product(kernel[:, len(z) :], controls)
        return np.broadcast_to(known, (len(bias), steps, n))


class State:
    """What a layer remembers of n windows.

    Attributes:
        c: (units, n).
        heard: The layer's next input and its last output h one above the other, (inputs + units,
            n).
        h: The latter.
        gates: Room for those of a step, (4 * units, n).
    """

    def __init__(self, c: Array, h: Array, inputs: int) -> None:
        units, n = c.shape
        self.c = np.array(c, np.float32)
        self.heard = np.empty((inputs + units, n), np.float32)
        self.h = self.heard[inputs:]
        self.h[:] = h
        self.gates = np.empty((4 * units, n), np.float32)


class Product:
    """A kernel, (outputs, inputs), as it meets one step after the other.

    Of few windows BLAS takes longer to make ready than they need, and of one the product takes as
    long as the weights take to come from memory. Where 16 bits say all there is to say of the
    weights, as of those of the included models, they come so.
    """

    def __init__(self, kernel: Array) -> None:
        self._kernel = kernel

    @functools.cached_property
    def _halves(self) -> NDArray[np.uint16] | None:
        return halved(np.ascontiguousarray(self._kernel))

    def __call__(self, x: Array, out: Array) -> None:
        """Leaves the product with (inputs, n) in `out`, (outputs, n)."""
        n = x.shape[1]
        is_few = QUICK_AT_FEW_WINDOWS and 0 < n <= MOST_WINDOWS
        if is_few and self._halves is not None:
            multiply_halves(self._halves, x, out)
        elif is_few and n > 1 and self._kernel.size:
            multiply(self._kernel, x, out)
        else:
            np.matmul(self._kernel, x, out=out)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A layer, its gates in the order i, j, f, o.

    Attributes:
        projection: What a residual layer does to its input to bring it to its own size.
        kernel: What input and h meet, (4 * units, inputs + units).
        bias: (4 * units,).
        residual: Whether the (projected) input is added to the output.
    """

    projection: Dense | None
    kernel: Array
    bias: Array
    residual: bool

    @classmethod
    def of(cls, projection: Dense | None, lstm: Dense, residual: bool) -> Cell:
        """Returns a layer of an LSTM whose forget gates are to get `FORGET_BIAS`."""
        kernel, bias = (np.array(weights, np.float32, order="C") for weights in lstm)
        units = len(bias) // 4
        bias[2 * units : 3 * units] += np.float32(FORGET_BIAS)
        return cls(projection, kernel, bias, residual)

    @functools.cached_property
    def _of_all(self) -> Product:
        return Product(self.kernel)

    @functools.cached_property
    def _of_h(self) -> Product:
        return Product(self.kernel[:, self.inputs :])

    @property
    def units(self) -> int:
        """Width of the output."""
        return len(self.bias) // 4

    @property
    def inputs(self) -> int:
        """Width of the (projected) input."""
        return int(self.kernel.shape[1]) - self.units

    def split(self, depth: int) -> tuple[Cell, Known]:
        """Returns the layer with only the first inputs, and what becomes of the others."""
        if self.projection:
            own, known = np.split(self.projection.kernel, [depth], axis=1)
            bias = self.projection.bias
            return dataclasses.replace(self, projection=Dense(own, bias)), Known(Dense(known, bias))
        own, known, recurrent = np.split(self.kernel, [depth, self.inputs], axis=1)
        kernel = np.concatenate([own, recurrent], axis=1)
        return dataclasses.replace(self, kernel=kernel), Known(Dense(known, self.bias))

    def state(self, c: Array, h: Array) -> State:
        """Returns the state before the first step, of (units, n) each."""
        return State(c, h, self.inputs)

    def step(self, x: Array, state: State, known: Array | None = None) -> Array:
        """Returns the output after one step, (units, n), and leaves the state after it.

        Args:
            x: The step's input, (depth, n).
            state: That before the step.
            known: What else the input meets first, in place of the first bias; see `split`.
        """
        if self.projection:
            x, known = self.projection(x, known), None
        state.heard[: self.inputs] = x
        self._of_all(state.heard, state.gates)
        advance(state.gates, self.bias[:, None] if known is None else known, state.c, state.h)
        return x + state.h if self.residual else state.h

    def over(
        self,
        x: Array,
        state: State,
        progress: Progress | None = None,
        known: Array | None = None,
        last_only: bool = False,
    ) -> Array:
        """Returns the outputs of whole windows, (units, steps, n), or the last h.

        Args:
            x: Its inputs, (depth, steps, n).
            state: That before the first step; afterwards, that after the last.
            progress: Is told of each step.
            known: As for `step`, (width, steps, n).
            last_only: Whether only the last h is wanted.
        """
        if self.projection:
            x, known = self.projection(x, known), None
        own = self.kernel[:, : self.inputs]
        steps, n = x.shape[1:]
        outputs = np.empty((self.units, 0 if last_only else steps, n), np.float32)
        for t in range(steps):
            if t % _STEPS_AT_ONCE == 0:
                block = slice(t, t + _STEPS_AT_ONCE)
                by_step = Dense(own, self.bias)(
                    x[:, block], None if known is None else known[:, block]
                )
            self._of_h(state.h, state.gates)
            advance(state.gates, by_step[:, t % _STEPS_AT_ONCE], state.c, state.h)
            if not last_only:
                outputs[:, t] = state.h
            if progress:
                progress.advance(n)
        if last_only:
            return state.h
        return x + outputs if self.residual else outputs


def _product(kernel: Array, x: Array) -> Array:
    """kernel·x of (inputs, …)."""
    columns = x.reshape(len(x), math.prod(x.shape[1:]))
    return np.asarray(kernel @ columns).reshape(len(kernel), *x.shape[1:])


def _for_all(bias: Array, axes: int) -> Array:
    """A bias that goes with (outputs, …) of so many axes."""
    return bias.reshape(-1, *[1] * (axes - 1))


def first_states(cells: Sequence[Cell], initial: Dense | None, told: Array) -> list[State]:
    """Returns what layers remember before the first step, of what they are told, (width, n)."""
    flat = np.zeros((2 * sum(cell.units for cell in cells), told.shape[1]), np.float32)
    if initial:
        np.tanh(initial(told), out=flat)
    states, end = [], 0
    for cell in cells:
        first, middle, end = end, end + cell.units, end + 2 * cell.units
        states.append(cell.state(flat[first:middle], flat[middle:end]))
    return states


def through(
    cells: Sequence[Cell],
    x: Array,
    states: Sequence[State],
    progress: Progress | None = None,
    known: Array | None = None,
) -> Array:
    """Returns what the last of layers says of whole windows, (units, steps, n).

    Arguments are as of `Cell.over`, with the states of all of them.
    """
    for cell, state in zip(cells, states, strict=True):
        x, known = cell.over(x, state, progress, known), None
    return x


def read(levels: Sequence[Sequence[Cell]], x: Array, progress: Progress) -> Array:
    """Returns what the last bidirectional layer says in the end of (depth, steps, n).

    Args:
        levels: Layers, forward and backward, from the lowest.
        x: What is read.
        progress: Is told of each step, for each layer.

    Returns:
        (2 * units, n).
    """
    for level, (forward, backward) in enumerate(levels):
        last = level == len(levels) - 1
        nothing = np.zeros((forward.units, x.shape[2]), np.float32)
        sides = [
            cell.over(sequence, cell.state(nothing, nothing), progress, last_only=last)
            for cell, sequence in ((forward, x), (backward, x[:, ::-1]))
        ]
        if not last:
            sides[1] = sides[1][:, ::-1]
        x = np.concatenate(sides)
    return x


def windows_last(values: NDArray[Any]) -> NDArray[Any]:
    """(n, steps, depth) as (depth, steps, n)."""
    return np.ascontiguousarray(values.T)


def by_section(x: Array, sections: int) -> Array:
    """Cuts (depth, steps, n) into so many sections: (depth, their steps, sections * n)."""
    if sections == 1:
        return x
    depth, steps, n = x.shape
    apart = x.reshape(depth, sections, steps // sections, n).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(apart).reshape(depth, steps // sections, sections * n)


def in_a_row(x: Array, sections: int) -> Array:
    """The inverse of `by_section`."""
    if sections == 1:
        return x
    depth, length, all_of_them = x.shape
    apart = x.reshape(depth, length, sections, all_of_them // sections).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(apart).reshape(depth, sections * length, -1)
