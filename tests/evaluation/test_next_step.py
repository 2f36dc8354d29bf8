"""What is measured of a model that goes on, on small untrained ones and random performances."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from small_models import make_model, make_rnn
from window_records import random_played, write_performances

from groovefast.errors import GrooveFastError, OptionError
from groovefast.evaluation.next_step import NextStepEvaluation, evaluate_next_step
from groovefast.windows.dataset import load_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_performances(folder, [random_played(17, seed) for seed in range(3)], name="train")
    write_performances(folder, [random_played(bars, bars) for bars in (8, 17, 25)], name="test")
    return folder


@pytest.fixture(scope="module")
def measured(data: Path) -> NextStepEvaluation:
    return evaluate_next_step(make_rnn(), data / "test-*", data / "train-*", batch_size=5)


def test_what_is_beside_the_model(measured: NextStepEvaluation) -> None:
    assert [row.name for row in measured.rows] == [
        "this model",
        "the same, untrained",
        "last bar repeated",
        "n-gram of the two steps before",
        "n-gram of the same step a bar before",
        "played",
    ]
    assert (measured.windows, measured.pieces, measured.bars) == (1 + 10 + 18, 1 + 2, 8)
    played, repeated = measured.rows[-1], measured.rows[2]
    assert played.bits is None
    assert played.following.f1 == 1
    assert repeated.following.repeats == repeated.following.bar_before == 1
    assert repeated.following.hits_per_bar > 0


def test_bits_are_the_loss_of_the_model(measured: NextStepEvaluation, data: Path) -> None:
    model = make_rnn()
    ((_, rows, _),) = load_dataset(data / "test-*", model.config, 100, shuffle=False)
    losses = model.losses(rows, rows)
    bits = measured.rows[0].bits
    for name in ("hits", "velocities", "offsets"):
        expected = float(losses[f"{name}_loss"]) / math.log(2)
        assert getattr(bits, name) == pytest.approx(expected, rel=1e-4)
    assert bits.hits_accuracy == pytest.approx(float(losses["hits_accuracy"]), abs=1e-6)
    assert bits.all == pytest.approx(float(np.mean(losses["r_loss"])) / 128 / math.log(2), rel=1e-4)


def test_bits_of_the_repeat_are_those_of_how_often_drums_repeat(
    measured: NextStepEvaluation,
) -> None:
    """A sixth of the cells is hit, whatever was a bar before."""
    entropy = -9 * sum(p * math.log2(p) for p in (1 / 6, 5 / 6))
    assert measured.rows[2].bits.hits == pytest.approx(entropy, rel=0.05)


def test_numbers_are_plain(measured: NextStepEvaluation) -> None:
    again = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert again["config"]["name"] == "groove_rnn"
    first, repeated = again["rows"][0], again["rows"][2]
    assert first["bits"]["all"] == pytest.approx(measured.rows[0].bits.all)
    assert repeated["bits"]["velocities"] is None
    assert 0 <= first["following"]["repeats"] <= 1


def test_the_same_seed_gives_the_same(measured: NextStepEvaluation, data: Path) -> None:
    again, other = (
        evaluate_next_step(make_rnn(), data / "test-*", batch_size=5, seed=seed) for seed in (0, 1)
    )
    assert again.rows[0] == measured.rows[0]
    assert other.rows[0].bits == again.rows[0].bits
    assert other.rows[0].following != again.rows[0].following
    assert "n-gram" not in str([row.name for row in again.rows])


def test_mistakes_are_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError, match="groovae_4bar has z"):
        evaluate_next_step(make_model("groovae_4bar"), data / "test-*")
    with pytest.raises(OptionError, match="temperature"):
        evaluate_next_step(make_rnn(), data / "test-*", temperature=-1)
    write_performances(tmp_path, [random_played(9)], name="short")
    with pytest.raises(GrooveFastError, match=r"16 bars|no window"):
        evaluate_next_step(make_rnn(), tmp_path / "short-*")
