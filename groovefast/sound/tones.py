"""The sounds of what has a pitch: a melody and a bass, each a sum of sines that die away.

As plucked and struck strings do: high tones and high overtones are the shorter ones.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.sound.voices import SAMPLE_RATE

PITCHES = range(128)
RELEASE_SECONDS = 0.08
"""How long a tone fades once its note has ended."""
BASS_PROGRAMS = range(32, 40)

_SECONDS = 2.4
_ATTACK_SECONDS = 0.006
_HIGHEST_HERTZ = 12_000.0
_MIDDLE_C = 60


class Tone(NamedTuple):
    """An instrument.

    Attributes:
        name: What it plays.
        level: Peak of the loudest tone.
        partials: How strong each overtone is, the fundamental first.
        ring: Seconds in which the fundamental of middle C falls to a third.
        cutoff: Hertz from which on partials are weaker.
        drive: How far it is overdriven, so that small speakers let the lowest tones be heard.
    """

    name: str
    level: float
    partials: Sequence[float]
    ring: float
    cutoff: float
    drive: float = 0.0


TONES = (
    Tone("melody", 0.34, (1.0, 0.42, 0.2, 0.16, 0.05, 0.05, 0.02), 0.75, 4200.0),
    Tone("bass", 0.38, (1.0, 0.6, 0.38, 0.22, 0.14, 0.08, 0.05, 0.03), 0.42, 1100.0, 0.8),
)
MELODY, BASS = range(len(TONES))


def tone_of(program: int) -> int:
    """Returns which of the tones plays a MIDI program, from 0."""
    return BASS if program in BASS_PROGRAMS else MELODY


@functools.lru_cache(maxsize=2 * len(PITCHES))
def tone_sound(tone: int, pitch: int) -> NDArray[np.float32]:
    """Returns a tone that nobody ends.

    Args:
        tone: `MELODY` or `BASS`.
        pitch: 0..127.

    Returns:
        Shape (samples,), read-only, its highest peak 1; it begins and ends at 0.
    """
    kind = TONES[tone]
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    ring = kind.ring * 2 ** ((_MIDDLE_C - pitch) / 30)
    t = np.arange(round(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    total = np.zeros(len(t))
    for number, strength in enumerate(kind.partials, start=1):
        own = number * hertz
        if number > 1 and own > _HIGHEST_HERTZ:
            break
        gain = strength / math.sqrt(1 + (own / kind.cutoff) ** 2)
        decay = ring / (1 + 0.45 * (number - 1))
        total += gain * np.sin(2 * np.pi * own * t) * np.exp(-t / decay)
    if kind.drive:
        total = np.tanh(kind.drive * total / np.abs(total).max())
    total *= np.minimum(t / _ATTACK_SECONDS, 1) * np.square(np.linspace(1, 0, len(t)))
    sound: NDArray[np.float32] = (total / np.abs(total).max()).astype(np.float32)
    sound.setflags(write=False)
    return sound


def held(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Returns a tone whose note ends after so many samples: it fades from there on."""
    fade = round(RELEASE_SECONDS * SAMPLE_RATE)
    if samples >= len(sound):
        return sound
    cut: NDArray[np.float32] = sound[: samples + fade].copy()
    cut[samples:] *= np.linspace(1, 0, fade, dtype=np.float32)[: len(cut) - samples]
    return cut
