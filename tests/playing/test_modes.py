"""Whole performances through small untrained models: what stays, what changes, what is refused."""

from __future__ import annotations

import csv
import functools
from collections import Counter

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_strategies import midi_files, other_events, to_bytes
from small_models import (
    CLOSED_HAT,
    CONTROL,
    FOUR,
    HIHAT,
    HUMANIZE,
    MODES,
    TAP,
    make_beat,
    make_model,
)

from groovefast import (
    CONFIGS,
    Groove,
    GrooveConverter,
    GrooveFastError,
    MidiError,
    load_model,
    playing,
    read_midi,
)
from groovefast.drum_part import ALL_CHANNELS
from groovefast.model.models import included_models
from groovefast.playing.modes import (
    add_hihat,
    groove_transfer,
    humanize,
    interpolate,
    reconstruct,
    tap2drum,
    vary,
)
from groovefast.playing.take import COARSE_TICKS, Take


def _hits(source):
    return Take(source, CONFIGS[FOUR].converter).grid.hits


def _sorted(notes, fields):
    return sorted(notes[list(fields)].tolist())


WHOLE = ("tick", "end_tick", "pitch", "velocity", "channel", "track")
STRUCK = ("tick", "pitch", "velocity", "channel", "track")

# --- Every mode -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=8)
@given(data=midi_files())
def test_only_drums_change(mode, data):
    rendition = MODES[mode](data, seed=0)
    factor = read_midi(rendition.midi).ticks_per_quarter // read_midi(data).ticks_per_quarter
    assert other_events(rendition.midi) == other_events(data, factor)
    if mode != "tap2drum":  # to which all is a tap
        unknown = [
            _sorted(notes[np.isin(notes["pitch"], (24, 90))], ("pitch", "velocity"))
            for notes in (read_midi(data).notes, read_midi(rendition.midi).notes)
        ]
        assert unknown[0] == unknown[1]


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=6)
@given(data=midi_files())
def test_amount_0_is_the_input(mode, data):
    assert MODES[mode](data, seed=0, amount=0, temperature=1).midi == data


@pytest.mark.parametrize("mode", ["humanize", "groove-transfer"])
def test_timing_moves_hits_and_dynamics_changes_velocities(mode):
    beat = make_beat(4).to_bytes()
    timed = MODES[mode](beat, dynamics=0).midi
    loud = MODES[mode](beat, timing=0).midi
    before, timed, loud = (
        np.sort(read_midi(midi).notes, order=("pitch", "tick")) for midi in (beat, timed, loud)
    )
    assert np.array_equal(timed["velocity"], before["velocity"])
    assert not np.array_equal(timed["tick"], before["tick"])
    assert np.array_equal(loud["tick"], before["tick"])
    assert not np.array_equal(loud["velocity"], before["velocity"])


@pytest.mark.parametrize("mode", MODES)
def test_same_seed_same_file(mode):
    beat = make_beat(5)
    first, again, other = (MODES[mode](beat, seed=seed, temperature=1) for seed in (4, 4, 5))
    assert first == again
    assert first.midi != other.midi


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bars", [1, 2, 3, 11])
def test_any_length_comes_back_in_that_length(mode, bars):
    beat = make_beat(bars)
    hits = _hits(MODES[mode](beat, seed=1).midi)
    assert 0 < len(hits) <= len(_hits(beat))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "meter", [(2, 4), (3, 4), (5, 4), (6, 8), (7, 8), (9, 8), (12, 8), (4, 8), (1, 16), (7, 32)]
)
def test_bars_of_any_meter_are_played(mode, meter):
    numerator, denominator = meter
    track = mido.MidiTrack(
        [mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)]
    )
    for _ in range(24):
        track.append(mido.Message("note_on", channel=9, note=38, velocity=80))
        track.append(mido.Message("note_off", channel=9, note=38, velocity=0, time=240))
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    rendition = MODES[mode](midi, seed=1, temperature=1)
    assert rendition.midi != to_bytes(midi)
    hits = _hits(rendition.midi)
    assert 0 < len(hits) <= len(_hits(midi))
    if mode in ("humanize", "groove-transfer"):
        np.testing.assert_array_equal(hits, _hits(midi))
        assert (read_midi(rendition.midi).notes["velocity"] != 80).mean() > 0.9


