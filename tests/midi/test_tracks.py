from __future__ import annotations

import io

import midi_bytes
import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_strategies import midi_files, other_events, to_bytes

from groovefast import GrooveFastError, read_midi
from groovefast.drum_part import ALL_CHANNELS
from groovefast.midi.tracks import END_OF_TRACK, MidiTracks

FIELDS = ["track", "channel", "pitch", "tick", "velocity", "end_tick"]


def _sorted(notes, fields=FIELDS):
    return sorted(notes[fields].tolist())


def _file(*messages):
    """A file of one track of (tick, message)."""
    track, last = mido.MidiTrack(), 0
    for tick, message in messages:
        track.append(message.copy(time=tick - last))
        last = tick
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    return to_bytes(midi)


def _on(velocity=100, pitch=38):
    return mido.Message("note_on", channel=9, note=pitch, velocity=velocity)


def _off(pitch=38):
    return mido.Message("note_off", channel=9, note=pitch, velocity=0)


@given(midi_files())
def test_events_survive(data):
    rewritten = MidiTracks.parse(data).to_bytes()
    original, again = (mido.MidiFile(file=io.BytesIO(each)) for each in (data, rewritten))
    assert again.ticks_per_beat == original.ticks_per_beat
    assert [list(track) for track in again.tracks] == [list(track) for track in original.tracks]


def test_odd_files_keep_their_notes(midi_edge_dir):
    compared = 0
    for path in sorted((midi_edge_dir / "midi").iterdir()):
        try:
            score = read_midi(path, ALL_CHANNELS)
        except GrooveFastError:
            continue
        again = read_midi(MidiTracks.parse(path.read_bytes()).to_bytes(), ALL_CHANNELS)
        np.testing.assert_array_equal(again.notes, score.notes)
        np.testing.assert_array_equal(again.tempos, score.tempos)
        np.testing.assert_array_equal(again.time_signatures, score.time_signatures)
        compared += 1
    assert compared > 50


