"""GrooVAE in NumPy: what plays, without TensorFlow.

The same network as `groovae.GrooVAE`, with the same draws. Inside, windows are the last axis, see
`numpy_layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.model.in_use import InUse, Posterior, Seed, seed_pair
from groovefast.model.inputs import Inputs, Kept
from groovefast.model.numpy_decoder import NumpyConductor, NumpyDecoder
from groovefast.model.numpy_layers import Cell, Dense, by_section, read, windows_last
from groovefast.model.numpy_rows import NumpyRow, numpy_rows
from groovefast.model.philox import stateless_uniform
from groovefast.model.plan import CellPlan, DecoderPlan, DensePlan, layers
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
        self._row, rows = numpy_rows(config, len(plan.decoders))
        self._stacks = [
            [[self._cell(cell) for cell in level] for level in levels] for levels in plan.encoder
        ]
        if plan.has_z:
            self._mu, self._sigma = self._dense(plan.mu), self._dense(plan.sigma)
        self._conductor = plan.conductor and NumpyConductor(
            self._dense(plan.conductor.initial_states), [*map(self._cell, plan.conductor.cells)]
        )
        self._decoders = [
            self._decoder(decoder, row) for decoder, row in zip(plan.decoders, rows, strict=True)
        ]

    def _decoder(self, plan: DecoderPlan, row: NumpyRow) -> NumpyDecoder:
        states = plan.initial_states and self._dense(plan.initial_states)
        cells = [*map(self._cell, plan.cells)]
        return NumpyDecoder.of(row, states, cells, self._dense(plan.output))

    def _dense(self, plan: DensePlan) -> Dense:
        kernel, bias = self.weights[plan.kernel], self.weights[plan.bias]
        return Dense(kernel.T, bias)

    def _cell(self, plan: CellPlan) -> Cell:
        projection = self._dense(plan.projection) if plan.projection else None
        return Cell.of(projection, self._dense(plan.lstm), plan.residual)

    def _encoded(self, inputs: Array, controls: Array) -> Posterior:
        heard = np.concatenate([inputs, controls], axis=-1)
        nothing = np.zeros((0, self.config.hparams.z_size), np.float32)
        n, steps = heard.shape[:2]
        # Of a second stack a step is a bar.
        lengths = (steps, steps // self._plan.bar)
        each = (len(stack) * length for stack, length in zip(self._stacks, lengths, strict=False))
        progress = Progress(LISTENING, 2 * n * sum(each))
        encoded = in_threads(lambda part: self._encode(part, progress), _parts(heard))
        parts = [(nothing, nothing), *encoded]
        mu, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Posterior(mu, sigma)

    def _encode(self, heard: Array, progress: Progress) -> Posterior:
        x = windows_last(heard)
        for stack in self._stacks[:-1]:
            n, bars = x.shape[2], x.shape[1] // self._plan.bar
            x = read(stack, by_section(x, bars), progress).reshape(-1, bars, n)
        x = read(self._stacks[-1], x, progress)
        return Posterior(self._mu(x).T, np.logaddexp(self._sigma(x), np.float32(0)).T)

    def _draws(self, n: int, steps: int, noise: Any, seed: Seed) -> Array:
        if noise is not None:
            given: Array = self._inputs.noise(noise, n, steps, self._row.draws)
            return given
        draws = stateless_uniform((n, steps, self._row.draws), seed_pair(seed), self._row.least)
        return np.asarray(draws.transpose(1, 0, 2))

    def _decoded(
        self, z: Array, controls: Array, kept: Kept, temperature: float, draws: Array
    ) -> Array:
        steps = controls.shape[1]
        draws = draws.transpose(1, 0, 2)
        given_ones = list(zip(*map(_parts, (z, controls, draws, *kept)), strict=True))
        progress = Progress(PLAYING, len(self._decoders) * len(z) * steps)
        parts = in_threads(lambda each: self._write(temperature, progress, *each), given_ones)
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
        told, kept = self._told(z, controls.shape[1]), Kept(windows_last(hits), windows_last(mask))
        controls = windows_last(controls)
        parts = [
            decoder.write(told, controls, windows_last(own), temperature, kept, progress)
            for decoder, own in zip(self._decoders, self._by_decoder(draws, "draws"), strict=True)
        ]
        return np.concatenate(parts, axis=-1)

    def _told(self, z: Array, steps: int) -> Array:
        """What the decoders are told of each section of windows, (width, sections, n)."""
        z = np.ascontiguousarray(z.T)
        return self._conductor(z, steps // self._plan.bar) if self._conductor else z[:, None]

    def _conducted(self, z: Array, bars: int) -> Array:
        return np.ascontiguousarray(self._told(z, bars * self._plan.bar).T)

    def _continued(
        self,
        rows: Array,
        silent: NDArray[np.bool_],
        temperature: float,
        seed: NDArray[np.int32],
    ) -> Array:
        (n, played, depth), steps = rows.shape, len(silent)
        (decoder,) = self._decoders
        draws = stateless_uniform((n, steps, self._row.draws), seed, self._row.least)
        heard = Progress(LISTENING, len(decoder.cells) * n * played)
        written = Progress(PLAYING, n * steps)

        def go_on(part: tuple[Array, Array]) -> Array:
            rows, draws = map(windows_last, part)
            shape = self._layout.drums, steps, draws.shape[2]
            controls = self._inputs.controls(None, draws.shape[2], played + steps)
            kept = Kept(np.zeros(shape, np.float32), np.broadcast_to(silent[:, None], shape))
            return decoder.go_on(
                rows, windows_last(controls), draws, temperature, kept, heard, written
            )

        parts = in_threads(go_on, list(zip(_parts(rows), _parts(draws), strict=True)))
        return np.concatenate([np.zeros((0, steps, depth), np.float32), *parts])

    def _forced(self, z: Array, outputs: Array, controls: Array) -> Array:
        n, steps = outputs.shape[:2]
        layers_in_all = sum(len(decoder.cells) for decoder in self._decoders)
        progress = Progress(PLAYING, layers_in_all * n * steps)
        given_ones = list(zip(*map(_parts, (z, outputs, controls)), strict=True))
        parts = in_threads(lambda each: self._logits(progress, *each), given_ones)
        return np.concatenate([np.zeros((0, *outputs.shape[1:]), np.float32), *parts])

    def _logits(self, progress: Progress, z: Array, outputs: Array, controls: Array) -> Array:
        told, controls = self._told(z, outputs.shape[1]), windows_last(controls)
        parts = [
            decoder.teacher_forced(told, windows_last(own), controls, progress)
            for decoder, own in zip(self._decoders, self._by_decoder(outputs, "depth"), strict=True)
        ]
        return np.concatenate(parts, axis=-1)

    def _by_decoder(self, values: Array, of: Literal["depth", "draws"]) -> list[Array]:
        """The columns of (n, steps, width) that are of each decoder's rows."""
        widths = [getattr(decoder.row, of) for decoder in self._decoders]
        return np.split(values, np.cumsum(widths)[:-1], axis=-1)


def _parts(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Some windows after the other."""
    share = -(-len(values) // processors())
    size = min(max(share, _LEAST_AT_ONCE), _WINDOWS_AT_ONCE)
    return [values[first : first + size] for first in range(0, len(values), size)]
