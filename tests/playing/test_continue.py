"""Playing on after a performance, with small untrained models."""

from __future__ import annotations

import functools
import io

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_strategies import midi_files, other_events, to_bytes
from small_models import FOUR, make_beat, make_model, make_rnn

from groovefast import Groove, read_midi
from groovefast.config import CONFIGS
from groovefast.errors import GrooveFastError, OptionError
from groovefast.playing import continue_groove, play, reconstruct
from groovefast.playing.take import Take

CONVERTER = CONFIGS["groove_rnn"].converter
FIELDS = ("tick", "end_tick", "pitch", "velocity", "channel", "track")


@functools.cache
def model():
    """In NumPy, which is the quicker."""
    from groovefast.model.numpy_groovae import NumpyGrooVAE

    slow = make_rnn()
    return NumpyGrooVAE(slow.config, {name: x.numpy() for name, x in slow.weights.items()})


def going_on(source, bars=3, **options):
    return continue_groove(source, bars, model(), **{"seed": 1, **options})


def in_meter(numerator, denominator, quarters=12):
    """A hit on each eighth."""
    track = mido.MidiTrack(
        [mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)]
    )
    for number in range(2 * quarters):
        note = (36, 42, 38, 42)[number % 4]
        track.append(mido.Message("note_on", channel=9, note=note, velocity=80))
        track.append(mido.Message("note_off", channel=9, note=note, velocity=0, time=240))
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    return to_bytes(midi)


@settings(max_examples=25)
@given(data=midi_files(), bars=st.integers(1, 5))
def test_what_was_there_stays(data, bars):
    rendition = going_on(data, bars)
    factor = read_midi(rendition.midi).ticks_per_quarter // read_midi(data).ticks_per_quarter
    assert other_events(rendition.midi) == other_events(data, factor)
    before, after = Take(data, CONVERTER), Take(rendition.midi, CONVERTER)
    rows = len(before.grid.hits)
    assert len(before.bars) <= len(after.bars) <= len(before.bars) + bars
    np.testing.assert_array_equal(after.grid.hits[:rows], before.grid.hits)
    np.testing.assert_array_equal(after.grid.velocities[:rows], before.grid.velocities)
    np.testing.assert_array_equal(after.grid.offsets[:rows], before.grid.offsets)


def test_notes_keep_their_lengths_and_pitches():
    beat = make_beat(4).to_bytes()
    before, after = (
        read_midi(midi).notes[list(FIELDS)].tolist() for midi in (beat, going_on(beat).midi)
    )
    assert set(before) < set(after)
    end = 4 * 4 * read_midi(beat).ticks_per_quarter
    assert min(tick for tick, *_ in set(after) - set(before)) > end - 60


@pytest.mark.parametrize("bars", [1, 2, 7])
def test_as_many_bars_as_asked_for(bars):
    beat = make_beat(5)
    midi = going_on(beat, bars).midi
    quarter = read_midi(midi).ticks_per_quarter
    assert read_midi(midi).end_tick == (5 + bars) * 4 * quarter
    last = read_midi(midi).notes["tick"].max()
    assert (4 + bars) * 4 * quarter - quarter < last < (5 + bars) * 4 * quarter


def test_the_tempo_and_other_tracks_go_on():
    midi = mido.MidiFile(file=io.BytesIO(make_beat(2, qpm=93).to_bytes()))
    midi.type = 1
    bass = mido.MidiTrack([mido.MetaMessage("track_name", name="bass")])
    for _ in range(40):
        bass.append(mido.Message("note_on", channel=0, note=36, velocity=80))
        bass.append(mido.Message("note_off", channel=0, note=36, time=midi.ticks_per_beat))
    midi.tracks.append(bass)
    data = to_bytes(midi)
    rendition = going_on(data, 3)
    assert other_events(rendition.midi) == other_events(data)
    before, after = read_midi(data), read_midi(rendition.midi)
    np.testing.assert_array_equal(after.tempos, before.tempos)
    assert after.end_tick == before.end_tick  # the song goes on where the drums did not
    assert len(after.notes) > len(before.notes)


