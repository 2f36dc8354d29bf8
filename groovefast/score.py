"""MIDI files as arrays of notes, tempos and meters."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
from numpy.typing import NDArray

from groovefast import _core
from groovefast.errors import GrooveFastError, MidiError

_CHANNELS = {"drums": False, "all": True}


@dataclasses.dataclass(eq=False, slots=True)
class Score:
    """What a MIDI file says, as structured arrays.

    Attributes:
        format: 0, 1, or 2. In format 2 each track is a song with tempos and meters of its own.
        ticks_per_quarter: 0 under SMPTE division.
        seconds_per_tick: Of SMPTE division, else 0.
        notes: Fields `tick`, `end_tick`, `time`, `end_time` (seconds), `pitch`, `velocity`,
            `channel` (from 0), `program`, `track` (from 0); by track, within it by instrument in
            the order of its first ended note, within that as the notes ended.
        tempos: Fields `tick`, `time` (seconds), `qpm`, `track`; by tick, one at tick 0, and only
            where the tempo differs from the one before.
        time_signatures: Fields `tick`, `time` (seconds), `numerator`, `denominator`, `track`; by
            tick. Empty if the file names none, which means 4/4.
        damage: What ended the reading early, if a damaged file was salvaged, else None.
    """

    format: int
    ticks_per_quarter: int
    seconds_per_tick: float
    notes: NDArray[np.void]
    tempos: NDArray[np.void]
    time_signatures: NDArray[np.void]
    damage: MidiError | None


def read_midi(
    source: bytes | str | os.PathLike[str], channels: str = "drums", salvage: bool = False
) -> Score:
    """Reads a Standard MIDI File.

    Args:
        source: The file's bytes, or its path.
        channels: "drums" for the notes of MIDI channel 10 alone, or "all".
        salvage: Take of a damaged file what comes before the damage, which `Score.damage` tells.

    Raises:
        MidiError: Bytes that are not a readable MIDI file, unless they are salvaged; tells the
            byte offset.
        GrooveFastError: `channels` is neither.
        OSError: The file cannot be read.
    """
    if channels not in _CHANNELS:
        raise GrooveFastError(f"channels: one of drums, all wanted, not {channels!r}")
    if isinstance(source, bytes):
        return Score(*_core.read_midi(source, _CHANNELS[channels], salvage))
    with open(source, "rb") as file:  # noqa: PTH123 - a Path only for this costs more than reading
        data = file.read()
    try:
        return Score(*_core.read_midi(data, _CHANNELS[channels], salvage))
    except MidiError as error:
        raise MidiError(error.reason, error.offset, os.fspath(source)) from None
