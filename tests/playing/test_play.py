"""New grooves, and the one door to all modes: what they note, refuse and leave to chance."""

from __future__ import annotations

import dataclasses
import inspect
import re

import mido
import numpy as np
import pytest
from midi_strategies import to_bytes
from midi_texts import texts
from small_models import CONTROL, FOUR, HIHAT, HUMANIZE, make_beat, make_model

from groovefast import Groove, GrooveConverter, GrooveFastError, read_midi
from groovefast.errors import OptionError
from groovefast.playing import MODES, Options, play, sample, vary


def _struck(midi):
    """Pitch and place on the grid of every hit of the drums."""
    notes = read_midi(midi).notes
    steps = np.rint(notes["time"] / 0.125).astype(int)
    return sorted(zip(steps.tolist(), notes["pitch"].tolist(), strict=True))


# --- The table ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_the_table_says_what_the_functions_do_unless_told(mode):
    parameters = inspect.signature(mode.function).parameters
    usual = {field.name: field.default for field in dataclasses.fields(Options)}
    for name, value in mode.options.items():
        if name == "groove_from":
            assert parameters[name].default is inspect.Parameter.empty
        elif name != "temperature":
            default = parameters[name].default if name in parameters else usual[name]
            assert value == default, name
    own = set(parameters) & {"num", "at", "bars", "qpm", "spread", "replace", "groove_from"}
    assert own == set(mode.options) - (usual.keys())
    required = [each for each in parameters.values() if each.default is inspect.Parameter.empty]
    positional = [each for each in required if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert mode.inputs[0] == len([each for each in positional if each.name != "groove_from"])


# --- New grooves ----------------------------------------------------------------------------


def test_new_grooves_are_what_the_model_decodes_from_noise():
    model = make_model(FOUR)
    played = sample(num=3, model=model, qpm=97, temperature=0.7, seed=5, pitch_classes="roland")
    windows = model.sample(3, 0.7, 5)
    expected = GrooveConverter.from_config(FOUR).from_tensors(windows, 97, "roland")
    assert [each.midi for each in played] == [groove.to_bytes() for groove in expected]
    assert len({each.midi for each in played}) == 3


def test_new_grooves_are_usual_ones_unless_told():
    model = make_model(FOUR)
    played = sample(model=model, seed=5)
    assert played == sample(None, 8, model, 120.0, temperature=0.5, seed=5)
    assert played[0].groove.qpm == pytest.approx(120)
    assert sample(model=model, num=1, seed=None) != sample(model=model, num=1, seed=None)


@pytest.mark.parametrize("meter", [(4, 4), (3, 4), (5, 4), (7, 8)])
@pytest.mark.parametrize("notes", [1, 3, 25])
def test_given_hits_are_played_whatever_their_meter_and_length(meter, notes):
    signature = mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1])
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000), signature])
    for _ in range(notes):
        track.append(mido.Message("note_on", channel=9, note=38, velocity=80))
        track.append(mido.Message("note_off", channel=9, note=38, velocity=0, time=240))
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks += [track, mido.MidiTrack([mido.Message("note_on", channel=2, note=60, time=9)])]
    played = sample(midi, 3, make_model(CONTROL), seed=4)
    assert len({each.midi for each in played}) == 3
    for each in played:
        assert _struck(each.midi) == _struck(to_bytes(midi))
        assert read_midi(each.midi, 3).notes["pitch"].tolist() == [60]


def test_the_first_of_many_feels_is_the_same_as_of_few():
    beat, model = make_beat(3), make_model(CONTROL)
    assert sample(beat, 1, model, seed=2) == sample(beat, 4, model, seed=2)[:1]
    assert sample(beat, 1, model, seed=3) != sample(beat, 1, model, seed=2)


