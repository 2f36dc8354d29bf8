"""Whole performances on the grid: which notes are where, windows over them, and back."""

from __future__ import annotations

import midi_bytes
import mido
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from midi_strategies import midi_files, to_bytes

from groovefast import CONFIGS, Groove, GrooveConverter, GrooveFastError, read_midi
from groovefast.drum_part import DrumPart
from groovefast.midi.tracks import MidiTracks
from groovefast.playing.take import Take
from groovefast.windows.rows import Grid

CONFIG = CONFIGS["groovae_2bar_humanize"].converter


def _beat(bars, ticks_per_quarter=480, meters=(), tempos=()):
    """A snare on every quarter, with (quarter, numerator, denominator) and (quarter, bpm)."""
    conductor, drums = mido.MidiTrack(), mido.MidiTrack()
    events = [
        (quarter, mido.MetaMessage("time_signature", numerator=n, denominator=d))
        for quarter, n, d in meters
    ]
    events += [
        (quarter, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
        for quarter, bpm in tempos
    ]
    last = 0
    for quarter, event in sorted(events, key=lambda event: event[0]):
        conductor.append(event.copy(time=(quarter - last) * ticks_per_quarter))
        last = quarter
    for _ in range(4 * bars):
        drums.append(mido.Message("note_on", channel=9, note=38, velocity=80))
        off = mido.Message("note_off", channel=9, note=38, velocity=0, time=ticks_per_quarter)
        drums.append(off)
    midi = mido.MidiFile(ticks_per_beat=ticks_per_quarter)
    midi.tracks.extend((conductor, drums))
    return to_bytes(midi)


def _played(take, **changes):
    """What a take plays, with some of it replaced."""
    return Grid(*(values.copy() for values in take.grid))._replace(**changes)


# --- The grid -------------------------------------------------------------------------------


def _assert_grid_is_that_of_the_converter(take, pitch_classes="reduced"):
    """To the last bit, each window of a bar in 4/4; returns how many there are."""
    converter = GrooveConverter(split_bars=1, pitch_classes=pitch_classes)
    windows = converter.to_tensors(take.fine_midi)
    rows = np.concatenate(take.grid, axis=1)
    for start, window in zip(windows.start_steps, windows.outputs, strict=True):
        np.testing.assert_array_equal(rows[start : start + 16], window)
    return len(windows)


def test_grid_is_that_of_the_converter(groove_files):
    bars = 0
    for path in groove_files[::60]:
        take = Take(path, CONFIG, "roland")
        bars += _assert_grid_is_that_of_the_converter(take, "roland")
        assert take.fine_midi == path.read_bytes()
    assert bars > 200


@given(midi_files())
def test_grid_is_that_of_the_converter_through_any_meters_and_tempos(data):
    _assert_grid_is_that_of_the_converter(Take(data, CONFIG))


@pytest.mark.parametrize("microseconds", [305_982, 314_955, 333_333, 500_000, 521_739])
def test_on_half_steps_notes_are_rounded_as_in_training(microseconds):
    events = [midi_bytes.tempo(0, microseconds)]
    events += [midi_bytes.hit(119 if index else 60, 38) for index in range(300)]
    take = Take(midi_bytes.song(*events), CONFIG)
    assert (np.abs(take.grid.offsets[take.grid.hits > 0]) > 0.999).all()
    assert _assert_grid_is_that_of_the_converter(take) >= 18
    # Nothing that is asked for moves.
    assert take.play(take.grid, 1) == take.midi


def test_tempo_map_needs_no_attention():
    steady = Take(_beat(4), CONFIG)
    changing = Take(_beat(4, tempos=[(0, 90), (3, 133), (9, 61)]), CONFIG)
    for one, other in zip(steady.grid, changing.grid, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bars_of_any_meter_have_their_rows():
    take = Take(_beat(8, meters=[(0, 4, 4), (8, 3, 4), (17, 2, 2), (25, 7, 8)]), CONFIG)
    assert take.bars.num_steps.tolist() == [16, 16, 12, 12, 12, 16, 16, 14, 14]
    assert take.grid.hits.sum() == 32
    assert np.flatnonzero(take.grid.hits[:, 1]).tolist() == [*range(0, 128, 4)]
    assert not take.grid.offsets.any()


def test_meter_named_again_changes_nothing():
    once, often = (
        Take(_beat(6, meters=meters), CONFIG)
        for meters in ([(0, 4, 4)], [(0, 4, 4), (4, 4, 4), (8, 2, 2), (16, 8, 8)])
    )
    np.testing.assert_array_equal(once.grid.hits, often.grid.hits)
    np.testing.assert_array_equal(once.windows(2, 1).rows, often.windows(2, 1).rows)


def test_early_downbeat_belongs_to_the_bar_it_announces():
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("time_signature", numerator=3, denominator=4),
                mido.Message("note_on", channel=9, note=36, velocity=80, time=3 * 480 - 20),
                mido.Message("note_off", channel=9, note=36, velocity=0, time=10),
                mido.MetaMessage("time_signature", numerator=4, denominator=4, time=10),
            ]
        )
    )
    take = Take(midi, CONFIG)
    assert np.argwhere(take.grid.hits).tolist() == [[12, 0]]
    assert take.grid.offsets[12, 0] == pytest.approx(2 * 20 / 120)
    moved = read_midi(take.play(_played(take, offsets=np.zeros((28, 9), np.float32)), 1)).notes
    assert moved["tick"].tolist() == [3 * 480]


