"""Pieces as a mode hears them: with their drums where those of the first piece are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CHANNEL, UNMAPPED, output_pitches, pitch_table
from groovefast.midi.parts import no_drums
from groovefast.midi.score import read_score
from groovefast.midi.tracks import Event, MidiTracks
from groovefast.playing.take import check_counts_in_beats
from groovefast.studio.pieces import Sent

_KEPT_METAS = (0x2F, 0x51, 0x58)
"""The end, tempo and meter."""


def heard_as(midi: bytes, sent: Sent, first: Sent, any_pitch: bool = False) -> bytes:
    """Returns the file of a piece as `playing` will hear it with the options of another.

    Where both have their drums in the same place, in the same kit, it is the file itself. Otherwise
    it is one of nothing but its drums, on channel 10, in the kit of the other.

    Args:
        midi: The file of the piece.
        sent: The piece.
        first: The piece whose channel, track and kit are given.
        any_pitch: Whether pitches of no drum class are heard as well.

    Raises:
        GrooveFastError: There are no drums in it.
    """
    score = read_score(midi, sent.part, name=sent.name)
    check_counts_in_beats(score, sent.name)
    classes = np.frombuffer(pitch_table(sent.pitch_classes), np.uint8)[score.notes["pitch"]]
    is_heard = np.ones(len(classes), np.bool_) if any_pitch else classes != UNMAPPED
    if not is_heard.any():
        raise no_drums(midi, sent.name, sent.part, sent.pitch_classes)
    if sent.part == first.part and sent.pitch_classes == first.pitch_classes:
        return midi
    return _drums_alone(midi, score.notes[is_heard], classes[is_heard], score.format, first)


def _drums_alone(
    midi: bytes,
    notes: NDArray[np.void],
    classes: NDArray[np.uint8],
    form: int,
    first: Sent,
) -> bytes:
    kit = output_pitches(first.pitch_classes)
    usable = np.array([pitch is not None for pitch in kit])[classes]
    pitches = np.array([pitch or 0 for pitch in kit], np.uint8)
    new = notes[usable]
    new["pitch"] = pitches[classes[usable]]
    new["channel"] = DRUM_CHANNEL
    if form != 2:
        new["track"] = 0
    parsed = MidiTracks.parse(midi)
    bare = dataclasses.replace(
        parsed, tracks=tuple(tuple(_timing(track)) for track in parsed.tracks), others=()
    )
    return bare.with_notes(notes[:0], new).to_bytes()


def _timing(track: tuple[Event, ...]) -> Iterator[Event]:
    """Tempos, meters and the end of a track."""
    for tick, message in track:
        if message[0] == 0xFF and message[1] in _KEPT_METAS:
            yield tick, message
