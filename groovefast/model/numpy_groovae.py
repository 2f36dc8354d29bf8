"""GrooVAE in NumPy: what plays, without TensorFlow.

The same network as `groovae.GrooVAE`, with the same draws. What is done at every step is prepared
once: known inputs meet their rows of the kernel before the loop, and the gates that go through a
sigmoid are halved, as sigmoid(x) = (tanh(x / 2) + 1) / 2, so that one tanh does for all.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.model.in_use import LEAST_DRAW, InUse, Posterior, drawn
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.philox import stateless_uniform
from groovefast.model.plan import FORGET_BIAS, CellPlan, DensePlan, layers
from groovefast.progress import LISTENING, PLAYING, Progress

Array: TypeAlias = NDArray[np.float32]

_FEW = 4
"""Where one input in so many is not 0, as of one-hots, only those are multiplied."""
_WINDOWS_AT_ONCE = 256
"""As many as keep what a layer says of all steps in some 100 MB."""


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
        self._drawn = tuple(itertools.accumulate(drawn(self._layout)))
        self._hit_columns, self._silence = self._layout.hit_columns, self._layout.silence
        self._levels = [[self._cell(cell) for cell in level] for level in plan.encoder]
        if plan.has_z:
            self._mu, self._sigma = self._dense(plan.mu), self._dense(plan.sigma)
            self._initial = self._dense(plan.initial_states)
        self._output = self._dense(plan.output)
        first, *others = (self._cell(cell) for cell in plan.decoder)
        first, self._known = first.split(self._layout.depth)
        self._decoder = [first, *others]

    def _dense(self, plan: DensePlan) -> _Dense:
        return _Dense(self.weights[plan.kernel], self.weights[plan.bias])

    def _cell(self, plan: CellPlan) -> _Cell:
        projection = self._dense(plan.projection) if plan.projection else None
        return _Cell.of(projection, self._dense(plan.lstm), plan.residual)

    def _encoded(self, inputs: Array, controls: Array) -> Posterior:
        heard = np.concatenate([inputs, controls], axis=-1)
        nothing = np.zeros((0, self.config.hparams.z_size), np.float32)
        n, steps = heard.shape[:2]
        progress = Progress(LISTENING, 2 * len(self._levels) * n * steps)
        given_ones = (self._encode(part, progress) for part in _parts(heard))
        parts = [(nothing, nothing), *given_ones]
        mu, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Posterior(mu, sigma)

    def _encode(self, heard: Array, progress: Progress) -> Posterior:
        x = np.ascontiguousarray(heard.transpose(1, 0, 2))
        for level, (forward, backward) in enumerate(self._levels):
            last = level == len(self._levels) - 1
            nothing = np.zeros((x.shape[1], forward.units), np.float32)
            sides = [
                cell.over(sequence, cell.state(nothing, nothing), progress, last_only=last)
                for cell, sequence in ((forward, x), (backward, x[::-1]))
            ]
            if not last:
                sides[1] = sides[1][::-1]
            x = np.concatenate(sides, axis=-1)
        return Posterior(self._mu(x), np.logaddexp(self._sigma(x), np.float32(0)))

    def _decoded(
        self, z: Array, controls: Array, kept: Kept, temperature: float, seed: NDArray[np.int32]
    ) -> Array:
        steps = controls.shape[1]
        noise = self._noise(len(z), steps, seed)
        progress = Progress(PLAYING, len(z) * steps)
        given_ones = zip(_parts(z), *map(_parts, (controls, noise, *kept)), strict=True)
        parts = [self._write(temperature, progress, *each) for each in given_ones]
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
        noise = np.float32(temperature) * noise
        known = self._known(z, controls)
        states = self._states(z)
        row = np.zeros((n, self._layout.depth), np.float32)
        written = np.empty((n, steps, self._layout.depth), np.float32)
        for t in range(steps):
            logits = self._step(row, states, known if known.ndim == 2 else known[:, t])
            row = self._draw(logits, noise[:, t])
            np.copyto(row[:, : self._layout.drums], hits[:, t], where=mask[:, t])
            written[:, t] = row = self._as_played(row)
            progress.advance(n)
        return written

    def _step(self, row: Array, states: Sequence[_State], known: Array) -> Array:
        """The logits of the step after a row, (n, depth); leaves the states after it."""
        first, *others = self._decoder
        x = first.step(row, states[0], known)
        for cell, state in zip(others, states[1:], strict=True):
            x = cell.step(x, state)
        return self._output(x)

    def _as_played(self, row: Array) -> Array:
        """Rows as a model without z was trained to hear them, with nothing where no drum is hit."""
        return row if self._plan.has_z else np.where(row[:, self._hit_columns], row, self._silence)

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
        given_ones = zip(_parts(rows), _parts(noise), strict=True)
        parts = [self._go_on(progress, silent, *each) for each in given_ones]
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
        controls = self._inputs.controls(None, n, played + steps)
        nothing = np.zeros((n, 0), np.float32)
        known, states = self._known(nothing, controls), self._states(nothing)
        heard = np.concatenate([np.zeros((n, 1, depth), np.float32), rows], axis=1)
        self._over(
            heard[:, :-1], states, known if known.ndim == 2 else known[:, :played], listening
        )
        row = heard[:, -1]
        written = np.empty((n, steps, depth), np.float32)
        for t in range(steps):
            logits = self._step(row, states, known if known.ndim == 2 else known[:, played + t])
            row = self._as_played(self._draw(logits, noise[:, t]))
            if silent[t]:
                row[:] = self._silence
            written[:, t] = row
            playing.advance(n)
        return written

    def _forced(self, z: Array, outputs: Array, controls: Array) -> Array:
        n, steps = outputs.shape[:2]
        progress = Progress(PLAYING, len(self._decoder) * n * steps)
        given_ones = zip(*map(_parts, (z, outputs, controls)), strict=True)
        parts = [self._logits(progress, *each) for each in given_ones]
        return np.concatenate([np.zeros((0, *outputs.shape[1:]), np.float32), *parts])

    def _logits(self, progress: Progress, z: Array, outputs: Array, controls: Array) -> Array:
        previous = np.zeros(outputs.shape, np.float32)
        previous[:, 1:] = outputs[:, :-1]
        x = self._over(previous, self._states(z), self._known(z, controls), progress)
        return np.asarray(self._output(x).transpose(1, 0, 2))

    def _over(
        self, heard: Array, states: Sequence[_State], known: Array, progress: Progress
    ) -> Array:
        """What the last layer says of rows it hears, (steps, n, units); leaves the states."""
        first, *others = self._decoder
        known = known if known.ndim == 2 else known.transpose(1, 0, 2)
        x = first.over(heard.transpose(1, 0, 2), states[0], progress, known)
        for cell, state in zip(others, states[1:], strict=True):
            x = cell.over(x, state, progress)
        return x

    def _states(self, z: Array) -> list[_State]:
        """What the decoder's layers remember before the first step."""
        flat = np.zeros((len(z), self._plan.initial_states.outputs), np.float32)
        if self._plan.has_z:
            flat = np.tanh(self._initial(z))
        states, end = [], 0
        for cell in self._decoder:
            first, middle, end = end, end + cell.units, end + 2 * cell.units
            states.append(cell.state(flat[:, first:middle], flat[:, middle:end]))
        return states

    def _draw(self, logits: Array, noise: Array) -> Array:
        """A row, (n, depth): the likelier hits and bins of logits with noise."""
        layout = self._layout
        hits, velocities, offsets = layout.split(np, logits)
        first, second, _ = self._drawn
        of_hits, of_velocities, of_offsets = (
            noise[:, :first],
            noise[:, first:second],
            noise[:, second:],
        )
        return np.concatenate(
            [
                (hits + of_hits > 0).astype(np.float32),
                self._draw_bins(velocities, of_velocities)
                if layout.velocity_bins
                else _sigmoid(velocities),
                self._draw_bins(offsets, of_offsets) if layout.offset_bins else np.tanh(offsets),
            ],
            axis=-1,
        )

    def _draw_bins(self, logits: Array, noise: Array) -> Array:
        """One-hots of the largest of each drum."""
        groups = (logits + noise).reshape(len(logits), self._layout.drums, -1)
        best = groups.argmax(axis=-1)
        return np.asarray(_one_hots(groups.shape[-1])[best].reshape(logits.shape))


