"""Melodies in other keys, for training on more than was played."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from groovefast.windows.token_rows import MELODY_TOKENS

_NOTE_OFF = 1
"""Below it is nothing, above it are the pitches."""


def semitones(draws: tf.Tensor, most: int) -> tf.Tensor:
    """Returns whole numbers from -most to most, int16, of uniform draws from [0, 1)."""
    return tf.cast(tf.minimum(tf.floor(draws * (2 * most + 1)), 2 * most), tf.int16) - most


def transposed(tokens: tf.Tensor, by: tf.Tensor) -> tf.Tensor:
    """Returns windows of melody tokens moved up or down.

    A note that leaves the pitches there are is gone: it still ends the one before, if that sounds.
    Magenta transposes the notes of whole files before it looks for melodies; where no note is
    lost, that gives the same windows.

    Args:
        tokens: int16 (n, steps), in which no note's end comes before the first note.
        by: int16 (n,), semitones.
    """
    steps = tokens.shape[1]
    moved = tokens + by[:, tf.newaxis]
    is_lost = (moved <= _NOTE_OFF) | (moved >= MELODY_TOKENS)
    moved = tf.where(tokens > _NOTE_OFF, tf.where(is_lost, np.int16(_NOTE_OFF), moved), tokens)
    # What was heard last before each step; where that has ended, or is nothing, nothing can end.
    is_before = np.tri(steps, k=-1, dtype=bool)
    numbers = np.arange(1, steps + 1)
    heard = is_before & (moved > 0)[:, tf.newaxis]
    last = tf.reduce_max(tf.where(heard, numbers, 0), -1)
    before = tf.gather(tf.pad(moved, [[0, 0], [1, 0]]), last, batch_dims=1)
    return tf.where((moved == _NOTE_OFF) & (before <= _NOTE_OFF), np.int16(0), moved)
