"""Whole performances through small untrained models: what stays, what changes, what is refused."""

from __future__ import annotations

import functools

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_strategies import midi_files, other_events, to_bytes

from groovefast import CONFIGS, Groove, GrooveConverter, GrooveFastError, MidiError, read_midi
from groovefast.models import DEFAULT_MODELS
from groovefast.performance import (
    add_hihat,
    groove_transfer,
    humanize,
    interpolate,
    reconstruct,
    tap2drum,
    vary,
)
from groovefast.take import Take

SMALL = "z_size=8,enc_rnn_size=[8],dec_rnn_size=[8,8]"
CLOSED_HAT = 2


@functools.cache
def _model(name, seed=3, bias=0.0, **converter):
    """A model with random weights; `bias` is added to its logits of hits."""
    import dataclasses

    from groovefast import GrooVAE

    config = CONFIGS[name].with_hparams(SMALL)
    config = dataclasses.replace(
        config, converter=dataclasses.replace(config.converter, **converter)
    )
    model = GrooVAE(config, seed=seed)
    output = model.weights["decoder/output_projection/bias"]
    logits = np.zeros(output.shape, np.float32)
    logits[: 9 // config.converter.rows_per_step] = bias
    output.assign(logits)
    for name, variable in model.weights.items():
        if name.endswith(("mu/kernel", "z_to_initial_state/kernel")):
            variable.assign(variable * 1000)  # so that z says something
        if name.endswith("output_projection/kernel"):
            variable.assign(variable * 3)  # and the model is sure of it
    return model


HUMANIZE, TAP, HIHAT, CONTROL, FOUR = (
    "groovae_2bar_humanize",
    "groovae_2bar_tap_fixed_velocity",
    "groovae_2bar_add_closed_hh",
    "groovae_2bar_hits_control",
    "groovae_4bar",
)
MODES = {
    "humanize": lambda source, **options: humanize(source, _model(HUMANIZE), **options),
    "tap2drum": lambda source, **options: tap2drum(source, _model(TAP), **options),
    "add-hihat": lambda source, **options: add_hihat(source, _model(HIHAT), **options),
    "groove-transfer": lambda source, **options: groove_transfer(
        source, _beat(3, 7), _model(CONTROL), **options
    ),
    "reconstruct": lambda source, **options: reconstruct(source, _model(FOUR), **options),
    "interpolate": lambda source, **options: interpolate(
        source, _beat(3, 7), 3, _model(FOUR), **options
    )[1],
    "vary": lambda source, **options: vary(source, _model(FOUR), **options),
}


def _beat(bars, seed=0, qpm=120.0, density=0.15):
    """A groove of random hits with human timing, on a grid fine enough to tell them apart."""
    rng = np.random.default_rng(seed)
    hits = rng.random((16 * bars, 9)) < density
    hits[0, 0] = hits[-1, 1] = True
    steps, drums = np.nonzero(hits)
    size = len(steps)
    offsets = rng.uniform(-0.3, 0.3, size)
    return Groove.from_hits(steps, drums, rng.integers(20, 127, size), offsets, qpm)


def _hits(source):
    return Take(source, CONFIGS[FOUR].converter).grid.hits


def _sorted(notes, fields):
    return sorted(notes[list(fields)].tolist())


WHOLE = ("tick", "end_tick", "pitch", "velocity", "channel", "track")

# --- Every mode -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=8)
@given(data=midi_files())
def test_only_drums_of_known_meters_change(mode, data):
    rendition = MODES[mode](data, seed=0)
    factor = read_midi(rendition.midi).ticks_per_quarter // read_midi(data).ticks_per_quarter
    assert other_events(rendition.midi) == other_events(data, factor)
    config = CONFIGS[FOUR].converter
    before, after = Take(data, config), Take(rendition.midi, config)
    assert after.messages == before.messages
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


@pytest.mark.parametrize("mode", MODES)
def test_same_seed_same_file(mode):
    beat = _beat(5)
    first, again, other = (MODES[mode](beat, seed=seed, temperature=1) for seed in (4, 4, 5))
    assert first == again
    assert first.midi != other.midi


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bars", [1, 2, 3, 11])
def test_any_length_comes_back_in_that_length(mode, bars):
    beat = _beat(bars)
    hits = _hits(MODES[mode](beat, seed=1).midi)
    assert 0 < len(hits) <= len(_hits(beat))


@pytest.mark.parametrize("mode", MODES)
def test_other_meters_pass_through(mode):
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=7, denominator=8)])
    for _ in range(20):
        track.append(mido.Message("note_on", channel=9, note=42, velocity=80))
        track.append(mido.Message("note_off", channel=9, note=42, velocity=0, time=240))
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(track)
    rendition = MODES[mode](midi, seed=1)
    assert rendition.midi == to_bytes(midi)
    assert rendition.messages == ("bars 1 to 3 in 7/8 left unchanged: the model knows 4/4",)


