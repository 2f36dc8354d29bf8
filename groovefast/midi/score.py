"""MIDI files as arrays of notes, tempos and meters."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast import _midi
from groovefast.drum_part import Channel, DrumPart, Track
from groovefast.errors import GrooveFastError, MidiError, OptionError
from groovefast.files import read_file

MidiInput: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"
"""A MIDI file's bytes, its path, or a file opened for reading bytes."""

_MAX_BYTES = _midi.MAX_FILE_BYTES
TOO_LARGE = f"larger than {_MAX_BYTES >> 20} MiB, which no performance is"
"""What is said of a file with more bytes than are read."""


@dataclasses.dataclass(eq=False, slots=True)
class Score:
    """What a MIDI file says, as structured arrays.

    Attributes:
        format: 0, 1, or 2. In format 2 each track is a song with tempos and meters of its own.
        ticks_per_quarter: 0 under SMPTE division.
        seconds_per_tick: Of SMPTE division, else 0.
        end_tick: Where the last of its tracks ends, but for a damaged one.
        track_names: What each track is called; empty where it does not say.
        notes: Fields `tick`, `end_tick`, `time`, `end_time` (seconds), `pitch`, `velocity`,
            `channel` (from 0), `program`, `track` (from 0), `unended`; by track, within it by
            instrument in the order of its first ended note, within that as the notes ended. Notes
            that never end, or where they begin, last a 16th and are `unended`.
        tempos: Fields `tick`, `time` (seconds), `qpm`, `track`; for each song by tick, one at tick
            0, and only where the tempo differs from the one before.
        time_signatures: Fields `tick`, `time` (seconds), `numerator`, `denominator`, `track`; for
            each song by tick. Empty if the file names none, which means 4/4.
        damage: What ended the reading early, if a damaged file was salvaged, else None.
    """

    format: int
    ticks_per_quarter: int
    seconds_per_tick: float
    end_tick: int
    track_names: tuple[str, ...]
    notes: NDArray[np.void]
    tempos: NDArray[np.void]
    time_signatures: NDArray[np.void]
    damage: MidiError | None

    @property
    def quarter_ticks(self) -> float:
        """Ticks in a quarter note; of time in SMPTE frames, which has no beats, at its tempo."""
        return self.ticks_per_quarter or 60.0 / float(self.tempos["qpm"][0]) / self.seconds_per_tick

    @property
    def songs(self) -> NDArray[np.int64]:
        """The song of each note: its track in format 2, else 0."""
        tracks: NDArray[np.int64] = self.notes["track"].astype(np.int64)
        return tracks if self.format == 2 else np.zeros_like(tracks)

    def tempos_of(self, song: int) -> NDArray[np.void]:
        """Returns the tempos of a song."""
        return self.tempos[self.tempos["track"] == song] if self.format == 2 else self.tempos


def read_midi(
    source: MidiInput, channel: Channel = None, track: Track = None, salvage: bool = False
) -> Score:
    """Reads a Standard MIDI File: the notes of its drums, and its tempos and meters.

    Args:
        source: The file's bytes, its path, or a file opened for reading bytes.
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given.
        track: The track of the drums: its number in the file, from 1, or its name.
        salvage: Take of a damaged file what comes before the damage, which `Score.damage` tells.

    Raises:
        MidiError: Bytes that are not a readable MIDI file, unless they are salvaged; tells the
            byte offset.
        GrooveFastError: No such channel, or something that is no file.
        OSError: The file cannot be read.
    """
    return read_score(source, DrumPart.of(channel, track), salvage)


def read_score(
    source: MidiInput, part: DrumPart, salvage: bool = False, name: str | None = None
) -> Score:
    """Reads a Standard MIDI File as `read_midi` does, with the notes of `part`.

    Args:
        source: As of `read_midi`.
        part: Which notes to take.
        salvage: As of `read_midi`.
        name: What to call the file in errors; its own name if None.
    """
    data, own_name = read_bytes(source)
    try:
        file = _midi.read_midi(data, part.for_core(), salvage)
    except MidiError as error:
        raise MidiError(error.reason, error.offset, name or own_name) from None
    return Score(
        file.format,
        file.ticks_per_quarter,
        file.seconds_per_tick,
        file.end_tick,
        tuple(map(_text, file.track_names)),
        file.notes,
        file.tempos,
        file.time_signatures,
        file.damage,
    )


def read_bytes(source: MidiInput) -> tuple[bytes, str | None]:
    """Returns the bytes of a MIDI file, and its path if it has one.

    Raises:
        GrooveFastError: Neither a file nor bytes, a pipe or device, or more than any performance
            takes: 64 MiB.
        OSError: The file cannot be read.
    """
    if isinstance(source, bytes):
        return source, None
    if isinstance(source, (str, os.PathLike)):
        return read_file(source, _MAX_BYTES, "a MIDI file", TOO_LARGE), os.fsdecode(source)
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source), None
    if not hasattr(source, "read"):
        raise OptionError(
            "source",
            f"a path, bytes or a file opened for bytes wanted, not {type(source).__name__}",
        )
    name = getattr(source, "name", None)
    name = name if isinstance(name, str) else None
    return _read_stream(source, name or "source"), name


def _read_stream(source: BinaryIO, name: str) -> bytes:
    data = b""
    try:
        # A pipe gives what it has, which may be less than is asked for.
        while len(data) <= _MAX_BYTES:
            more = source.read(_MAX_BYTES + 1 - len(data))
            if not isinstance(more, bytes):
                raise GrooveFastError(f"{name}: a file opened for text; open it with mode 'rb'")
            if not more:
                break
            data += more
    except (ValueError, io.UnsupportedOperation) as error:
        raise GrooveFastError(f"{name}: cannot be read ({error})") from None
    if len(data) > _MAX_BYTES:
        raise GrooveFastError(f"{name}: {TOO_LARGE}")
    return data


def _text(name: bytes) -> str:
    """A track's name; files do not say how theirs are encoded."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return text.strip(" \t\0")
