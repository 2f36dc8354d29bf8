"""Variations of performances that are still drumming, for training on more than was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.config import Config
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.windows.rows import Grid

_ALIKE = (
    ("closed hi-hat", "ride"),
    ("open hi-hat", "crash"),
    ("low tom", "mid tom"),
    ("mid tom", "high tom"),
)
_SWAPS = tuple((DRUM_CLASSES.index(one), DRUM_CLASSES.index(other)) for one, other in _ALIKE)


class Augmentation(NamedTuple):
    """How likely each variation is.

    Attributes:
        swap: That two drums of a kind change places in a window: the time-keeping closed hi-hat
            and ride, the accents of open hi-hat and crash, neighbouring toms.
        silence: That a drum falls silent in a window, for each of the nine.
        splice: That a bar is another window's, for each bar.
        bars: How many bars a window has.
    """

    swap: float = 0.0
    silence: float = 0.0
    splice: float = 0.0
    bars: int = 1

    @classmethod
    def of(cls, config: Config) -> Augmentation | None:
        """What the hyper-parameters ask for; None if nothing."""
        hparams = config.hparams
        wanted = (hparams.swap_probability, hparams.silence_probability, hparams.splice_probability)
        return cls(*wanted, bars=config.converter.split_bars or 1) if any(wanted) else None

    @property
    def num_draws(self) -> int:
        """How many draws each window takes."""
        return len(_SWAPS) + NUM_CLASSES + self.bars

    def apply(self, grid: Grid, others: Grid, draws: tf.Tensor) -> Grid:
        """Returns varied windows.

        Args:
            grid: Arrays of shape (n, steps, 9).
            others: Windows to take bars from, of the same shape.
            draws: Uniform draws from [0, 1), (n, `num_draws`).
        """
        sizes = [len(_SWAPS), NUM_CLASSES, self.bars]
        for_swaps, for_silence, for_splices = tf.split(draws, sizes, axis=1)
        spliced = self._splice(grid, others, for_splices) if self.splice else grid
        return self._swap_and_silence(spliced, for_swaps, for_silence)

    def _splice(self, grid: Grid, others: Grid, draws: tf.Tensor) -> Grid:
        steps_per_bar = grid.hits.shape[1] // self.bars
        foreign = tf.repeat(draws < self.splice, steps_per_bar, axis=1)[..., tf.newaxis]
        pairs = zip(grid, others, strict=True)
        return Grid(*(tf.where(foreign, other, own) for own, other in pairs))

    def _swap_and_silence(self, grid: Grid, for_swaps: tf.Tensor, for_silence: tf.Tensor) -> Grid:
        places = tf.tile(tf.range(NUM_CLASSES)[tf.newaxis], [tf.shape(for_swaps)[0], 1])
        for number, (one, other) in enumerate(_SWAPS):
            order = np.arange(NUM_CLASSES)
            order[[one, other]] = other, one
            swapped = tf.gather(places, order, axis=1)
            places = tf.where(for_swaps[:, number : number + 1] < self.swap, swapped, places)
        heard = tf.cast(for_silence >= self.silence, tf.float32)[:, tf.newaxis]
        return Grid(*(tf.gather(values, places, axis=2, batch_dims=1) * heard for values in grid))