def test_each_track_of_format_2_is_a_song():
    bars = mido.MidiFile(type=2, ticks_per_beat=480)
    for pitch in (36, 38):
        bars.tracks.append(
            mido.MidiTrack(
                [
                    mido.Message("note_on", channel=9, note=pitch, velocity=80),
                    mido.Message("note_off", channel=9, note=pitch, velocity=0, time=9),
                ]
            )
        )
    take = Take(bars, CONFIG)
    assert np.argwhere(take.grid.hits).tolist() == [[0, 0], [16, 1]]


# --- Windows --------------------------------------------------------------------------------


@given(midi_files(), st.integers(1, 4), st.integers(1, 4))
def test_windows_cover_all_hits(data, bars, hop):
    assume(hop <= bars)
    take = Take(data, CONFIG)
    windows = take.windows(bars, hop)
    assert windows.rows.shape == windows.counts.shape == (len(windows), 16 * bars)
    counted = np.unique(windows.rows[windows.counts])
    hits = np.flatnonzero(take.grid.hits.any(axis=1))
    assert set(hits) <= set(counted)
    assert counted[0] >= 0
    said = np.random.default_rng(bars).random(take.grid.hits.shape, np.float32)
    blended = windows.blend(windows.cut(said), len(said))
    np.testing.assert_allclose(blended[hits], said[hits], atol=1e-6)


def test_windows_of_a_long_take_are_whole():
    take = Take(_beat(7), CONFIG)
    rows = take.windows(2, 1).rows
    assert rows[:, 0].tolist() == [0, 16, 32, 48, 64, 80]
    assert take.windows(4, 2).rows[:, 0].tolist() == [0, 32, 48]
    assert (take.windows(4, 2).rows >= 0).all()


def test_short_take_is_padded_with_silence():
    take = Take(_beat(1), CONFIG)
    windows = take.windows(2, 1)
    assert windows.rows.tolist() == [[*range(16), *[-1] * 16]]
    hits = windows.cut(take.grid.hits)
    np.testing.assert_array_equal(hits[0, :16], take.grid.hits)
    assert not hits[0, 16:].any()