@pytest.mark.parametrize(
    ("model", "arguments", "line"),
    [
        (FOUR, {"source": make_beat(2)}, "source: this model makes up its own hits; leave it out"),
        (CONTROL, {}, "source: this model plays given hits; name a MIDI file that has them"),
        (
            CONTROL,
            {"source": make_beat(2), "qpm": 90},
            "qpm: the tempo is that of `source`; leave it out",
        ),
        (FOUR, {"num": 0}, "num: 0 is too few; `mode` sample makes at least 1"),
        (FOUR, {"num": 1.5}, "num: 1.5 is no whole number"),
        (FOUR, {"num": True}, "num: True is no whole number"),
        (FOUR, {"num": 10**20}, "num: no memory for 100,000,000,000,000,000,000 at once"),
        (FOUR, {"num": 10**10}, "num: no memory for 10,000,000,000 at once"),
        (FOUR, {"qpm": 1}, "qpm: 1 is not a tempo MIDI can express"),
        (FOUR, {"temperature": -1}, "temperature: -1 is no number from 0"),
        (FOUR, {"channel": 1}, "channel: of use only with `source`; give that too, or"),
        (FOUR, {"track": "Kit"}, "track: of use only with `source`"),
        (FOUR, {"amount": 0.5}, "amount: of use only with `source`"),
        (FOUR, {"hop_bars": 1}, "hop_bars: of use only with `source`"),
    ],
    ids=str,
)
def test_new_grooves_that_cannot_be_are_refused(model, arguments, line):
    with pytest.raises(OptionError) as error:
        sample(model=make_model(model), **arguments)
    assert str(error.value).startswith(line)


# --- Any mode by its name -------------------------------------------------------------------


def test_what_was_drawn_says_how_to_draw_it_again():
    beat, model = make_beat(2), make_model(HUMANIZE)
    cold, warm, named = (
        play("humanize", [beat], model, model_name=name, temperature=temperature, seed=4)[0].midi
        for temperature, name in ((0, None), (1, None), (1, "mine"))
    )
    assert texts(cold) == []
    assert texts(warm) == [
        "groovefast humanize, model groovae_2bar_humanize, seed 4, temperature 1"
    ]
    assert texts(named) == ["groovefast humanize, model mine, seed 4, temperature 1"]


def test_every_new_groove_says_which_it_is():
    played = play("sample", model=make_model(FOUR), num=2, seed=7, temperature=0)
    assert [texts(each.midi) for each in played] == [
        [f"groovefast sample, model groovae_4bar, seed 7, temperature 0, number {number} of 2"]
        for number in (1, 2)
    ]


def test_a_seed_that_is_not_given_is_drawn_and_noted():
    model = make_model(FOUR)
    first, other = (play("sample", model=model, num=1) for _ in range(2))
    assert first != other
    seed = int(re.search(r"seed (\d+)", texts(first[0].midi)[0])[1])
    assert play("sample", model=model, num=1, seed=seed, qpm=None) == first


def test_variations_are_those_of_one_seed_after_another():
    beat, model = make_beat(2), make_model(FOUR)
    played = play("vary", [beat], model, num=3, seed=5, spread=1)
    assert [texts(each.midi) for each in played] == [
        [
            "groovefast vary, model groovae_4bar, seed 5, temperature 0, spread 1, "
            f"number {number} of 3"
        ]
        for number in (1, 2, 3)
    ]
    expected = [vary(beat, model, 1, seed=seed) for seed in (5, 6, 7)]
    assert [each.groove for each in played] == [each.groove for each in expected]
    assert len({each.midi for each in expected}) == 3


def test_a_seed_after_the_last_is_the_first():
    beat, model = make_beat(2), make_model(FOUR)
    played = play("vary", [beat], model, num=2, seed=2**31 - 1)
    assert played[1].groove == vary(beat, model, seed=0).groove


def test_a_file_tells_all_that_makes_it_again():
    beat, model = make_beat(2), make_model(HUMANIZE)
    how = {"temperature": 1.25, "amount": 0.12345678, "hop_bars": 2, "seed": 3}
    (text,) = texts(play("humanize", [beat], model, **how)[0].midi)
    assert text == (
        "groovefast humanize, model groovae_2bar_humanize, seed 3, temperature 1.25, "
        "amount 0.12345678, hop_bars 2"
    )
    (played,) = play("add-hihat", [beat], make_model(HIHAT), temperature=1, seed=3, replace=True)
    assert texts(played.midi)[0].endswith("seed 3, temperature 1, replace")


