"""Notes as the bytes of a Standard MIDI File."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import DRUM_CHANNEL
from groovefast.errors import OptionError
from groovefast.midi.meters import Meter

_TRACK_NAME = b"Drums"
_NOTE_OFF, _NOTE_ON, _PROGRAM_CHANGE = 0x80, 0x90, 0xC0
MAX_TICK = 0x0FFFFFFF


def drum_file(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    pitches: NDArray[np.uint8],
    velocities: NDArray[np.uint8],
    *,
    ticks_per_quarter: int,
    qpm: float,
    meters: Sequence[Meter],
    end: float,
) -> bytes:
    """Returns a MIDI file of one track with drums on channel 10.

    The file begins at tick 0, so that a note from before it starts there. A velocity of 0, which
    MIDI takes for a note's end, is written as 1. A note lasts at least one tick, and otherwise ends
    at the latest where the next of its pitch starts, or the track ends.

    Args:
        starts: Where each note starts, in ticks, which are rounded; shape (notes,).
        ends: Where each ends.
        pitches: 0..127.
        velocities: 0..127.
        ticks_per_quarter: The file's resolution, 1..32767.
        qpm: Tempo, at least 4.
        meters: By place; those beyond the end are left out.
        end: Where the track ends, in ticks, which are rounded; later if a note starts later, and
            at the latest where MIDI ends to count.

    Raises:
        OptionError: A note later than MIDI can count.
    """
    first, last, end_tick = _sounding(starts, ends, pitches, end)
    kept = [meter for meter in meters if _tick_of(meter, ticks_per_quarter) <= end_tick]
    changes = np.array([_tick_of(meter, ticks_per_quarter) for meter in kept], np.int64)
    ticks = np.concatenate((last, changes, first, [end_tick]))
    off, on = _note_messages(DRUM_CHANNEL, pitches, velocities)
    events = [*off, *map(_time_signature, kept), *on, _END_OF_TRACK]
    track = _named(_TRACK_NAME) + _tempo(qpm) + _in_order(ticks, events)
    return _header(0, 1, ticks_per_quarter) + chunk(b"MTrk", track)


class Voice(NamedTuple):
    """What one instrument plays; arrays of shape (notes,).

    Attributes:
        name: Of its track.
        channel: Its MIDI channel, from 0.
        program: Its sound.
        starts: Where each note starts, in ticks, which are rounded.
        ends: Where each ends.
        pitches: 0..127.
        velocities: 0..127.
    """

    name: str
    channel: int
    program: int
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]


def band_file(voices: Sequence[Voice], *, ticks_per_quarter: int, qpm: float, end: float) -> bytes:
    """Returns a MIDI file of type 1 in 4/4: a track of tempo and meter, then each voice.

    What is said of notes in `drum_file` holds here too.

    Args:
        voices: The instruments.
        ticks_per_quarter: The file's resolution, 1..32767.
        qpm: Tempo, at least 4.
        end: Where the tracks end, in ticks, which are rounded; later if a note starts later.

    Raises:
        OptionError: A note later than MIDI can count.
    """
    meter = b"\0" + _time_signature(Meter(0.0, 4, 4))
    last_tick = variable_length(round(min(end, MAX_TICK)))
    tracks = [_tempo(qpm) + meter + last_tick + _END_OF_TRACK]
    for voice in voices:
        first, last, end_tick = _sounding(voice.starts, voice.ends, voice.pitches, end)
        off, on = _note_messages(voice.channel, voice.pitches, voice.velocities)
        sound = b"\0" + bytes((_PROGRAM_CHANGE | voice.channel, voice.program))
        events = _in_order(np.concatenate((last, first, [end_tick])), [*off, *on, _END_OF_TRACK])
        tracks.append(_named(voice.name.encode()) + sound + events)
    chunks = b"".join(chunk(b"MTrk", track) for track in tracks)
    return _header(1, len(tracks), ticks_per_quarter) + chunks


def chunk(name: bytes, data: bytes | bytearray) -> bytes:
    """Returns a chunk of a MIDI file: its four letters, its length and its data."""
    return name + len(data).to_bytes(4, "big") + data


def variable_length(value: int) -> bytes:
    """Returns MIDI's variable-length quantity: 7 bits a byte, the last without the top bit."""
    encoded = [value & 0x7F]
    while value := value >> 7:
        encoded.append(0x80 | (value & 0x7F))
    return bytes(reversed(encoded))


