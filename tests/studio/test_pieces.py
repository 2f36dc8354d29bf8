"""Files as pieces and back: event by event, by a reader that shares nothing with the package."""

from __future__ import annotations

import base64
import math
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import midi_bytes
import numpy as np
import pytest
import slow_midi
from hypothesis import given
from hypothesis import strategies as st
from midi_strategies import midi_files
from pages import as_sent, assert_one_line, new, outcome, sent, through_json
from songs import Song, chosen_notes, is_chosen_note, make_song

from groovefast import GrooveFastError, MidiError
from groovefast.drums import REDUCED, ROLAND
from groovefast.errors import OptionError
from groovefast.studio import pieces
from groovefast.studio.pieces import Sent, opened, plain_name

CLASS_OF = {pitch: drum for drum, pitches in enumerate(REDUCED) for pitch in pitches}
DRUM_LANE = tuple[int, int, int]


def only_song(data: bytes, channels: tuple[int, ...] = (9,)) -> slow_midi.Song:
    (song,) = slow_midi.songs(slow_midi.read(data), channels)
    return song


def hits_of(song: slow_midi.Song) -> list[list[Any]]:
    """What a piece of a song is to have, by time."""
    hits = [
        [index, CLASS_OF[note.pitch], note.tick / song.division, note.velocity]
        for index, note in enumerate(song.notes)
        if note.pitch in CLASS_OF
    ]
    return sorted(hits, key=lambda hit: (hit[2], hit[0]))


def end_of(data: bytes) -> int:
    return max(track[-1].tick for track in slow_midi.read(data).tracks)


# --- What a page gets -----------------------------------------------------------------------


@given(midi_files())
def test_a_piece_tells_every_hit_tempo_and_bar(data: bytes) -> None:
    piece = through_json(opened(data, "songs/beat.MID"))
    song = only_song(data)
    everybody = only_song(data, tuple(range(16)))
    assert piece["hits"] == hits_of(song)
    assert piece["name"] == "beat"
    assert base64.b64decode(piece["midi"]) == data
    assert piece["others"] == len(everybody.notes) - len(piece["hits"])
    tempos = [[tick / song.division, 6e7 / value] for tick, value in song.tempos]
    assert piece["tempos"] == tempos
    assert piece["qpm"] == tempos[0][1]
    assert piece["end"] == end_of(data) / song.division
    assert (piece["channel"], piece["track"], piece["kit"]) == (None, None, "reduced")
    assert_bars(piece, song)


def assert_bars(piece: dict[str, Any], song: slow_midi.Song, start: float = 0) -> None:
    """They are those of the slow grid, and go on to the end and to the last hit's."""
    length = Fraction(round(4 * song.division * (piece["end"] - start)), song.division)
    steps = [hit.step for hit in slow_midi.grid(song, table())]
    expected = []
    for bar in slow_midi.bars(song, max(length, *(hit[2] * 4 for hit in piece["hits"])) + 1):
        needed = any(step >= bar.first_step for step in steps)
        if not expected or bar.begin < length - Fraction(1, 10**6) or needed:
            begin, whole = start + float(bar.begin / 4), float((bar.end - bar.begin) / 4)
            expected.append([begin, whole, *bar.meter, bar.num_steps])
    assert len(piece["bars"]) == len(expected)
    np.testing.assert_allclose(piece["bars"], expected, atol=1e-9)


def table() -> list[int]:
    return [CLASS_OF.get(pitch, 255) for pitch in range(128)]


# --- What it sends back ---------------------------------------------------------------------


@given(midi_files())
def test_what_is_not_edited_stays_to_the_byte(data: bytes) -> None:
    assert sent(opened(data, "beat.mid")).to_midi() == data


@given(midi_files(), st.data())
def test_editing_a_hit_changes_only_its_note(data: bytes, draw: st.DataObject) -> None:
    piece = opened(data, "beat")
    song = only_song(data)
    index = draw.draw(st.integers(0, len(piece["hits"]) - 1))
    number, _, was, _ = piece["hits"][index]
    edit = draw.draw(st.sampled_from(["move", "strike", "both", "remove"]))
    hits = through_json(piece["hits"])
    lane = song.notes[number].track, 9, song.notes[number].pitch
    if edit == "remove":
        del hits[index]
    if edit in ("move", "both"):
        hits[index][2] = draw.draw(st.floats(-0.5, 50))
    if edit in ("strike", "both"):
        hits[index][3] = draw.draw(st.integers(1, 127))
    edited = sent(piece, hits=hits).to_midi()
    after = slow_midi.read(edited)
    factor = after.division // song.division
    assert after.division == factor * song.division
    note = only_song(edited_as_finer(data, factor)).notes[number]
    wanted = []
    if edit != "remove":
        tick = note.tick
        if abs(hits[index][2] - was) > min(0.5 / after.division, 0.5 / 480):
            tick = nearest(hits[index][2], after.division)
        wanted = [note._replace(tick=tick, end_tick=note.end_tick + tick - note.tick)]
        wanted = [wanted[0]._replace(velocity=hits[index][3])]
    assert_only(data, edited, factor, lane, gone=[note], come=wanted)