@pytest.mark.parametrize(
    ("meter", "quarters_per_bar"),
    [((3, 4), 3), ((5, 4), 5), ((6, 8), 3), ((7, 8), 3.5), ((2, 4), 2)],
)
def test_bars_are_of_the_meter_of_the_last(meter, quarters_per_bar):
    data = in_meter(*meter, quarters=int(4 * quarters_per_bar))
    take = Take(going_on(data, 3).midi, CONVERTER)
    assert take.bars.meters.tolist() == [list(meter)] * 7
    assert (take.bars.num_steps == 4 * quarters_per_bar).all()
    new = take.grid.hits[int(16 * quarters_per_bar) :]
    assert new.any()


def test_the_same_seed_plays_the_same_and_more_bars_only_more():
    beat = make_beat(3)
    eight, again, other, three = (
        Take(going_on(beat, bars, seed=seed).midi, CONVERTER).grid
        for bars, seed in ((8, 5), (8, 5), (8, 6), (3, 5))
    )
    for first, whole, same in zip(three, eight, again, strict=True):
        np.testing.assert_array_equal(first, whole[: len(first)])
        np.testing.assert_array_equal(whole, same)
    assert not np.array_equal(other.hits, eight.hits)


def test_without_temperature_nothing_is_drawn():
    beat = make_beat(3)
    first, second = (going_on(beat, seed=seed, temperature=0).midi for seed in (1, 2))
    assert first == second


def test_what_came_before_decides_what_follows():
    first, second = (
        Take(going_on(make_beat(3, seed), 4).midi, CONVERTER).grid.hits[48:] for seed in (1, 2)
    )
    assert not np.array_equal(first, second)


def test_the_kit_of_the_file_is_played():
    beat = make_beat(2).to_bytes()
    kick_35 = mido.MidiFile(file=io.BytesIO(beat))
    for track in kick_35.tracks:
        for message in track:
            if message.type in ("note_on", "note_off") and message.note == 36:
                message.note = 35
    pitches = read_midi(going_on(to_bytes(kick_35), 6).midi).notes["pitch"]
    assert 35 in pitches
    assert 36 not in pitches


def test_no_step_wants_a_third_hand():
    hits = Take(going_on(make_beat(2), 16, temperature=2).midi, CONVERTER).grid.hits[32:]
    assert hits[:, [1, 3, 4, 5, 6, 7, 8]].sum(axis=1).max() == 2


def test_files_tell_how_they_were_drawn():
    (rendition,) = play("continue", [make_beat(2)], model(), bars=2, seed=7)
    assert b"groovefast continue, model groove_rnn, seed 7" in rendition.midi
    assert b"bars 2" in rendition.midi


def test_mistakes_are_told():
    beat = make_beat(2)
    with pytest.raises(OptionError, match="bars"):
        going_on(beat, 0)
    with pytest.raises(GrooveFastError, match="too long"):
        going_on(beat, 10**7)
    with pytest.raises(GrooveFastError, match="continue: not what a model of groovae_4bar"):
        continue_groove(beat, 2, make_model(FOUR))
    with pytest.raises(GrooveFastError, match="groove_rnn has no encoder"):
        reconstruct(beat, model())
    with pytest.raises(OptionError, match="touch"):
        going_on(beat, touch=0.5)
    with pytest.raises(OptionError, match="bars: of no use to `mode` vary; it is for continue"):
        play("vary", [beat], bars=3)
    with pytest.raises(OptionError, match="amount: of no use to `mode` continue"):
        play("continue", [beat], model(), amount=0.5)
    silent = Groove(beat.notes[:0])
    with pytest.raises(GrooveFastError, match="no notes"):
        going_on(silent)


def test_several_songs_are_refused():
    midi = mido.MidiFile(type=2, ticks_per_beat=480)
    for _ in range(2):
        midi.tracks.append(mido.MidiFile(file=io.BytesIO(in_meter(4, 4))).tracks[0])
    with pytest.raises(GrooveFastError, match="holds several songs"):
        going_on(to_bytes(midi))
