"""The sounds of the built-in drum machine: nine drums of oscillators and filtered noise.

Each drum is a function of how hard it is hit, from 0 to 1, which sets its brightness, its length
and the strength of its attack. Loudness is set by whoever plays it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Signal: TypeAlias = "NDArray[np.float64]"
"""Samples; shape (samples,) for one channel, (samples, 2) for left and right."""

SAMPLE_RATE = 44100
LAYERS = 8
"""How many strengths each drum is made in."""
TAKES = 2
"""How many hits there are of each strength, so that a roll is not one sample again and again."""

_SILENCE = 10 ** (-72 / 20)
_FADE_SECONDS = 0.01


@functools.cache
def drum_sound(drum: int, layer: int, take: int) -> NDArray[np.float32]:
    """Returns one hit of a drum, with its place in the stereo picture and the room around it.

    Args:
        drum: Class 0..8.
        layer: Strength, from 0 for the softest to `LAYERS` - 1.
        take: 0..`TAKES` - 1.

    Returns:
        Shape (samples, 2), read-only, its highest peak 1; it ends in silence.
    """
    voice = VOICES[drum]
    rng = np.random.default_rng([drum, layer, take])
    dry = _let_die(voice.play((layer + 1) / LAYERS, rng))
    wet = _in_room(_pan(dry, voice.pan), voice.room)
    sound = _cut_tail(wet / np.abs(wet).max()).astype(np.float32)
    sound.setflags(write=False)
    return sound


class Voice(NamedTuple):
    """A drum of the kit."""

    play: Callable[[float, np.random.Generator], Signal]
    """From strength in 0..1 and noise to the dry sound, mono or stereo."""
    level: float
    """Peak of the hardest hit."""
    pan: float
    """-1 is left, 1 is right, as the audience sees the kit."""
    room: float
    """How much of the room is heard."""


# --- The drums ------------------------------------------------------------------------------


def _kick(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(0.8)
    pitch = 49 + 95 * np.exp(-t / 0.024) + 320 * force * np.exp(-t / 0.0045)
    body = np.sin(_phase(pitch)) * np.exp(-t / (0.11 + 0.06 * force))
    warm = np.tanh((1 + force) * body)
    beater = _band(_noise(rng, len(t)), 900, 2500 + 5500 * force) * np.exp(-t / 0.005)
    return _attack(warm + (0.05 + 0.2 * force) * beater, 0.0008)


def _snare(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(0.7)
    shell = np.sin(_phase(182 + 60 * np.exp(-t / 0.012))) * np.exp(-t / 0.075)
    shell += 0.55 * np.sin(_phase(331 + 40 * np.exp(-t / 0.01))) * np.exp(-t / 0.045)
    wires = _band(_wide_noise(rng, len(t), 0.35), 1400, 4500 + 6500 * force)
    wires *= _column((1 - 0.6 * np.exp(-t / 0.004)) * np.exp(-t / (0.07 + 0.06 * force)))
    crack = _band(_noise(rng, len(t)), 2500, 6000 + 8000 * force) * np.exp(-t / 0.004)
    dry = _column(0.6 * shell + 0.8 * force * crack) + (0.6 + 0.6 * force) * wires
    return _attack(np.tanh(1.2 * dry), 0.0005)


def _closed_hat(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(0.35)
    ring = np.exp(-t / (0.012 + 0.022 * force)) + 0.12 * np.exp(-t / 0.07)
    return _hat(t, force, rng) * _column(ring)


def _open_hat(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(1.6)
    ring = np.exp(-t / (0.2 + 0.12 * force)) + 0.5 * np.exp(-t / 0.02)
    return _hat(t, force, rng) * _column(ring)


def _hat(t: Signal, force: float, rng: np.random.Generator) -> Signal:
    """The steady hiss and clang of two cymbals touching."""
    clang = _band(_buzz(t, (205.3, 304.4, 369.6, 522.7, 540.0, 800.0), rng), 6500, 13500)
    hiss = _band(_wide_noise(rng, len(t), 0.5), 6000, 9000 + 7000 * force)
    return _attack(_column(0.7 * clang) + 0.7 * hiss, 0.0006)


def _low_tom(force: float, rng: np.random.Generator) -> Signal:
    return _tom(84.0, 0.3, force, rng)


def _mid_tom(force: float, rng: np.random.Generator) -> Signal:
    return _tom(118.0, 0.25, force, rng)


def _high_tom(force: float, rng: np.random.Generator) -> Signal:
    return _tom(162.0, 0.2, force, rng)


def _tom(hertz: float, ring: float, force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(6 * ring)
    bend = 1 + (0.12 + 0.3 * force) * np.exp(-t / 0.05)
    head = np.sin(_phase(hertz * bend)) * np.exp(-t / (ring * (0.6 + 0.4 * force)))
    head += 0.35 * np.sin(_phase(1.59 * hertz * bend)) * np.exp(-t / (0.35 * ring))
    stick = _band(_noise(rng, len(t)), 700, 2000 + 4000 * force) * np.exp(-t / 0.009)
    return _attack(np.tanh((0.8 + 0.5 * force) * head) + (0.1 + 0.25 * force) * stick, 0.001)


def _crash(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(3.6)
    wash = _wash(t, rng, _CRASH_BANDS, force)
    clang = _clang(t, (342, 587, 823, 1297, 1711, 2389, 3170, 4513), 0.5, rng)
    rise = 1 - 0.5 * np.exp(-t / 0.018)
    return _attack(wash * _column(rise) + _column(0.12 * clang), 0.001)


def _ride(force: float, rng: np.random.Generator) -> Signal:
    t = _seconds(2.5)
    bell = _clang(t, (413, 903, 1511, 2287, 3119, 3413, 3847, 4801, 5233, 5903, 7411), 0.4, rng)
    bell *= 1 + 1.5 * np.exp(-t / 0.03)
    stick = _band(_noise(rng, len(t)), 3000, 12000) * np.exp(-t / 0.003)
    dry = 0.3 * bell + (0.3 + 0.5 * force) * stick
    return _attack(_column(dry) + 0.5 * _wash(t, rng, _RIDE_BANDS, force), 0.0005)


VOICES: Sequence[Voice] = (  # in the order of `DRUM_CLASSES`
    Voice(_kick, level=0.85, pan=0.0, room=0.04),
    Voice(_snare, level=0.7, pan=-0.06, room=0.2),
    Voice(_closed_hat, level=0.34, pan=-0.38, room=0.06),
    Voice(_open_hat, level=0.36, pan=-0.38, room=0.08),
    Voice(_low_tom, level=0.66, pan=0.45, room=0.14),
    Voice(_mid_tom, level=0.64, pan=0.12, room=0.14),
    Voice(_high_tom, level=0.62, pan=-0.2, room=0.14),
    Voice(_crash, level=0.5, pan=-0.3, room=0.0),
    Voice(_ride, level=0.36, pan=0.4, room=0.0),
)

_Band = tuple[float, float, float, float]
"""Lowest and highest hertz, level, and seconds to fall to 1/e."""

_CRASH_BANDS: Sequence[_Band] = (
    (250, 700, 0.25, 0.9),
    (700, 1800, 0.5, 1.1),
    (1800, 4000, 0.9, 0.95),
    (4000, 8000, 1.0, 0.75),
    (8000, 15000, 0.8, 0.45),
)
_RIDE_BANDS: Sequence[_Band] = (
    (500, 1500, 0.12, 0.7),
    (1500, 3500, 0.3, 0.7),
    (3500, 7000, 0.5, 0.5),
    (7000, 14000, 0.5, 0.3),
)


# --- What they are made of ------------------------------------------------------------------


def _seconds(length: float) -> Signal:
    return np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE


def _phase(hertz: Signal) -> Signal:
    """Phase of an oscillator that follows a pitch."""
    phase: Signal = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    return phase


def _noise(rng: np.random.Generator, length: int) -> Signal:
    return rng.normal(0, 1 / 3, length)


def _wide_noise(rng: np.random.Generator, length: int, width: float) -> Signal:
    """Noise (length, 2) of which the share `width` differs between left and right."""
    middle, sides = _noise(rng, length), rng.normal(0, 1 / 3, (length, 2))
    return math.sqrt(1 - width) * _column(middle) + math.sqrt(width) * sides


def _clang(t: Signal, hertz: Sequence[float], ring: float, rng: np.random.Generator) -> Signal:
    """The partials of struck metal: none in tune, the higher the sooner gone."""
    clang = np.zeros_like(t)
    for partial in hertz:
        angle = 2 * np.pi * (partial * _detune(rng) * t + rng.random())
        clang += np.sin(angle) * np.exp(-t / (ring * (1000 / partial) ** 0.35))
    return clang / math.sqrt(len(hertz))


def _buzz(t: Signal, hertz: Sequence[float], rng: np.random.Generator) -> Signal:
    """Square waves out of tune with one another, whose harmonics lie as dense as a cymbal's."""
    buzz = np.zeros_like(t)
    for each in hertz:
        buzz += np.sign(np.sin(2 * np.pi * (each * _detune(rng) * t + rng.random())))
    return buzz / math.sqrt(len(hertz))


