"""Variations of performances that are still drumming, for training on more than was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.config import HParams
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.transforms import Grid

_ALIKE = (
    ("closed hi-hat", "ride"),
    ("open hi-hat", "crash"),
    ("low tom", "mid tom"),
    ("mid tom", "high tom"),
)
_SWAPS = tuple((DRUM_CLASSES.index(one), DRUM_CLASSES.index(other)) for one, other in _ALIKE)
NUM_DRAWS = len(_SWAPS) + NUM_CLASSES


class Augmentation(NamedTuple):
    """How likely each variation is.

    Attributes:
        swap: That two drums of a kind change places in a window: the time-keeping closed hi-hat
            and ride, the accents of open hi-hat and crash, neighbouring toms.
        silence: That a drum falls silent in a window, for each of the nine.
    """

    swap: float
    silence: float

    @classmethod
    def of(cls, hparams: HParams) -> Augmentation | None:
        """What the hyper-parameters ask for; None if nothing."""
        wanted = cls(hparams.swap_probability, hparams.silence_probability)
        return wanted if any(wanted) else None

    def apply(self, grid: Grid, draws: tf.Tensor) -> Grid:
        """Returns varied windows.

        Args:
            grid: Arrays of shape (n, steps, 9).
            draws: Uniform draws from [0, 1), (n, `NUM_DRAWS`).
        """
        for_swaps, for_silence = tf.split(draws, [len(_SWAPS), NUM_CLASSES], axis=1)
        places = tf.tile(tf.range(NUM_CLASSES)[tf.newaxis], [tf.shape(draws)[0], 1])
        for number, (one, other) in enumerate(_SWAPS):
            order = np.arange(NUM_CLASSES)
            order[[one, other]] = other, one
            swapped = tf.gather(places, order, axis=1)
            places = tf.where(for_swaps[:, number : number + 1] < self.swap, swapped, places)
        heard = tf.cast(for_silence >= self.silence, tf.float32)[:, tf.newaxis]
        return Grid(*(tf.gather(values, places, axis=2, batch_dims=1) * heard for values in grid))
