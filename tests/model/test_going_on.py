"""Models without z: nothing but a decoder, which goes on from what it hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_models import make_model, make_rnn

from groovefast import load_model
from groovefast.config import CONFIGS
from groovefast.errors import GrooveFastError, OptionError
from groovefast.model.checkpoints import save_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.magenta import export_tf1
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.plan import layers
from groovefast.windows.rows import Grid, RowLayout

CLOSE = 1e-5
KINDS = {
    "bins": {},
    "numbers": {"num_velocity_bins": 0, "num_offset_bins": 0},
    "split": {"split_instruments": True, "num_offset_bins": 0},
}


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request: pytest.FixtureRequest) -> tuple[GrooVAE, NumpyGrooVAE]:
    slow = make_rnn(**KINDS[request.param])
    return slow, in_numpy(slow)


def in_numpy(slow: GrooVAE) -> NumpyGrooVAE:
    return NumpyGrooVAE(slow.config, {name: x.numpy() for name, x in slow.weights.items()})


def heard(model: NumpyGrooVAE | GrooVAE, n: int = 3, steps: int = 20) -> np.ndarray:
    """Random performances as the model hears them."""
    rng = np.random.default_rng(1)
    hits = (rng.random((n, steps, 9)) < 0.2).astype(np.float32)
    values = hits * rng.uniform(0.1, 1, hits.shape), hits * rng.uniform(-1, 1, hits.shape)
    grid = Grid(hits, *(each.astype(np.float32) for each in values))
    return np.asarray(RowLayout.of(model.config.converter).assemble(np, grid))


def nothing(rows: np.ndarray) -> np.ndarray:
    """The z of these windows."""
    return np.zeros((len(rows), 0), np.float32)


def test_there_is_only_a_decoder() -> None:
    plan = layers(CONFIGS["groove_rnn"])
    assert plan.encoder == ()
    assert all(name.startswith(("decoder/multi_rnn", "decoder/output")) for name in plan.shapes())
    depth = RowLayout.of(CONFIGS["groove_rnn"].converter).depth
    assert plan.decoders[0].cells[0].lstm.inputs == depth + 256


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.5])
def test_both_libraries_go_on_alike(pair: tuple[GrooVAE, NumpyGrooVAE], temperature: float) -> None:
    slow, quick = pair
    rows, silent = heard(quick), np.arange(36) % 16 > 11
    ours, theirs = (model.go_on(rows, 36, temperature, 4, silent) for model in (quick, slow))
    assert ours.shape == (3, 36, rows.shape[2])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    drums = quick._layout.drums
    assert ours[:, ~silent, :drums].any() or not temperature
    np.testing.assert_array_equal(
        ours[:, silent], np.broadcast_to(quick._layout.silence, ours[:, silent].shape)
    )


def test_both_libraries_say_the_same_of_what_was_played(
    pair: tuple[GrooVAE, NumpyGrooVAE],
) -> None:
    slow, quick = pair
    rows = heard(quick)
    ours, theirs = (model.teacher_forced(nothing(rows), rows) for model in (quick, slow))
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)
    ours, theirs = (model.decode(nothing(rows), seed=3, steps=18) for model in (quick, slow))
    np.testing.assert_allclose(ours, theirs, atol=CLOSE)


def test_what_follows_is_the_likeliest_after_all_that_came_before(
    pair: tuple[GrooVAE, NumpyGrooVAE],
) -> None:
    _, quick = pair
    rows = heard(quick)
    whole = np.concatenate((rows, quick.go_on(rows, 15, temperature=0)), axis=1)
    logits = quick.teacher_forced(nothing(whole), whole)[:, rows.shape[1] :]
    drums = quick._layout.drums
    np.testing.assert_array_equal(whole[:, rows.shape[1] :, :drums], logits[..., :drums] > 0)


def test_going_on_twice_is_going_on_once(pair: tuple[GrooVAE, NumpyGrooVAE]) -> None:
    """Nothing is forgotten on the way: what was drawn is heard like what was played."""
    _, quick = pair
    rows = heard(quick)
    once = quick.go_on(rows, 30, temperature=0)
    first = quick.go_on(rows, 12, temperature=0)
    then = quick.go_on(np.concatenate((rows, first), axis=1), 18, temperature=0)
    np.testing.assert_allclose(np.concatenate((first, then), axis=1), once, atol=CLOSE)


def test_the_first_rows_are_the_same_however_many_there_are() -> None:
    quick = in_numpy(make_rnn())
    rows = heard(quick, n=1)
    many = quick.go_on(rows, 50, seed=8)
    np.testing.assert_array_equal(quick.go_on(rows, 7, seed=8), many[:, :7])
    assert not np.array_equal(quick.go_on(rows, 50, seed=9), many)
    assert quick.go_on(rows, 0).shape == (1, 0, rows.shape[2])
    assert quick.go_on(rows[:, :0], 5).shape == (1, 5, rows.shape[2])
    assert quick.go_on(rows[:0], 5).shape == (0, 5, rows.shape[2])


def test_what_was_heard_long_ago_counts() -> None:
    quick = in_numpy(make_rnn())
    rows = heard(quick, n=1, steps=40)
    other = rows.copy()
    other[:, 0] = rows[:, 1]
    ours, theirs = (
        quick.teacher_forced(nothing(each), np.concatenate((each, rows), axis=1))
        for each in (rows, other)
    )
    assert not np.array_equal(ours[:, 40:], theirs[:, 40:])


def test_drums_that_are_not_hit_say_nothing() -> None:
    quick = in_numpy(make_rnn())
    drawn = quick.go_on(heard(quick), 40, seed=1)
    is_hit = drawn[..., quick._layout.hit_columns] > 0
    assert is_hit.any()
    np.testing.assert_array_equal(
        drawn[~is_hit], np.broadcast_to(quick._layout.silence, drawn.shape)[~is_hit]
    )


def test_the_loss_is_that_of_the_next_step_and_reaches_every_weight() -> None:
    model = make_rnn()
    rows = heard(model)
    with tf.GradientTape() as tape:
        losses = model.losses(rows, rows, seed=1)
    gradients = tape.gradient(losses["total"], list(model.weights.values()))
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    assert not np.any(losses["kl"])
    logits = model.teacher_forced(nothing(rows), rows)
    expected = model._row.losses(logits, rows).loss.numpy().sum(axis=1)
    np.testing.assert_allclose(losses["r_loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(losses["total"], expected.mean(), rtol=1e-5)


@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_scheduled_sampling_and_dropout(probability: float) -> None:
    model = make_rnn()
    rows = heard(model)
    losses = model.losses(
        rows, rows, sampling_probability=probability, dropout_keep_prob=0.5, seed=1
    )
    assert np.isfinite(losses["total"])
    assert losses["total"] != model.losses(rows, rows)["total"]


@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
def test_it_is_saved_and_loaded(tmp_path: Path, backend: str) -> None:
    model = make_rnn()
    rows = heard(model)
    expected = in_numpy(model).go_on(rows, 20, seed=3)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model", backend=backend)
    np.testing.assert_allclose(again.go_on(rows, 20, seed=3), expected, atol=CLOSE)
    checkpoint = export_tf1(model, tmp_path / "tf1", 5)
    again = load_model(checkpoint, "groove_rnn", backend=backend)
    np.testing.assert_allclose(again.go_on(rows, 20, seed=3), expected, atol=CLOSE)


@pytest.mark.parametrize("make", [make_rnn, lambda: in_numpy(make_rnn())])
def test_mistakes_are_told(make) -> None:
    model = make()
    rows = heard(model)
    with pytest.raises(GrooveFastError, match="groove_rnn has no encoder"):
        model.encode(rows)
    with pytest.raises(GrooveFastError, match=r"rows: shape \(n, steps, 297\) wanted"):
        model.go_on(rows[..., :27], 3)
    with pytest.raises(GrooveFastError, match=r"silent: shape \(3,\) wanted"):
        model.go_on(rows, 3, silent=[True])
    with pytest.raises(OptionError, match="steps"):
        model.go_on(rows, -1)
    with pytest.raises(OptionError, match="temperature"):
        model.go_on(rows, 3, temperature=-1)
    with pytest.raises(OptionError, match="touch: a model of groove_rnn draws velocities"):
        model.fitted_touch()


def test_a_model_with_z_does_not_go_on() -> None:
    model = make_model("groovae_4bar")
    with pytest.raises(GrooveFastError, match="groovae_4bar does not go on"):
        model.go_on(np.zeros((1, 16, 27)), 3)
