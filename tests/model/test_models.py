"""The trained models that come with the package: all there, small, and as good as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest
from measured import from_grid

from groovefast import CONFIGS, GrooveConverter, load_model
from groovefast.evaluation.evaluate import evaluate
from groovefast.evaluation.measures import ALL
from groovefast.model.models import included_model, included_models

MAX_BYTES = 10_000_000
MAX_BYTES_OF_SIXTEEN_BARS = 26_000_000
FIGURES = {
    "groovae_2bar_humanize": {"timing_mae_ms": 15.76, "velocity_mae": 0.143},
    "groovae_2bar_hits_control": {"timing_mae_ms": 8.84, "velocity_mae": 0.119},
    "groovae_2bar_add_closed_hh": {"f1": 0.802, "timing_mae_ms": 10.62, "velocity_mae": 0.148},
    "groovae_2bar_tap_fixed_velocity": {"f1": 0.732, "timing_mae_ms": 8.43, "velocity_mae": 0.144},
    "groovae_2bar_tap_fixed_velocity_note_dropout": {
        "f1": 0.716,
        "timing_mae_ms": 8.53,
        "velocity_mae": 0.142,
    },
    "groovae_4bar": {"f1": 0.958, "timing_mae_ms": 8.76, "velocity_mae": 0.106},
    "groovae_16bar": {"f1": 0.891, "timing_mae_ms": 10.65, "velocity_mae": 0.110},
}
"""Of the handful of windows below, at temperature 0."""


@pytest.fixture(scope="module", params=sorted(FIGURES))
def name(request):
    return request.param


@pytest.fixture
def handful(groove_dir, name):
    """Up to six windows of each of ten performances that no model was trained on."""
    config = CONFIGS[name].converter
    converter = GrooveConverter(split_bars=config.split_bars, hop_bars=2)
    session = sorted((groove_dir / "drummer1" / "eval_session").glob("*_beat_4-4.mid"))
    found = [converter.to_tensors(path) for path in session]
    grids = np.concatenate([each.outputs[:6] for each in found])
    qpms = np.concatenate([each.qpms[:6] for each in found])
    assert len(grids) * config.split_bars > 100
    return from_grid(grids, qpms)


def test_every_mode_has_its_model(name):
    assert name in CONFIGS
    assert name in included_models()


@pytest.mark.parametrize("other", ["", ".", "..", "none", "../models"])
def test_what_is_not_included_has_no_folder(other):
    assert included_model(other) is None


def test_a_model_is_small_and_tells_what_it_is(name):
    folder = included_model(name)
    most = MAX_BYTES_OF_SIXTEEN_BARS if name == "groovae_16bar" else MAX_BYTES
    assert sum(path.stat().st_size for path in folder.iterdir()) <= most
    assert json.loads((folder / "config.json").read_text())["config"]["name"] == name
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for told in (
        name,
        "Groove MIDI",
        "CC BY 4.0",
        "scripts/train_models.sh",
        "groovefast-evaluate",
        "| **this model** |",
    ):
        assert told in card


def test_a_model_is_as_good_as_it_was(name, handful):
    model = load_model(name, backend="tensorflow")
    scores = evaluate(model, handful, resamples=0).rows[0].scores[ALL]
    figures = {field: getattr(scores, field).value for field in FIGURES[name]}
    assert figures == pytest.approx(FIGURES[name], rel=0.03)