def test_odd_meters_are_humanized_nearer_to_the_played_than_the_mean(groove_dir):
    """No model has heard them: records are of 4/4."""
    converter = GrooveConverter(split_bars=2)
    early, count = np.zeros((2, 9, 4))
    model = load_model(HUMANIZE)
    with (groove_dir / "info.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows[::3]:
        if (row["split"], row["time_signature"]) == ("train", "4-4"):
            windows = converter.to_tensors(groove_dir / row["midi_filename"]).outputs
            hits, _, offsets = np.split(windows.reshape(-1, 4, 27), 3, axis=2)
            early += (hits * offsets).sum(axis=0).T
            count += hits.sum(axis=0).T
    usual = early / np.maximum(count, 1)
    judged = 0
    for row in rows:
        if row["time_signature"] == "4-4":
            continue
        path = groove_dir / row["midi_filename"]
        played = Take(path, model.config.converter, "roland")
        rendition = humanize(path, model, pitch_classes="roland", touch=0)
        humanized = Take(rendition.midi, model.config.converter, "roland")
        np.testing.assert_array_equal(humanized.grid.hits, played.grid.hits)
        rows_, drums = np.nonzero(played.grid.hits)
        steps = played.bars.num_steps
        in_bar = rows_ - np.repeat(np.cumsum(steps) - steps, steps)[rows_]
        truth = played.grid.offsets[rows_, drums]
        errors = [
            np.abs(guess - truth).mean()
            for guess in (humanized.grid.offsets[rows_, drums], usual[drums, in_bar % 4])
        ]
        assert errors[0] < errors[1], row["midi_filename"]
        judged += 1
    assert judged == 12


@pytest.mark.parametrize("mode", MODES)
def test_silent_bars_stay_silent(mode):
    beat = make_beat(2).notes
    late = beat.copy()
    late["time"] += 20
    late["end_time"] += 20
    hits = _hits(MODES[mode](Groove(np.concatenate((beat, late))), seed=1).midi)
    assert hits[:32].any()
    assert not hits[32 : 16 * 10].any()
    assert hits[16 * 10 :].any()


@pytest.mark.parametrize("mode", MODES)
def test_real_performances(mode, drum_files):
    scores = {path: read_midi(path) for path in drum_files}
    fine = [
        path
        for path, score in scores.items()
        if score.ticks_per_quarter >= COARSE_TICKS and len(score.notes)
    ]
    for path in (fine[len(fine) // 11], fine[len(fine) * 2 // 3]):
        rendition = MODES[mode](path, seed=0, pitch_classes="roland")
        score, again = read_midi(path), read_midi(rendition.midi)
        assert again.ticks_per_quarter == score.ticks_per_quarter
        assert other_events(rendition.midi) == other_events(path.read_bytes())
        if mode in ("humanize", "groove-transfer"):
            assert _sorted(again.notes, ["pitch"]) == _sorted(score.notes, ["pitch"])


# --- Modes that keep the hits ---------------------------------------------------------------

KEEPING = [
    MODES["humanize"],
    MODES["groove-transfer"],
    lambda source, **options: reconstruct(source, make_model(CONTROL), **options),
    lambda source, **options: vary(source, make_model(CONTROL), **options),
]


@pytest.mark.parametrize("play", KEEPING)
@settings(max_examples=15)
@given(data=midi_files(), amount=st.sampled_from((0.3, 1.0)))
def test_every_hit_stays(play, data, amount):
    rendition = play(data, seed=0, amount=amount)
    before, after = read_midi(data).notes, read_midi(rendition.midi).notes
    fields = ("track", "channel", "pitch")
    assert _sorted(after, fields) == _sorted(before, fields)
    if play is not MODES["groove-transfer"]:  # swing moves off-beats to the next 16th
        np.testing.assert_array_equal(_hits(rendition.midi), _hits(data))


def test_humanize_moves_every_hit_of_a_flat_pattern():
    flat = np.arange(64)
    beat = Groove.from_hits(flat, flat % 9, np.full(64, 100), np.zeros(64))
    before, after = (
        read_midi(beat.to_bytes()).notes,
        humanize(beat, make_model(HUMANIZE)).groove.notes,
    )
    moved = after["time"] != before["time"]
    assert moved.mean() > 0.9
    assert (after["velocity"] != before["velocity"]).mean() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_one_window_is_what_the_model_decodes(seed):
    beat, model = make_beat(2, seed), make_model(HUMANIZE)
    converter = GrooveConverter.from_config(HUMANIZE, pitch_classes="reduced")
    tensors = converter.to_tensors(beat)
    mu, _ = model.encode(tensors.inputs)
    hits = tensors.outputs[..., :9]
    (expected,) = converter.from_tensors(np.asarray(model.decode(mu, temperature=0, hits=hits)))
    again = converter.to_tensors(humanize(beat, model).groove).outputs
    expected = converter.to_tensors(expected).outputs
    np.testing.assert_array_equal(again[..., :9], hits)
    np.testing.assert_allclose(again[..., 9:18], expected[..., 9:18], atol=1e-6)
    early = again[..., 1:, 18:] - expected[..., 1:, 18:]  # but nothing before the file begins
    assert np.abs(early).max() <= 2 / 55 + 1e-6  # a tick


def test_humanize_hears_no_timing_and_no_dynamics():
    beat = make_beat(4)
    steps, drums = np.nonzero(_hits(beat))
    flat = Groove.from_hits(steps, drums, np.full(len(steps), 90), np.zeros(len(steps)))
    one, other = (humanize(each, make_model(HUMANIZE)).groove.notes for each in (beat, flat))
    assert _sorted(one, ("time", "pitch", "velocity")) == _sorted(
        other, ("time", "pitch", "velocity")
    )


def test_transfer_takes_the_feel_of_the_other():
    beat, model = make_beat(4), make_model(CONTROL)
    first, second = (groove_transfer(beat, make_beat(2, seed), model).groove for seed in (1, 2))
    assert first != second
    assert sorted(first.notes["pitch"]) == sorted(second.notes["pitch"])


def test_transfer_of_its_own_groove_is_reconstruction_nearer_to_its_timing():
    beat, model = make_beat(2), make_model(CONTROL)
    played, transferred, understood = (
        Take(source, CONFIGS[CONTROL].converter).grid
        for source in (beat, groove_transfer(beat, beat, model).midi, reconstruct(beat, model).midi)
    )
    np.testing.assert_array_equal(transferred.hits, played.hits)
    np.testing.assert_array_equal(transferred.velocities, understood.velocities)
    near, far = (np.abs(each.offsets - played.offsets).sum() for each in (transferred, understood))
    assert near < 0.9 * far


# --- Modes that choose hits -----------------------------------------------------------------


@settings(max_examples=15)
@given(data=midi_files(), temperature=st.sampled_from((0.0, 1.0)))
def test_added_hats_leave_all_else_alone(data, temperature):
    play = functools.partial(add_hihat, model=make_model(HIHAT, bias=0.5), temperature=temperature)
    rendition = play(data, seed=0)
    before, after = (Take(each, CONFIGS[FOUR].converter) for each in (data, rendition.midi))
    old, new = read_midi(data), read_midi(rendition.midi)
    factor = new.ticks_per_quarter // old.ticks_per_quarter
    notes = old.notes.copy()
    for field in ("tick", "end_tick"):
        notes[field] *= factor
    # Notes without an end last a 16th, which finer ticks may round otherwise; hats are cut short.
    was, now = (Counter(_sorted(each, STRUCK)) for each in (notes, new.notes))
    assert not was - now
    assert {pitch for _, pitch, *_ in now - was} <= {42}
    kept = [drum for drum in range(9) if drum != CLOSED_HAT]
    rows = min(len(before.grid.hits), len(after.grid.hits))
    for one, other in zip(before.grid, after.grid, strict=True):
        np.testing.assert_allclose(one[:rows, kept], other[:rows, kept], atol=1e-5)


def test_hats_are_added_where_the_model_wants_them():
    beat = make_beat(4)
    always, never = (
        add_hihat(beat, make_model(HIHAT, bias=bias), replace=True) for bias in (20.0, -20.0)
    )
    assert _hits(always.midi)[:, CLOSED_HAT].all()
    assert not _hits(never.midi)[:, CLOSED_HAT].any()


def _pattern(*drums, bars=4, channel=9):
    """(pitch, hits a bar) of each drum, evenly spaced, as the bytes of a file."""
    track, events = mido.MidiTrack(), []
    for pitch, hits in drums:
        for hit in range(hits * bars):
            tick = hit * 1920 // hits
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=90)
            events += [(tick, on), (tick + 60, on.copy(velocity=0))]
    last = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - last))
        last = tick
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    return to_bytes(midi)


