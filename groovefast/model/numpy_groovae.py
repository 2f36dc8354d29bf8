"""GrooVAE in NumPy: what plays, without TensorFlow.

The same network as `groovae.GrooVAE`, with the same draws. What is done at every step is prepared
once: known inputs meet their rows of the kernel before the loop, and the gates that go through a
sigmoid are halved, as sigmoid(x) = (tanh(x / 2) + 1) / 2, so that one tanh does for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.model.in_use import InUse, Posterior, Seed, seed_pair
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.numpy_rows import NumpyRow, numpy_rows
from groovefast.model.philox import stateless_uniform
from groovefast.model.plan import FORGET_BIAS, CellPlan, DecoderPlan, DensePlan, layers
from groovefast.progress import LISTENING, PLAYING, Progress

Array: TypeAlias = NDArray[np.float32]

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
        plan = layers(config)
        self._inputs = Inputs(config, np)
        self._layout, self._bar = self._inputs.layout, plan.bar
        self._row, rows = numpy_rows(self._layout, len(plan.decoders))
        self._stacks = [
            [[self._cell(cell) for cell in level] for level in levels] for levels in plan.encoder
        ]
        self._mu, self._sigma = self._dense(plan.mu), self._dense(plan.sigma)
        self._conductor = plan.conductor and _Conductor(
            self._dense(plan.conductor.initial_states), [*map(self._cell, plan.conductor.cells)]
        )
        self._decoders = [
            self._decoder(decoder, row) for decoder, row in zip(plan.decoders, rows, strict=True)
        ]

    def _decoder(self, plan: DecoderPlan, row: NumpyRow) -> _Decoder:
        first, *others = map(self._cell, plan.cells)
        first, known = first.split(row.depth)
        initial_states, output = self._dense(plan.initial_states), self._dense(plan.output)
        alone, own = first, None
        if row.is_sparse:
            alone, (own, _) = first.split(0)  # its bias is in `known`
        return _Decoder(row, initial_states, [first, *others], known, output, alone, own)

    def _dense(self, plan: DensePlan) -> _Dense:
        return _Dense(self.weights[plan.kernel], self.weights[plan.bias])

    def _cell(self, plan: CellPlan) -> _Cell:
        projection = self._dense(plan.projection) if plan.projection else None
        return _Cell.of(projection, self._dense(plan.lstm), plan.residual)

    def _encoded(self, inputs: Array, controls: Array) -> Posterior:
        heard = np.concatenate([inputs, controls], axis=-1)
        nothing = np.zeros((0, self.config.hparams.z_size), np.float32)
        n, steps = heard.shape[:2]
        # Of a second stack a step is a bar.
        lengths = (steps, steps // self._bar)
        each = (len(stack) * length for stack, length in zip(self._stacks, lengths, strict=False))
        progress = Progress(LISTENING, 2 * n * sum(each))
        given_ones = (self._encode(part, progress) for part in _parts(heard))
        parts = [(nothing, nothing), *given_ones]
        mu, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Posterior(mu, sigma)

    def _encode(self, heard: Array, progress: Progress) -> Posterior:
        x = np.ascontiguousarray(heard.transpose(1, 0, 2))
        for stack in self._stacks[:-1]:
            n, bars = x.shape[1], len(x) // self._bar
            x = _read(stack, _by_section(x, bars), progress).reshape(bars, n, -1)
        x = _read(self._stacks[-1], x, progress)
        return Posterior(self._mu(x), np.logaddexp(self._sigma(x), np.float32(0)))

    def _draws(self, n: int, steps: int, noise: Any, seed: Seed) -> Array:
        if noise is not None:
            given: Array = self._inputs.noise(noise, n, steps, self._row.draws)
            return given
        shape = (n, steps, self._row.draws)
        draws = stateless_uniform(shape, seed_pair(seed), self._row.least)
        return np.asarray(draws.transpose(1, 0, 2))

    def _decoded(
        self, z: Array, controls: Array, kept: Kept, temperature: float, draws: Array
    ) -> Array:
        steps = controls.shape[1]
        draws = draws.transpose(1, 0, 2)
        progress = Progress(PLAYING, len(self._decoders) * len(z) * steps)
        given_ones = zip(_parts(z), *map(_parts, (controls, draws, *kept)), strict=True)
        parts = [self._write(temperature, progress, *each) for each in given_ones]
        return np.concatenate([np.zeros((0, steps, self._layout.depth), np.float32), *parts])

    def _write(
        self,
        temperature: float,
        progress: Progress,
        z: Array,
        controls: Array,
        draws: Array,
        hits: Array,
        mask: NDArray[np.bool_],
    ) -> Array:
        told = self._told(z, controls.shape[1])
        each_own = np.split(draws, np.cumsum([one.row.draws for one in self._decoders])[:-1], -1)
        parts = [
            decoder.write(
                told,
                controls,
                decoder.row.noise(own, temperature),
                temperature,
                hits,
                mask,
                progress,
            )
            for decoder, own in zip(self._decoders, each_own, strict=True)
        ]
        return np.concatenate(parts, axis=-1)

    def _told(self, z: Array, steps: int) -> Array:
        """What the decoders are told of each section of windows, (sections, n, width)."""
        return self._conductor(z, steps // self._bar) if self._conductor else z[None]

    def _conducted(self, z: Array, bars: int) -> Array:
        return np.asarray(self._told(z, bars * self._bar).transpose(1, 0, 2))

    def _forced(self, z: Array, outputs: Array, controls: Array) -> Array:
        n, steps = outputs.shape[:2]
        layers_in_all = sum(len(decoder.cells) for decoder in self._decoders)
        progress = Progress(PLAYING, layers_in_all * n * steps)
        given_ones = zip(*map(_parts, (z, outputs, controls)), strict=True)
        parts = [self._logits(progress, *each) for each in given_ones]
        return np.concatenate([np.zeros((0, *outputs.shape[1:]), np.float32), *parts])

    def _logits(self, progress: Progress, z: Array, outputs: Array, controls: Array) -> Array:
        told = self._told(z, outputs.shape[1])
        each_own = np.split(outputs, np.cumsum([one.row.depth for one in self._decoders])[:-1], -1)
        parts = [
            decoder.teacher_forced(told, own, controls, progress)
            for decoder, own in zip(self._decoders, each_own, strict=True)
        ]
        return np.concatenate(parts, axis=-1)


class _Conductor(NamedTuple):
    """What lays out the bars: what makes first states of z, and layers from the lowest."""

    initial_states: _Dense
    cells: Sequence[_Cell]

    def __call__(self, z: Array, bars: int) -> Array:
        """Returns the embeddings of so many bars, (bars, n, units)."""
        x = np.zeros((bars, len(z), 1), np.float32)
        for cell, state in zip(
            self.cells, _states(self.cells, self.initial_states, z), strict=True
        ):
            x = cell.over(x, state)
        return x


class _Decoder(NamedTuple):
    """What writes rows, or a part of them.

    Attributes:
        row: What it writes.
        initial_states: From what it is told to its first c and h.
        cells: The layers, from the lowest, which hears only its own last row.
        known: What else the lowest hears.
        output: From the last layer to the logits of a row.
        alone: The lowest layer as it writes: where rows are sparse, without hearing them.
        own: The kernel that they meet instead; there are none before the first step.
    """

    row: NumpyRow
    initial_states: _Dense
    cells: Sequence[_Cell]
    known: _Known
    output: _Dense
    alone: _Cell
    own: Array | None

    def write(
        self,
        told: Array,
        controls: Array,
        noise: Array,
        temperature: float,
        hits: Array,
        mask: NDArray[np.bool_],
        progress: Progress,
    ) -> Array:
        """Returns rows, (n, steps, depth), each written from those before it.

        Args:
            told: Of each section, (sections, n, width).
            controls: Of each step, (n, steps, width).
            noise: As of `NumpyRow.noise`, (n, steps, draws).
            temperature: How boldly to draw.
            hits: Hits to keep, (n, steps, drums).
            mask: Which of them.
            progress: What is told of each step.
        """
        n, steps = controls.shape[:2]
        length = steps // len(told)
        cells = [self.alone, *self.cells[1:]]
        row = np.zeros((n, self.row.depth), np.float32)
        written = np.empty((n, steps, self.row.depth), np.float32)
        for section, of_section in enumerate(told):
            first = section * length
            known = self.known(of_section, controls[:, first : first + length])
            states = _states(cells, self.initial_states, of_section)
            for t in range(first, first + length):
                now, x = known if known.ndim == 2 else known[:, t - first], row
                if self.own is not None:
                    now, x = now + self.row.product(row, self.own) if t else now, row[:, :0]
                x = cells[0].step(x, states[0], now)
                for cell, state in zip(cells[1:], states[1:], strict=True):
                    x = cell.step(x, state)
                row = self.row.draw(self.output(x), noise[:, t], temperature)
                np.copyto(row[:, : hits.shape[2]], hits[:, t], where=mask[:, t])
                written[:, t] = row
                progress.advance(n)
        return written

    def teacher_forced(
        self, told: Array, rows: Array, controls: Array, progress: Progress
    ) -> Array:
        """Returns the logits of rows, (n, steps, depth), each given the true ones before it.

        All sections are gone through at once; arguments as of `write`.
        """
        sections = len(told)
        previous = np.zeros((rows.shape[1], len(rows), rows.shape[2]), np.float32)
        previous[1:] = rows[:, :-1].transpose(1, 0, 2)
        told = told.reshape(-1, told.shape[2])
        by_section = _by_section(controls.transpose(1, 0, 2), sections).transpose(1, 0, 2)
        known = self.known(told, by_section)
        known = known if known.ndim == 2 else known.transpose(1, 0, 2)
        states = _states(self.cells, self.initial_states, told)
        x = self.cells[0].over(_by_section(previous, sections), states[0], progress, known)
        for cell, state in zip(self.cells[1:], states[1:], strict=True):
            x = cell.over(x, state, progress)
        return np.asarray(_in_a_row(self.output(x), sections).transpose(1, 0, 2))


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
        state.heard[:, : self.inputs] = x
        gates = state.heard @ self.kernel
        gates += self.bias
        gates += known
        self._advance(gates, state)
        h = state.heard[:, self.inputs :]
        return x + h if self.residual else h

    def over(
        self,
        x: Array,
        state: _State,
        progress: Progress | None = None,
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
        recurrent = self.kernel[self.inputs :]
        h = state.heard[:, self.inputs :]
        outputs = np.empty((0 if last_only else len(x), *h.shape), np.float32)
        for t, gates in enumerate(by_step):
            gates += h @ recurrent
            self._advance(gates, state)
            if not last_only:
                outputs[t] = h
            if progress:
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
        i, f, o, j = (gates[:, first : first + units] for first in range(0, 4 * units, units))
        c *= f
        i *= j
        c += i
        np.tanh(c, out=j)
        np.multiply(o, j, out=state.heard[:, self.inputs :])


def _reordered(weights: Array) -> Array:
    """Columns of i, j, f, o as those of i, f, o, halved, and j."""
    i, j, f, o = np.split(weights, 4, axis=-1)
    return np.concatenate([i / 2, f / 2, o / 2, j], axis=-1).astype(np.float32)


def _read(levels: Sequence[Sequence[_Cell]], x: Array, progress: Progress) -> Array:
    """What the last bidirectional layer says in the end of (steps, n, depth): (n, 2 * units)."""
    for level, (forward, backward) in enumerate(levels):
        last = level == len(levels) - 1
        nothing = np.zeros((x.shape[1], forward.units), np.float32)
        sides = [
            cell.over(sequence, cell.state(nothing, nothing), progress, last_only=last)
            for cell, sequence in ((forward, x), (backward, x[::-1]))
        ]
        if not last:
            sides[1] = sides[1][::-1]
        x = np.concatenate(sides, axis=-1)
    return x


def _states(cells: Sequence[_Cell], initial: _Dense, told: Array) -> list[_State]:
    """What layers remember before the first step, of what they are told, (n, width)."""
    flat, states, end = np.tanh(initial(told)), [], 0
    for cell in cells:
        first, middle, end = end, end + cell.units, end + 2 * cell.units
        states.append(cell.state(flat[:, first:middle], flat[:, middle:end]))
    return states


def _by_section(x: Array, sections: int) -> Array:
    """Cuts (steps, n, depth) into so many sections: (their steps, sections * n, depth)."""
    steps, n, depth = x.shape
    apart = x.reshape(sections, steps // sections, n, depth).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(apart).reshape(steps // sections, sections * n, depth)


def _in_a_row(x: Array, sections: int) -> Array:
    """The inverse of `_by_section`."""
    length, all_of_them, depth = x.shape
    apart = x.reshape(length, sections, all_of_them // sections, depth).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(apart).reshape(length * sections, -1, depth)


def _parts(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Some windows after the other."""
    for first in range(0, len(values), _WINDOWS_AT_ONCE):
        yield values[first : first + _WINDOWS_AT_ONCE]