def nearest(quarters: float, division: int) -> int:
    return int(np.rint(max(quarters, 0) * division))


def edited_as_finer(data: bytes, factor: int) -> bytes:
    """A file with more ticks, by hand."""
    file = slow_midi.read(data)
    tracks = []
    for events in file.tracks:
        body, last = b"", 0
        for event in events:
            message = bytes((event.status,)) + event.data
            if event.status >= 0xF0:
                kind = event.data[:1] if event.status == 0xFF else b""
                payload = event.data[len(kind) :]
                message = bytes((event.status,)) + kind + midi_bytes.number(len(payload)) + payload
            body += midi_bytes.number((event.tick - last) * factor) + message
            last = event.tick
        tracks.append(midi_bytes.chunk(b"MTrk", body))
    head = midi_bytes.header(len(tracks), file.format, file.division * factor)
    return head + b"".join(tracks)


def assert_only(
    before: bytes,
    after: bytes,
    factor: int,
    lane: DRUM_LANE,
    gone: list[slow_midi.Note],
    come: list[slow_midi.Note],
) -> None:
    """All other notes are as they were, but where one is cut by the next of its pitch."""
    track_number, channel, pitch = lane
    old_file, new_file = slow_midi.read(edited_as_finer(before, factor)), slow_midi.read(after)
    assert (new_file.format, len(new_file.tracks)) == (old_file.format, len(old_file.tracks))
    for number, (old, now) in enumerate(zip(old_file.tracks, new_file.tracks, strict=True)):
        if number != track_number:
            assert now == old
            continue
        others = [
            [
                event
                for event in events[:-1]
                if not (event.status in (0x80 | channel, 0x90 | channel) and event.data[0] == pitch)
            ]
            for events in (old, now)
        ]
        assert others[1] == others[0]
        step = max(new_file.division // 4, 1)
        notes = lane_notes(old, track_number, channel, pitch, step)
        found = lane_notes(now, track_number, channel, pitch, step)
        rest = Counter(notes) - Counter(map(span_of, gone))
        wanted = [*rest.elements(), *map(span_of, come)]
        latest = max((tick for tick, _, _ in wanted), default=-1)
        if gone == come:
            assert now == old
        else:
            assert found == cut(wanted, now[-1].tick)
        if latest < old[-1].tick or gone == come:
            assert now[-1] == old[-1]
        else:
            assert now[-1].tick > latest


Span = tuple[int, int, int]


def span_of(note: slow_midi.Note) -> Span:
    return note.tick, note.end_tick, note.velocity


def lane_notes(events: Any, track: int, channel: int, pitch: int, step: int) -> list[Span]:
    notes = slow_midi.notes_of_track(events, track, (channel,), step)
    return sorted(span_of(note) for note in notes if note.pitch == pitch)


def cut(notes: list[Span], end_of_track: int) -> list[Span]:
    """Notes of one pitch as a file can say them: one ends where the next begins."""
    begins = sorted({tick for tick, _, _ in notes})
    following = dict(zip(begins, [*begins[1:], math.inf], strict=False))
    ends: dict[int, list[int]] = defaultdict(list)
    for tick, end, _ in notes:
        ends[tick].append(max(int(min(end, following[tick], end_of_track)), tick + 1))
    return sorted((tick, min(ends[tick]), velocity) for tick, _, velocity in notes)


@given(midi_files(), st.data())
def test_a_new_hit_is_one_more_note(data: bytes, draw: st.DataObject) -> None:
    piece = opened(data, "beat")
    song = only_song(data)
    drum, quarters = draw.draw(st.integers(0, 8)), draw.draw(st.floats(-0.5, 50))
    velocity = draw.draw(st.integers(1, 127))
    hits = [*through_json(piece["hits"]), [None, drum, quarters, velocity]]
    edited = sent(piece, hits=hits).to_midi()
    division = slow_midi.read(edited).division
    places = Counter((note.track, note.channel) for note in song.notes if note.pitch in CLASS_OF)
    most = max(places.values())
    track, channel = min(place for place, count in places.items() if count == most)
    usual = Counter(note.pitch for note in song.notes if CLASS_OF.get(note.pitch) == drum)
    pitch = REDUCED[drum][0]
    if usual:
        pitch = min(each for each in usual if usual[each] == max(usual.values()))
    tick = nearest(quarters, division)
    assert abs(tick / division - max(quarters, 0)) <= 0.5 / 192 + 1e-9
    note = slow_midi.Note(tick, tick + round(division / 4), pitch, velocity, channel, 0, track)
    factor = division // song.division
    assert_only(data, edited, factor, (track, channel, pitch), gone=[], come=[note])


def test_a_note_that_stays_keeps_its_messages() -> None:
    """Release velocities, ends written as note-ons, and what else there is at its tick."""
    events = [
        midi_bytes.on(0, 38, 90),
        midi_bytes.event(0, 0xB9, 4, 64),
        midi_bytes.event(120, 0x89, 38, 17),
        midi_bytes.on(360, 38, 91),
        midi_bytes.event(0, 0xB9, 4, 65),
        midi_bytes.on(120, 38, 0),
        midi_bytes.on(360, 38, 92),
        midi_bytes.event(120, 0x89, 38, 18),
    ]
    data = midi_bytes.song(*events)
    piece = opened(data, "beat")
    hits = through_json(piece["hits"])
    hits[2][3] = 50
    before, after = (
        slow_midi.read(each).tracks[0] for each in (data, sent(piece, hits=hits).to_midi())
    )
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [
        (slow_midi.Event(960, 0x99, b"\x26\x5c"), slow_midi.Event(960, 0x99, b"\x26\x32")),
        (slow_midi.Event(1080, 0x89, b"\x26\x12"), slow_midi.Event(1080, 0x89, b"\x26\x40")),
    ]


def test_real_files_stay_to_the_byte_and_hit_by_hit(drum_files: list[Path]) -> None:
    for path in drum_files[:: len(drum_files) // 8]:
        data = path.read_bytes()
        piece, refusal = outcome(lambda: opened(data, path.name))  # noqa: B023 - called at once
        if piece is None:
            assert "no drums on channel 10" in refusal
            continue
        assert sent(piece).to_midi() == data
        hits = through_json(piece["hits"])
        number, drum, quarters, velocity = hits[len(hits) // 2]
        hits[len(hits) // 2] = [number, drum, quarters, 128 - velocity]
        again = sent(piece, hits=hits).to_piece()
        assert sorted(hit[1:] for hit in again["hits"]) == sorted(hit[1:] for hit in hits)
        assert again["bars"] == piece["bars"]
        assert again["others"] == piece["others"]


def test_songs_of_many_tracks_stay_but_for_the_hits_that_are_edited() -> None:
    edits = 0
    for seed in range(120):
        song = make_song(seed)
        piece, refusal = opened_song(song)
        if piece is None:
            assert "none of its notes" in refusal or "in track 7, but" in refusal
            continue
        assert sent(piece).to_midi() == song.data
        rng = np.random.default_rng(seed)
        hits = through_json(piece["hits"])
        index = int(rng.integers(len(hits)))
        number, drum, quarters, _ = hits[index]
        hits[index] = [number, drum, quarters, 1 + (seed % 127)]
        removed = hits.pop(int(rng.integers(len(hits)))) if len(hits) > 1 else None
        edited = sent(piece, hits=[*hits, [None, drum, 0.25, 99]], qpm=piece["qpm"]).to_midi()
        before, after = slow_midi.read(song.data), slow_midi.read(edited)
        factor = after.division // before.division
        for track, (old, now) in enumerate(zip(before.tracks, after.tracks, strict=True)):
            kept, found = (
                [
                    event._replace(tick=event.tick * by)
                    for event in events[:-1]
                    if not is_chosen_note(event, track, song.drums)
                ]
                for events, by in ((old, factor), (now, 1))
            )
            assert found == kept
            assert now[-1].tick >= old[-1].tick * factor
        was, now = (Counter(chosen_notes(data, song)) for data in (song.data, edited))
        assert sum((now - was).values()) <= 1
        assert sum((was - now).values()) <= 1
        assert now.total() == was.total() + (removed is None)
        edits += 1
    assert edits > 80


def opened_song(song: Song) -> tuple[Any, str]:
    """A song as a page asks for it."""
    channel, track = song.options.get("channel"), song.options.get("track")
    numbers = channel if isinstance(channel, list) else [channel]
    channels = None if channel is None else ",".join(map(str, numbers))
    named = None if track is None else str(track)
    return outcome(lambda: opened(song.data, "song", channels, named))


# --- Odd files ------------------------------------------------------------------------------


def beat(*more: bytes, channel: int = 9, division: int = 480) -> bytes:
    """Kick, snare, kick, snare on the quarter notes."""
    length = division // 8
    hits = (
        midi_bytes.on(0 if not index else division - length, pitch, 90 + index, channel)
        + midi_bytes.event(length, 0x80 | channel, pitch, 64)
        for index, pitch in enumerate((36, 38, 36, 38))
    )
    return b"".join((*more, *hits))


BEAT = [[0, 0, 0.0, 90], [1, 1, 1.0, 91], [2, 0, 2.0, 92], [3, 1, 3.0, 93]]


ODD: dict[str, bytes] = {
    "format 0": midi_bytes.song(beat()),
    "RMID": midi_bytes.riff(midi_bytes.song(beat()), (b"DISP", b"abc")),
    "format 1": b"".join(
        (
            midi_bytes.header(3),
            midi_bytes.track(midi_bytes.tempo(0, 400_000), midi_bytes.END),
            midi_bytes.track(beat(), midi_bytes.END),
            midi_bytes.track(midi_bytes.hit(0, 60, channel=0), midi_bytes.END),
        )
    ),
    "no end of track": midi_bytes.header(1, 0) + midi_bytes.track(beat()),
    "chunks between": midi_bytes.header(1, 0)
    + midi_bytes.chunk(b"XFIH", b"12345")
    + midi_bytes.track(beat(), midi_bytes.END),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_pieces(name: str) -> None:
    data = ODD[name]
    piece = opened(data, "odd.mid")
    assert piece["hits"] == BEAT
    assert sent(piece).to_midi() == data
    hits = through_json(piece["hits"])
    hits[1] = [1, 1, 1.125, 91]
    again = sent(piece, hits=hits).to_piece()
    assert [hit[1:] for hit in again["hits"]] == [hit[1:] for hit in hits]
    assert again["others"] == piece["others"]
    assert again["end"] == piece["end"]


def test_running_status_is_read_through() -> None:
    body = bytes((0, 0x99, 36, 90, 60, 36, 0)) + b"".join(
        midi_bytes.number(420) + bytes((38, 80, 60, 38, 0)) for _ in range(3)
    )
    data = midi_bytes.song(body)
    piece = opened(data, "beat")
    assert [hit[1:] for hit in piece["hits"]] == [[0, 0, 90], [1, 1, 80], [1, 2, 80], [1, 3, 80]]
    assert sent(piece).to_midi() == data
    removed = sent(piece, hits=piece["hits"][1:]).to_piece()
    assert [hit[1:] for hit in removed["hits"]] == [hit[1:] for hit in piece["hits"][1:]]


def test_bars_of_every_meter() -> None:
    events = midi_bytes.meter(0, 7, 4) + midi_bytes.meter(4 * 840, 5) + midi_bytes.meter(4800, 4)
    data = midi_bytes.song(events, midi_bytes.hit(200, 36))
    piece = opened(data, "odd")
    sevenths = [[1.75 * number, 1.75, 7, 16, 7] for number in range(4)]
    fives = [[7.0 + 5 * number, 5.0, 5, 4, 20] for number in range(2)]
    assert piece["bars"] == [*sevenths, *fives, [17.0, 4.0, 4, 4, 16]]
    assert not piece["plain"]
    assert sent(piece).to_midi() == data


def test_a_bar_that_is_cut_short_counts_its_steps() -> None:
    data = midi_bytes.song(midi_bytes.meter(0, 4), midi_bytes.meter(1320, 3), midi_bytes.hit(0, 36))
    assert opened(data, "x")["bars"] == [[0.0, 2.75, 4, 4, 11], [2.75, 3.0, 3, 4, 12]]


def test_a_hit_just_before_a_bar_line_is_of_the_next_bar() -> None:
    data = midi_bytes.song(midi_bytes.hit(4 * 480 - 20, 36))
    piece = opened(data, "early")
    assert [row[0] for row in piece["bars"]] == [0.0, 4.0]
    assert piece["hits"] == [[0, 0, 1900 / 480, 100]]


def test_two_hits_of_one_cell_are_two() -> None:
    data = midi_bytes.song(midi_bytes.hit(0, 38, 30), midi_bytes.hit(19, 38, 100))
    piece = opened(data, "flam")
    assert [hit[1:] for hit in piece["hits"]] == [[1, 0.0, 30], [1, 20 / 480, 100]]
    hits = [[*piece["hits"][0][:3], 31], piece["hits"][1]]
    assert [hit[1:] for hit in sent(piece, hits=hits).to_piece()["hits"]] == [
        [1, 0.0, 31],
        [1, 20 / 480, 100],
    ]


@pytest.mark.parametrize(
    ("how", "channel"),
    [
        ({"channel": "1"}, 0),
        ({"channel": "1-3, 10"}, 2),
        ({"track": "kit"}, 4),
        ({"track": "2"}, 4),
    ],
)
def test_drums_elsewhere(how: dict[str, str], channel: int) -> None:
    data = b"".join(
        (
            midi_bytes.header(2),
            midi_bytes.track(midi_bytes.hit(0, 60, channel=12), midi_bytes.END),
            midi_bytes.track(midi_bytes.meta(0, 3, b"Kit"), beat(channel=channel), midi_bytes.END),
        )
    )
    with pytest.raises(GrooveFastError, match=r"no drums on channel 10, but"):
        opened(data, "elsewhere")
    piece = opened(data, "elsewhere", **how)
    assert piece["hits"] == BEAT
    assert {name: piece[name] for name in how} == how
    assert sent(piece).to_midi() == data
    added = sent(piece, hits=[*BEAT, [None, 2, 0.5, 64]]).to_midi()
    (note,) = [note for note in only_song(added, (channel,)).notes if note.pitch == 42]
    assert (note.track, note.tick, note.end_tick, note.velocity) == (1, 240, 360, 64)
    assert sent(piece, hits=[]).to_piece()["others"] == 1


def test_pitches_of_no_drum_stay() -> None:
    data = midi_bytes.song(midi_bytes.hit(0, 24), midi_bytes.hit(10, 36), midi_bytes.hit(10, 99))
    piece = opened(data, "other")
    assert [hit[0] for hit in piece["hits"]] == [1]
    assert piece["others"] == 2
    silent = sent(piece, hits=[]).to_piece()
    assert silent["hits"] == []
    assert silent["others"] == 2
    assert [note.pitch for note in only_song(base64.b64decode(silent["midi"])).notes] == [24, 99]


@pytest.mark.parametrize(
    ("how", "place"), [({"track": "KIT "}, 1), ({"track": "3"}, 2), ({"track": "9"}, 2), ({}, 2)]
)
def test_first_hits_of_a_file_go_where_drums_are_asked_for(how: dict[str, str], place: int) -> None:
    """With others in its second track, those of nobody's own go to the third."""
    data = b"".join(
        (
            midi_bytes.header(3),
            midi_bytes.track(midi_bytes.meta(960, 3, b"Song"), midi_bytes.END),
            midi_bytes.track(midi_bytes.meta(0, 3, b"Kit"), midi_bytes.END)
            if how == {"track": "KIT "}
            else midi_bytes.track(midi_bytes.hit(0, 60, channel=1), midi_bytes.END),
            midi_bytes.track(midi_bytes.END),
        )
    )
    fields = {"name": "x", "midi": base64.b64encode(data).decode(), "qpm": 120, **how}
    edited = Sent.of({**fields, "hits": [[None, 0, 1.0, 90]]}).to_midi()
    (note,) = only_song(edited).notes
    assert (note.track, note.channel, note.pitch) == (place, 9, 36)


def test_kits() -> None:
    data = midi_bytes.song(midi_bytes.hit(0, 43), midi_bytes.hit(10, 26))
    drums = {
        kit: [hit[1] for hit in opened(data, "x", kit=kit)["hits"]]
        for kit in ("reduced", "general-midi", "roland", "36|38|42|26|43|47|50|49|")
    }
    assert drums == {
        "reduced": [4, 3],
        "general-midi": [4, 3],
        "roland": [4, 3],
        "36|38|42|26|43|47|50|49|": [4, 3],
    }
    piece = opened(data, "x", kit="36|38|42|26|43|47|50|49|")
    with pytest.raises(OptionError, match=r"^hits: one of the ride, which the kit has not"):
        sent(piece, hits=[[None, 8, 0, 64]]).to_midi()
    roland = opened(data, "x", kit="roland")
    (added,) = sent(roland, hits=[[None, 1, 0, 64]]).to_piece()["hits"]
    assert added[1] == 1
    pitch = only_song(sent(roland, hits=[[None, 5, 0, 64]]).to_midi()).notes[0].pitch
    assert pitch == ROLAND[5][0] != REDUCED[5][0]


def test_no_file_is_looked_for(tmp_path: Path) -> None:
    kit = tmp_path / "kit.txt"
    kit.write_text("kick: 36\n")
    for name in (str(kit), "/etc/passwd", f"{tmp_path}|kit"):
        with pytest.raises(OptionError, match=r"^kit: "):
            opened(ODD["format 0"], "x", kit=name)


SONGS = b"".join(
    (
        midi_bytes.header(3, 2),
        midi_bytes.track(
            midi_bytes.meter(0, 3), beat(midi_bytes.tempo(0, 600_000)), midi_bytes.END
        ),
        midi_bytes.track(midi_bytes.hit(0, 60, channel=1), midi_bytes.END),
        midi_bytes.track(midi_bytes.meter(0, 2), beat(channel=9), midi_bytes.END),
    )
)


def test_songs_follow_one_another_from_bar_lines() -> None:
    piece = opened(SONGS, "songs")
    quarters = [hit[2] for hit in piece["hits"]]
    assert quarters == [0, 1, 2, 3, 10, 11, 12, 13]
    threes, fours, twos = [[0, 3, 3, 4, 12], [3, 3, 3, 4, 12]], [[6, 4, 4, 4, 16]], [2, 2, 4, 8]
    assert piece["bars"] == [*threes, *fours, [10, *twos], [12, *twos]]
    assert piece["tempos"] == [[0, 100], [6, 120], [10, 120]]
    assert piece["end"] == 10 + (3 * 480 + 60) / 480
    assert sent(piece).to_midi() == SONGS
    hits = through_json(piece["hits"])
    hits[6][2] = 12.25
    edited = sent(piece, hits=[*hits, [None, 2, 11.5, 70]]).to_midi()
    after = slow_midi.songs(slow_midi.read(edited), (9,))
    before = slow_midi.songs(slow_midi.read(SONGS), (9,))
    assert after[:2] == before[:2]
    assert sorted((note.tick, note.pitch) for note in after[2].notes) == [
        (0, 36),
        (480, 38),
        (720, 42),
        (1080, 36),
        (1440, 38),
    ]
    hits[6][2] = 5.0
    with pytest.raises(OptionError, match=r"^hits: one moved from one song of the file to another"):
        sent(piece, hits=hits).to_midi()


def test_time_without_beats_is_refused() -> None:
    data = midi_bytes.song(beat(), division=midi_bytes.smpte(25, 40))
    with pytest.raises(GrooveFastError, match=r"film: counts in SMPTE frames, not in beats"):
        opened(data, "film.mid")
    fields = as_sent(opened(ODD["format 0"], "film"))
    with pytest.raises(GrooveFastError, match=r"film: counts in SMPTE frames, not in beats"):
        Sent.of({**fields, "midi": base64.b64encode(data).decode()}).to_midi()


def test_coarse_files_are_made_finer_where_edits_want_it() -> None:
    data = midi_bytes.song(beat(division=24), division=24)
    piece = opened(data, "coarse")
    hits = through_json(piece["hits"])
    hits[0][2] += 1 / 24
    assert slow_midi.read(sent(piece, hits=hits).to_midi()).division == 24
    hits[0][2] += 1 / 100
    fine = sent(piece, hits=hits).to_midi()
    assert slow_midi.read(fine).division == 480
    moved = opened(fine, "x")["hits"]
    assert min(hit[2] for hit in moved) == round(480 * hits[0][2]) / 480


@pytest.mark.parametrize("late", [0, 60, 1900])
def test_a_clip_keeps_its_length_unless_a_hit_begins_later(late: int) -> None:
    clip = midi_bytes.song(beat(), midi_bytes.event(420, 0xB9, 4, 1))
    piece = opened(clip, "clip")
    assert piece["end"] == 4
    hits = [*piece["hits"], [None, 2, 3.75 + late / 480, 64]]
    edited = sent(piece, hits=hits).to_midi()
    assert end_of(edited) == (8 * 480 if late == 1900 else 4 * 480)


def test_what_is_plain() -> None:
    assert opened(ODD["format 0"], "x")["plain"]
    named = midi_bytes.song(
        midi_bytes.meta(0, 3, b"Drums"), midi_bytes.meta(0, 1, b"groovefast"), beat()
    )
    assert opened(named, "x")["plain"]
    for more in (
        midi_bytes.event(0, 0xB9, 4, 64),
        midi_bytes.sysex(0, b"\x01\xf7"),
        midi_bytes.tempo(480, 400_000),
        midi_bytes.meter(1920, 3),
        midi_bytes.hit(0, 36, channel=3),
    ):
        rest = beat() + more + midi_bytes.hit(1920, 36)
        assert not opened(midi_bytes.song(rest), "x")["plain"]
    assert not opened(ODD["chunks between"], "x")["plain"]


# --- Tempo ----------------------------------------------------------------------------------


@given(midi_files(), st.floats(30, 300))
def test_another_tempo_scales_all(data: bytes, qpm: float) -> None:
    piece = opened(data, "beat")
    edited, refusal = outcome(sent(piece, qpm=qpm).to_midi)
    if edited is None:
        assert refusal == "qpm: so slow that one of the file's tempos could not be written"
        assert qpm < 120
        return
    before, after = only_song(data), only_song(edited)
    assert after.notes == before.notes
    factor = round(6e7 / qpm) / before.tempos[0].value
    assert after.tempos[0].value == round(6e7 / qpm)
    for was, now in zip(before.tempos, after.tempos, strict=False):
        if len(before.tempos) == len(after.tempos):
            assert now.tick == was.tick
            assert abs(now.value - was.value * factor) <= 1 + was.value / before.tempos[0].value
    rest = [
        [[event for event in track if event.data[:1] != b"\x51"] for track in file.tracks]
        for file in map(slow_midi.read, (data, edited))
    ]
    assert rest[0] == rest[1]


def test_a_tempo_that_is_as_it_was_to_the_microsecond_changes_nothing() -> None:
    data = midi_bytes.song(midi_bytes.tempo(0, 689_655), beat())
    piece = opened(data, "x")
    assert piece["qpm"] == pytest.approx(87, abs=1e-4)
    assert sent(piece, qpm=87.0).to_midi() == data
    assert sent(piece, qpm=87.1).to_midi() != data


def test_an_unsaid_tempo_is_said() -> None:
    data = midi_bytes.song(midi_bytes.meta(0, 3, b"Kit"), beat(), midi_bytes.tempo(60, 600_000))
    edited = sent(opened(data, "x"), qpm=60).to_midi()
    assert only_song(edited).tempos == [(0, 1_000_000), (1560, 1_200_000)]
    assert slow_midi.read(edited).tracks[0][0].data == b"\x03Kit"


# --- Written anew ---------------------------------------------------------------------------


def test_a_new_file() -> None:
    hits = [[None, 0, -0.1, 100], [None, 8, 6.85, 1], [7, 2, 0.25 + 1 / 960, 127]]
    piece = new(hits, bars=2, qpm=90, meter=[7, 8], kit="roland", channel="3", track="x").to_piece()
    data = base64.b64decode(piece["midi"])
    assert [hit[1:] for hit in piece["hits"]] == [
        [0, 0.0, 100],
        [2, 120 / 480, 127],
        [8, 3288 / 480, 1],
    ]
    song = only_song(data)
    assert song.tempos == [(0, round(6e7 / 90))]
    assert song.meters == [(0, (7, 8))]
    assert [note.pitch for note in sorted(song.notes)] == [36, 42, 51]
    assert end_of(data) == 7 * 480
    assert piece["plain"]
    assert len(piece["bars"]) == 2
    assert (piece["channel"], piece["track"], piece["kit"]) == (None, None, "roland")


def test_pitches_of_a_file_go_with_its_hits() -> None:
    snares = (38, 37, 40, 39)
    piece = opened(midi_bytes.song(*[midi_bytes.hit(480, pitch) for pitch in snares]), "x")
    assert piece["pitches"] == list(snares)
    hits = [[None, *hit[1:], pitch] for hit, pitch in zip(piece["hits"], snares, strict=True)]
    again = new([*hits, [None, 1, 8, 90, None], [None, 0, 9, 90]], bars=4).to_piece()
    assert again["pitches"] == [*snares, 38, 36]
    added = sent(piece, hits=[*piece["hits"], [None, 1, 8, 90, 40]]).to_piece()
    assert added["pitches"] == [*snares, 40]


def test_an_empty_page_is_a_file_of_empty_bars() -> None:
    piece = new([], bars=16).to_piece()
    assert (len(piece["bars"]), piece["end"], piece["hits"]) == (16, 64.0, [])


def test_hits_can_be_drawn_where_all_were_cleared() -> None:
    piece = opened(ODD["format 1"], "x")
    cleared = sent(piece, hits=[]).to_piece()
    again = sent(cleared, hits=[[None, 0, 0, 90]]).to_midi()
    assert [note[:4] for note in only_song(again).notes] == [(0, 120, 36, 90)]


# --- What cannot be -------------------------------------------------------------------------

VALID = as_sent(opened(ODD["format 0"], "x"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"hits": [[0, 9, 0, 64]]}, "drum: 9 is no whole number from 0 to 8"),
        ({"hits": [[0, 0, 0, 0]]}, "velocity: 0 is no whole number from 1 to 127"),
        ({"hits": [[0, 0, 0, 128]]}, "velocity: 128 is no whole number from 1 to 127"),
        ({"hits": [[0, 0, 0, 64.5]]}, "velocity: 64.5 is no whole number from 1 to 127"),
        ({"hits": [[0, 0, math.nan, 64]]}, "quarters: nan is no number"),
        ({"hits": [[0, 0, -0.6, 64]]}, "quarters: -0.6 is no number from -0.5 to 100,000"),
        ({"hits": [[0, 0, 100_001, 64]]}, "quarters: 100001 is no number from -0.5 to 100,000"),
        ({"hits": [[0, 0, True, 64]]}, "quarters: True is no number"),
        ({"hits": [[0, 0, 10**400, 64]]}, "quarters: a number of many digits is no number"),
        ({"hits": [[4, 0, 0, 64]]}, "hits: no note 4 in x"),
        ({"hits": [[0, 1, 0, 64]]}, "hits: note 0 of x is of another drum"),
        ({"hits": [[0, 0, 0, 64]] * 2}, "hits: two with one id"),
        ({"hits": [[0, 0, 0]]}, "hits: [id, drum, quarters, velocity] wanted for each"),
        ({"hits": [[None, 0, 0, 64, 38]]}, "hits: one with a pitch of another drum"),
        ({"hits": [[None, 0, 0, 64, 128]]}, "pitch: 128 is no whole number from 0 to 127"),
        ({"hits": {}}, "hits: a JSON array wanted, not a JSON object"),
        ({"hits": [["0", 0, 0, 64]]}, "id: '0' is no whole number from 0 to"),
        ({"name": 3}, "name: text wanted, not 3"),
        ({"name": "x" * 201}, "name: 201 letters; 200 are enough"),
        ({"midi": "no base64!"}, "midi: not in base64"),
        ({"midi": "é"}, "midi: not in base64"),
        ({"midi": 7}, "midi: a file in base64 wanted, or null for a new one"),
        ({"midi": "AAAA"}, "x: "),
        ({"qpm": "fast"}, "qpm: 'fast' is no number"),
        ({"qpm": 0}, "qpm: 0.0 is no number from 4 to 1,000"),
        ({"qpm": 2000}, "qpm: 2000.0 is no number from 4 to 1,000"),
        ({"channel": "17"}, "channel: '17' is no list of MIDI channels"),
        ({"channel": 10}, "channel: text wanted, not 10"),
        ({"track": "0"}, "track: '0' is no track; they count from 1"),
        ({"track": " "}, "track: an empty name"),
        ({"kit": "rock"}, "kit: no such kit 'rock'; it is one of roland, reduced"),
        ({"kit": "36|38"}, "kit: 9 classes wanted, 2 given"),
        ({"midi": None}, "piece: has no bars, which a new file wants"),
        ({"midi": None, "bars": 17, "meter": [4, 4]}, "bars: 17 is no whole number from 1 to 16"),
        ({"midi": None, "bars": 1, "meter": [4]}, "meter: two numbers wanted, as in [4, 4]"),
        ({"midi": None, "bars": 1, "meter": [4, 3]}, "meter: 4/3 is no meter"),
        ({"midi": None, "bars": 1, "meter": [1, 32]}, "meter: a bar of 1/32 is shorter than a 16"),
        ({"midi": None, "bars": 1, "meter": [2, 4]}, "hits: one at 2 quarter notes, where 2 is"),
    ],
    ids=str,
)
def test_pieces_that_cannot_be(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(GrooveFastError) as error:
        Sent.of({**VALID, **changes}).to_midi()
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [None, [], "piece", 3, {}, {"name": "x"}])
def test_what_is_no_piece(data: object) -> None:
    with pytest.raises(OptionError, match=r"^piece: "):
        Sent.of(data)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([10**30, -1, 0, 1, 128, 1e308, "", "10", "Drums", "\ud800", "36|38"]),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-1, 5),
        st.integers(-1, 9),
        st.floats(allow_nan=True) | st.floats(-1, 6),
        st.integers(-1, 129),
    ).map(list)
    | JSON,
    max_size=6,
)
FIELDS = st.sampled_from([*VALID, "bars", "meter"])