@pytest.mark.parametrize("other", [54, 44, 69, 70, 80], ids=str)
def test_hats_are_not_played_on_other_percussion(other):
    beat = _pattern((36, 4), (38, 4), (other, 16))
    rendition = add_hihat(beat, make_model(HIHAT, bias=20.0))
    before, after = read_midi(beat).notes, read_midi(rendition.midi).notes
    assert _sorted(after[after["pitch"] != 42], WHOLE) == _sorted(before, WHOLE)
    assert (after["pitch"] == 42).sum() == 64
    assert rendition.messages == ()


def test_hats_that_are_there_stay_unless_they_are_to_be_replaced():
    with_hats = read_midi(_pattern((36, 4), (38, 4), (42, 8), bars=2)).notes
    without = read_midi(_pattern((36, 4), (38, 4), bars=4)).notes
    notes = np.concatenate((with_hats, without[without["time"] >= 4]))
    beat = Groove(notes, ticks_per_quarter=480)
    kept = add_hihat(beat, make_model(HIHAT, bias=20.0))
    after = read_midi(kept.midi).notes
    assert _sorted(after[after["time"] < 3.9], STRUCK) == _sorted(with_hats, STRUCK)
    assert ((after["pitch"] == 42) & (after["time"] >= 3.9)).sum() == 32
    assert kept.messages == (
        "bars 1 to 2: the closed hi-hat that is there stays; `replace` plays it anew",
    )
    anew = add_hihat(beat, make_model(HIHAT, bias=20.0), replace=True)
    assert (read_midi(anew.midi).notes["pitch"] == 42).sum() == 64
    assert anew.messages == ()
    gone = add_hihat(beat, make_model(HIHAT, bias=-20.0), replace=True)
    assert (read_midi(gone.midi).notes["pitch"] == 42).sum() == 0