@pytest.mark.parametrize("mode", MODES)
def test_silent_bars_stay_silent(mode):
    beat = _beat(2).notes
    late = beat.copy()
    late["time"] += 20
    late["end_time"] += 20
    hits = _hits(MODES[mode](Groove(np.concatenate((beat, late))), seed=1).midi)
    assert hits[:32].any()
    assert not hits[32 : 16 * 10].any()
    assert hits[16 * 10 :].any()


@pytest.mark.parametrize("mode", MODES)
def test_real_performances(mode, groove_files):
    for path in (groove_files[100], groove_files[700]):
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
    lambda source, **options: reconstruct(source, _model(CONTROL), **options),
    lambda source, **options: vary(source, _model(CONTROL), **options),
]


@pytest.mark.parametrize("play", KEEPING)
@settings(max_examples=15)
@given(data=midi_files(), amount=st.sampled_from((0.3, 1.0)))
def test_every_hit_stays(play, data, amount):
    rendition = play(data, seed=0, amount=amount)
    before, after = read_midi(data).notes, read_midi(rendition.midi).notes
    fields = ("track", "channel", "pitch")
    assert _sorted(after, fields) == _sorted(before, fields)
    np.testing.assert_array_equal(_hits(rendition.midi), _hits(data))


def test_humanize_moves_every_hit_of_a_flat_pattern():
    flat = np.arange(64)
    beat = Groove.from_hits(flat, flat % 9, np.full(64, 100), np.zeros(64))
    before, after = read_midi(beat.to_bytes()).notes, humanize(beat, _model(HUMANIZE)).groove.notes
    moved = after["time"] != before["time"]
    assert moved.mean() > 0.9
    assert (after["velocity"] != before["velocity"]).mean() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_one_window_is_what_the_model_decodes(seed):
    beat, model = _beat(2, seed), _model(HUMANIZE)
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
    beat = _beat(4)
    steps, drums = np.nonzero(_hits(beat))
    flat = Groove.from_hits(steps, drums, np.full(len(steps), 90), np.zeros(len(steps)))
    one, other = (humanize(each, _model(HUMANIZE)).groove.notes for each in (beat, flat))
    assert _sorted(one, ("time", "pitch", "velocity")) == _sorted(
        other, ("time", "pitch", "velocity")
    )


def test_transfer_takes_the_feel_of_the_other():
    beat, model = _beat(4), _model(CONTROL)
    first, second = (groove_transfer(beat, _beat(2, seed), model).groove for seed in (1, 2))
    assert first != second
    assert sorted(first.notes["pitch"]) == sorted(second.notes["pitch"])


def test_transfer_of_its_own_groove_is_reconstruction():
    beat = _beat(2)
    assert groove_transfer(beat, beat, _model(CONTROL)) == reconstruct(beat, _model(CONTROL))


# --- Modes that choose hits -----------------------------------------------------------------