def test_windows_without_hits_are_left_out():
    groove = Groove([(0.0, 0.1, 38, 80), (40.0, 40.1, 38, 80)])
    take = Take(groove, CONFIG)
    assert len(take.grid.hits) == 16 * 21
    assert take.windows(2, 1).rows[:, 0].tolist() == [0, 16 * 19]
    np.testing.assert_array_equal(np.flatnonzero(take.sounding), [*range(16), *range(320, 336)])


def test_a_loop_serves_a_longer_take():
    loop, take = Take(_beat(3), CONFIG), Take(_beat(7), CONFIG)
    looped = loop.looped(take.windows(2, 1)).rows
    assert looped[:, 0].tolist() == [0, 16, 32, 0, 16, 32]
    assert looped[2].tolist() == [*range(32, 48), *range(16)]


# --- Back into the file ---------------------------------------------------------------------


@given(midi_files())
def test_playing_what_was_played_changes_nothing(data):
    take = Take(data, CONFIG)
    assert take.play(take.grid, 0, 0) == data


def test_amount_goes_part_of_the_way():
    take = Take(_beat(1), CONFIG)
    played = _played(take, offsets=np.full((16, 9), -0.5, np.float32))
    played.velocities[:] = 100 / 127
    for amount, late, velocity in ((0, 0, 80), (0.5, 15, 90), (1, 30, 100)):
        notes = read_midi(take.play(played, amount, amount)).notes
        assert (notes["tick"] - np.arange(4) * 480).tolist() == [late] * 4
        assert notes["velocity"].tolist() == [velocity] * 4
        assert notes["end_tick"][-1] == 4 * 480, "the clip ends where its bar does"


def test_timing_and_dynamics_go_their_own_ways():
    take = Take(_beat(1), CONFIG)
    hits = take.grid.hits.copy()
    hits[[2, 6], 0] = 1
    played = _played(take, hits=hits, offsets=np.full((16, 9), -0.5, np.float32))
    played.velocities[:] = 100 / 127
    played.velocities[[2, 6], 0] = 40 / 127, 80 / 127
    for timing, dynamics, late, velocities, added in (
        (1, 0, 30, [80] * 4, [60, 60]),
        (0, 1, 0, [100] * 4, [40, 80]),
        (0.5, 0.25, 15, [85] * 4, [55, 65]),
    ):
        notes = read_midi(take.play(played, timing, dynamics)).notes
        old, new = notes[notes["pitch"] == 38], notes[notes["pitch"] == 36]
        assert (old["tick"] - np.arange(4) * 480).tolist() == [late] * 4
        assert old["velocity"].tolist() == velocities
        assert (new["tick"] - [240, 720]).tolist() == [late] * 2
        assert new["velocity"].tolist() == added


def test_nothing_moves_before_the_file_begins():
    take = Take(_beat(1), CONFIG)
    played = _played(take, offsets=np.full((16, 9), 0.9, np.float32))
    notes = read_midi(take.play(played, 1)).notes
    assert notes["tick"].tolist() == [0, 480 - 54, 960 - 54, 1440 - 54]


@pytest.mark.parametrize("offset", [-1, 1])
def test_the_furthest_hit_still_belongs_to_its_step(offset):
    for ticks_per_quarter in (480, 220, 110, 24):
        take = Take(_beat(2, ticks_per_quarter), CONFIG)
        played = _played(take, offsets=np.full((32, 9), offset, np.float32))
        again = Take(take.play(played, 1), CONFIG)
        np.testing.assert_array_equal(again.grid.hits, take.grid.hits)