def test_the_edge_of_a_closed_hat_is_one_too():
    beat = _pattern((36, 4), (38, 4), (22, 8))
    for replace, hats in ((False, 0), (True, 32)):
        play = functools.partial(add_hihat, beat, make_model(HIHAT, bias=20.0), replace)
        notes = read_midi(play(pitch_classes="roland").midi).notes
        assert (notes["pitch"] == 22).sum() == 32
        assert (notes["pitch"] == 42).sum() == hats


def test_a_kit_of_ones_own_gets_its_own_hat():
    kit = [(24,), (26,), (31, 32), (33,), (), (), (), (40,), (41,)]
    notes = add_hihat(
        _pattern((24, 4), (26, 4), (32, 2)), make_model(HIHAT, bias=20.0), pitch_classes=kit
    ).groove.notes
    assert (notes["pitch"] == 31).sum() == 64
    assert (notes["pitch"] == 32).sum() == 8
    silent = [*kit[:2], (), *kit[3:]]
    with pytest.raises(GrooveFastError, match="pitch_classes: the kit has no closed hi-hat"):
        add_hihat(_pattern((24, 4)), make_model(HIHAT), pitch_classes=silent)
    drums = tap2drum(_pattern((99, 4)), make_model(TAP, bias=20.0), pitch_classes=kit)
    assert set(drums.groove.notes["pitch"]) == {24, 26, 31, 33, 40, 41}
    without_kick = [(), *kit[1:]]
    drums = tap2drum(_pattern((99, 4)), make_model(TAP, bias=20.0), pitch_classes=without_kick)
    assert set(drums.groove.notes["pitch"]) == {26, 31, 33, 40, 41}
    with pytest.raises(GrooveFastError, match="pitch_classes: no pitch in any class"):
        tap2drum(_pattern((99, 4)), make_model(TAP), pitch_classes=[()] * 9)


