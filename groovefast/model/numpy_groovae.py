"""GrooVAE in NumPy: what plays, without TensorFlow.

The same network as `groovae.GrooVAE`, with the same draws. What is done at every step is prepared
once: known inputs meet their columns of the kernel before the loop, and the gates that go through a
sigmoid are halved, as sigmoid(x) = (tanh(x / 2) + 1) / 2, so that one tanh does for all.

Inside, windows are the last axis, (width, n) or (width, steps, n), so that each gate of all of them
lies in one piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.model.in_use import LEAST_DRAW, InUse, Posterior, drawn
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.philox import stateless_uniform
from groovefast.model.plan import FORGET_BIAS, CellPlan, DensePlan, layers
from groovefast.model.threads import in_threads, processors
from groovefast.progress import LISTENING, PLAYING, Progress

Array: TypeAlias = NDArray[np.float32]

_LEAST_AT_ONCE, _WINDOWS_AT_ONCE = 32, 128
"""So many go to a thread: fewer are slower each, of more what a step makes is not in the cache."""


class NumpyGrooVAE(InUse):
    """A trained model that plays.

    Attributes:
        config: As of `InUse`.
        prior: As of `InUse`.
        touch: As of `InUse`.
        weights: Float32, by their names in Magenta's checkpoints.
    """

    def __init__(self, config: Config, weights: Mapping[str, NDArray[Any]]) -> None:
        """Takes the weights of a trained model, all that the config's plan names."""
        self.config, self.prior, self.touch = config, None, None
        self.weights = {name: np.asarray(array, np.float32) for name, array in weights.items()}
        self._plan = plan = layers(config)
        self._inputs = Inputs(config, np)
        self._layout = self._inputs.layout
        self._hit_columns = self._layout.hit_columns
        self._silence = self._layout.silence[:, None]
        self._levels = [[self._cell(cell) for cell in level] for level in plan.encoder]
        if plan.has_z:
            self._mu, self._sigma = self._dense(plan.mu), self._dense(plan.sigma)
            self._initial = self._dense(plan.initial_states)
        self._output = self._dense(plan.output)
        first, *others = (self._cell(cell) for cell in plan.decoder)
        first, self._known = first.split(self._layout.depth)
        self._decoder = [first, *others]

    def _dense(self, plan: DensePlan) -> _Dense:
        kernel, bias = self.weights[plan.kernel], self.weights[plan.bias]
        return _Dense(kernel.T, bias)

    def _cell(self, plan: CellPlan) -> _Cell:
        projection = self._dense(plan.projection) if plan.projection else None
        return _Cell.of(projection, self._dense(plan.lstm), plan.residual)

    def _encoded(self, inputs: Array, controls: Array) -> Posterior:
        heard = np.concatenate([inputs, controls], axis=-1)
        nothing = np.zeros((0, self.config.hparams.z_size), np.float32)
        n, steps = heard.shape[:2]
        progress = Progress(LISTENING, 2 * len(self._levels) * n * steps)
        encoded = in_threads(lambda part: self._encode(part, progress), _parts(heard))
        parts = [(nothing, nothing), *encoded]
        mu, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Posterior(mu, sigma)

    def _encode(self, heard: Array, progress: Progress) -> Posterior:
        x = _windows_last(heard)
        for level, (forward, backward) in enumerate(self._levels):
            last = level == len(self._levels) - 1
            nothing = np.zeros((forward.units, len(heard)), np.float32)
            sides = [
                cell.over(sequence, cell.state(nothing, nothing), progress, last_only=last)
                for cell, sequence in ((forward, x), (backward, x[:, ::-1]))
            ]
            if not last:
                sides[1] = sides[1][:, ::-1]
            x = np.concatenate(sides)
        return Posterior(self._mu(x).T, np.logaddexp(self._sigma(x), np.float32(0)).T)

    def _decoded(
        self, z: Array, controls: Array, kept: Kept, temperature: float, seed: NDArray[np.int32]
    ) -> Array:
        steps = controls.shape[1]
        noise = self._noise(len(z), steps, seed)
        given_ones = list(zip(*map(_parts, (z, controls, noise, *kept)), strict=True))
        progress = Progress(PLAYING, len(z) * steps)
        parts = in_threads(lambda each: self._write(temperature, progress, *each), given_ones)
        return np.concatenate([np.zeros((0, steps, self._layout.depth), np.float32), *parts])

    def _noise(self, n: int, steps: int, seed: NDArray[np.int32]) -> Array:
        """Logistic noise for hits and Gumbel noise for bins, (n, steps, drawn)."""
        layout = self._layout
        draws = stateless_uniform((n, steps, sum(drawn(layout))), seed, LEAST_DRAW)
        hits, bins = draws[..., : layout.drums], draws[..., layout.drums :]
        hits[:] = np.log(hits) - np.log1p(-hits)
        bins[:] = -np.log(-np.log(bins))
        return draws

    def _write(
        self,
        temperature: float,
        progress: Progress,
        z: Array,
        controls: Array,
        noise: Array,
        hits: Array,
        mask: NDArray[np.bool_],
    ) -> Array:
        n, steps = controls.shape[:2]
        noise = np.float32(temperature) * _windows_last(noise)
        hits, mask = _windows_last(hits), _windows_last(mask)
        known = self._known(z, controls)
        states = self._states(z)
        row = np.zeros((self._layout.depth, n), np.float32)
        written = np.empty((n, steps, self._layout.depth), np.float32)
        for t in range(steps):
            self._draw(self._step(row, states, known[:, t]), noise[:, t], row)
            np.copyto(row[: self._layout.drums], hits[:, t], where=mask[:, t])
            self._as_played(row)
            written[:, t] = row.T
            progress.advance(n)
        return written

    def _step(self, row: Array, states: Sequence[_State], known: Array) -> Array:
        """The logits of the step after a row, (depth, n); leaves the states after it."""
        first, *others = self._decoder
        x = first.step(row, states[0], known)
        for cell, state in zip(others, states[1:], strict=True):
            x = cell.step(x, state)
        return self._output(x)

    def _as_played(self, row: Array) -> None:
        """Has a row as a model without z was trained to hear it, with nothing where no hit is."""
        if not self._plan.has_z:
            np.copyto(row, self._silence, where=row[self._hit_columns] == 0)

    def _continued(
        self,
        rows: Array,
        silent: NDArray[np.bool_],
        temperature: float,
        seed: NDArray[np.int32],
    ) -> Array:
        steps = len(silent)
        noise = np.float32(temperature) * self._noise(len(rows), steps, seed)
        heard = len(self._decoder) * len(rows) * rows.shape[1]
        progress = Progress(LISTENING, heard), Progress(PLAYING, len(rows) * steps)
        given_ones = list(zip(_parts(rows), _parts(noise), strict=True))
        parts = in_threads(lambda each: self._go_on(progress, silent, *each), given_ones)
        return np.concatenate([np.zeros((0, steps, self._layout.depth), np.float32), *parts])

    def _go_on(
        self,
        progress: tuple[Progress, Progress],
        silent: NDArray[np.bool_],
        rows: Array,
        noise: Array,
    ) -> Array:
        listening, playing = progress
        (n, played, depth), steps = rows.shape, noise.shape[1]
        noise = _windows_last(noise)
        nothing = np.zeros((n, 0), np.float32)
        known = self._known(nothing, self._inputs.controls(None, n, played + steps))
        states = self._states(nothing)
        heard = np.zeros((depth, played + 1, n), np.float32)
        heard[:, 1:] = rows.T
        self._over(heard[:, :-1], states, known[:, :played], listening)
        row = np.ascontiguousarray(heard[:, -1])
        written = np.empty((n, steps, depth), np.float32)
        for t in range(steps):
            self._draw(self._step(row, states, known[:, played + t]), noise[:, t], row)
            self._as_played(row)
            if silent[t]:
                row[:] = self._silence
            written[:, t] = row.T
            playing.advance(n)
        return written

    def _forced(self, z: Array, outputs: Array, controls: Array) -> Array:
        given_ones = list(zip(*map(_parts, (z, outputs, controls)), strict=True))
        n, steps = outputs.shape[:2]
        progress = Progress(PLAYING, len(self._decoder) * n * steps)
        parts = in_threads(lambda each: self._logits(progress, *each), given_ones)
        return np.concatenate([np.zeros((0, *outputs.shape[1:]), np.float32), *parts])

    def _logits(self, progress: Progress, z: Array, outputs: Array, controls: Array) -> Array:
        previous = np.zeros(outputs.T.shape, np.float32)
        previous[:, 1:] = outputs[:, :-1].T
        x = self._over(previous, self._states(z), self._known(z, controls), progress)
        return np.asarray(self._output(x).T)

    def _over(
        self, heard: Array, states: Sequence[_State], known: Array, progress: Progress
    ) -> Array:
        """What the last layer says of rows it hears, (units, steps, n); leaves the states."""
        first, *others = self._decoder
        x = first.over(heard, states[0], progress, known)
        for cell, state in zip(others, states[1:], strict=True):
            x = cell.over(x, state, progress)
        return x

    def _states(self, z: Array) -> list[_State]:
        """What the decoder's layers remember before the first step."""
        flat = np.zeros((self._plan.initial_states.outputs, len(z)), np.float32)
        if self._plan.has_z:
            flat = np.tanh(self._initial(z.T))
        states, end = [], 0
        for cell in self._decoder:
            first, middle, end = end, end + cell.units, end + 2 * cell.units
            states.append(cell.state(flat[first:middle], flat[middle:end]))
        return states

    def _draw(self, logits: Array, noise: Array, row: Array) -> None:
        """Draws a row, (depth, n): the likelier hits and bins of logits with noise."""
        layout = self._layout
        hits, velocities, offsets = _slices(layout.widths)
        of_hits, of_velocities, of_offsets = _slices(drawn(layout))
        np.greater(logits[hits] + noise[of_hits], 0, out=row[hits])
        if layout.velocity_bins:
            row[velocities] = self._draw_bins(logits[velocities], noise[of_velocities])
        else:
            row[velocities] = _sigmoid(logits[velocities])
        if layout.offset_bins:
            row[offsets] = self._draw_bins(logits[offsets], noise[of_offsets])
        else:
            np.tanh(logits[offsets], out=row[offsets])

    def _draw_bins(self, logits: Array, noise: Array) -> NDArray[np.bool_]:
        """One-hots of the largest of each drum."""
        groups = (logits + noise).reshape(self._layout.drums, -1, logits.shape[-1])
        best = groups.argmax(axis=1, keepdims=True)
        one_hots = np.arange(groups.shape[1])[:, None] == best
        return np.asarray(one_hots.reshape(logits.shape))


