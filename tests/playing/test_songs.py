"""Two hundred songs of many tracks: whatever a mode does, all but the chosen drums stays as it was.

They are compared event by event with the slow reader, which shares nothing with the package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import midi_bytes
import numpy as np
import pytest
import slow_midi
from small_models import MODES, make_rnn

from groovefast.playing import continue_groove

_KIT = (36, 38, 42, 46, 45, 48, 50, 49, 51, 37, 40, 44, 54, 56, 70, 22, 26)
_METERS = (
    (4, 4),
    (3, 4),
    (2, 4),
    (5, 4),
    (6, 8),
    (7, 8),
    (9, 8),
    (12, 8),
    (4, 8),
    (2, 2),
    (11, 16),
)
_NAMES = (b"", b"Drums", b" drum kit ", "Schlagzeug ü".encode("latin-1"), "Ударные".encode(), b"7")

Events = list[tuple[int, bytes]]


class Song(NamedTuple):
    """A file, where its drums are, and how they are named."""

    data: bytes
    drums: set[tuple[int, int]]  # track and channel, from 0
    options: dict[str, Any]


def make_song(seed: int) -> Song:
    rng = np.random.default_rng(seed)
    quarter = int(rng.choice((24, 96, 120, 192, 220, 384, 480, 960)))
    bars = int(rng.integers(1, 9))
    length = 4 * quarter * bars
    parts: list[Events] = [_conductor(rng, quarter, length)]
    if rng.random() < 0.5:  # somebody else on the drummer's channel, in another track
        parts.append(_notes(rng, quarter, length, 9, _KIT) + _other(rng, length, 9))
    for channel in rng.choice([0, 1, 2, 3, 9], rng.integers(1, 4)).tolist():
        parts.append(_notes(rng, quarter, length, channel, (33, 36, 40, 60, 64)))
        parts[-1] += _other(rng, length, channel)
    channel = int(rng.choice([9, 9, 9, 0, 4, 15]))
    at = int(rng.integers(1, len(parts) + 1))
    name = _NAMES[int(rng.integers(len(_NAMES)))]
    drums = _notes(rng, quarter, length, channel, _KIT) + _other(rng, length, channel)
    parts.insert(at, [(0, b"\xff\x03" + midi_bytes.number(len(name)) + name), *drums])
    if rng.random() < 0.3:  # format 0
        merged = [event for part in parts for event in part]
        places, options = {(0, channel)}, {"channel": channel + 1}
        return Song(_file(rng, 0, quarter, [merged], length), places, options)
    by_name = name.strip() and rng.random() < 0.5
    options = {"track": _text(name) if by_name else at + 1}
    channels = {status & 15 for _, (status, *_) in parts[at] if status & 0xE0 == 0x80}
    if rng.random() < 0.3:
        options["channel"] = [channel + 1, 12]
    places = {(at, each) for each in channels}
    if rng.random() < 0.3:  # by channel alone, over all tracks
        options = {"channel": channel + 1}
        places = {(index, channel) for index in range(len(parts))}
    return Song(_file(rng, 1, quarter, parts, length), places, options)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _conductor(rng: np.random.Generator, quarter: int, length: int) -> Events:
    events: Events = [(0, b"\xff\x54\x05\x60\x00\x00\x00\x00"), (0, b"\xff\x59\x02\xfe\x01")]
    tick = 0
    while tick < length:
        numerator, denominator = _METERS[int(rng.integers(len(_METERS)))]
        power = denominator.bit_length() - 1
        events.append((tick, b"\xff\x58\x04" + bytes((numerator, power, 24, 8))))
        tick += 4 * quarter * numerator // denominator * int(rng.integers(1, 4))
        tick += int(rng.random() < 0.1) * quarter // 3
    for _ in range(int(rng.integers(0, 5))):
        tempo = int(rng.integers(250_000, 1_500_000)).to_bytes(3, "big")
        events.append((int(rng.integers(length)), b"\xff\x51\x03" + tempo))
    events.append((int(rng.integers(length)), b"\xff\x06\x05Verse"))
    return events


def _notes(
    rng: np.random.Generator, quarter: int, length: int, channel: int, pitches: Sequence[int]
) -> Events:
    """Notes that overlap, end at once, end twice or never."""
    events: Events = []
    for _ in range(int(rng.integers(4, 60))):
        step = int(rng.integers(max(1, 4 * length // quarter)))
        tick = max(0, step * quarter // 4 + int(rng.integers(-quarter // 12, quarter // 12 + 1)))
        pitch, velocity = int(rng.choice(pitches)), int(rng.integers(1, 128))
        events.append((tick, bytes((0x90 | channel, pitch, velocity))))
        for _ in range(int(rng.choice((0, 1, 1, 1, 1, 2)))):
            end = tick + int(rng.choice((0, 1, quarter // 8, quarter // 4, quarter)))
            status = int(rng.choice((0x80, 0x90)))
            release = 0 if status == 0x90 else int(rng.integers(128))
            events.append((end, bytes((status | channel, pitch, release))))
    return events


def _other(rng: np.random.Generator, length: int, channel: int) -> Events:
    """What is no note: controllers, bends, pressure, system exclusive, texts, unknown events."""
    kinds = (
        bytes((0xB0 | channel, 4, 90)),
        bytes((0xC0 | channel, 7)),
        bytes((0xE0 | channel, 0, 64)),
        bytes((0xA0 | channel, 36, 3)),
        bytes((0xD0 | channel, 33)),
        b"\xf0\x04\x43\x10\x4c\xf7",
        b"\xf7\x02\x01\x02",
        b"\xff\x05\x02la",
        b"\xff\x7f\x03\x00\x01\x02",
        b"\xff\x60\x01\x09",
        b"\xff\x20\x01" + bytes((channel,)),
    )
    chosen = rng.integers(len(kinds), size=int(rng.integers(0, 12)))
    return [(int(rng.integers(length)), kinds[index]) for index in chosen]


def _file(
    rng: np.random.Generator, form: int, division: int, parts: Sequence[Events], length: int
) -> bytes:
    chunks = [midi_bytes.header(len(parts), form, division)]
    for part in parts:
        if rng.random() < 0.2:
            chunks.append(midi_bytes.chunk(b"XFIH", b"other\0"))
        events = sorted(part, key=lambda event: event[0])
        end = max([tick for tick, _ in events], default=0) + int(rng.choice((0, 0, length)))
        chunks.append(_track(rng, [*events, (end, b"\xff\x2f\x00")]))
    return b"".join(chunks)


def _track(rng: np.random.Generator, events: Events) -> bytes:
    """A track, now and then with running status."""
    body, last, running = b"", 0, -1
    for tick, message in events:
        short = message[0] == running and rng.random() < 0.7
        body += midi_bytes.number(tick - last) + message[int(short) :]
        last = tick
        running = message[0] if message[0] < 0xF0 else -1
    return midi_bytes.chunk(b"MTrk", body)


def is_chosen_note(event: slow_midi.Event, track: int, drums: set[tuple[int, int]]) -> bool:
    return event.status & 0xE0 == 0x80 and (track, event.status & 15) in drums


def assert_all_else_stays(song: Song, mode: str, midi: bytes) -> None:
    before, after = slow_midi.read(song.data), slow_midi.read(midi)
    factor = after.division // before.division
    assert after.division == factor * before.division
    assert (after.format, len(after.tracks)) == (before.format, len(before.tracks))
    assert midi.count(b"XFIH") == song.data.count(b"XFIH")
    drummed = {track for track, _ in song.drums}
    for index, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=True)):
        scaled = [event._replace(tick=event.tick * factor) for event in old]
        kept = [event for event in scaled if not is_chosen_note(event, index, song.drums)]
        found = [event for event in new if not is_chosen_note(event, index, song.drums)]
        if index in drummed:
            assert_ends_well(song, kept, found, new, after.division)
            kept, found = kept[:-1], found[:-1]
        if mode == "tap2drum" and index in drummed:
            rest = iter(found)
            assert all(event in rest for event in kept), "in their order"
            added = Counter(found) - Counter(kept)
            assert all(event.status & 0xE0 == 0x80 for event in added)
            assert {event.status & 15 for event in added} <= {9}
        else:
            assert found == kept
        if mode == "add-hihat":
            lanes = [
                [
                    event
                    for event in events
                    if is_chosen_note(event, index, song.drums) and event.data[0] != 42
                ]
                for events in (scaled, new)
            ]
            assert lanes[0] == lanes[1]


def assert_ends_well(
    song: Song,
    kept: list[slow_midi.Event],
    found: list[slow_midi.Event],
    new: list[slow_midi.Event],
    division: int,
) -> None:
    """A track of drums ends where it did, but that of a clip, or where its last drum is later."""
    assert found[-1].data == kept[-1].data == b"\x2f"
    struck = [event.tick for event in new if event.status & 0xF0 == 0x90 and event.data[1] > 0]
    is_clip = not any(
        event.status & 0xE0 == 0x80 and not is_chosen_note(event, track, song.drums)
        for track, events in enumerate(slow_midi.read(song.data).tracks)
        for event in events
    )
    if is_clip:  # less than a bar is cut off
        assert kept[-1].tick - found[-1].tick < 6 * division
        assert all(event.tick <= found[-1].tick for event in new)
    elif max(struck, default=-1) < kept[-1].tick:
        assert found[-1].tick == kept[-1].tick
    else:
        assert found[-1].tick >= max(struck)


def chosen_notes(data: bytes, song: Song) -> list[tuple[int, int, int, int]]:
    """Track, channel, pitch of each of the drums, sorted, and how often it is struck."""
    file = slow_midi.read(data)
    return sorted(
        (track, event.status & 15, event.data[0], 1)
        for track, events in enumerate(file.tracks)
        for event in events
        if is_chosen_note(event, track, song.drums)
        and event.status & 0xF0 == 0x90
        and event.data[1] > 0
    )


@pytest.mark.parametrize("mode", MODES)
def test_all_but_the_chosen_drums_stays_as_it_was(mode: str) -> None:
    first = list(MODES).index(mode)
    changed = 0
    for seed in range(first, 200 + first, len(MODES)):
        song = make_song(seed)
        rendition = MODES[mode](song.data, seed=seed, temperature=0.5, **song.options)
        assert_all_else_stays(song, mode, rendition.midi)
        if mode in ("humanize", "groove-transfer"):
            assert chosen_notes(rendition.midi, song) == chosen_notes(song.data, song)
        changed += rendition.midi != song.data
    assert changed >= 20


def test_going_on_leaves_all_there_was() -> None:
    model, changed = make_rnn(), 0
    for seed in range(40):
        song = make_song(seed)
        rendition = continue_groove(song.data, 2, model, seed=seed, **song.options)
        assert_all_else_stays(song, "continue", rendition.midi)
        before, after = chosen_notes(song.data, song), chosen_notes(rendition.midi, song)
        assert len(after) >= len(before)
        changed += rendition.midi != song.data
    assert changed >= 30
