"""What a file without drums where they were sought is said to have."""

from __future__ import annotations

import midi_bytes as midi
import pytest
from midi_bytes import END, hit, meta, off, on, track

from groovefast import read_midi
from groovefast.drum_part import ALL_CHANNELS, DrumPart
from groovefast.midi.parts import list_parts, no_drums


def part(name: bytes, channel: int, *pitches: int, length: int = 60) -> bytes:
    events = [
        on(0, pitch, channel=channel) + off(length, pitch, channel=channel) for pitch in pitches
    ]
    return track(*([meta(0, 3, name)] if name else []), *events, END)


def song(*parts: bytes) -> bytes:
    return midi.header(len(parts)) + b"".join(parts)


KIT = (36, 38, 42, 42, 36, 38)


def test_parts_are_listed_with_their_notes() -> None:
    data = song(track(END), part(b"Kit", 0, *KIT), part(b"", 3, 60), part(b"B", 0, 40, *range(50)))
    parts = list_parts(read_midi(data, ALL_CHANNELS), "reduced")
    assert [str(each) for each in parts] == [
        "channel 1 'Kit' (track 2): 6 notes of 36, 38, 42",
        "channel 4 (track 3): 1 note of 60",
        "channel 1 'B' (track 4): 51 notes of 0, 1, 2, 3, 4, 5, 6, 40, …",
    ]
    assert [each.may_be_drums for each in parts] == [True, False, False]


@pytest.mark.parametrize(
    ("name", "pitches", "length", "found"),
    [
        (b"Lead", KIT, 60, True),
        (b"Lead", KIT, 480, False),
        (b"Bass", (33, 36, 40, 43), 60, False),
        (b"Lead", (*KIT, 99), 60, False),
        (b"my DRUMS 2", (60,), 480, True),
        (b"Percussion", (99,), 60, True),
        (b"Schlagzeug", (60,), 60, True),
        (b"Humdrum", (60,), 60, True),
        (b"Perc", (60,), 60, True),
        (b"Heartbeat", (60,), 60, False),
    ],
)
def test_what_may_be_drums_is_suggested(
    name: bytes, pitches: tuple[int, ...], length: int, found: bool
) -> None:
    data = song(part(name, 4, *pitches, length=length), part(b"Piano", 2, 60, 64))
    line = str(no_drums(data, "a.mid", DrumPart(), "reduced"))
    assert line.startswith(f"a.mid: no drums on channel 10, but channel 5 {name.decode()!r} (track")
    assert line.endswith("Name the drums with `channel` or `track`: `channel` 5 looks like it") == (
        found
    )


def test_several_places_are_in_words() -> None:
    data = song(part(b"Kit", 0, *KIT))
    for sought, words in (
        (DrumPart((2, 3)), "no drums on channels 2, 3, but channel 1 'Kit'"),
        (DrumPart(track=4), "no drums in track 4, but channel 1 'Kit'"),
        (DrumPart((2,), "Kit"), "no drums on channel 2 in track 'Kit', but channel 1 'Kit'"),
        (DrumPart(track="Kat"), "no track 'Kat'; there are 1 'Kit'"),
    ):
        assert str(no_drums(data, "a.mid", sought, "reduced")).startswith(f"a.mid: {words}")
    nameless = song(part(b"", 0, *KIT), part(b"", 1, 60))
    assert str(no_drums(nameless, "a.mid", DrumPart(track="Kat"), "reduced")) == (
        "a.mid: no track 'Kat'; its 2 tracks have no names; give a number"
    )


def test_a_file_of_many_parts_is_listed_in_part() -> None:
    parts = [part(b"", channel % 9, 60 + channel) for channel in range(40)]
    line = str(no_drums(song(*parts), "a.mid", DrumPart(), "reduced"))
    assert line.count("(track") == 12
    assert "; … 28 more. Name the drums" in line


def test_thousands_of_tracks_are_listed_in_no_time() -> None:
    parts = [part(b"", 1, 60) for _ in range(30_000)]
    score = read_midi(song(*parts), ALL_CHANNELS)
    assert len(list_parts(score, "reduced")) == 30_000


def test_no_notes_and_no_drums_of_the_map() -> None:
    assert str(no_drums(song(track(END)), "a.mid", DrumPart(), "reduced")) == (
        "a.mid: no notes in it; give a drum performance"
    )
    assert str(no_drums(song(track(hit(0, 99))), "a.mid", DrumPart(), "reduced")) == (
        "a.mid: none of its notes on channel 10 (pitches 99) is one of the drums; "
        "`pitch_classes` tells which pitch is which"
    )