def _header(kind: int, num_tracks: int, ticks_per_quarter: int) -> bytes:
    return chunk(
        b"MThd", b"".join(n.to_bytes(2, "big") for n in (kind, num_tracks, ticks_per_quarter))
    )


def _sounding(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    pitches: NDArray[np.uint8],
    end: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """The ticks where notes start and end, and the one where their track does."""
    first, last = _as_ticks(starts), _as_ticks(ends)
    end_tick = round(min(end, MAX_TICK))
    last = np.minimum(_cut_repeated(first, last, pitches), end_tick)
    last = np.maximum(last, first + 1)
    return first, last, max(end_tick, int(last.max(initial=0)))


def _note_messages(
    channel: int, pitches: NDArray[np.uint8], velocities: NDArray[np.uint8]
) -> tuple[Iterator[bytes], Iterator[bytes]]:
    """The ends and the beginnings of notes."""
    off = np.stack(
        (np.full_like(pitches, _NOTE_OFF | channel), pitches, np.zeros_like(pitches)), axis=1
    )
    on = np.stack(
        (np.full_like(pitches, _NOTE_ON | channel), pitches, np.maximum(velocities, 1)), axis=1
    )
    return _messages(off), _messages(on)


def _in_order(ticks: NDArray[np.int64], events: Sequence[bytes]) -> bytes:
    """Events by tick. Of those at the same tick the first listed come first."""
    order = np.argsort(ticks, kind="stable")
    deltas = np.diff(ticks[order], prepend=0)
    data = bytearray()
    for index, delta in zip(order.tolist(), deltas.tolist(), strict=True):
        data += _SHORT_DELTAS[delta] if delta < 0x80 else variable_length(delta)
        data += events[index]
    return bytes(data)


def _as_ticks(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    if positions.size and positions.max() > MAX_TICK:
        raise OptionError("notes", f"one lies beyond tick {MAX_TICK}, the last MIDI can count to")
    ticks: NDArray[np.int64] = np.rint(np.maximum(positions, 0)).astype(np.int64)
    return ticks


def _cut_repeated(
    starts: NDArray[np.int64], ends: NDArray[np.int64], pitches: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """`ends`, none later than the start of the next note of the same pitch."""
    order = np.lexsort((starts, pitches))
    before, after = order[:-1], order[1:]
    repeated = pitches[before] == pitches[after]
    ends = ends.copy()
    ends[before[repeated]] = np.minimum(ends[before], starts[after])[repeated]
    return ends


def _tick_of(meter: Meter, ticks_per_quarter: int) -> int:
    return round(meter.quarters * ticks_per_quarter)


def _messages(events: NDArray[np.uint8]) -> Iterator[bytes]:
    """The messages of an array with one in each row."""
    data, length = events.tobytes(), events.shape[1]
    return (data[first : first + length] for first in range(0, len(data), length))


def _named(name: bytes) -> bytes:
    return b"\0" + _meta(0x03, name)


def _tempo(qpm: float) -> bytes:
    return b"\0" + _meta(0x51, round(6e7 / qpm).to_bytes(3, "big"))


def _time_signature(meter: Meter) -> bytes:
    # MIDI's usual 24 clocks to a click of the metronome, 8 32nds to a quarter.
    return _meta(0x58, bytes((meter.numerator, meter.denominator.bit_length() - 1, 24, 8)))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind, len(data))) + data


_END_OF_TRACK = _meta(0x2F, b"")
_SHORT_DELTAS = [variable_length(value) for value in range(0x80)]