def _detune(rng: np.random.Generator) -> float:
    """No two hits sound quite the same."""
    return 1 + 0.002 * float(rng.standard_normal())


def _wash(t: Signal, rng: np.random.Generator, bands: Sequence[_Band], force: float) -> Signal:
    """A cymbal's noise: the higher a band, the sooner it is gone and the more it takes to wake."""
    noise = _wide_noise(rng, len(t), 0.6)
    total = np.zeros((len(t), 2))
    for low, high, level, ring in bands:
        awake = force ** (high / 12000)
        total += level * awake * _band(noise, low, high) * _column(np.exp(-t / ring))
    return total


def _band(signal: Signal, low: float, high: float) -> Signal:
    """What lies between two frequencies, with slopes of 12 dB an octave; noise has no ends."""
    hertz = np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)
    response = 1 / np.sqrt((1 + (low / np.maximum(hertz, 1)) ** 4) * (1 + (hertz / high) ** 4))
    shaped = response if signal.ndim == 1 else _column(response)
    return np.fft.irfft(np.fft.rfft(signal, axis=0) * shaped, len(signal), axis=0)


def _column(signal: Signal) -> Signal:
    return signal[:, None]


def _attack(signal: Signal, seconds: float) -> Signal:
    """Begins at 0, to start without a click."""
    return _shaped(signal, np.minimum(np.arange(len(signal)) / (seconds * SAMPLE_RATE), 1))