class _Dense(NamedTuple):
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


class _Known(NamedTuple):
    """What is known beforehand as the first layer meets it: z, the controls, and the bias."""

    dense: _Dense

    def __call__(self, z: Array, controls: Array) -> Array:
        """Returns it for each step, (width, steps, n)."""
        kernel, bias = self.dense
        n, steps, depth = controls.shape
        known = (kernel[:, : z.shape[1]] @ z.T + bias[:, None])[:, None]
        if depth:
            known = known + _product(kernel[:, z.shape[1] :], controls.T)
        return np.broadcast_to(known, (len(bias), steps, n))


class _State:
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


class _Cell(NamedTuple):
    """A layer, its gates in the order i, f, o, j, and the first three halved.

    Attributes:
        projection: What a residual layer does to its input to bring it to its own size.
        kernel: What input and h meet, (4 * units, inputs + units).
        bias: (4 * units,).
        residual: Whether the (projected) input is added to the output.
    """

    projection: _Dense | None
    kernel: Array
    bias: Array
    residual: bool

    @classmethod
    def of(cls, projection: _Dense | None, lstm: _Dense, residual: bool) -> _Cell:
        """Returns a layer of an LSTM with gates i, j, f, o, whose forget gate is to get +1."""
        kernel, bias = (_reordered(weights) for weights in lstm)
        units = len(bias) // 4
        bias[units : 2 * units] += np.float32(FORGET_BIAS / 2)
        return cls(projection, kernel, bias, residual)

    @property
    def units(self) -> int:
        """Width of the output."""
        return len(self.bias) // 4

    @property
    def inputs(self) -> int:
        """Width of the (projected) input."""
        return int(self.kernel.shape[1]) - self.units

    def split(self, depth: int) -> tuple[_Cell, _Known]:
        """Returns the layer with only the first inputs, and what becomes of the others."""
        if self.projection:
            own, known = np.split(self.projection.kernel, [depth], axis=1)
            bias = self.projection.bias
            return self._replace(projection=_Dense(own, bias)), _Known(_Dense(known, bias))
        own, known, recurrent = np.split(self.kernel, [depth, self.inputs], axis=1)
        kernel = np.concatenate([own, recurrent], axis=1)
        return self._replace(kernel=kernel), _Known(_Dense(known, self.bias))

    def state(self, c: Array, h: Array) -> _State:
        """Returns the state before the first step, of (units, n) each."""
        return _State(c, h, self.inputs)

    def step(self, x: Array, state: _State, known: Array | None = None) -> Array:
        """Returns the output after one step, (units, n), and leaves the state after it.

        Args:
            x: The step's input, (depth, n).
            state: That before the step.
            known: What else the input meets first, in place of the first bias; see `split`.
        """
        if self.projection:
            x, known = self.projection(x, known), None
        state.heard[: self.inputs] = x
        np.matmul(self.kernel, state.heard, out=state.gates)
        state.gates += _for_all(self.bias, 2) if known is None else known
        self._advance(state)
        return x + state.h if self.residual else state.h

    def over(
        self,
        x: Array,
        state: _State,
        progress: Progress,
        known: Array | None = None,
        last_only: bool = False,
    ) -> Array:
        """Returns the outputs of whole windows, (units, steps, n), or the last h.

        Args:
            x: Its inputs, (depth, steps, n).
            state: That before the first step; afterwards, that after the last.
            progress: Of the stage it is part of.
            known: As for `step`, (width, steps, n).
            last_only: Whether only the last h is wanted.
        """
        if self.projection:
            x, known = self.projection(x, known), None
        own, recurrent = np.split(self.kernel, [self.inputs], axis=1)
        recurrent = np.ascontiguousarray(recurrent)  # twice as fast for a single window
        by_step = _Dense(own, self.bias)(x, known)
        steps = x.shape[1]
        outputs = np.empty((self.units, 0 if last_only else steps, x.shape[2]), np.float32)
        for t in range(steps):
            np.matmul(recurrent, state.h, out=state.gates)
            state.gates += by_step[:, t]
            self._advance(state)
            if not last_only:
                outputs[:, t] = state.h
            progress.advance(x.shape[2])
        if last_only:
            return state.h
        return x + outputs if self.residual else outputs

    def _advance(self, state: _State) -> None:
        """One step of the cell, from its gates, which are overwritten."""
        units, gates, c = self.units, state.gates, state.c
        np.tanh(gates, out=gates)
        sigmoids = gates[: 3 * units]
        sigmoids *= np.float32(0.5)
        sigmoids += np.float32(0.5)
        i, f, o, j = (gates[first : first + units] for first in range(0, 4 * units, units))
        c *= f
        i *= j
        c += i
        np.tanh(c, out=j)
        np.multiply(o, j, out=state.h)


