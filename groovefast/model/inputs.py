"""What comes into a model, checked.

One implementation for both array libraries: `xp` is `numpy` or `tensorflow`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from groovefast.config import MAX_TEMPERATURE, Config
from groovefast.errors import GrooveFastError, check_number
from groovefast.task import Task
from groovefast.windows.rows import Array
from groovefast.windows.token_rows import Layout, TokenLayout, layout_of


class Kept(NamedTuple):
    """What of rows is known and not to be chosen.

    Attributes:
        values: For hits, (..., drums).
        mask: Of the same shape: which of them are kept; the others mean nothing.
    """

    values: Array
    mask: Array


class Inputs(NamedTuple):
    """Takes what is given to a model of a config; all that does not fit is a `GrooveFastError`.

    n counts windows and steps their rows; with TensorFlow either may be a tensor.
    """

    config: Config
    xp: Any

    @property
    def layout(self) -> Layout:
        """What rows are."""
        return layout_of(self.config)

    def heard(self, inputs: Any) -> Array:
        """Returns what the encoder reads, (n, steps, input_depth): of tokens, or given as such."""
        layout, inputs = self.layout, _array(inputs)
        if isinstance(layout, TokenLayout) and _are_whole(inputs):
            inputs = layout.inputs(self.xp, self._tokens("inputs", inputs, layout))
        by_bars = self.config.hparams.hierarchical_encoder
        return self._windows("inputs", inputs, layout.input_depth, by_bars)

    def outputs(self, outputs: Any, name: str = "outputs") -> Array:
        """Returns what the decoder is to write, (n, steps, depth): of tokens, or given as such."""
        layout, outputs = self.layout, _array(outputs)
        if isinstance(layout, TokenLayout) and _are_whole(outputs):
            outputs = layout.outputs(self.xp, self._tokens(name, outputs, layout))
        by_bars = self.config.hparams.hierarchical_decoder
        return self._windows(name, outputs, layout.depth, by_bars)

    def _windows(self, name: str, windows: Any, depth: int, by_bars: bool) -> Array:
        windows = self._float32(windows)
        if len(windows.shape) != 3 or windows.shape[2] != depth:
            raise GrooveFastError(
                f"{name}: shape (n, steps, {depth}) wanted by {self.config.name}, "
                f"{tuple(windows.shape)} given"
            )
        if by_bars:
            self._check_bars(name, windows.shape[1])
        return windows

    def _tokens(self, name: str, tokens: Any, layout: TokenLayout) -> Array:
        """Tokens, int64 (n, steps[, parts]), each one that there is."""
        wanted = layout.shape("n", "steps")
        if len(tokens.shape) != len(wanted) or tuple(tokens.shape)[2:] != wanted[2:]:
            shape = f"({', '.join(map(str, wanted))})"
            raise GrooveFastError(
                f"{name}: tokens of shape {shape} wanted by {self.config.name}, "
                f"{tuple(tokens.shape)} given"
            )
        if isinstance(tokens, np.ndarray):
            layout.check(name, tokens)
        return self._of(tokens, np.int64)

    def _check_bars(self, name: str, steps: Any) -> None:
        """Raises unless rows, as far as their number is known, are those of whole bars."""
        bar = self.bar
        if steps is not None and (not steps or steps % bar):
            raise GrooveFastError(
                f"{name}: whole bars of {bar} rows wanted by {self.config.name}, {steps} rows given"
            )

    @property
    def bar(self) -> int:
        """Rows of a bar."""
        return self.config.converter.steps_per_bar * self.layout.rows_per_step

    def latents(self, z: Any) -> Array:
        """Returns latent vectors, (n, z_size)."""
        z, z_size = self._float32(z), self.config.hparams.z_size
        if len(z.shape) != 2 or z.shape[1] != z_size:
            raise GrooveFastError(f"z: shape (n, {z_size}) wanted, {tuple(z.shape)} given")
        return z

    def controls(self, controls: Any, n: Any, steps: Any) -> Array:
        """Returns controls, (n, steps, control_depth), given for each window or for all."""
        depth = self.layout.control_depth
        if controls is None and Task.of(self.config.converter).wants_hits:
            raise GrooveFastError(
                f"controls: {self.config.name} wants hits as controls, (steps, {depth})"
            )
        if controls is None:
            rows = self.layout.controls_without_hits(self.xp, steps)
            return self.xp.tile(rows[None], [n, 1, 1])
        controls = self._float32(controls)
        wanted = (self._known(n), self._known(steps), depth)
        given = tuple(controls.shape)
        if len(given) not in (2, 3) or not _fits(given, wanted[-len(given) :]):
            raise GrooveFastError(
                f"controls: shape {wanted} wanted by {self.config.name}, {given} given"
            )
        return self.xp.broadcast_to(controls, [n, steps, depth])

    def kept(self, hits: Any, given: Any, n: int, steps: int) -> Kept:
        """Returns the hits to keep, (n, steps, drums), of those that are `given`."""
        shape = (n, steps, self.layout.drums)
        if hits is not None and not self.layout.drums:
            raise GrooveFastError(f"hits: there are none in the rows of {self.config.name}")
        if hits is None and given is not None:
            raise GrooveFastError("given: which of `hits` to keep; give these as well")
        if hits is None:
            return Kept(self._float32(np.zeros(shape)), self._of(np.zeros(shape), bool))
        hits = self._float32(hits)
        if tuple(hits.shape) != shape:
            raise GrooveFastError(f"hits: shape {shape} wanted, {tuple(hits.shape)} given")
        given = self._of(np.asarray(True if given is None else given), bool)
        if not _goes_with(tuple(given.shape), shape):
            raise GrooveFastError(
                f"given: a shape that goes with {shape} wanted, {tuple(given.shape)} given"
            )
        return Kept(hits, self.xp.broadcast_to(given, shape))

    def temperature(self, temperature: float) -> float:
        """Returns how boldly to draw."""
        check_number("temperature", temperature, 0, MAX_TEMPERATURE)
        return float(temperature)

    def noise(self, noise: Any, n: Any, steps: Any, draws: int) -> Array:
        """Returns uniform draws that decide rows, (steps, n, draws)."""
        noise = self._float32(noise)
        wanted, given = (self._known(steps), self._known(n), draws), tuple(noise.shape)
        if len(given) != 3 or not _fits(given, wanted):
            raise GrooveFastError(
                f"noise: shape {wanted} wanted by {self.config.name}, {given} given"
            )
        return noise

    def steps(self, controls: Any, steps: int | None) -> int:
        """Returns how many rows to decode, also when not told."""
        if steps is None and controls is not None:
            steps = int(self._float32(controls).shape[-2])
        if steps is None and self.config.converter.window_steps is not None:
            steps = self.config.converter.window_steps * self.layout.rows_per_step
        if steps is None:
            raise GrooveFastError(f"steps: {self.config.name} has no window length; give one")
        if self.config.hparams.hierarchical_decoder:
            self._check_bars("steps", steps)
        return steps

    def _float32(self, values: Any) -> Array:
        return self._of(values, np.float32)

    def _of(self, values: Any, dtype: Any) -> Array:
        if self.xp is np:
            return np.asarray(values, dtype)
        if isinstance(values, np.ndarray):
            values = values.astype(dtype, copy=False)
        elif dtype is np.int64:
            return self.xp.cast(values, dtype)
        return self.xp.convert_to_tensor(values, dtype)

    def _known(self, length: Any) -> int | None:
        """A length, if it is known before the graph runs."""
        if isinstance(length, int):
            return length
        static = self.xp.get_static_value(length)
        return None if static is None else int(static)


def _array(values: Any) -> Array:
    """Values as an array, unless they are one or a tensor."""
    return values if hasattr(values, "dtype") else np.asarray(values)


def _are_whole(values: Array) -> bool:
    """Whether an array, or a tensor, is of whole numbers."""
    return np.dtype(getattr(values.dtype, "as_numpy_dtype", values.dtype)).kind in "iu"


def _fits(given: Sequence[int | None], wanted: Sequence[int | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(given, wanted, strict=True))


def _goes_with(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(given, shape) == shape
    except ValueError:
        return False