def test_other_percussion_alone_gets_no_hat():
    with pytest.raises(GrooveFastError, match="source: only percussion beside the drums is played"):
        add_hihat(_pattern((44, 4), (54, 8)), make_model(HIHAT))
    with pytest.raises(GrooveFastError, match="source: none of its notes"):
        add_hihat(_pattern((99, 4)), make_model(HIHAT))


def test_a_hat_that_is_taken_out_is_told_of():
    beat = _pattern((36, 4), (42, 8), (51, 4), bars=2)
    assert add_hihat(beat, make_model(HIHAT, bias=-20.0), replace=True).messages == (
        "bars 1 to 2: the closed hi-hat taken out, as the ride plays",
    )


def test_bars_without_a_new_hat_are_told_of():
    beat = _pattern((36, 4), (38, 4), (51, 8))
    assert add_hihat(beat, make_model(HIHAT, bias=-20.0)).messages == (
        "bars 1 to 4: no closed hi-hat added, as the ride plays",
    )
    beat = _pattern((36, 4), (46, 8))
    assert add_hihat(beat, make_model(HIHAT, bias=-20.0)).messages == (
        "bars 1 to 4: no closed hi-hat added, as the open hi-hat plays",
    )
    assert add_hihat(_pattern((36, 4)), make_model(HIHAT, bias=-20.0)).messages == (
        "bars 1 to 4: no closed hi-hat added; the model hears none there",
    )
    assert add_hihat(_pattern((36, 4)), make_model(HIHAT), amount=0).messages == ()


def test_taps_on_any_channel_and_pitch_become_drums_on_channel_10():
    taps = _pattern((99, 3), (60, 1), channel=3)
    with pytest.raises(GrooveFastError, match=r"channel 4 \(track 1\): 16 notes of 60, 99"):
        tap2drum(taps, make_model(TAP))
    rendition = tap2drum(taps, make_model(TAP, bias=20.0), channel=4)
    notes = read_midi(rendition.midi, ALL_CHANNELS).notes
    assert set(notes["channel"]) == {9}
    assert len(notes) == 9 * 64
    assert len(rendition.groove.notes) == 9 * 64


def test_open_files_are_played(tmp_path):
    make_beat(2, 1).save(tmp_path / "a.mid")
    with (tmp_path / "a.mid").open("rb") as a, (tmp_path / "a.mid").open("rb") as b:
        played = groove_transfer(a, b, make_model(CONTROL))
    assert played == groove_transfer(make_beat(2, 1), make_beat(2, 1), make_model(CONTROL))


def test_a_second_performance_may_have_its_drums_elsewhere():
    beat, model = _pattern((36, 4), (38, 2), channel=0), make_model(CONTROL)
    groove_transfer(beat, make_beat(2), model, channel=1)
    with pytest.raises(GrooveFastError, match="no drums on channel 2"):
        groove_transfer(make_beat(2), beat, model, channel=2)


def test_a_broken_second_performance_is_named(tmp_path):
    (tmp_path / "bad.mid").write_bytes(make_beat(2).to_bytes()[:60])
    with pytest.raises(MidiError, match=r"bad\.mid: "):
        groove_transfer(make_beat(2), tmp_path / "bad.mid", make_model(CONTROL))


def test_tapped_drums_are_those_of_general_midi():
    taps = Groove([(beat / 2, beat / 2 + 0.1, 56, 70) for beat in range(8)])
    drums = tap2drum(taps, make_model(TAP, bias=20.0)).groove
    assert set(drums.notes["pitch"]) == {36, 38, 42, 46, 45, 48, 50, 49, 51}
    assert len(drums.notes) == 9 * 32
    assert len(tap2drum(taps, make_model(TAP, bias=-20.0)).groove.notes) == 8  # one for each tap