def _shaped(signal: Signal, envelope: NDArray[np.floating[Any]]) -> Signal:
    """A signal of one or two channels under an envelope."""
    columns = envelope.reshape(-1, *(1,) * (signal.ndim - 1))
    return np.asarray(signal * columns, np.float64)


def _let_die(signal: Signal) -> Signal:
    """Falls to nothing at its end, where an exponential decay never would."""
    return _shaped(signal, np.square(np.linspace(1.0, 0.0, len(signal))))


# --- Where they stand -----------------------------------------------------------------------


def _pan(signal: Signal, pan: float) -> Signal:
    """Left and right at constant power."""
    angle = (pan + 1) * np.pi / 4
    gains = math.sqrt(2) * np.array([math.cos(angle), math.sin(angle)])
    return (_column(signal) if signal.ndim == 1 else signal) * gains


@functools.cache
def _room() -> Signal:
    """What a small room answers to a click, (samples, 2)."""
    t = _seconds(0.32)
    rng = np.random.default_rng(0)
    tail = _band(rng.standard_normal((len(t), 2)), 180, 5200) * _column(np.exp(-t / 0.065))
    early = tail * _column(np.minimum(t / 0.006, 1))
    room: Signal = early / np.sqrt((early**2).sum(axis=0))
    return room


def _in_room(signal: Signal, amount: float) -> Signal:
    """The sound with the room's answer to it."""
    if not amount:
        return signal
    room = _room()
    length = len(signal) + len(room) - 1
    size = 1 << (length - 1).bit_length()
    spectra = np.fft.rfft(signal, size, axis=0) * np.fft.rfft(room, size, axis=0)
    wet = amount * np.fft.irfft(spectra, size, axis=0)[:length]
    wet[: len(signal)] += signal
    return wet


def _cut_tail(signal: Signal) -> Signal:
    """Ends where nothing is heard any more, fading to exactly 0."""
    heard = np.flatnonzero(np.abs(signal).max(axis=1) > _SILENCE)
    cut: Signal = signal[: heard[-1] + 1].copy()
    fade = round(_FADE_SECONDS * SAMPLE_RATE)
    cut[-fade:] = _shaped(cut[-fade:], np.linspace(1.0, 0.0, fade))
    return cut