@settings(max_examples=15)
@given(data=midi_files(), temperature=st.sampled_from((0.0, 1.0)))
def test_added_hats_leave_all_else_alone(data, temperature):
    play = functools.partial(add_hihat, model=_model(HIHAT, bias=0.5), temperature=temperature)
    rendition = play(data, seed=0)
    before, after = (Take(each, CONFIGS[FOUR].converter) for each in (data, rendition.midi))
    old, new = read_midi(data), read_midi(rendition.midi)
    factor = new.ticks_per_quarter // old.ticks_per_quarter
    notes = old.notes.copy()
    for field in ("tick", "end_tick"):
        notes[field] *= factor
    hats = (42, 44)
    others = [each[~np.isin(each["pitch"], hats)] for each in (notes, new.notes)]
    assert _sorted(others[0], WHOLE) == _sorted(others[1], WHOLE)
    kept = [drum for drum in range(9) if drum != CLOSED_HAT]
    rows = min(len(before.grid.hits), len(after.grid.hits))
    for one, other in zip(before.grid, after.grid, strict=True):
        np.testing.assert_allclose(one[:rows, kept], other[:rows, kept], atol=1e-5)


def test_hats_are_added_where_the_model_wants_them():
    beat = _beat(4)
    always, never = (add_hihat(beat, _model(HIHAT, bias=bias)) for bias in (20.0, -20.0))
    assert _hits(always.midi)[:, CLOSED_HAT].all()
    assert not _hits(never.midi)[:, CLOSED_HAT].any()


def test_tapped_drums_are_those_of_general_midi():
    taps = Groove([(beat / 2, beat / 2 + 0.1, 56, 70) for beat in range(8)])
    drums = tap2drum(taps, _model(TAP, bias=20.0)).groove
    assert set(drums.notes["pitch"]) == {36, 38, 42, 46, 45, 48, 50, 49, 51}
    assert len(drums.notes) == 9 * 32
    assert len(tap2drum(taps, _model(TAP, bias=-20.0)).groove.notes) == 0


def test_tap2drum_hears_only_the_rhythm():
    steps = np.flatnonzero(_hits(_beat(4)).any(axis=1))
    size = len(steps)
    one, other = (
        Groove.from_hits(steps, drums, np.full(size, velocity), np.zeros(size))
        for drums, velocity in ((np.zeros(size, int), 30), (np.arange(size) % 9, 120))
    )
    assert tap2drum(one, _model(TAP)).groove == tap2drum(other, _model(TAP)).groove


def test_amount_lets_the_model_change_ever_more():
    beat = _beat(8)
    amounts = (0, 0.5, 0.7, 0.9, 1)
    hits = [_hits(tap2drum(beat, _model(TAP), amount=amount).midi)[:127] for amount in amounts]
    changed = [int((each != hits[0]).sum()) for each in hits]
    assert changed == sorted(changed)
    assert changed[:2] == [0, 0]
    assert changed[-1] > changed[0]


def test_one_window_of_likely_hits_is_what_the_model_decodes():
    beat, model = _beat(4), _model(FOUR)
    converter = GrooveConverter.from_config(FOUR, pitch_classes="reduced")
    mu, _ = model.encode(converter.to_tensors(beat).inputs)
    decoded = np.asarray(model.decode(mu, temperature=0))[0, :, :9]
    np.testing.assert_array_equal(_hits(reconstruct(beat, model).midi), decoded)


def test_temperature_draws_hits_as_often_as_they_are_likely():
    beat = _beat(40)
    cold = add_hihat(beat, _model(HIHAT, bias=-1.0), seed=0)
    warm = add_hihat(beat, _model(HIHAT, bias=-1.0), seed=0, temperature=1.0)
    shares = [_hits(each.midi)[:, CLOSED_HAT].mean() for each in (cold, warm)]
    assert shares[0] < 0.05
    assert 0.15 < shares[1] < 0.45  # sigmoid(-1) is 0.27


def test_spread_0_is_reconstruction():
    beat, model = _beat(6), _model(FOUR)
    assert vary(beat, model, spread=0, seed=1) == reconstruct(beat, model, seed=1)


