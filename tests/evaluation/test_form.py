"""What comes back after some bars, and where phrases end."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast.drums import NUM_CLASSES
from groovefast.evaluation.form import Form, measure_form
from groovefast.evaluation.measures import Performances


def windows(bars: np.ndarray) -> Performances:
    """Of bars, each a number of hits of its own, (n, bars)."""
    hits = np.zeros((*bars.shape, 16, NUM_CLASSES), bool)
    for place in np.ndindex(bars.shape):
        hits[place].reshape(-1)[bars[place] * 4 : bars[place] * 4 + 4] = True
    n, length = bars.shape
    hits = hits.reshape(n, length * 16, NUM_CLASSES)
    nothing = np.zeros(hits.shape, np.float32)
    return Performances(hits, nothing, nothing, np.full(n, 120.0))


def test_a_phrase_of_four_bars_comes_back_after_four() -> None:
    form = measure_form(windows(np.array([[0, 1, 0, 2] * 4])))
    assert form.likeness == {1: 0, 2: 0.5, 4: 1, 8: 1}
    assert form.fills == {4: 1, 8: 1, 12: 1, 16: 1}


def test_fills_are_counted_over_windows() -> None:
    bars = np.zeros((4, 8), int)
    bars[0, 3] = bars[1, 3] = bars[1, 7] = 5
    form = measure_form(windows(bars))
    assert form.fills == {4: 0.5, 8: 0.25}
    assert list(form.likeness) == [1, 2, 4]
    assert form.likeness[4] == pytest.approx(15 / 16)


def test_short_windows_have_no_form() -> None:
    assert measure_form(windows(np.zeros((3, 4), int))) == Form()


def test_no_windows_have_no_numbers() -> None:
    form = measure_form(windows(np.zeros((0, 16), int)))
    assert np.isnan([*form.likeness.values(), *form.fills.values()]).all()
    assert form.to_json()["fills"] == dict.fromkeys(("4", "8", "12", "16"))
