"""Modes with models of tokens: drums, melodies and trios."""

from __future__ import annotations

import numpy as np
import pytest
from token_models import DRUMS, MELODY, SIXTEEN, TRIO, make_token_model

from groovefast import DrumsConverter, Groove, MelodyConverter, TrioConverter, read_midi
from groovefast.config import CONFIGS
from groovefast.drum_part import ALL_CHANNELS
from groovefast.drums import output_pitches
from groovefast.errors import GrooveFastError, OptionError
from groovefast.midi.arrangement import Arrangement
from groovefast.playing import MODES, interpolate, play, reconstruct, sample, vary
from groovefast.windows.tokens import converter_of

KINDS = (DRUMS, MELODY, TRIO)
CONVERTERS = {
    DRUMS: DrumsConverter(2),
    MELODY: MelodyConverter(2),
    TRIO: TrioConverter(16),
}
TUNE = [43, 0, 47, 0, 50, 0, 1, 0] * 4


def music(kind, seed=0, qpm=120.0):
    """A file that a model of some kind can hear."""
    rng = np.random.default_rng(seed)
    tokens = np.tile(np.array(TUNE) + rng.integers(0, 5), 8)
    if kind == MELODY:
        return MelodyConverter().from_tensors(tokens[:32], qpm)[0].to_bytes()
    drums = rng.integers(0, 512, 256)
    if kind == DRUMS:
        return DrumsConverter().from_tensors(drums[:32], qpm)[0].to_bytes()
    parts = np.stack((tokens, np.maximum(tokens - 24, 0) + (tokens == 1), drums), axis=-1)
    return TrioConverter().from_tensors(parts, qpm)[0].to_bytes()


def tokens_of(kind, midi):
    return CONVERTERS[kind].to_tensors(midi).tokens[:1]


def steps_of(kind):
    return 16 * CONFIGS[kind].converter.split_bars


# --- Converters -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if config.tokens])
def test_converters_make_the_windows_of_their_config(name):
    config = CONFIGS[name]
    converter = converter_of(config)
    assert converter.slice_bars == config.converter.split_bars
    model = make_token_model(name)
    depths = converter.layout.tokens
    assert model.sample(1, seed=1).shape[2:] == (() if len(depths) == 1 else (len(depths),))
    window = np.zeros((1, 16 * converter.slice_bars, len(depths)), np.int16)
    heard = converter.layout.inputs(np, window if len(depths) > 1 else window[..., 0])
    np.testing.assert_array_equal(model.encode(heard).mu, model.encode(_plain(window)).mu)


def _plain(window):
    return window if window.shape[-1] > 1 else window[..., 0]


def test_only_melodies_of_two_bars_are_of_few_programs():
    assert converter_of(CONFIGS["cat-mel_2bar_big"]).programs == range(32)
    assert converter_of(CONFIGS["hierdec-mel_16bar"]).programs == range(128)
    with pytest.raises(OptionError, match="groovae_4bar is of performances"):
        converter_of(CONFIGS["groovae_4bar"])


# --- New music ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_new_music_is_what_the_model_draws(kind):
    model = make_token_model(kind)
    played = sample(num=3, model=model, qpm=90, seed=5)
    expected = CONVERTERS[kind].from_tensors(model.sample(3, 0.5, 5), 90)
    assert [each.midi for each in played] == [each.to_bytes() for each in expected]
    assert len({each.midi for each in played}) == 3
    assert [each.pitched for each in played] == [kind != DRUMS] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_are_the_same_however_many(kind):
    model = make_token_model(kind)
    many, few = (sample(num=num, model=model, seed=7, temperature=1.0) for num in (4, 2))
    assert [each.midi for each in few] == [each.midi for each in many[:2]]


def test_temperature_is_that_of_magentas_scripts_unless_told():
    model = make_token_model(MELODY)
    usual, told, other = (
        sample(num=1, model=model, seed=3, **options)[0].midi
        for options in ({}, {"temperature": 0.5}, {"temperature": 1.5})
    )
    assert usual == told != other


def test_drums_are_written_for_the_kit():
    played = sample(num=1, model=make_token_model(DRUMS), seed=2, pitch_classes="roland")[0]
    own = set(output_pitches("roland"))
    assert set(played.groove.notes["pitch"].tolist()) <= own