def _reordered(weights: Array) -> Array:
    """Rows of i, j, f, o as those of i, f, o, halved, and j."""
    i, j, f, o = np.split(weights, 4)
    return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, j]), np.float32)


def _product(kernel: Array, x: Array) -> Array:
    """kernel·x of (inputs, …)."""
    return np.asarray(kernel @ x.reshape(len(x), -1)).reshape(len(kernel), *x.shape[1:])


def _for_all(bias: Array, axes: int) -> Array:
    """A bias that goes with (outputs, …) of so many axes."""
    return bias.reshape(-1, *[1] * (axes - 1))


def _windows_last(values: NDArray[Any]) -> NDArray[Any]:
    """(n, steps, depth) as (depth, steps, n)."""
    return np.ascontiguousarray(values.T)


def _slices(widths: Sequence[int]) -> list[slice]:
    """Where parts of some widths are that lie one after the other."""
    ends = list(itertools.accumulate(widths))
    return [slice(end - width, end) for width, end in zip(widths, ends, strict=True)]


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.tanh(x / 2) / 2 + np.float32(0.5))


def _parts(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Some windows after the other."""
    share = -(-len(values) // processors())
    size = min(max(share, _LEAST_AT_ONCE), _WINDOWS_AT_ONCE)
    return [values[first : first + size] for first in range(0, len(values), size)]
