"""A MIDI file as tracks of events, each kept as its own bytes: what is not changed stays as it was.

`read_midi` has to have read the file before: nothing is checked here a second time.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import struct
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.midi.files import MAX_TICK, chunk, variable_length

Event: TypeAlias = tuple[int, bytes]
"""Its tick and its message, always with a status byte."""
Lane: TypeAlias = tuple[int, int, int]
"""Track, channel and pitch."""
Span: TypeAlias = tuple[int, int, int]
"""Tick, end tick and velocity of a note in its lane."""

EndOf: TypeAlias = Callable[[int, int, int], int]
"""From a track, where it ended and its last event that is no note to where it is to end."""

END_OF_TRACK = b"\xff\x2f\x00"

_NOTE_OFF, _NOTE_ON = 0x80, 0x90
_RELEASE_VELOCITY = 64
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_SYSEX, _SYSEX_CONTINUED, _META = 0xF0, 0xF7, 0xFF


@dataclasses.dataclass(frozen=True)
class MidiTracks:
    """A Standard MIDI File.

    Attributes:
        format: 0, 1 or 2.
        ticks_per_quarter: Its resolution, or the two bytes of an SMPTE division as a number.
        tracks: The events of each, by tick, the last of them its end.
        others: Chunks that are no tracks, as they stand, with the number of tracks before each.
        more_header: What the header holds beyond these.
    """

    format: int
    ticks_per_quarter: int
    tracks: tuple[tuple[Event, ...], ...]
    others: tuple[tuple[int, bytes], ...] = ()
    more_header: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> MidiTracks:
        """Splits a file, on its own or wrapped as RMID, into its events."""
        head, *chunks = _chunks(_unwrapped(data))
        format_, _, ticks_per_quarter = struct.unpack(">HHH", head[1][:6])
        tracks: list[tuple[Event, ...]] = []
        others = []
        for name, body in chunks:
            if name == b"MTrk":
                tracks.append(tuple(_events(body)))
            else:
                others.append((len(tracks), chunk(name, body)))
        return cls(format_, ticks_per_quarter, tuple(tracks), tuple(others), head[1][6:])

    def to_bytes(self) -> bytes:
        """Returns the file, without running status."""
        header = struct.pack(">HHH", self.format, len(self.tracks), self.ticks_per_quarter)
        chunks = [(index, _track_chunk(track)) for index, track in enumerate(self.tracks)]
        # Sorting is stable: others come before the track of their number.
        chunks = sorted((*self.others, *chunks), key=lambda each: each[0])
        head = chunk(b"MThd", header + self.more_header)
        return head + b"".join(content for _, content in chunks)

    def finer(self, factor: int) -> MidiTracks:
        """Returns the same music with `factor` times as many ticks."""
        tracks = (
            tuple((tick * factor, message) for tick, message in track) for track in self.tracks
        )
        return dataclasses.replace(
            self, ticks_per_quarter=self.ticks_per_quarter * factor, tracks=tuple(tracks)
        )

    def with_text(self, text: str) -> MidiTracks:
        """Returns the file with a text event at its beginning, after the name."""
        data = text.encode("utf-8")
        event = 0, b"\xff\x01" + variable_length(len(data)) + data
        track = begun_with(event, self.tracks[0])
        return dataclasses.replace(self, tracks=(track, *self.tracks[1:]))

    def with_notes(
        self,
        old: NDArray[np.void],
        new: NDArray[np.void],
        end_of: EndOf | None = None,
    ) -> MidiTracks:
        """Returns the file with other notes; every other event stays at its tick.

        A note that stays as it is keeps its own messages, unless it sounds together with another
        of its track, channel and pitch.

        Notes of one track, channel and pitch that overlap are cut where the next begins, and none
        rings on when its track has ended. Where notes that are not among `old` have one such lane
        too, they stay, and new ones are left out while these sound. A file without other notes than
        `old` is a clip, whose length may be changed so that it can be looped; others keep theirs
        unless a note begins later.

        Args:
            old: The notes to replace, of `read_midi`: all of their tracks and channels.
            new: What to write in their place; fields as of `old`.
            end_of: Gives where a track should end, in ticks, by its number from 0, where it ended,
                and its last event that is no note; of format 0 and 1 the last of all tracks.
                Without it tracks end with their notes.
        """
        before, after = _lanes(old), _lanes(new)
        changed: defaultdict[int, dict[tuple[int, int], tuple[list[Span], list[Span]]]]
        changed = defaultdict(dict)
        for lane in sorted(before.keys() | after.keys()):
            if sorted(before[lane]) != sorted(after[lane]):
                changed[lane[0]][lane[1:]] = before[lane], after[lane]
        is_clip = self._holds_only({lane[:2] for lane in before})
        spans = [(track[-1][0], _last_event(track)) for track in self.tracks]
        if self.format != 2 and spans:
            spans = [(max(end for end, _ in spans), max(last for _, last in spans))] * len(spans)
        tracks = list(self.tracks)
        for index, lanes in changed.items():
            end = end_of(index, *spans[index]) if end_of else None
            tracks[index] = _with_lanes(tracks[index], lanes, end, is_clip)
        return dataclasses.replace(self, tracks=tuple(tracks))

    def _holds_only(self, places: Collection[tuple[int, int]]) -> bool:
        """Whether all its notes are on these tracks and channels."""
        lanes = (
            (index, lane[0])
            for index, track in enumerate(self.tracks)
            for lane in map(_lane_of, (message for _, message in track))
            if lane is not None
        )
        return all(place in places for place in lanes)


def begun_with(event: Event, track: tuple[Event, ...]) -> tuple[Event, ...]:
    """Returns a track with an event at its beginning, after its name."""
    named = int(track[0][0] == 0 and track[0][1].startswith(b"\xff\x03"))
    return (*track[:named], event, *track[named:])


def _last_event(track: Sequence[Event]) -> int:
    """The tick of the last event that is neither a note nor the end; 0 if there is none."""
    others = (tick for tick, message in reversed(track[:-1]) if _lane_of(message) is None)
    return next(others, 0)


def _unwrapped(data: bytes) -> bytes:
    """The MIDI file in RIFF chunks, if it is wrapped so."""
    if data[:4] != b"RIFF":
        return data
    first = 12
    while data[first : first + 4] != b"data":
        length = int.from_bytes(data[first + 4 : first + 8], "little")
        first += 8 + length + length % 2
    length = int.from_bytes(data[first + 4 : first + 8], "little")
    return data[first + 8 : first + 8 + length]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    first = 0
    while first + 8 <= len(data):
        last = first + 8 + int.from_bytes(data[first + 4 : first + 8], "big")
        yield data[first : first + 4], data[first + 8 : last]
        first = last


def _events(data: bytes) -> Iterator[Event]:
    """The events of a track up to its end, which is added if it is missing."""
    at, tick, running_status = 0, 0, 0
    message = b""
    while at < len(data) and message != END_OF_TRACK:
        delta, at = _number(data, at)
        tick += delta
        status = running_status
        if data[at] >= 0x80:
            status = data[at]
            at += 1
        if status < 0xF0:
            running_status = status
        last = _end_of_message(data, at, status)
        message = bytes((status,)) + data[at:last]
        if status == _META and data[at] == END_OF_TRACK[1]:
            message = END_OF_TRACK
        yield tick, message
        at = last
    if message != END_OF_TRACK:
        yield tick, END_OF_TRACK


def _end_of_message(data: bytes, at: int, status: int) -> int:
    """Where a message ends whose data begins at `at`."""
    if status < 0xF0:
        return at + _DATA_BYTES[status & 0xF0]
    if status in (_SYSEX, _SYSEX_CONTINUED, _META):
        length, first = _number(data, at + (status == _META))
        return first + length
    return at + _SYSTEM_DATA_BYTES.get(status, 0)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length quantity, and where it ends."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at


def _track_chunk(track: Iterable[Event]) -> bytes:
    body = bytearray()
    last_tick = 0
    for tick, message in track:
        body += variable_length(tick - last_tick) + message
        last_tick = tick
    return chunk(b"MTrk", body)


def _lanes(notes: NDArray[np.void]) -> defaultdict[Lane, list[Span]]:
    """The notes of each lane, in order."""
    lanes: defaultdict[Lane, list[Span]] = defaultdict(list)
    fields = ("track", "channel", "pitch", "tick", "end_tick", "velocity")
    columns = (notes[field].tolist() for field in fields)
    for track, channel, pitch, *span in zip(*columns, strict=True):
        tick, end_tick, velocity = span
        lanes[track, channel, pitch].append((tick, end_tick, velocity))
    return lanes


def _with_lanes(
    track: Sequence[Event],
    lanes: Mapping[tuple[int, int], tuple[list[Span], list[Span]]],
    end: int | None,
    is_clip: bool,
) -> tuple[Event, ...]:
    """A track with other notes in some lanes, given as (old, new) by channel and pitch.

    A lane without old notes may hold some that are none of ours. The track of a clip ends at `end`;
    another one where it did, unless a note begins later.
    """
    own = {lane for lane, (old, _) in lanes.items() if old}
    is_kept = [_lane_of(message) not in own for _, message in track]
    kept = [tick for (tick, _), stays in zip(track, is_kept, strict=True) if stays]
    last_tick, last_kept = kept[-1], kept[-2] if len(kept) > 1 else 0
    new_spans = [span for _, new in lanes.values() for span in new]
    first_free = 1 + max((span[0] for span in new_spans), default=-1)
    if end is None:
        last_tick = max(last_tick, *(span[1] for span in new_spans), 0)
    elif is_clip or first_free > last_tick:
        last_tick = max(end, first_free, last_kept)
    written: list[tuple[int, int, bytes]] = []
    alone = _notes_alone(track, own)
    for lane, (old, new) in lanes.items():
        channel, pitch = lane
        spans = _without_overlaps(new) if old else _beside(new, track, lane)
        for tick, end_tick, velocity in spans:
            end_tick = max(min(end_tick, last_tick), tick + 1)
            as_it_was = alone.pop((lane, (tick, end_tick, velocity)), None)
            if as_it_was:
                for index in as_it_was:
                    is_kept[index] = True
                continue
            on = bytes((_NOTE_ON | channel, pitch, velocity))
            written += [(tick, _BEGINS, on), (end_tick, _ENDS, _end_of(channel, pitch))]
    stays = itertools.compress(track[:-1], is_kept)
    ranked = [*((tick, _KEPT, message) for tick, message in stays), *written]
    ranked.sort(key=lambda event: event[:2])
    return (*((tick, message) for tick, _, message in ranked), (last_tick, END_OF_TRACK))


def _notes_alone(
    track: Sequence[Event], lanes: Collection[tuple[int, int]]
) -> dict[tuple[tuple[int, int], Span], tuple[int, int]]:
    """Where notes begin and end in a track that sound with no other of their lane.

    Args:
        track: All its events.
        lanes: Those whose notes are wanted.

    Returns:
        The numbers of both events, by lane and note.
    """
    found: dict[tuple[tuple[int, int], Span], tuple[int, int]] = {}
    begun: dict[tuple[int, int], int | None] = {}
    """The event of the one note that sounds in a lane; None where several do."""
    for index, (tick, message) in enumerate(track):
        lane = _lane_of(message)
        if lane is None or lane not in lanes:
            continue
        if _begins(message):
            begun[lane] = None if lane in begun else index
        elif (first := begun.pop(lane, None)) is not None and tick > track[first][0]:
            found[lane, (track[first][0], tick, track[first][1][2])] = first, index
    return found


def _beside(new: Iterable[Span], track: Iterable[Event], lane: tuple[int, int]) -> Iterator[Span]:
    """New notes, as far as they fit between those of others in the lane, which stay."""
    begins: list[int] = []
    ends: list[int] = []
    for tick, message in track:
        if _lane_of(message) != lane:
            continue
        if _begins(message):
            begins.append(tick)
        else:  # all that sound end together
            ends += [max(tick, first + 1) for first in begins[len(ends) :]]
    ends += [MAX_TICK] * (len(begins) - len(ends))
    for span in _without_overlaps(new, begins):
        before = bisect.bisect_right(begins, span[0]) - 1
        if before < 0 or ends[before] <= span[0]:
            yield span


_ENDS, _KEPT, _BEGINS = range(3)
"""The order at one tick: a pitch ends before it begins again, and not before its kit is set up."""


def _end_of(channel: int, pitch: int) -> bytes:
    return bytes((_NOTE_OFF | channel, pitch, _RELEASE_VELOCITY))


def _begins(message: bytes) -> bool:
    """Whether a note message begins a note."""
    return message[0] & 0xF0 == _NOTE_ON and message[2] > 0


def _lane_of(message: bytes) -> tuple[int, int] | None:
    """Channel and pitch of a note-on or note-off."""
    is_note = message[0] & 0xF0 in (_NOTE_OFF, _NOTE_ON)
    return (message[0] & 0x0F, message[1]) if is_note else None


def _without_overlaps(notes: Iterable[Span], also_begun: Iterable[int] = ()) -> Iterator[Span]:
    """The notes of a lane, each at least a tick long and otherwise cut where the next begins."""
    spans = sorted(notes)
    ticks = sorted({*(span[0] for span in spans), *also_begun})
    following = dict(itertools.pairwise(ticks))
    for tick, end_tick, velocity in spans:
        yield tick, max(min(end_tick, following.get(tick, end_tick)), tick + 1), velocity