def test_one_place_between_two_is_noted_and_has_no_number():
    sources, model = [make_beat(2), make_beat(1, 7)], make_model(FOUR)
    (played,) = play("interpolate", sources, model, at=0.0, seed=3, temperature=1)
    assert texts(played.midi) == [
        "groovefast interpolate, model groovae_4bar, seed 3, temperature 1, at 0"
    ]
    assert len(play("interpolate", sources, model, at=None)) == 5


@pytest.mark.parametrize("name", ["model", "best", "mine"])
def test_files_name_a_model_without_its_path(tmp_path, name):
    from groovefast.model.checkpoints import save_model

    folder = tmp_path / "runs" / name
    save_model(make_model(FOUR), folder)
    (groove,) = play("sample", model=folder, num=1, seed=0)
    (text,) = texts(groove.midi)
    assert f", model {'mine' if name == 'mine' else 'runs'}, seed 0" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("mode", "options", "line"),
    [
        ("vray", {}, "mode: no such choice 'vray'; did you mean vary?"),
        ("vary", {"qpm": 90}, "qpm: of no use to `mode` vary; it is for sample"),
        ("humanize", {"num": 2}, "num: of no use to `mode` humanize; it is for sample or inter"),
        ("vary", {"num": 0}, "num: 0 is too few; `mode` vary makes at least 1"),
        ("interpolate", {"num": 1}, "num: 1 is too few; `mode` interpolate makes at least 2"),
        ("interpolate", {"num": 3, "at": 0.0}, "num: of no use with `at`, which asks for one"),
        ("vary", {"at": 0.5}, "at: of no use to `mode` vary; it is for interpolate"),
        ("groove-transfer", {}, "groove_from: name the performance whose feel `source` is to get"),
    ],
)
def test_what_a_mode_does_not_heed_is_refused(mode, options, line):
    with pytest.raises(OptionError) as error:
        play(mode, [make_beat(1)], "no model is read", **options)
    assert str(error.value).startswith(line)


@pytest.mark.parametrize(
    ("mode", "number", "line"),
    [
        ("humanize", 0, "source: 0 given, but `mode` humanize works on 1"),
        ("groove-transfer", 2, "source: 2 given, but `mode` groove-transfer works on 1"),
        ("interpolate", 1, "source: 1 given, but `mode` interpolate works on 2"),
        ("sample", 2, "source: 2 given, but `mode` sample works on 0 to 1"),
    ],
)
def test_a_mode_works_on_so_many_performances(mode, number, line):
    options = {"groove_from": make_beat(1)} if mode == "groove-transfer" else {}
    with pytest.raises(OptionError) as error:
        play(mode, number * [make_beat(1)], "no model is read", **options)
    assert str(error.value) == line


def test_what_is_as_usual_is_of_use_to_every_mode():
    (played,) = play("reconstruct", [make_beat(1)], make_model(FOUR), replace=False, num=None)
    assert played.midi


def test_a_model_of_whole_files_makes_no_new_grooves():
    with pytest.raises(OptionError, match=r"^model: one of groovae_4bar that hears whole files"):
        sample(model=make_model(FOUR, split_bars=None))


def test_a_model_made_for_something_else_is_refused_by_name():
    with pytest.raises(GrooveFastError, match=r"^tap2drum: not what a model of groovae_4bar has"):
        play("tap2drum", [make_beat(1)], make_model(FOUR))


def test_a_groove_may_be_what_is_played():
    groove = Groove([(0, 0.1, 38, 90), (0.5, 0.6, 36, 80)])
    (played,) = play("reconstruct", [groove], make_model(FOUR), amount=0)
    assert played.midi == groove.to_bytes()


def test_importing_the_wing_needs_no_tensorflow(run_python):
    loaded = run_python(
        "import sys, groovefast.playing;print({'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    assert loaded == "set()"
