from __future__ import annotations

import io

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_strategies import midi_files, other_events, to_bytes

from groovefast import GrooveFastError, read_midi
from groovefast.midi_tracks import MidiTracks

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
            score = read_midi(path, "all")
        except GrooveFastError:
            continue
        again = read_midi(MidiTracks.parse(path.read_bytes()).to_bytes(), "all")
        np.testing.assert_array_equal(again.notes, score.notes)
        np.testing.assert_array_equal(again.tempos, score.tempos)
        np.testing.assert_array_equal(again.time_signatures, score.time_signatures)
        compared += 1
    assert compared > 50


def test_real_files_keep_every_event(groove_files):
    for path in groove_files[::200]:
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


def test_a_note_of_no_length_stays_one_of_no_length():
    data = _file(
        (0, _on()), (50, _off()), (100, _on(77)), (100, _off()), (200, _on()), (250, _off())
    )
    old = read_midi(data).notes
    assert len(old) == 2
    new = old.copy()
    new["tick"] += 60
    new["end_tick"] += 60
    rewritten = MidiTracks.parse(data).with_notes(old, new)
    assert len(read_midi(rewritten.to_bytes()).notes) == 2
    assert (100, bytes(_on(77).bin())) in rewritten.tracks[0]


def test_the_end_of_a_new_note_makes_no_note_of_one_that_never_ended():
    data = _file((0, _on(50)), (40, _off()), (100, _on(77)))
    old = read_midi(data).notes
    assert old["tick"].tolist() == [0]
    new = np.concatenate((old, old))
    new["tick"][1], new["end_tick"][1] = 300, 360
    rewritten = MidiTracks.parse(data).with_notes(old, new)
    read = read_midi(rewritten.to_bytes()).notes
    assert read[["tick", "end_tick"]].tolist() == [(0, 40), (300, 360)]
    assert (100, bytes(_on(77).bin())) in rewritten.tracks[0]


def test_track_ends_after_its_last_note():
    data = _file((0, _on()), (50, _off()))
    old = read_midi(data).notes
    new = old.copy()
    new["end_tick"] = 900
    assert MidiTracks.parse(data).with_notes(old, new).tracks[0][-1] == (900, b"\xff\x2f\x00")


@pytest.mark.parametrize("wrapped", [False, True])
def test_rmid_wrapping_is_taken_off(wrapped):
    data = _file((0, _on()), (50, _off()))
    if wrapped:
        body = b"RMIDdata" + len(data).to_bytes(4, "little") + data
        data = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert len(read_midi(MidiTracks.parse(data).to_bytes()).notes) == 1
