"""Variations of performances that are still drumming, for training on more than was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from groovefast.config import Config
from groovefast.drums import DRUM_CLASSES, NUM_CLASSES, TIMEKEEPERS, TOMS
from groovefast.windows.rows import Grid

_ALIKE = (
    ("closed hi-hat", "ride"),
    ("open hi-hat", "crash"),
    ("low tom", "mid tom"),
    ("mid tom", "high tom"),
)
_SWAPS = tuple((DRUM_CLASSES.index(one), DRUM_CLASSES.index(other)) for one, other in _ALIKE)

_LIMBS = (
    (DRUM_CLASSES.index("kick"),),
    (DRUM_CLASSES.index("snare"),),
    TIMEKEEPERS,
    (*TOMS, DRUM_CLASSES.index("crash")),
)
_LIMB_OF = [next(i for i, limb in enumerate(_LIMBS) if drum in limb) for drum in range(NUM_CLASSES)]
"""Who plays each drum, by its number in `_LIMBS`."""

_BY_DRUMS, _DRUM_KEPT = 0.5, 0.4
"""Of thinned windows so many lose drums; of their drums so many stay."""
_LEAST_SOFTNESS, _STEEPNESS = 0.2, 2.5


class Augmentation(NamedTuple):
    """How likely each variation is.

    Attributes:
        swap: That two drums of a kind change places in a window: the time-keeping closed hi-hat
            and ride, the accents of open hi-hat and crash, neighbouring toms.
        silence: That a drum falls silent in a window, for each of the nine.
        splice: That a bar is another window's, for each bar.
        bars: How many bars a window has.
        thin: That only some drums and steps of a window are heard.
        cross: That what a limb plays is another window's, for each of the four.
    """

    swap: float = 0.0
    silence: float = 0.0
    splice: float = 0.0
    bars: int = 1
    thin: float = 0.0
    cross: float = 0.0

    @classmethod
    def of(cls, config: Config) -> Augmentation | None:
        """What the hyper-parameters ask for; None if nothing."""
        hparams = config.hparams
        wanted = (hparams.swap_probability, hparams.silence_probability, hparams.splice_probability)
        thin, cross = hparams.thin_probability, hparams.cross_probability
        if not any((*wanted, thin, cross)):
            return None
        return cls(*wanted, bars=config.converter.split_bars or 1, thin=thin, cross=cross)

    @property
    def needs_others(self) -> bool:
        """Whether anything is taken from other windows."""
        return self.splice > 0 or self.cross > 0

    @property
    def num_draws(self) -> int:
        """How many draws each window takes."""
        return sum(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        return [len(_SWAPS), NUM_CLASSES, self.bars, len(_LIMBS) if self.cross else 0]

    def apply(self, grid: Grid, others: Grid, draws: tf.Tensor) -> Grid:
        """Returns varied windows.

        Args:
            grid: Arrays of shape (n, steps, 9).
            others: Windows to take bars and limbs from, of the same shape.
            draws: Uniform draws from [0, 1), (n, `num_draws`).
        """
        for_swaps, for_silence, for_splices, for_limbs = tf.split(draws, self._sizes, axis=1)
        if self.needs_others:
            grid = self._mixed(grid, others, for_splices, for_limbs)
        return self._swap_and_silence(grid, for_swaps, for_silence)

    def _mixed(
        self, grid: Grid, others: Grid, for_splices: tf.Tensor, for_limbs: tf.Tensor
    ) -> Grid:
        """Bars and limbs of other windows in the place of their own."""
        steps_per_bar = grid.hits.shape[1] // self.bars
        foreign = tf.repeat(for_splices < self.splice, steps_per_bar, axis=1)[..., tf.newaxis]
        if self.cross:
            foreign ^= tf.gather(for_limbs < self.cross, _LIMB_OF, axis=1)[:, tf.newaxis]
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

    def num_thinning_draws(self, steps: int) -> int:
        """How many draws the thinning of a window takes."""
        return 3 + NUM_CLASSES + steps

    def heard(self, grid: Grid, draws: tf.Tensor) -> tf.Tensor:
        """Returns which hits the model hears, 1 or 0, (n, steps, 9).

        A window that is thinned keeps, as chance has it, a few of its drums or all, and of its
        steps many or few, loud ones rather than soft ones: a rhythm that a listener might tap.

        Args:
            grid: Arrays of shape (n, steps, 9).
            draws: Uniform draws from [0, 1), (n, `num_thinning_draws`).
        """
        steps = grid.hits.shape[1]
        of_window, for_drums, for_steps = tf.split(draws, [3, NUM_CLASSES, steps], axis=1)
        is_thin, by_drums, level = tf.split(of_window, 3, axis=1)
        drums = (by_drums >= _BY_DRUMS) | (for_drums < _DRUM_KEPT)
        drums = tf.cast(drums, tf.float32)[:, tf.newaxis]
        loudest = tf.reduce_max(grid.velocities * drums, 2)
        softness = tf.maximum(1.0 - loudest, _LEAST_SOFTNESS)
        steps_kept = tf.cast(for_steps < level ** (_STEEPNESS * softness), tf.float32)
        kept = drums * steps_kept[..., tf.newaxis]
        return tf.where((is_thin < self.thin)[..., tf.newaxis], kept, tf.ones_like(kept))
