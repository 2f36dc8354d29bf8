"""What a model is for follows from its converter."""

from __future__ import annotations

import pytest

from groovefast.config import CONFIGS, ConverterConfig
from groovefast.task import ALL_DRUMS, Purpose, Task

NOT_CLOSED_HAT = (0, 1, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(
    ("name", "purposes", "given", "played"),
    [
        ("groovae_4bar", set(), (), ALL_DRUMS),
        ("groovae_2bar_humanize", {Purpose.HUMANIZE}, ALL_DRUMS, ALL_DRUMS),
        ("groovae_2bar_tap_fixed_velocity", {Purpose.TAP2DRUM}, (), ALL_DRUMS),
        ("groovae_2bar_tap_fixed_velocity_note_dropout", {Purpose.TAP2DRUM}, (), ALL_DRUMS),
        ("groovae_2bar_add_closed_hh", {Purpose.ADD_DRUMS}, NOT_CLOSED_HAT, (2,)),
        ("groovae_2bar_hits_control", {Purpose.GROOVE_TRANSFER}, ALL_DRUMS, ALL_DRUMS),
    ],
)
def test_the_tasks_of_the_named_configs(
    name: str, purposes: set[Purpose], given: tuple[int, ...], played: tuple[int, ...]
) -> None:
    task = Task.of(CONFIGS[name].converter)
    assert task.purposes == purposes
    assert (task.given_drums, task.played_drums) == (given, played)
    assert task.chooses_hits == (given != ALL_DRUMS)
    assert task.wants_hits == (name == "groovae_2bar_hits_control")
    assert task.makes_up == (name == "groovae_4bar")


def test_a_model_that_hears_only_taps_is_told_no_hits_of_the_drums_it_does_not_add() -> None:
    task = Task.of(ConverterConfig(tapify=True, add_instruments=(0, 1)))
    assert task.purposes == {Purpose.TAP2DRUM, Purpose.ADD_DRUMS}
    assert (task.given_drums, task.played_drums) == ((), (0, 1))


def test_what_hears_no_velocities_does_not_hear_performances_as_they_are() -> None:
    assert not Task.of(ConverterConfig(fixed_velocities=True)).makes_up
