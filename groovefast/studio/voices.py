"""The sounds of the studio: the drums one by one, for the page to play, and whole pieces."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from groovefast.drums import DRUM_CLASSES, UNMAPPED, pitch_table
from groovefast.errors import GrooveFastError, OptionError
from groovefast.midi.parts import pitched_notes
from groovefast.midi.score import read_score
from groovefast.sound.synth import (
    CHOKE_SECONDS,
    LOUDNESS,
    LOUDNESS_CURVE,
    render,
    to_wav,
)
from groovefast.sound.tones import PITCHES, RELEASE_SECONDS, TONES, tone_sound
from groovefast.sound.voices import LAYERS, TAKES, VOICES, drum_sound
from groovefast.studio.values import kit_of, part_of

MOST_MINUTES = 20
"""Of a piece: its sound takes 30 MB a minute while it is made."""


@functools.cache
def wav(drum: int, layer: int, take: int) -> bytes:
    """Returns a hit of a drum as a 16-bit stereo WAV file whose peak is 1.

    Args:
        drum: 0..8.
        layer: How hard, from 0 to `LAYERS` - 1.
        take: 0..`TAKES` - 1.

    Raises:
        OptionError: There is no such sound.
    """
    wanted = (("drum", drum, len(DRUM_CLASSES)), ("layer", layer, LAYERS), ("take", take, TAKES))
    for name, number, end in wanted:
        if number not in range(end):
            raise OptionError(name, f"{number!r} is no whole number from 0 to {end - 1}")
    return to_wav(drum_sound(drum, layer, take))


@functools.cache
def tone_wav(tone: int, pitch: int) -> bytes:
    """Returns a tone that nobody ends as a 16-bit WAV file of one channel whose peak is 1.

    Args:
        tone: A number of `sound.tones.TONES`.
        pitch: 0..127.

    Raises:
        OptionError: There is no such sound.
    """
    for name, number, end in (("tone", tone, len(TONES)), ("pitch", pitch, len(PITCHES))):
        if number not in range(end):
            raise OptionError(name, f"{number!r} is no whole number from 0 to {end - 1}")
    return to_wav(tone_sound(tone, pitch))


def facts() -> dict[str, Any]:
    """Returns what a page has to know to play hits as `groovefast-sample --render wav` does.

    A hit sounds with its layer, `velocity / 127 * layers` without its fraction, in turns with each
    of its takes, and as loud as `loudness * levels[drum] * (velocity / 127) ** curve`; a hi-hat
    silences the open one within `choke` seconds. A note that is no drum sounds with its tone, as
    loud as `loudness * tones[tone].level * (velocity / 127) ** curve`, and fades within `release`
    seconds once it has ended.
    """
    return {
        "layers": LAYERS,
        "takes": TAKES,
        "levels": [voice.level for voice in VOICES],
        "loudness": LOUDNESS,
        "curve": LOUDNESS_CURVE,
        "choke": CHOKE_SECONDS,
        "tones": [{"name": tone.name, "level": tone.level} for tone in TONES],
        "release": RELEASE_SECONDS,
    }


def sound(
    midi: bytes,
    kit: str | None = None,
    channel: str | None = None,
    track: str | None = None,
    pitched: bool = False,
) -> bytes:
    """Returns the drums of a file as a WAV file, as `groovefast-sample --render wav` plays them.

    Args:
        midi: The file.
        kit: As of `pieces.opened`.
        channel: Likewise.
        track: Likewise.
        pitched: Likewise.

    Raises:
        MidiError: Bytes that are not a readable MIDI file.
        GrooveFastError: Longer than `MOST_MINUTES`, or no such kit, channel or track.
    """
    part, pitch_classes = part_of(channel, track), kit_of(kit)
    notes = read_score(midi, part).notes
    heard = np.frombuffer(pitch_table(pitch_classes), np.uint8)[notes["pitch"]] != UNMAPPED
    ends = [notes["end_time"][heard]]
    if pitched:
        ends.append(pitched_notes(midi, part)["end_time"])
    minutes = max(float(each.max(initial=0.0)) for each in ends) / 60
    if minutes > MOST_MINUTES:
        raise GrooveFastError(
            f"{minutes:.0f} minutes are too long for a WAV file here ({MOST_MINUTES} at most); "
            "give a part, or let groovefast-sample write it"
        )
    return to_wav(render(midi, pitch_classes, part.channel, part.track, pitched))