class _Dense(NamedTuple):
    """The weights of x·kernel + bias."""

    kernel: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        return np.asarray(x @ self.kernel + self.bias)


class _Known(NamedTuple):
    """What is known beforehand as the first layer meets it: z, the controls, and the bias."""

    kernel: Array
    bias: Array

    def __call__(self, z: Array, controls: Array) -> Array:
        """Returns it for all steps, (n, width), or for each, (n, steps, width)."""
        of_z = z @ self.kernel[: z.shape[1]] + self.bias
        if not controls.shape[2]:
            return np.asarray(of_z)
        return np.asarray(of_z[:, None] + controls @ self.kernel[z.shape[1] :])


class _State:
    """What a layer remembers of n windows.

    Attributes:
        c: (n, units).
        heard: The layer's next input and its last output h side by side, (n, inputs + units).
    """

    def __init__(self, c: Array, h: Array, inputs: int) -> None:
        self.c = np.array(c, np.float32)
        self.heard = np.empty((len(h), inputs + h.shape[1]), np.float32)
        self.heard[:, inputs:] = h


class _Cell(NamedTuple):
    """A layer, its gates in the order i, f, o, j, and the first three halved.

    Attributes:
        projection: What a residual layer does to its input to bring it to its own size.
        kernel: What input and h meet, (inputs + units, 4 * units).
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
        return len(self.kernel) - self.units

    @property
    def recurrent(self) -> Array:
        """The part of the kernel that h meets, (units, 4 * units)."""
        return self.kernel[self.inputs :]

    def split(self, depth: int) -> tuple[_Cell, _Known]:
        """Returns the layer with only the first inputs, and what becomes of the others."""
        if self.projection:
            kernel, bias = self.projection
            return self._replace(projection=_Dense(kernel[:depth], np.float32(0))), _Known(
                kernel[depth:], bias
            )
        own, known, recurrent = np.split(self.kernel, [depth, self.inputs])
        nothing = np.zeros_like(self.bias)
        return self._replace(kernel=np.concatenate([own, recurrent]), bias=nothing), _Known(
            known, self.bias
        )

    def state(self, c: Array, h: Array) -> _State:
        """Returns the state before the first step, of (n, units) each."""
        return _State(c, h, self.inputs)

    def step(self, x: Array, state: _State, known: Array | float = 0) -> Array:
        """Returns the output after one step, (n, units), and leaves the state after it.

        Args:
            x: The step's input, (n, depth).
            state: That before the step.
            known: What else the input meets first; see `split`.
        """
        if self.projection:
            x, known = self.projection(x) + known, 0.0
        gates = self._heard(x, state)
        gates += self.bias
        gates += known
        self._advance(gates, state)
        h = state.heard[:, self.inputs :]
        return x + h if self.residual else h

    def _heard(self, x: Array, state: _State) -> Array:
        """The gates, but for what is the same at every step."""
        if len(x) == 1 and self.inputs > _FEW * (told := np.flatnonzero(x)).size:
            return np.asarray(
                state.heard[:, self.inputs :] @ self.recurrent + x[:, told] @ self.kernel[told]
            )
        state.heard[:, : self.inputs] = x
        return np.asarray(state.heard @ self.kernel)

    def over(
        self,
        x: Array,
        state: _State,
        progress: Progress,
        known: Array | float = 0,
        last_only: bool = False,
    ) -> Array:
        """Returns the outputs of whole windows, (steps, n, units), or the last h.

        Args:
            x: Its inputs, (steps, n, depth).
            state: That before the first step; afterwards, that after the last.
            progress: What is told of each step.
            known: What else they meet first; see `split`.
            last_only: Whether only the last h is wanted.
        """
        if self.projection:
            x, known = self.projection(x) + known, 0.0
        by_step = x @ self.kernel[: self.inputs] + self.bias + known
        recurrent = self.recurrent
        h = state.heard[:, self.inputs :]
        outputs = np.empty((0 if last_only else len(x), *h.shape), np.float32)
        for t, gates in enumerate(by_step):
            gates += h @ recurrent
            self._advance(gates, state)
            if not last_only:
                outputs[t] = h
            progress.advance(len(h))
        if last_only:
            return h
        return x + outputs if self.residual else outputs

    def _advance(self, gates: Array, state: _State) -> None:
        """One step of the cell, from its gates, (n, 4 * units), which are overwritten."""
        units, c = self.units, state.c
        np.tanh(gates, out=gates)
        sigmoids = gates[:, : 3 * units]
        sigmoids *= np.float32(0.5)
        sigmoids += np.float32(0.5)
        i, f, o, j = (
            sigmoids[:, :units],
            sigmoids[:, units:-units],
            sigmoids[:, -units:],
            gates[:, -units:],
        )
        c *= f
        i *= j
        c += i
        np.tanh(c, out=j)
        np.multiply(o, j, out=state.heard[:, self.inputs :])


@functools.lru_cache(maxsize=8)
def _one_hots(size: int) -> Array:
    """Those of a size, one a row."""
    return np.eye(size, dtype=np.float32)


def _reordered(weights: Array) -> Array:
    """Columns of i, j, f, o as those of i, f, o, halved, and j."""
    i, j, f, o = np.split(weights, 4, axis=-1)
    return np.concatenate([i / 2, f / 2, o / 2, j], axis=-1).astype(np.float32)


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.tanh(x / 2) / 2 + np.float32(0.5))


def _parts(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Some windows after the other."""
    for first in range(0, len(values), _WINDOWS_AT_ONCE):
        yield values[first : first + _WINDOWS_AT_ONCE]