def test_tap2drum_hears_only_the_rhythm():
    steps = np.flatnonzero(_hits(make_beat(4)).any(axis=1))
    size = len(steps)
    one, other = (
        Groove.from_hits(steps, drums, np.full(size, velocity), np.zeros(size))
        for drums, velocity in ((np.zeros(size, int), 30), (np.arange(size) % 9, 120))
    )
    assert tap2drum(one, make_model(TAP)).groove == tap2drum(other, make_model(TAP)).groove


def test_amount_lets_the_model_change_ever_more():
    beat = make_beat(8)
    amounts = (0, 0.5, 0.7, 0.9, 1)
    hits = [_hits(tap2drum(beat, make_model(TAP), amount=amount).midi)[:127] for amount in amounts]
    changed = [int((each != hits[0]).sum()) for each in hits]
    assert changed == sorted(changed)
    assert changed[:2] == [0, 0]
    assert changed[-1] > changed[0]


def test_one_window_of_likely_hits_is_what_the_model_decodes():
    beat, model = make_beat(4), make_model(FOUR)
    converter = GrooveConverter.from_config(FOUR, pitch_classes="reduced")
    mu, _ = model.encode(converter.to_tensors(beat).inputs)
    decoded = np.asarray(model.decode(mu, temperature=0))[0, :, :9]
    np.testing.assert_array_equal(_hits(reconstruct(beat, model).midi), decoded)


def test_temperature_draws_hits_as_often_as_they_are_likely():
    beat = make_beat(40)
    cold = add_hihat(beat, make_model(HIHAT, bias=-1.0), True, seed=0)
    warm = add_hihat(beat, make_model(HIHAT, bias=-1.0), True, seed=0, temperature=1.0)
    shares = [_hits(each.midi)[:, CLOSED_HAT].mean() for each in (cold, warm)]
    assert shares[0] < 0.05
    assert 0.15 < shares[1] < 0.45  # sigmoid(-1) is 0.27


def test_spread_0_is_reconstruction():
    beat, model = make_beat(6), make_model(FOUR)
    assert vary(beat, model, spread=0, seed=1) == reconstruct(beat, model, seed=1)


def test_variations_go_ever_further():
    beat, model = make_beat(8), make_model(FOUR)
    hits = [_hits(vary(beat, model, spread=spread, seed=3).midi)[:100] for spread in (0, 0.1, 4)]
    assert (hits[1] != hits[0]).sum() < (hits[2] != hits[0]).sum()


def test_interpolation_begins_at_one_and_ends_at_the_other():
    a, b, model = make_beat(4, 1), make_beat(4, 2), make_model(FOUR)
    path = interpolate(a, b, 5, model)
    assert len(path) == 5
    assert path[0] == reconstruct(a, model)
    np.testing.assert_array_equal(_hits(path[-1].midi), _hits(reconstruct(b, model).midi))


def test_interpolation_can_be_asked_for_one_place():
    a, b, model = make_beat(3), make_beat(2, 7), make_model(FOUR)
    path = interpolate(a, b, 5, model)
    assert [interpolate(a, b, model=model, at=at) for at in (0, 0.25, 1.0)] == [
        [path[index]] for index in (0, 1, 4)
    ]
    for at in (-0.1, 1.1, "half", np.nan):
        with pytest.raises(GrooveFastError, match=r"^at: .* is no number from 0 to 1"):
            interpolate(a, b, model=model, at=at)


# --- Models, options, mistakes --------------------------------------------------------------


