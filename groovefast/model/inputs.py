"""What comes into a model, checked and as tensors."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf

from groovefast.config import MAX_TEMPERATURE, Config
from groovefast.errors import GrooveFastError, check_number
from groovefast.model.outputs import Kept
from groovefast.task import Task
from groovefast.windows.rows import RowLayout

Seed: TypeAlias = "int | tf.Tensor | None"


class Inputs(NamedTuple):
    """Takes what is given to a model of a config; all that does not fit is a `GrooveFastError`.

    n counts windows and steps their rows; either may be a tensor.
    """

    config: Config

    @property
    def layout(self) -> RowLayout:
        """What rows are."""
        return RowLayout.of(self.config.converter)

    def windows(self, name: str, windows: Any) -> tf.Tensor:
        """Returns windows, (n, steps, depth)."""
        windows, depth = tf.convert_to_tensor(windows, tf.float32), self.layout.depth
        if windows.shape.rank != 3 or windows.shape[2] != depth:
            raise GrooveFastError(
                f"{name}: shape (n, steps, {depth}) wanted by {self.config.name}, "
                f"{tuple(windows.shape)} given"
            )
        return windows

    def latents(self, z: Any) -> tf.Tensor:
        """Returns latent vectors, (n, z_size)."""
        z, z_size = tf.convert_to_tensor(z, tf.float32), self.config.hparams.z_size
        if z.shape.rank != 2 or z.shape[1] != z_size:
            raise GrooveFastError(f"z: shape (n, {z_size}) wanted, {tuple(z.shape)} given")
        return z

    def controls(self, controls: Any, n: Any, steps: Any) -> tf.Tensor:
        """Returns controls, (n, steps, control_depth), given for each window or for all."""
        depth = self.layout.control_depth
        if controls is None and Task.of(self.config.converter).wants_hits:
            raise GrooveFastError(
                f"controls: {self.config.name} wants hits as controls, (steps, {depth})"
            )
        if controls is None:
            rows = self.layout.controls_without_hits(tf, steps)
            return tf.tile(rows[None], [n, 1, 1])
        controls = tf.convert_to_tensor(controls, tf.float32)
        wanted = tf.TensorShape([tf.get_static_value(n), tf.get_static_value(steps), depth])
        rank = controls.shape.rank
        if rank not in (2, 3) or not controls.shape.is_compatible_with(wanted[-rank:]):
            raise GrooveFastError(
                f"controls: shape {tuple(wanted)} wanted by {self.config.name}, "
                f"{tuple(controls.shape)} given"
            )
        return tf.broadcast_to(controls, [n, steps, depth])

    def kept(self, hits: Any, given: Any, n: int, steps: int) -> Kept:
        """Returns the hits to keep, (n, steps, drums), of those that are `given`."""
        shape = [n, steps, self.layout.drums]
        if hits is None and given is not None:
            raise GrooveFastError("given: which of `hits` to keep; give these as well")
        if hits is None:
            return Kept(tf.zeros(shape), tf.zeros(shape, tf.bool))
        hits = tf.convert_to_tensor(hits, tf.float32)
        if hits.shape != shape:
            raise GrooveFastError(f"hits: shape {tuple(shape)} wanted, {tuple(hits.shape)} given")
        given = tf.convert_to_tensor(True if given is None else given, tf.bool)
        try:
            return Kept(hits, tf.broadcast_to(given, shape))
        except tf.errors.InvalidArgumentError:
            raise GrooveFastError(
                f"given: a shape that goes with {tuple(shape)} wanted, {tuple(given.shape)} given"
            ) from None

    def temperature(self, temperature: float) -> float:
        """Returns how boldly to draw."""
        check_number("temperature", temperature, 0, MAX_TEMPERATURE)
        return float(temperature)

    def steps(self, controls: Any) -> int:
        """Returns how many rows to decode when not told."""
        if controls is not None:
            return int(tf.convert_to_tensor(controls).shape[-2])
        steps = self.config.converter.window_steps
        if steps is None:
            raise GrooveFastError(f"steps: {self.config.name} has no window length; give one")
        return steps * self.layout.rows_per_step


def seed_pair(seed: Seed) -> tf.Tensor:
    """Returns the two numbers TensorFlow's stateless draws want; drawn for None."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    if isinstance(seed, int):
        return tf.constant([seed % 2**31, 0], tf.int32)
    pair = tf.cast(seed, tf.int32)
    return pair if pair.shape.rank else tf.stack([pair, 0])