def test_real_files_keep_every_event(drum_files):
    for path in drum_files[:: len(drum_files) // 6]:
        data = path.read_bytes()
        rewritten = MidiTracks.parse(data).to_bytes()
        assert list(mido.MidiFile(file=io.BytesIO(rewritten)).tracks[-1]) == list(
            mido.MidiFile(path).tracks[-1]
        )


@given(midi_files(), st.integers(2, 20))
def test_finer_ticks_are_the_same_music(data, factor):
    score = read_midi(data)
    finer = read_midi(MidiTracks.parse(data).finer(factor).to_bytes())
    assert finer.ticks_per_quarter == factor * score.ticks_per_quarter
    np.testing.assert_array_equal(finer.notes["tick"], factor * score.notes["tick"])
    np.testing.assert_allclose(finer.notes["time"], score.notes["time"], rtol=1e-12)


@given(midi_files(), st.data())
def test_moved_notes_are_all_there_and_nothing_else_moves(data, choices):
    old = read_midi(data).notes
    new = old.copy()
    rng = np.random.default_rng(choices.draw(st.integers(0, 2**32)))
    moved = rng.random(len(new)) < choices.draw(st.sampled_from((0, 0.3, 1)))
    shift = np.where(moved, rng.integers(-40, 40, len(new)), 0)
    new["tick"] = np.maximum(new["tick"] + shift, 0)
    new["end_tick"] = new["tick"] + (old["end_tick"] - old["tick"])
    new["velocity"] = np.where(moved, rng.integers(1, 128, len(new)), new["velocity"])
    rewritten = MidiTracks.parse(data).with_notes(old, new).to_bytes()
    read = read_midi(rewritten).notes
    assert _sorted(read, FIELDS[:-1]) == _sorted(new, FIELDS[:-1])
    assert other_events(rewritten) == other_events(data)


@given(midi_files())
def test_same_notes_same_events(data):
    tracks = MidiTracks.parse(data)
    notes = read_midi(data).notes
    assert tracks.with_notes(notes, notes.copy()) == tracks


def test_lengths_are_kept_where_the_next_note_leaves_room():
    data = _file((0, _on()), (100, _off()), (480, _on()), (500, _off()))
    old = read_midi(data).notes
    new = old.copy()
    new["tick"], new["end_tick"] = [0, 60], [100, 80]
    read = read_midi(MidiTracks.parse(data).with_notes(old, new).to_bytes()).notes
    assert read[["tick", "end_tick"]].tolist() == [(0, 60), (60, 80)]


def test_two_notes_of_a_pitch_may_fall_on_one_tick():
    data = _file((0, _on(30)), (20, _off()), (40, _on(90)), (100, _off()))
    old = read_midi(data).notes
    new = old.copy()
    new["tick"], new["end_tick"] = 10, 70
    read = read_midi(MidiTracks.parse(data).with_notes(old, new).to_bytes()).notes
    assert sorted(read["velocity"]) == [30, 90]
    assert read["tick"].tolist() == [10, 10]


def test_notes_without_length_or_end_get_one():
    data = _file((0, _on(50)), (40, _off()), (100, _on(77)), (100, _off()), (200, _on(60)))
    old = read_midi(data).notes
    assert old["tick"].tolist() == [0, 100, 200]
    new = np.concatenate((old, old[:1]))
    new["tick"] += 60
    new["end_tick"] += 60
    new["tick"][3], new["end_tick"][3] = 600, 660
    read = read_midi(MidiTracks.parse(data).with_notes(old, new).to_bytes()).notes
    assert read["tick"].tolist() == [60, 160, 260, 600]
    assert read["velocity"].tolist() == [50, 77, 60, 50]
    assert (read["end_tick"] - read["tick"]).tolist() == [40, 100, 120, 60]


def _next_half(track, end, last_event):
    """Ends at the next 480 ticks from the end on."""
    assert (track, last_event <= end) == (0, True)
    return -(-(end + 1) // 480) * 480


def test_no_note_rings_on_when_its_track_has_ended():
    data = _file((0, _on()), (50, _off()), (60, mido.Message("control_change", control=7)))
    old = read_midi(data).notes
    new = old.copy()
    new["end_tick"] = 900
    (track,) = MidiTracks.parse(data).with_notes(old, new, end_of=_next_half).tracks
    assert track[-1] == (480, END_OF_TRACK)
    assert read_midi(MidiTracks(1, 480, (track,)).to_bytes()).notes["end_tick"].tolist() == [480]


def test_a_song_keeps_its_length_as_long_as_its_notes_allow():
    piano = mido.Message("note_on", channel=0, note=60, velocity=90)
    data = _file((0, _on()), (50, _off()), (50, piano), (300, piano.copy(velocity=0)))
    old = read_midi(data).notes
    for begin, end in ((250, 300), (300, 480), (500, 501)):
        new = old.copy()
        new["tick"], new["end_tick"] = begin, begin + 100
        tracks = MidiTracks.parse(data).with_notes(old, new, end_of=_next_half)
        assert tracks.tracks[0][-1] == (end, END_OF_TRACK)
        (note,) = read_midi(tracks.to_bytes()).notes
        assert (note["tick"], note["end_tick"]) == (begin, min(begin + 100, end))


def test_notes_of_others_in_a_lane_stay_and_keep_it_free():
    own = mido.Message("note_on", channel=0, note=38, velocity=90)
    data = _file(
        *((0, own), (50, own.copy(velocity=0))),
        *((100, _on(1)), (200, _off()), (300, _on(2)), (300, _off()), (400, _on(3))),
    )
    old = read_midi(data, 1).notes
    new = np.repeat(old, 6)
    new["channel"] = 9
    new["tick"] = [0, 60, 150, 200, 300, 500]
    new["end_tick"] = new["tick"] + 50
    tracks = MidiTracks.parse(data).with_notes(old, new)
    others = [event for event in MidiTracks.parse(data).tracks[0] if event[1][0] & 15 == 9]
    assert [event for event in tracks.tracks[0] if event in others] == others
    read = read_midi(tracks.to_bytes()).notes
    assert read["tick"].tolist() == [0, 60, 100, 200, 300, 400]
    assert read["end_tick"].tolist()[:4] == [50, 100, 200, 250]
    assert len(read_midi(tracks.to_bytes(), 1).notes) == 0


def test_other_chunks_and_a_longer_header_are_kept():
    data = _file((0, _on()), (50, _off()))
    wide = b"MThd\0\0\0\x08" + data[8:14] + b"ab"
    other = b"XFIH\0\0\0\x03abc"
    data = wide + other + data[14:] + other
    assert MidiTracks.parse(data).to_bytes() == data


def test_text_stands_after_the_name():
    name = mido.MetaMessage("track_name", name="Drums")
    tracks = MidiTracks.parse(_file((0, name), (0, _on()), (50, _off()))).with_text("seed ♫")
    assert tracks.tracks[0][0][1] == bytes(name.bin())
    read = mido.MidiFile(file=io.BytesIO(tracks.to_bytes()), charset="utf-8")
    assert [message.text for message in read.tracks[0] if message.type == "text"] == ["seed ♫"]


def test_only_the_midi_of_a_riff_file_is_taken():
    data = _file((0, _on()), (50, _off()))
    info = (b"LIST", b"INFOINAM\x06\0\0\0MThd\0\0")
    wrapped = midi_bytes.riff(data, info) + b"LIST\x04\0\0\0tail"
    assert MidiTracks.parse(wrapped).to_bytes() == MidiTracks.parse(data).to_bytes()


@pytest.mark.parametrize("wrapped", [False, True])
def test_rmid_wrapping_is_taken_off(wrapped):
    data = _file((0, _on()), (50, _off()))
    if wrapped:
        body = b"RMIDdata" + len(data).to_bytes(4, "little") + data
        data = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert len(read_midi(MidiTracks.parse(data).to_bytes()).notes) == 1
