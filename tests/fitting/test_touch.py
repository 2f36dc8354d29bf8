"""Fits of a touch: robust where there is little, and right where the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from window_records import random_played, write_performances

from groovefast.config import get_config
from groovefast.errors import GrooveFastError
from groovefast.fitting.touch import Heard, fit, fit_touch
from groovefast.model.checkpoints import load_model, save_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.touch import Touch


def small(name: str) -> GrooVAE:
    return GrooVAE(get_config(name).with_hparams("z_size=4,enc_rnn_size=[6],dec_rnn_size=[5]"))


def drumming(
    runs: int = 60, bars: int = 16, constant: float = 0.0, seed: int = 0
) -> tuple[Heard, np.ndarray]:
    """One hit pattern, means that are known, and scatter of which a share lasts all take."""
    rng = np.random.default_rng(seed)
    hits = np.zeros((runs * bars, 16, 9), bool)
    hits[:, ::2, 2] = True
    hits[:, ::8, 0] = True
    shape = runs * bars, 2, 16, 9
    lasting = np.repeat(rng.standard_normal((runs, 2, 1, 9)), bars, axis=0)
    noise = np.sqrt(constant) * lasting + np.sqrt(1 - constant) * rng.standard_normal(shape)
    predicted = np.broadcast_to(0.5 + 0.1 * rng.standard_normal((1, 2, 16, 9)), shape)
    played = np.clip(predicted + 0.08 * noise, 0.01, 1)
    runs_of = np.repeat(np.arange(runs), bars)
    heard = Heard(hits, played.astype(np.float32), predicted.astype(np.float32), runs_of)
    return heard, hits


@pytest.mark.parametrize("constant", [0.0, 0.6])
def test_what_lasts_is_told_from_what_passes(constant: float) -> None:
    heard, hits = drumming(constant=constant)
    touch = fit(heard, heard, 4)
    flat = hits.reshape(60, -1, 9)
    predicted = heard.predicted.transpose(1, 0, 2, 3).reshape(2, 60, -1, 9)
    drawn, _ = touch.draw(flat, *predicted, 1.0, 0)
    values = drawn.reshape(60, 16, 16, 9)[..., ::2, 2]
    within = values.var(axis=1, ddof=1).mean()
    played = heard.played[:, 0].reshape(60, 16, 16, 9)[..., ::2, 2]
    assert values.var() == pytest.approx(played.var(), rel=0.25)
    assert within == pytest.approx(played.var(axis=1, ddof=1).mean(), rel=0.25)


def test_constant_values_stay_as_they_are() -> None:
    heard, hits = drumming(runs=4)
    same = np.full_like(heard.played, 0.5)
    touch = fit(heard._replace(played=same), heard._replace(played=same), 4)
    flat = hits[:16].reshape(1, -1, 9)
    velocities, offsets = touch.draw(flat, 0.4 * flat, 0.1 * flat, 1.0, 0)
    np.testing.assert_allclose(velocities[flat], 0.5, atol=0.005)
    np.testing.assert_allclose(offsets[flat], 0.5, atol=0.005)


@pytest.mark.parametrize("bars", [0, 1])
def test_of_next_to_nothing(bars: int) -> None:
    heard, _ = drumming(runs=1, bars=4)
    few = Heard(heard.hits.copy(), *heard[1:])
    few.hits[bars:] = False
    touch = fit(few, few, 4)
    for array in (touch.predicted, touch.played, touch.spread, touch.factors, touch.again):
        assert np.isfinite(array).all()
    hits = np.ones((2, 64, 9), bool)
    velocities, offsets = touch.draw(hits, 0.5 * hits, 0.0 * hits, 1.0, 0)
    assert np.isfinite(velocities).all()
    assert velocities.min() > 0
    assert np.abs(offsets).max() <= 1


@pytest.mark.parametrize(
    "name",
    [
        "groovae_4bar",
        "groovae_2bar_humanize",
        "groovae_2bar_tap_fixed_velocity",
        "groovae_2bar_add_closed_hh",
        "groovae_2bar_hits_control",
    ],
)
def test_every_kind_of_model(name: str, tmp_path: Path) -> None:
    shards = write_performances(tmp_path, [random_played(bars, seed=bars) for bars in (4, 6, 9, 3)])
    model = small(name)
    model.touch = fit_touch(model, shards)
    folder = save_model(model, tmp_path / "model")
    loaded = load_model(folder)
    assert isinstance(loaded.touch, Touch)
    hits = np.ones((2, 32, 9), bool)
    velocities, _ = loaded.touch.draw(hits, 0.5 * hits, 0.0 * hits, 1.0, 0)
    assert np.isfinite(velocities).all()


def test_a_touch_belongs_to_its_weights(tmp_path: Path) -> None:
    shards = write_performances(tmp_path, [random_played(5)])
    model = small("groovae_4bar")
    model.touch = fit_touch(model, shards, hop_bars=1)
    folder = save_model(model, tmp_path / "model")
    other = GrooVAE(model.config, seed=1)
    file = (folder / "touch.npz").read_bytes()
    save_model(other, folder)
    assert not (folder / "touch.npz").exists()
    assert load_model(folder).touch is None
    (folder / "touch.npz").write_bytes(file)
    with pytest.raises(GrooveFastError, match="other weights"):
        load_model(folder)
