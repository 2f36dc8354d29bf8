"""The nine drum classes and the pitches that belong to each."""

from __future__ import annotations

from collections.abc import Sequence

from groovefast.errors import GrooveFastError

DRUM_CLASSES = (
    "kick",
    "snare",
    "closed hi-hat",
    "open hi-hat",
    "low tom",
    "mid tom",
    "high tom",
    "crash",
    "ride",
)
NUM_CLASSES = len(DRUM_CLASSES)
DRUM_CHANNEL = 9
"""MIDI channel 10, counted from 0 as in the file's bytes."""

ROLAND = (
    (36,),
    (38, 37, 40),
    (42, 22, 44),
    (46, 26),
    (43, 58),
    (47, 45),
    (50, 48),
    (49, 52, 55, 57),
    (51, 53, 59),
)
"""Roland TD-11 kit: what the Groove MIDI Dataset was played on."""

REDUCED = (
    (36, 35),
    (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    (46, 67, 72, 74, 79, 81, 26),
    (45, 29, 41, 43, 61, 64, 84),
    (48, 47, 60, 63, 77, 86, 87),
    (50, 30, 62, 76, 83),
    (49, 52, 55, 57, 58),
    (51, 53, 59, 82),
)
"""General MIDI percussion reduced to nine classes: any other input, and all output."""

PITCH_CLASSES = {"roland": ROLAND, "reduced": REDUCED}
OUTPUT_PITCHES = tuple(pitches[0] for pitches in REDUCED)
"""The pitch written to MIDI for each class."""

PitchClasses = str | Sequence[Sequence[int]]

UNMAPPED = 255


def resolve_pitch_classes(pitch_classes: PitchClasses) -> tuple[tuple[int, ...], ...]:
    """Returns the pitches of each of the nine classes.

    Args:
        pitch_classes: "roland", "reduced", or nine sequences of MIDI pitches.

    Raises:
        GrooveFastError: An unknown name, not nine classes, or a pitch out of 0..127 or named twice.
    """
    if isinstance(pitch_classes, str):
        if pitch_classes not in PITCH_CLASSES:
            known = ", ".join(PITCH_CLASSES)
            raise GrooveFastError(
                f"pitch_classes: no such map {pitch_classes!r}; it is one of {known}, "
                "or nine sequences of MIDI pitches"
            )
        return PITCH_CLASSES[pitch_classes]
    classes = tuple(tuple(int(pitch) for pitch in pitches) for pitches in pitch_classes)
    if len(classes) != NUM_CLASSES:
        raise GrooveFastError(f"pitch_classes: {NUM_CLASSES} classes wanted, {len(classes)} given")
    seen: set[int] = set()
    for pitch in (pitch for pitches in classes for pitch in pitches):
        if not 0 <= pitch <= 127:
            raise GrooveFastError(f"pitch_classes: {pitch} is not a MIDI pitch (0..127)")
        if pitch in seen:
            raise GrooveFastError(f"pitch_classes: pitch {pitch} is named twice")
        seen.add(pitch)
    return classes


def pitch_table(pitch_classes: PitchClasses) -> bytes:
    """Returns 128 bytes: the class of each MIDI pitch, or UNMAPPED.

    Raises:
        GrooveFastError: As `resolve_pitch_classes`.
    """
    table = bytearray([UNMAPPED]) * 128
    for drum, pitches in enumerate(resolve_pitch_classes(pitch_classes)):
        for pitch in pitches:
            table[pitch] = drum
    return bytes(table)
