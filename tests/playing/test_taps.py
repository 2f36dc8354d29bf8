"""Rhythms tapped by anyone: every tap is answered, however few they are."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import TAP, make_model

from groovefast import CONFIGS, Groove, load_model
from groovefast.playing.modes import MODES, tap2drum
from groovefast.playing.take import Take

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "tap.mid"
RHYTHMS = {
    "one": (0,),
    "two and four": (4, 12),
    "tresillo": (0, 6, 12),
    "quarters": (0, 4, 8, 12),
    "son clave": (0, 3, 6, 10, 12),
    "bossa nova": (0, 3, 6, 10, 13),
    "off beats": (2, 6, 10, 14),
    "eighths": tuple(range(0, 16, 2)),
    "sixteenths": tuple(range(16)),
}


def taps_on(steps, bars=4, qpm=120.0):
    times = [(16 * bar + step) * 15 / qpm for bar in range(bars) for step in steps]
    return Groove([(time, time + 0.05, 60, 80) for time in times], qpm)


def answered(taps, drums):
    """Which taps have a hit within a sixteenth."""
    away = np.abs(taps.notes["time"][:, None] - drums.notes["time"])
    return away.min(axis=1, initial=np.inf) <= 15 / taps.qpm


@settings(max_examples=20)
@given(st.sets(st.integers(0, 15), min_size=1), st.sampled_from([0.0, 0.5, 2.0]))
def test_a_model_that_would_rather_be_silent_answers_each_tap_once(steps, temperature):
    model = make_model(TAP, bias=-300.0)
    taps = taps_on(sorted(steps))
    drums = tap2drum(taps, model, temperature=temperature, seed=1).groove
    assert answered(taps, drums).all()
    assert len(drums.notes) == len(taps.notes)


def test_answers_differ_as_the_model_finds_likely():
    drums = tap2drum(taps_on(range(16)), make_model(TAP, bias=-8.0)).groove
    assert len(set(drums.notes["pitch"])) > 1


def test_answers_are_on_drums_that_the_kit_has():
    kit = [(36,), (38,), *[()] * 7]
    drums = tap2drum(taps_on(range(16)), make_model(TAP, bias=-300.0), pitch_classes=kit).groove
    assert len(drums.notes) == 64
    assert set(drums.notes["pitch"]) <= {36, 38}


@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_taps_are_answered_at_any_amount(amount):
    taps = taps_on(RHYTHMS["son clave"])
    drums = tap2drum(taps, make_model(TAP, bias=-20.0), amount=amount).groove
    assert answered(taps, drums).all()


def test_where_a_drum_is_likely_none_is_added():
    taps, model = taps_on(RHYTHMS["quarters"]), make_model(TAP, bias=1.0)
    hits = Take(tap2drum(taps, model).midi, CONFIGS[TAP].converter).grid.hits
    assert (hits.sum(axis=1)[::4] > 1).any()


@functools.cache
def included():
    return load_model(MODES["tap2drum"].model)


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_the_included_model_answers_rhythms(rhythm):
    taps = taps_on(RHYTHMS[rhythm])
    assert answered(taps, tap2drum(taps, included()).groove).all()


def test_the_included_model_answers_the_example():
    drums = tap2drum(EXAMPLE, included()).groove
    assert answered(Groove.from_midi(EXAMPLE), drums).all()