@given(st.dictionaries(FIELDS, JSON, max_size=4), st.none() | ROWS, st.booleans())
def test_whatever_is_sent_is_answered_in_one_line(
    changes: dict[str, Any], rows: list[Any] | None, anew: bool
) -> None:
    fields = {**VALID, "bars": 1, "meter": [4, 4], **changes}
    if rows is not None:
        fields["hits"] = rows
    if anew:
        fields["midi"] = None
    piece, refusal = outcome(lambda: Sent.of(fields).to_piece())
    if piece is None:
        assert_one_line(refusal)
    else:
        assert through_json(piece) == piece
        assert piece["name"].encode()


@given(st.binary(max_size=200), st.sampled_from(sorted(ODD)), st.integers(0, 300))
def test_broken_files_are_answered_in_one_line(junk: bytes, name: str, place: int) -> None:
    data = ODD[name]
    data = data[:place] + junk + data[place + len(junk) // 2 :]
    piece, refusal = outcome(lambda: opened(data, "x"))
    if piece is None:
        assert_one_line(refusal)
    else:
        assert sent(piece).to_midi() == data
        sent(piece, hits=[*piece["hits"][1:], [None, 4, 0.3, 7]], qpm=77).to_piece()


def test_broken_midi_tells_where() -> None:
    with pytest.raises(MidiError, match=r"^beat: .* \(at byte \d+\)$"):
        opened(ODD["format 0"][:30], "beat.mid")


def test_files_of_too_many_hits_or_bars_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    far = midi_bytes.song(beat(), midi_bytes.hit(0x0FFFFFF, 36), division=24)
    with pytest.raises(GrooveFastError, match=r"far: 174,779 bars are too long; give a part"):
        opened(far, "far")
    monkeypatch.setattr(pieces, "MOST_HITS", 3)
    with pytest.raises(GrooveFastError, match=r"x: 4 hits are more than a page can show \(3\)"):
        opened(ODD["format 0"], "x")
    with pytest.raises(OptionError, match="hits: 4 are too many; a page has 3 at most"):
        Sent.of(VALID)


def test_files_of_too_many_other_notes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_OTHERS", 1)
    others = midi_bytes.hit(0, 60, channel=0), midi_bytes.hit(0, 62, channel=0)
    assert opened(midi_bytes.song(beat(), others[0]), "x")["others"] == 1
    with pytest.raises(GrooveFastError, match=r"^x: 2 other notes are more than can be kept"):
        opened(midi_bytes.song(beat(), *others), "x")


def test_silence_of_years_is_not_counted_out() -> None:
    data = midi_bytes.song(beat(), midi_bytes.meta(0x0FFFF000, 6, b"end"), division=4)
    piece = opened(data, "x")
    assert len(piece["bars"]) == 1 << 14
    assert piece["end"] > 67_000_000


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("beat.mid", "beat"),
        ("../../etc/passwd", "passwd"),
        ("C:\\songs\\a b.MIDI", "a b"),
        ("", "groove"),
        ("..", "groove"),
        (".mid", "groove"),
        ("two\nlines\x00.mid", "two lines"),
        ("half \ud83d", "half"),
        ("ü" * 150, "ü" * 100),
    ],
)
def test_names_are_plain(name: str, plain: str) -> None:
    assert plain_name(name) == plain
