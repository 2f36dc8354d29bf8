from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groovefast.midi.meters import Bars, Meter


def meters(*changes: tuple[float, int, int]) -> list[Meter]:
    return [Meter(*change) for change in changes]


@pytest.mark.parametrize(
    ("meter", "bar", "beat"),
    [
        ((4, 4), 4, 1),
        ((3, 4), 3, 1),
        ((6, 4), 6, 1),
        ((2, 2), 4, 2),
        ((6, 8), 3, 1.5),
        ((9, 8), 4.5, 1.5),
        ((12, 8), 6, 1.5),
        ((3, 8), 1.5, 0.5),
        ((7, 8), 3.5, 0.5),
        ((6, 16), 1.5, 0.75),
        ((4, 2**31), 2**-27, 2**-29),
    ],
)
def test_bars_and_beats_are_in_quarters(meter: tuple[int, int], bar: float, beat: float) -> None:
    made = Meter(0, *meter)
    assert (made.bar, made.beat) == (bar, beat)
    assert made.is_valid
    assert made.name == f"{meter[0]}/{meter[1]}"


@pytest.mark.parametrize("meter", [(0, 4), (256, 4), (4, 0), (4, 3), (4, -4), (4, 2**32)])
def test_what_midi_cannot_express_is_no_meter(meter: tuple[int, int]) -> None:
    assert not Meter(0, *meter).is_valid


def test_bar_lines_come_at_or_after_a_place() -> None:
    bars = Bars(meters((0, 4, 4), (8, 7, 8), (10, 3, 4)))
    for place, line in ((0, 0), (0.1, 4), (4, 4), (7, 8), (8.1, 10), (10, 10), (11, 13), (40, 40)):
        assert bars.line(place) == line


def test_bars_are_counted_through_changes() -> None:
    bars = Bars(meters((0, 4, 4), (8, 7, 8), (15, 3, 4)))
    assert [bars.at(place)[:3] for place in (0, 3.99, 4, 8, 11.5, 14.9, 15, 18)] == [
        (0, 0, 4),
        (0, 0, 4),
        (1, 4, 8),
        (2, 8, 11.5),
        (3, 11.5, 15),
        (3, 11.5, 15),
        (4, 15, 18),
        (5, 18, 21),
    ]
    assert [bars.at(place).meter.name for place in (7, 8, 15)] == ["4/4", "7/8", "3/4"]
    for number in range(8):
        assert bars.numbered(number).number == number


def test_a_bar_cut_short_counts() -> None:
    bars = Bars(meters((0, 4, 4), (5, 4, 4), (5.25, 3, 4)))
    assert [bars.at(place)[:3] for place in (4, 5, 5.25, 8.25)] == [
        (1, 4, 5),
        (2, 5, 5.25),
        (3, 5.25, 8.25),
        (4, 8.25, 11.25),
    ]


def test_bars_on_ticks_of_a_third_are_whole() -> None:
    bars = Bars(meters((0, 4, 4), (7 / 3, 3, 4), (7 / 3 + 9, 4, 4)))
    assert bars.at(7 / 3 + 9).number == 4
    assert bars.at(7 / 3 + 3).number == 2


@pytest.mark.parametrize("denominator", [64, 2**31])
def test_nobody_counts_bars_shorter_than_a_step(denominator: int) -> None:
    bars = Bars(meters((0, 3, denominator), (1001, 2, 4)))
    assert [bars.at(place)[:3] for place in (1, 999, 1000.5, 1001, 1004)] == [
        (0, 0, 4),
        (249, 996, 1000),
        (250, 1000, 1001),
        (251, 1001, 1003),
        (252, 1003, 1005),
    ]
    assert bars.at(1).meter.denominator == denominator


def test_a_meter_said_again_at_a_bar_line_is_none() -> None:
    bars = Bars(meters((0, 4, 4), (8.1, 4, 4), (12, 3, 4), (12, 4, 4), (14, 4, 4), (18, 2, 4)))
    assert [meter.quarters for meter in bars.meters] == [0, 14, 18]
    assert [bars.at(place)[:3] for place in (12, 14, 18)] == [(3, 12, 14), (4, 14, 18), (5, 18, 20)]


def test_the_first_bar_begins_at_0() -> None:
    assert Bars(meters((3, 7, 8))).at(0)[:3] == (0, 0, 3), "4/4 is implied"
    assert Bars(meters()).at(-1)[:3] == (0, 0, 4)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from((1, 3, 4, 7)), st.sampled_from((4, 8, 32))),
        max_size=6,
    ),
    st.lists(st.integers(0, 6000), min_size=1),
)
def test_onsets_belong_to_the_nearest_step(
    changes: list[tuple[int, int, int]], ticks: list[int]
) -> None:
    changes = sorted(changes, key=lambda change: change[0])
    bars = Bars(meters(*((quarter / 8, *meter) for quarter, *meter in changes)))
    places = np.array(ticks) / 31.0
    grid, place = [], 0.0
    while place < places.max() + 10:
        bar = bars.at(place)
        assert bar.start == pytest.approx(place)
        grid += np.arange(bar.start, bar.end - 1e-6, 0.25).tolist()
        place = bar.end
    nearest = np.abs(places[:, None] - np.array(grid)).min(axis=1)
    np.testing.assert_allclose(np.abs(bars.steps(places) - places), nearest, atol=1e-6)


def test_steps_are_counted_anew_in_every_bar() -> None:
    bars = Bars(meters((0, 4, 4), (3.9, 3, 4)))
    places = np.array([-1, -0.1, 0.12, 0.13, 3.7, 3.82, 3.83, 3.9 - 1e-9, 3.9, 4.02, 4.03])
    np.testing.assert_allclose(
        bars.steps(places), [0, 0, 0, 0.25, 3.75, 3.75, 3.9, 3.9, 3.9, 3.9, 4.15]
    )
    odd = Bars(meters((0, 7, 32)))
    np.testing.assert_allclose(
        odd.steps(np.array([0.74, 0.81, 0.82, 1.12, 1.7])), [0.75, 0.75, 0.875, 1.125, 1.75]
    )
    assert bars.until(3.8) == 3.9
    assert bars.until(3.9) == math.inf