@pytest.mark.parametrize("change", [1930, 1970, 2040, 2075])
@pytest.mark.parametrize("offset", [-1, 1])
def test_no_hit_moves_over_a_change_of_meter(change, offset):
    conductor = mido.MidiTrack(
        [
            mido.MetaMessage("time_signature", numerator=3, denominator=4),
            mido.MetaMessage("time_signature", numerator=4, denominator=4, time=change),
            mido.MetaMessage("time_signature", numerator=2, denominator=4, time=change),
        ]
    )
    drums, last = mido.MidiTrack(), 0
    for tick in (0, change, 1440 + change, 2 * change - 10, 2 * change):
        drums.append(mido.Message("note_on", channel=9, note=38, velocity=80, time=tick - last))
        drums.append(mido.Message("note_off", channel=9, note=38, time=1))
        last = tick + 1
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.extend((conductor, drums))
    take = Take(to_bytes(midi), CONFIG)
    moved = take.play(_played(take, offsets=np.full_like(take.grid.offsets, offset)), timing=1)
    after = Take(moved, CONFIG)
    assert after.bars.num_steps.tolist() == take.bars.num_steps.tolist()
    np.testing.assert_array_equal(after.grid.hits, take.grid.hits)


def _meters_file(meters, hits, end, form=1):
    """Tracks of hits at ticks, under (tick, numerator, denominator), all with one end."""
    midi = mido.MidiFile(ticks_per_beat=480, type=form)
    for ticks in hits:
        events = [
            (tick, mido.MetaMessage("time_signature", numerator=n, denominator=d))
            for tick, n, d in (meters if ticks is hits[0] or form == 2 else ())
        ]
        for tick in ticks:
            events.append((tick, mido.Message("note_on", channel=9, note=38, velocity=80)))
            events.append((tick + 30, mido.Message("note_off", channel=9, note=38)))
        track, last = mido.MidiTrack(), 0
        for tick, message in [*sorted(events, key=lambda event: event[0])]:
            track.append(message.copy(time=tick - last))
            last = tick
        track.append(mido.MetaMessage("end_of_track", time=max(0, end - last)))
        midi.tracks.append(track)
    return to_bytes(midi)


@pytest.mark.parametrize(
    ("meters", "hits", "end", "expected"),
    [
        ([(0, 4, 4), (1920, 3, 4)], [(0, 480)], 3360, 3360),
        ([(0, 4, 4), (1920, 3, 4)], [(0, 480)], 3361, 3360),
        ([(0, 4, 4), (1920, 3, 4)], [(0, 480)], 3000, 1920),
        ([(0, 4, 4), (1920, 3, 4)], [(0, 480)], 3600, 1920 + 2 * 1440),
        ([(0, 4, 4), (1920, 3, 4)], [(0, 480)], 6130, 1920 + 3 * 1440),
        ([(0, 2, 4), (960, 4, 4)], [(0, 480)], 2880, 2880),
        ([(0, 2, 4), (960, 4, 4)], [(0, 970)], 1500, 2880),
        ([(0, 4, 4)], [(0, 1900)], 1930, 3840),
        ([(0, 4, 4)], [(0,)], 0, 1920),
        ([(0, 7, 8)], [(0,), (100,)], 5000, 5040),
        ([(0, 7, 8)], [(0,), (100,)], 2500, 1680),
        ([(0, 7, 8)], [(0,), (100,)], 4500, 5040),
    ],
)
def test_a_clip_ends_at_the_bar_line_of_its_meters(meters, hits, end, expected):
    take = Take(_meters_file(meters, hits, end), CONFIG)
    played = take.play(_played(take, velocities=np.full_like(take.grid.velocities, 0.1)), 1)
    ends = [track[-1][0] for track in MidiTracks.parse(played).tracks]
    assert ends == [expected] * len(hits)


def test_each_song_of_format_2_ends_at_its_own_bar_line():
    data = _meters_file([(0, 4, 4)], [(0, 480), (0, 7000)], 0, form=2)
    take = Take(data, CONFIG)
    played = take.play(_played(take, velocities=np.full_like(take.grid.velocities, 0.1)), 1)
    assert [track[-1][0] for track in MidiTracks.parse(played).tracks] == [1920, 7680]


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_hits_stay_in_bars_of_no_whole_ticks(offset):
    data = _meters_file([(0, 13, 64)], [(0, 163, 325, 488, 650)], 700)
    data = data[:12] + (200).to_bytes(2, "big") + data[14:]
    take = Take(data, CONFIG)
    played = _played(take, offsets=np.full_like(take.grid.offsets, offset))
    again = Take(take.play(played, 1), CONFIG)
    assert np.argwhere(again.grid.hits).tolist() == np.argwhere(take.grid.hits).tolist()