@pytest.mark.parametrize(
    "converter",
    [
        {"split_instruments": True},
        {"num_velocity_bins": 8, "num_offset_bins": 8},
        {"split_bars": 1},
        {"split_bars": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["humanize", "add-hihat", "groove-transfer", "reconstruct"])
def test_models_of_every_layout_play(converter, mode):
    beat = make_beat(3)
    model = make_model(playing.MODES[mode].model, bias=1.0, **converter)
    play = {
        "humanize": humanize,
        "add-hihat": lambda source, model: add_hihat(source, model, replace=True),
        "groove-transfer": lambda source, model: groove_transfer(source, make_beat(2), model),
        "reconstruct": reconstruct,
    }[mode]
    rendition = play(beat, model)
    assert rendition.midi != beat.to_bytes()
    if mode in ("humanize", "groove-transfer"):
        np.testing.assert_array_equal(_hits(rendition.midi), _hits(beat))


def test_every_mode_has_a_model_made_for_it():
    assert set(playing.MODES) == {*MODES, "sample", "continue"}
    assert {mode.model for mode in playing.MODES.values()} <= set(included_models())


def test_model_may_be_a_path(tmp_path):
    from groovefast.model.checkpoints import save_model

    save_model(make_model(HUMANIZE), tmp_path / "model")
    beat = make_beat(2)
    assert humanize(beat, tmp_path / "model") == humanize(beat, make_model(HUMANIZE))


@pytest.mark.parametrize(
    ("mode", "play"),
    [
        ("humanize", humanize),
        ("tap2drum", tap2drum),
        ("add-hihat", add_hihat),
        ("groove-transfer", lambda beat, model: groove_transfer(beat, beat, model)),
    ],
)
def test_models_made_for_something_else_are_refused(mode, play):
    with pytest.raises(GrooveFastError) as error:
        play(make_beat(2), make_model(FOUR))
    assert str(error.value) == (
        f"{mode}: not what a model of groovae_4bar has learned; "
        f"give one of {playing.MODES[mode].model}, or none for the included one"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amount": 1.5}, "amount: 1.5 is no number from 0 to 1$"),
        ({"timing": -1}, "timing: -1 is no number from 0 to 1$"),
        ({"dynamics": "soft"}, "dynamics: 'soft' is no number"),
        ({"temperature": -1}, "temperature: -1 is no number from 0 to 1e[+]06"),
        ({"hop_bars": 0}, "hop_bars: 0 is no whole number from 1 on"),
        ({"pitch_classes": "gm"}, "pitch_classes: no such map 'gm'"),
        ({"channel": "10"}, "channel: '10' is no MIDI channel"),
        ({"track": ""}, "track: an empty name"),
        ({"temperature": np.nan}, "temperature: nan is no number"),
        ({"temperature": 1e39}, "temperature: 1e[+]39 is no number"),
        ({"seed": -1}, "seed: -1 is no whole number from 0 to 2,147,483,647"),
        ({"hop_bars": 5}, "hop_bars: 5 is more than the 4 bars this model hears at once"),
        ({"seed": 2**31}, "seed: 2147483648 is no whole number"),
        ({"amount": "half"}, "amount: 'half' is no number"),
        ({"seed": 1.5}, "seed: 1.5 is no whole number"),
        ({"amount": np.nan}, "amount: nan is no number"),
        ({"spread": np.inf}, "spread: inf is no number"),
        ({"spread": -1}, "spread: -1 is no number"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(GrooveFastError, match=message):
        vary(make_beat(1), make_model(FOUR), **options)


def test_an_interpolation_has_two_ends():
    with pytest.raises(GrooveFastError, match="num: 1 is too few"):
        interpolate(make_beat(1), make_beat(1), 1, make_model(FOUR))


def test_broken_files_are_named(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(MidiError, match=r"a\.mid: "):
        humanize(tmp_path / "a.mid", make_model(HUMANIZE))


def test_coarse_ticks_are_told_of():
    beat = Groove(make_beat(2).notes, ticks_per_quarter=96)
    rendition = humanize(beat, make_model(HUMANIZE))
    assert read_midi(rendition.midi).ticks_per_quarter == 480
    assert len(rendition.messages) == 1
    assert humanize(beat, make_model(HUMANIZE), amount=0).messages == ()


def test_rendition_saves(tmp_path):
    rendition = humanize(make_beat(2), make_model(HUMANIZE))
    rendition.save(tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == rendition.midi
    assert Groove.from_midi(tmp_path / "a.mid") == rendition.groove


def test_importing_needs_no_tensorflow(run_python):
    loaded = run_python(
        "import sys, groovefast.playing.modes;"
        "print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    assert loaded == "set()"
