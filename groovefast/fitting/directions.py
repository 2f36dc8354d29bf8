"""Directions in the latent space that change one attribute of a groove and leave the others.

At first those of a linear regression of the latents on all attributes at once. What they do to
decoded grooves is then measured, and mixed so that each does what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Numbers: TypeAlias = "npt.NDArray[np.float64]"

Measure: TypeAlias = "Callable[[npt.NDArray[np.float32]], _Numbers]"
"""From latents, (n, z), to the attributes of what is decoded from them, (n, attributes)."""

_RIDGE = 1e-3
_STEP = 0.5
"""How far to both sides effects are measured, in standard deviations."""
_ROUNDS = 4
_WANTED = 1.3
"""By how many standard deviations a direction is to move its attribute from one side to the other:
more than 1, as it moves that of other grooves less than of those it is measured on."""
_LEAST_EFFECT = 0.2
"""An attribute that regression moves by less is one that the model does not choose."""
_FIRST_GAIN = 2.5
"""A mean over windows moves less than each window has to: as a first guess, so much less."""
_MOST_GAIN = 4.0
"""How much longer again a direction may become."""
_DAMPING = 0.02


def regress(latents: npt.NDArray[Any], attributes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Returns what one standard deviation of each attribute adds to z, the others as they are.

    Args:
        latents: (n, z).
        attributes: (n, attributes); one that is always the same moves nothing.
    """
    deviations = _deviations(attributes)
    x = (attributes - attributes.mean(0)) / deviations
    y = latents - latents.mean(0)
    ridge = _RIDGE * len(x) * np.eye(x.shape[1])
    directions: npt.NDArray[np.float64] = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    return directions.astype(np.float32)


def calibrate(
    directions: npt.NDArray[np.float32],
    latents: npt.NDArray[np.float32],
    deviations: _Numbers,
    measure: Measure,
    report: Callable[[float], None] = lambda _: None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Returns directions that do to decoded grooves what they say, and which of them can.

    Args:
        directions: Those of `regress`, (attributes, z).
        latents: Where to measure, (n, z).
        deviations: Of the attributes, (attributes,).
        measure: Decodes.
        report: Told the share of the work that is done.
    """
    first = np.float32(_FIRST_GAIN) * directions
    works = np.diag(effects_of(first, latents, deviations, measure)) >= _LEAST_EFFECT
    first = chosen = first[works]
    for number in range(_ROUNDS):
        report(number / _ROUNDS)
        effects = effects_of(chosen, latents, deviations, measure)[:, works]
        damping = _DAMPING * np.eye(len(effects))
        mix = np.linalg.solve(effects @ effects.T + damping, _WANTED * effects + damping).T
        chosen = _bounded(mix.astype(np.float32) @ chosen, first)
    return chosen, works


def effects_of(
    directions: npt.NDArray[np.float32],
    latents: npt.NDArray[np.float32],
    deviations: _Numbers,
    measure: Measure,
) -> _Numbers:
    """Returns what going each direction from -0.5 to 0.5 changes, (directions, attributes)."""
    changes = [
        (measure(latents + _STEP * one) - measure(latents - _STEP * one)).mean(0)
        for one in directions
    ]
    return np.reshape(changes, (len(directions), len(deviations))) / deviations


def _deviations(attributes: npt.NDArray[Any]) -> _Numbers:
    """Of the attributes; 1 for those that are always the same."""
    deviations: _Numbers = attributes.std(0)
    return np.where(deviations > 1e-9, deviations, 1.0)


def _bounded(
    directions: npt.NDArray[np.float32], first: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Directions, none of them much longer than the regression's."""
    lengths, most = (np.linalg.norm(each, axis=1, keepdims=True) for each in (directions, first))
    shares = np.minimum(1.0, _MOST_GAIN * most / np.maximum(lengths, 1e-12))
    return np.asarray(directions * shares, np.float32)