def test_grace_note_goes_with_its_stroke():
    groove = Groove([(0.97, 1.0, 38, 30), (1.0, 1.1, 40, 90), (1.02, 1.1, 38, 60)])
    groove = Groove(groove.notes, ticks_per_quarter=480)
    take = Take(groove, CONFIG)
    assert take.grid.hits.sum() == 1
    played = _played(take, offsets=np.full((16, 9), -0.25, np.float32))
    played.velocities[:] = 60 / 127
    before, after = read_midi(groove.to_bytes()).notes, read_midi(take.play(played, 1)).notes
    order = [np.argsort(notes["tick"]) for notes in (before, after)]
    before, after = before[order[0]], after[order[1]]
    assert (after["tick"] - before["tick"]).tolist() == [15, 15, 15]
    assert after["pitch"].tolist() == [38, 40, 38]
    assert after["velocity"].tolist() == [20, 60, 40]


def test_hits_come_and_go():
    take = Take(_beat(1), CONFIG)
    hits = take.grid.hits.copy()
    hits[0, 1], hits[6, 0], hits[6, 2] = 0, 1, 1
    played = _played(take, hits=hits, velocities=np.full((16, 9), 0.5, np.float32))
    notes = read_midi(take.play(played, 0.25, 0.25)).notes
    notes = notes[np.lexsort((notes["pitch"], notes["tick"]))]
    assert notes["tick"].tolist() == [480, 720, 720, 960, 1440]
    assert notes["pitch"].tolist() == [38, 36, 42, 38, 38]
    assert notes["velocity"].tolist() == [76, 64, 64, 76, 76]
    assert (notes["end_tick"] - notes["tick"])[1] == 120
    assert set(notes["track"]) == {1}
    only_kick = read_midi(take.play(played, 1, drums=[0])).notes
    assert sorted(only_kick["pitch"]) == [36, 38, 38, 38, 38]


def test_new_hits_take_the_pitches_of_the_kit():
    groove = Groove([(0.0, 0.1, 40, 80), (0.5, 0.6, 40, 80), (1.0, 1.1, 38, 80)])
    take = Take(groove, CONFIG)
    hits = take.grid.hits.copy()
    hits[12, 1] = hits[12, 4] = 1
    played = _played(take, hits=hits)
    own = read_midi(take.play(played, 1)).notes["pitch"]
    assert sorted(own) == [38, 40, 40, 40, 45]
    first = read_midi(take.play(played, 1, own_kit=False)).notes["pitch"]
    assert sorted(first) == [38, 38, 38, 38, 45]
    roland = read_midi(Take(groove, CONFIG, "roland").play(played, 1)).notes["pitch"]
    assert sorted(roland) == [38, 40, 40, 40, 43]


def test_bars_that_a_meter_cuts_off_have_no_rows_beyond_it():
    take = Take(_beat(4, meters=[(0, 4, 4), (6, 3, 4)]), CONFIG)
    assert take.bars.num_steps.tolist()[:3] == [16, 8, 12]
    assert take.sounding.all()


def test_coarse_files_get_finer_ticks():
    take = Take(_beat(1, ticks_per_quarter=24), CONFIG)
    played = _played(take, offsets=np.full((16, 9), -0.1, np.float32))
    score = read_midi(take.play(played, 1))
    assert score.ticks_per_quarter == 480
    assert (score.notes["tick"] - np.arange(4) * 480).tolist() == [6] * 4
    (message,) = take.coarse_message
    assert message == "24 ticks per quarter note are too coarse for played timing; written with 480"
    assert Take(_beat(1, ticks_per_quarter=192), CONFIG).coarse_message == ()


