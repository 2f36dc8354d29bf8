"""Directions of attributes, of a made-up decoder whose directions are known."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast.fitting.directions import calibrate, effects_of, regress

Z, N = 6, 500
RNG = np.random.default_rng(0)
TRUE = RNG.standard_normal((3, Z))
"""What each attribute makes of z: far from at right angles."""
LATENTS = RNG.standard_normal((N, Z)).astype(np.float32)


def decoded(z: np.ndarray) -> np.ndarray:
    """Attributes that saturate, as those of grooves do; the last cannot be moved."""
    values = 5 * np.tanh(z @ TRUE.T / 5)
    return np.column_stack([values, np.full(len(z), 7.0)])


def test_regression_finds_what_moves_together() -> None:
    """Latents that are made of attributes and noise are taken apart again."""
    attributes = RNG.standard_normal((20_000, 2)) @ [[1, 0.8], [0, 0.6]] * [3, 0.1] + 5
    axes = RNG.standard_normal((2, Z))
    standard = (attributes - attributes.mean(0)) / attributes.std(0)
    latents = standard @ axes + 0.1 * RNG.standard_normal((len(attributes), Z))
    np.testing.assert_allclose(regress(latents, attributes), axes, atol=0.02)


def test_calibrated_directions_move_their_own_attribute() -> None:
    attributes = decoded(LATENTS)
    deviations = np.where(attributes.std(0) > 0, attributes.std(0), 1)
    mixed = np.array([[1, 0.4, 0, 0], [0, 1, 0.4, 0], [0.4, 0, 0.5, 0], [0, 0, 0, 1]])
    first = (mixed @ regress(LATENTS, attributes)).astype(np.float32)
    found, works = calibrate(first, LATENTS[:200], deviations, decoded)
    assert works.tolist() == [True, True, True, False]
    effects = effects_of(found, LATENTS[200:], deviations, decoded)
    np.testing.assert_allclose(effects[:, :3], 1.3 * np.eye(3), atol=0.1)


def test_nothing_can_be_moved() -> None:
    found, works = calibrate(
        np.zeros((2, Z), np.float32), LATENTS, np.ones(2), lambda z: np.zeros((len(z), 2))
    )
    assert found.shape == (0, Z)
    assert not works.any()


def test_the_work_that_is_done_is_told() -> None:
    told: list[float] = []
    calibrate(regress(LATENTS, decoded(LATENTS)), LATENTS, np.ones(4), decoded, told.append)
    assert told == sorted(told)
    assert told[0] == pytest.approx(0)
    assert told[-1] < 1