# --- From files -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_reconstructs_what_it_hears(kind):
    midi, model = music(kind, qpm=93), make_token_model(kind)
    played = reconstruct(midi, model)
    mu = model.encode(tokens_of(kind, midi)).mu
    (expected,) = CONVERTERS[kind].from_tensors(model.decode(mu, temperature=0), 93)
    assert read_midi(played.midi).tempos["qpm"] == pytest.approx([93])
    notes, wanted = (
        read_midi(each, ALL_CHANNELS).notes for each in (played.midi, expected.to_bytes())
    )
    np.testing.assert_array_equal(notes, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_variations_differ_with_the_seed(kind):
    midi, model = music(kind), make_token_model(kind)
    one, again, other = (vary(midi, model, 2.0, seed=seed).midi for seed in (1, 1, 2))
    assert one == again != other
    assert vary(midi, model, 0.0, seed=1).midi == reconstruct(midi, model).midi
    assert [each.midi for each in play("vary", [midi], model, num=2, seed=1, spread=2.0)] == [
        play("vary", [midi], model, num=3, seed=1, spread=2.0)[n].midi.replace(b"of 3", b"of 2")
        for n in range(2)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_interpolates_from_one_end_to_the_other(kind):
    a, b, model = music(kind, 1, 80), music(kind, 2, 140), make_token_model(kind)
    played = interpolate(a, b, 4, model)
    ends = reconstruct(a, model), reconstruct(b, model)
    assert played[0].midi == ends[0].midi
    assert [read_midi(each.midi).tempos["qpm"][0] for each in played] == pytest.approx([80] * 4)
    last, wanted = (read_midi(each.midi, ALL_CHANNELS).notes for each in (played[-1], ends[1]))
    np.testing.assert_array_equal(last["pitch"], wanted["pitch"])
    (half,) = interpolate(a, b, model=model, at=1 / 3)
    assert half.midi == played[1].midi


def test_of_a_longer_file_the_first_window_is_heard():
    model = make_token_model(DRUMS)
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 512, 64)
    long, short = (
        DrumsConverter().from_tensors(each)[0].to_bytes() for each in (tokens, tokens[:32])
    )
    played = reconstruct(long, model)
    assert played.messages == ("3 windows of 2 bars are in it; the first is heard",)
    assert played.midi == reconstruct(short, model).midi
    assert reconstruct(short, model).messages == ()


def test_the_tempo_is_that_of_what_is_heard(tmp_path):
    """Two bars of another tempo, in which there is no melody, come first."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=220)
    conductor, melody = mido.MidiTrack(), mido.MidiTrack()
    conductor.append(mido.MetaMessage("set_tempo", tempo=600_000))
    conductor.append(mido.MetaMessage("set_tempo", tempo=400_000, time=8 * 220))
    for step in range(8):
        wait = 8 * 220 if step == 0 else 110
        melody.append(mido.Message("note_on", note=60 + step, velocity=64, time=wait))
        melody.append(mido.Message("note_off", note=60 + step, time=110))
    file.tracks += [conductor, melody]
    file.save(tmp_path / "a.mid")
    played = reconstruct(tmp_path / "a.mid", make_token_model(MELODY))
    assert read_midi(played.midi).tempos["qpm"] == pytest.approx([150])


# --- What cannot be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        (MELODY, DRUMS, "no melody of the programs wanted beside channel 10; a model of cat-mel"),
        (DRUMS, MELODY, "no drums on channel 10; a model of cat-drums_2bar_small hears 2 bars of"),
        (TRIO, MELODY, "no trio of melody .* hears 16 bars of melody, bass and drums together"),
    ],
)
def test_a_file_without_such_music_is_told(tmp_path, kind, given, problem):
    (tmp_path / "a.mid").write_bytes(music(given))
    for mode in (reconstruct, lambda *words: interpolate(music(kind), words[0], 2, words[1])):
        with pytest.raises(GrooveFastError, match=f"a.mid: {problem}"):
            mode(tmp_path / "a.mid", make_token_model(kind))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.mid").write_bytes(music(MELODY)[:40])
    with pytest.raises(GrooveFastError, match=r"a\.mid: "):
        reconstruct(tmp_path / "a.mid", make_token_model(MELODY))


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("amount", 0.5, "plays all on the grid and equally loud"),
        ("timing", 1.0, "plays all on the grid"),
        ("touch", 0.5, "plays all on the grid"),
        ("hop_bars", 1, "hears one window"),
        ("attributes", {"density": 1.0}, "has no fitted prior"),
        ("channel", 1, "hears a melody"),
        ("pitch_classes", "roland", "plays no drums"),
    ],
)
def test_options_of_grooves_are_refused(option, value, why):
    with pytest.raises(OptionError, match=f"{option}: a model of cat-mel_2bar_small {why}"):
        vary(music(MELODY), make_token_model(MELODY), **{option: value})


def test_options_that_change_nothing_are_not():
    model = make_token_model(MELODY)
    assert vary(music(MELODY), model, seed=1, touch=0.0, amount=1.0, prior="normal", variety=1.0)
    with pytest.raises(OptionError, match="style: a model of cat-mel_2bar_small has no fitted"):
        sample(num=1, model=model, style="funk")
    with pytest.raises(OptionError, match=r"pitch_classes: .* hears the drums of General MIDI"):
        vary(music(DRUMS), make_token_model(DRUMS), pitch_classes="roland")


@pytest.mark.parametrize("mode", ["humanize", "tap2drum", "add-hihat", "continue"])
def test_other_modes_want_models_of_performances(mode):
    with pytest.raises(GrooveFastError, match=f"{mode}: not what a model of cat-drums_2bar_small"):
        play(mode, [music(DRUMS)], make_token_model(DRUMS))


def test_music_is_signed():
    (played,) = play("sample", model=make_token_model(MELODY), model_name="mine", num=1, seed=4)
    assert b"groovefast sample, model mine, seed 4, temperature 0.5, number 1 of 1" in played.midi
    assert isinstance(played.arrangement, Arrangement)
    assert set(MODES) >= {"sample", "vary"}


# --- Sixteen bars of performances -----------------------------------------------------------


def test_sixteen_bars_are_played_as_four_are():
    model = make_token_model(SIXTEEN)
    first, second = sample(num=2, model=model, seed=1)
    assert first.groove.quarters == second.groove.quarters == 64
    assert sample(num=1, model=model, seed=1)[0].midi == first.midi


@pytest.mark.parametrize("bars", [1, 16, 20])
def test_sixteen_bar_models_hear_grooves_of_any_length(bars):
    rng = np.random.default_rng(bars)
    steps = np.arange(0, 16 * bars, 2)
    drums = rng.integers(0, 9, len(steps))
    beat = Groove.from_hits(steps, drums, rng.integers(40, 127, len(steps)), np.zeros(len(steps)))
    model = make_token_model(SIXTEEN)
    for result in (vary(beat, model, seed=1), *interpolate(beat, beat, 2, model)):
        assert result.groove.quarters == beat.quarters
    with pytest.raises(OptionError, match="hop_bars: 17 is more than the 16 bars"):
        vary(beat, model, hop_bars=17)
