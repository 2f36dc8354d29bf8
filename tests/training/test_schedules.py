from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from groovefast.config import HParams
from groovefast.errors import OptionError
from groovefast.training.schedules import beta, check_sampling, sampling_probability


def sampling(schedule: str, rate: float) -> HParams:
    return HParams(sampling_schedule=schedule, sampling_rate=rate)


def test_beta_is_annealed() -> None:
    hparams = HParams(beta_rate=0.9, max_beta=0.5)
    for step, wanted in ((0, 0), (3, 0.5 * (1 - 0.9**3)), (1000, 0.5)):
        assert float(beta(hparams, tf.constant(step))) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("schedule", "rate", "step", "wanted"),
    [
        ("teacher_forcing", 0.5, 10, 0),
        ("constant", 0.0, 10, 0),
        ("constant", 0.25, 10, 0.25),
        ("exponential", 0.9, 0, 0),
        ("exponential", 0.9, 3, 1 - 0.9**3),
        ("inverse_sigmoid", 5.0, 4, 1 - 5 / (5 + np.exp(0.8))),
        ("inverse_sigmoid", 5.0, 10_000, 1),
    ],
)
def test_scheduled_sampling_follows_its_schedule(
    schedule: str, rate: float, step: int, wanted: float
) -> None:
    probability = sampling_probability(sampling(schedule, rate), tf.constant(step))
    assert float(probability) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("schedule", "rate", "wanted"),
    [
        ("teacher_forcing", 0.5, 0),
        ("constant", 0.0, 0),
        ("constant", 0.25, 1),
        ("exponential", 0.9, 1),
        ("inverse_sigmoid", 5.0, 1),
    ],
)
def test_scheduled_models_are_evaluated_on_their_own_steps_alone(
    schedule: str, rate: float, wanted: float
) -> None:
    assert sampling(schedule, rate).evaluated_sampling_probability == wanted


@pytest.mark.parametrize(
    ("schedule", "rate", "message"),
    [
        ("linear", 0.5, "sampling_schedule: no such schedule 'linear'; it is one of teacher_f"),
        ("constant", 1.5, "sampling_rate: constant wants 0 to 1, not 1.5"),
        ("exponential", 1.0, "sampling_rate: exponential wants between 0 and 1, not 1.0"),
        ("inverse_sigmoid", 0.5, "sampling_rate: inverse_sigmoid wants 1 or more, not 0.5"),
    ],
)
def test_rates_that_a_schedule_cannot_use(schedule: str, rate: float, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        check_sampling(sampling(schedule, rate))
    assert caught.value.parameter == "hparams"


def test_rates_that_can_be_used() -> None:
    for schedule, rate in (
        *(("teacher_forcing", -3.0), ("constant", 0.0), ("constant", 1.0)),
        *(("exponential", 0.999), ("inverse_sigmoid", 1.0)),
    ):
        check_sampling(sampling(schedule, rate))