def test_finer_ticks_leave_room_for_the_end_of_the_file():
    far = midi_bytes.track(midi_bytes.meta(0x0FFFFFFF // 10, 6, b"far"), midi_bytes.END)
    hits = midi_bytes.track(*[midi_bytes.hit(23, 38)] * 8, midi_bytes.END)
    take = Take(midi_bytes.header(2, 1, 24) + hits + far, CONFIG)
    played = take.play(_played(take, velocities=np.full_like(take.grid.velocities, 0.3)), 1)
    assert len(read_midi(played).notes) == 8


@given(midi_files(), st.integers(0, 2**32 - 1))
def test_what_is_played_is_read_again_in_its_rows(data, seed):
    rng = np.random.default_rng(seed)
    take = Take(data, CONFIG)
    shape = take.grid.hits.shape
    added = (rng.random(shape) < 0.1) & take.sounding[:, None]
    hits = np.maximum(take.grid.hits, added).astype(np.float32)
    offsets = rng.choice([-1, -0.99, -0.3, 0, 0.7, 1], shape).astype(np.float32)
    played = take.play(Grid(hits, np.full_like(hits, 0.5), offsets), 1)
    again = Take(played, CONFIG)
    assert again.coarse_message == ()
    np.testing.assert_array_equal(again.grid.hits, hits)
    assert again.bars.num_steps.tolist() == take.bars.num_steps.tolist()


def test_a_song_before_the_last_ends_with_the_bar_of_its_last_hit():
    data = _meters_file([(0, 4, 4)], [(0, 1500), (0, 7000)], 0, form=2)
    take = Take(data, CONFIG)
    assert take.bars.songs.tolist() == [0, 1, 1, 1, 1]
    played = take.play(_played(take, velocities=np.full_like(take.grid.velocities, 0.1)), 1)
    assert [track[-1][0] for track in MidiTracks.parse(played).tracks] == [1920, 7680]


# --- Mistakes -------------------------------------------------------------------------------


def test_no_drums(tmp_path):
    midi = mido.MidiFile()
    midi.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", channel=0, note=38, velocity=80),
                mido.Message("note_off", channel=0, note=38, velocity=0, time=9),
            ]
        )
    )
    midi.save(tmp_path / "a.mid")
    with pytest.raises(GrooveFastError) as error:
        Take(tmp_path / "a.mid", CONFIG)
    assert str(error.value) == (
        f"{tmp_path / 'a.mid'}: no drums on channel 10, but channel 1 (track 1): 1 note of 38. "
        "Name the drums with `channel` or `track`"
    )
    assert Take(tmp_path / "a.mid", CONFIG, part=DrumPart((1,))).grid.hits.sum() == 1
    with pytest.raises(GrooveFastError, match="source: no notes in it; give a drum performance"):
        Take(Groove([]), CONFIG)
    with pytest.raises(GrooveFastError, match=r"none of its notes on channel 10 \(pitches 99\) is"):
        Take(Groove([(0, 1, 99, 99)]), CONFIG)
    assert Take(Groove([(0, 1, 99, 99)]), CONFIG, all_pitches=True).grid.hits.sum() == 1


def test_smpte_time_has_no_beats():
    data = bytearray(_beat(1))
    data[12:14] = bytes((256 - 25, 40))
    with pytest.raises(GrooveFastError, match="source: counts in SMPTE frames, not in beats"):
        Take(bytes(data), CONFIG)


def test_a_week_of_silence_is_refused():
    groove = Groove([(600_000.0, 600_001.0, 38, 100)], ticks_per_quarter=24)
    with pytest.raises(GrooveFastError, match="source: 300,000 bars are too long; give a part"):
        Take(groove, CONFIG)