def test_variations_go_ever_further():
    beat, model = _beat(8), _model(FOUR)
    hits = [_hits(vary(beat, model, spread=spread, seed=3).midi)[:100] for spread in (0, 0.1, 4)]
    assert (hits[1] != hits[0]).sum() < (hits[2] != hits[0]).sum()


def test_interpolation_begins_at_one_and_ends_at_the_other():
    a, b, model = _beat(4, 1), _beat(4, 2), _model(FOUR)
    path = interpolate(a, b, 5, model)
    assert len(path) == 5
    assert path[0] == reconstruct(a, model)
    np.testing.assert_array_equal(_hits(path[-1].midi), _hits(reconstruct(b, model).midi))


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
    beat = _beat(3)
    model = _model(DEFAULT_MODELS[mode], bias=1.0, **converter)
    play = {
        "humanize": humanize,
        "add-hihat": add_hihat,
        "groove-transfer": lambda source, model: groove_transfer(source, _beat(2), model),
        "reconstruct": reconstruct,
    }[mode]
    rendition = play(beat, model)
    assert rendition.midi != beat.to_bytes()
    if mode in ("humanize", "groove-transfer"):
        np.testing.assert_array_equal(_hits(rendition.midi), _hits(beat))


def test_every_mode_has_a_model_made_for_it():
    assert set(DEFAULT_MODELS) == {*MODES, "sample"}
    assert set(DEFAULT_MODELS.values()) <= set(CONFIGS)


def test_model_may_be_a_path(tmp_path):
    from groovefast.checkpoints import save_model

    save_model(_model(HUMANIZE), tmp_path / "model")
    beat = _beat(2)
    assert humanize(beat, tmp_path / "model") == humanize(beat, _model(HUMANIZE))


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
        play(_beat(2), _model(FOUR))
    assert str(error.value) == (
        f"{mode}: not what a model of groovae_4bar has learned; "
        f"give one of {DEFAULT_MODELS[mode]}, or none for the included one"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amount": 1.5}, r"amount: 1.5 is not in 0\.\.1"),
        ({"temperature": -1}, "temperature: -1 is not 0 or more"),
        ({"hop_bars": 0}, "hop_bars: 0 is not 1 or more"),
        ({"pitch_classes": "gm"}, "pitch_classes: no such map 'gm'"),
        ({"channels": "10"}, "channels: one of drums, all wanted"),
        ({"spread": -1}, "spread: -1 is not 0 or more"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(GrooveFastError, match=message):
        vary(_beat(1), _model(FOUR), **options)


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"interpolate"}))
def test_models_play_grooves(mode):
    beat, model = _beat(3), _model(DEFAULT_MODELS[mode])
    others = (_beat(3, 7),) if mode == "groove-transfer" else ()
    name = mode.replace("-", "_")
    assert getattr(model, name)(beat, *others, seed=1) == MODES[mode](beat, seed=1).groove


def test_an_interpolation_has_two_ends():
    with pytest.raises(GrooveFastError, match="num: 1 given"):
        interpolate(_beat(1), _beat(1), 1, _model(FOUR))


def test_broken_files_are_named(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(MidiError, match=r"a\.mid: "):
        humanize(tmp_path / "a.mid", _model(HUMANIZE))


def test_coarse_ticks_are_told_of():
    beat = Groove(_beat(2).notes, ticks_per_quarter=96)
    rendition = humanize(beat, _model(HUMANIZE))
    assert read_midi(rendition.midi).ticks_per_quarter == 480
    assert len(rendition.messages) == 1
    assert humanize(beat, _model(HUMANIZE), amount=0).messages == ()


def test_rendition_saves(tmp_path):
    rendition = humanize(_beat(2), _model(HUMANIZE))
    rendition.save(tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == rendition.midi
    assert Groove.from_midi(tmp_path / "a.mid") == rendition.groove


def test_importing_needs_no_tensorflow(run_python):
    loaded = run_python(
        "import sys, groovefast.performance; print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    assert loaded == "set()"
