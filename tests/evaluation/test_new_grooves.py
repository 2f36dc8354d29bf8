"""The rows of new grooves, and what can be asked of them, on a stand-in for a model."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_models import make_model
from window_records import random_windows

from groovefast.config import CONFIGS
from groovefast.evaluation.control import recognise_styles, shift_attributes
from groovefast.evaluation.measures import Performances
from groovefast.evaluation.new_grooves import (
    DECODED,
    FROM_NORMAL,
    PLAYED,
    SAMPLES,
    TRAINING,
    draw,
    measure_new_grooves,
    some,
)
from groovefast.windows.attributes import ATTRIBUTES

STYLES = ("funk", "rock")
KICK, SNARE, LOW_TOM, RIDE = 0, 1, 4, 8


class Drummer:
    """Plays a ride on the beats for funk, a tom for rock; and hears two attributes."""

    config = CONFIGS["groovae_4bar"]
    prior = SimpleNamespace(styles=(*STYLES, "unheard of"), attributes=ATTRIBUTES)

    def sample(
        self,
        n: int,
        temperature: float,  # noqa: ARG002
        seed: int,
        style: str | None = None,
        attributes: dict[str, float] | None = None,
        prior: str = "fitted",
    ) -> np.ndarray:
        assert prior in ("fitted", "normal")
        shifts = attributes or {}
        rng = np.random.default_rng(seed)
        chances = rng.random((n, 64, 1))
        rows = np.zeros((n, 64, 27), np.float32)
        drums = [{"funk": RIDE, "rock": LOW_TOM}.get(str(style), KICK)]
        rows[:, ::4, drums] = 1
        rows[..., SNARE] = (chances < 0.3 + 0.2 * shifts.get("density", 0))[..., 0]
        rows[..., 9:18] = rows[..., :9] * (0.5 - 0.2 * shifts.get("loudness", 0))
        return rows


def played(style: str, n: int, performances: int, first: int = 0) -> Performances:
    windows = draw(Drummer(), n, seed=n, style=style)  # type: ignore[arg-type]
    return windows.replace(
        performances=first + np.arange(n) % performances, styles=np.full(n, style)
    )


def joined(*parts: Performances) -> Performances:
    arrays = ("hits", "velocities", "offsets", "qpms", "performances", "styles")
    return parts[0].replace(**{a: np.concatenate([getattr(p, a) for p in parts]) for a in arrays})


def noise(n: int, seed: int = 0) -> Performances:
    windows = random_windows(n, 64, seed)
    velocities = (windows.velocities / 127).astype(np.float32)
    grooves = Performances(velocities > 0, velocities, windows.offsets, np.full(n, 120.0))
    return grooves.replace(performances=np.arange(n))


@pytest.mark.parametrize(
    ("train", "rows"),
    [(True, [SAMPLES, DECODED, TRAINING, PLAYED]), (False, [SAMPLES, PLAYED])],
)
def test_rows_of_a_model(train: bool, rows: list[str]) -> None:
    model, windows = make_model("groovae_4bar"), noise(12)
    found = measure_new_grooves(model, windows, windows if train else None, 8)
    assert list(found) == rows
    assert (found[PLAYED].copying.median == 0) is train
    if train:
        assert found[TRAINING].copying.median > 0  # the own performance is left out


def test_a_model_with_a_prior_is_measured_without_it_too() -> None:
    found = measure_new_grooves(Drummer(), noise(12), None, 8)  # type: ignore[arg-type]
    assert list(found) == [SAMPLES, FROM_NORMAL, PLAYED]


def test_some_windows_are_drawn_once_and_in_order() -> None:
    windows = noise(30)
    taken = some(windows, 10, seed=1).groups
    assert len(set(taken)) == 10
    assert (np.diff(taken) > 0).all()
    assert taken.tolist() != some(windows, 10, seed=2).groups.tolist()
    assert len(some(windows, 99, seed=1)) == 30


def test_styles_that_are_played_are_recognised() -> None:
    lesson = joined(*(played(style, 60, 3, 10 * i) for i, style in enumerate(STYLES)))
    train = joined(*(played(style, 50, 5, 10 * i) for i, style in enumerate(STYLES)))
    found = recognise_styles(Drummer(), Drummer.prior.styles, lesson, train, 40)  # type: ignore[arg-type]
    assert found is not None
    assert found.styles == list(STYLES)
    assert found.played == found.made == found.made_with_touch == [1, 1]
    numbers = json.loads(json.dumps(found.to_json()))
    assert numbers["made"] == {"all": 1, "funk": 1, "rock": 1}


def test_a_model_deaf_to_styles_is_found_out() -> None:
    lesson = joined(*(played(style, 60, 3, 10 * i) for i, style in enumerate(STYLES)))

    class Deaf(Drummer):
        def sample(self, *args: Any, **options: Any) -> np.ndarray:
            return super().sample(*args, **{**options, "style": "rock"})

    found = recognise_styles(Deaf(), STYLES, lesson, lesson, 40)  # type: ignore[arg-type]
    assert found is not None
    assert (found.played, found.made) == ([1, 1], [0, 1])


@pytest.mark.parametrize(("performances", "n"), [(1, 40), (3, 1)])
def test_styles_of_one_performance_say_nothing(performances: int, n: int) -> None:
    windows = [played(style, 30, performances, 10 * i) for i, style in enumerate(STYLES)]
    lesson = joined(*windows)
    assert recognise_styles(Drummer(), STYLES, lesson, lesson, n) is None  # type: ignore[arg-type]
    assert recognise_styles(Drummer(), STYLES, noise(9), noise(9), 9) is None  # type: ignore[arg-type]


def test_what_an_attribute_does() -> None:
    train = noise(200)
    found = shift_attributes(Drummer(), ATTRIBUTES, train, 50)  # type: ignore[arg-type]
    assert list(found) == list(ATTRIBUTES)
    density, loudness = found["density"], found["loudness"]
    hits = train.hits.sum(axis=(1, 2)) / 4
    assert density.own == pytest.approx(0.2 * 16 / hits.std(), rel=0.1)
    assert density.monotone == 1
    assert density.other > 0
    assert density.largest_other != "density"
    # Loudness is turned the wrong way.
    assert loudness.own < 0
    assert loudness.monotone == 0
    assert loudness.other == pytest.approx(0, abs=1e-6)
    assert found["kick"].own == 0
    few = shift_attributes(Drummer(), ["kick", "density"], train, 50)  # type: ignore[arg-type]
    assert few == {"kick": found["kick"], "density": density}
    assert json.dumps(found["kick"].to_json(), allow_nan=False)
