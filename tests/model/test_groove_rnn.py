"""The trained model that goes on: small, as good as it was, and what it plays is drumming."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from groovefast import GrooveConverter, load_model
from groovefast.model.models import included_model
from groovefast.playing import continue_groove

MAX_BYTES = 3_000_000
HITS_BITS, HITS_ACCURACY = 1.455, 0.9587
"""Of the handful of windows below."""


@pytest.fixture(scope="module")
def handful(groove_dir: Path) -> np.ndarray:
    """Up to three windows of eight bars of each of ten performances that it was not trained on."""
    config = load_model("groove_rnn").config
    converter = GrooveConverter.from_config(config)
    session = sorted((groove_dir / "drummer1" / "eval_session").glob("*_beat_4-4.mid"))
    return np.concatenate([converter.to_tensors(path).outputs[:24:8] for path in session])


def test_it_is_small_and_tells_what_it_is() -> None:
    folder = included_model("groove_rnn")
    assert folder is not None
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MAX_BYTES
    assert json.loads((folder / "config.json").read_text())["config"]["name"] == "groove_rnn"
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for told in ("Groove MIDI", "CC BY 4.0", "scripts/train_models.sh", "| **this model** |"):
        assert told in card


def test_it_is_as_good_as_it_was(handful: np.ndarray) -> None:
    model = load_model("groove_rnn")
    assert len(handful) >= 20
    logits = model.teacher_forced(np.zeros((len(handful), 0)), handful)[..., :9]
    hits = handful[..., :9] > 0
    bits = np.logaddexp(0, np.where(hits, -logits, logits)).sum(axis=-1).mean() / math.log(2)
    assert bits == pytest.approx(HITS_BITS, rel=0.02)
    assert ((logits > 0) == hits).mean() == pytest.approx(HITS_ACCURACY, abs=0.003)


def test_both_libraries_play_the_same(handful: np.ndarray) -> None:
    quick, slow = (load_model("groove_rnn", backend=backend) for backend in ("numpy", "tensorflow"))
    ours, theirs = (np.asarray(model.go_on(handful[:8], 200, seed=3)) for model in (quick, slow))
    np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (
        np.asarray(model.teacher_forced(np.zeros((8, 0)), handful[:8])) for model in (quick, slow)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_beat_goes_on_as_a_beat() -> None:
    """Kick and snare stay where they were, mostly, and the time-keeping goes on."""
    beat = Path(__file__).parents[2] / "docs" / "examples" / "flat.mid"
    midi = continue_groove(beat, 8, seed=1).midi
    converter = GrooveConverter(split_bars=1)
    heard, after = (converter.to_tensors(each).outputs[..., :9] for each in (beat, midi))
    new = after[len(heard) :]
    assert 7 <= len(new) <= 8
    per_bar = heard.sum() / len(heard)
    assert 0.5 * per_bar < new.sum() / len(new) < 2 * per_bar
