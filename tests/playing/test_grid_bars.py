"""Bars: their steps, numbers and beats, through any change of meter."""

from __future__ import annotations

from collections.abc import Sequence

import midi_bytes as midi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_bytes import END, hit, meter, track

from groovefast import GrooveFastError, read_midi
from groovefast.playing.grid_bars import GridBars, describe_bars

QUARTER = 480


def bars_of(
    meters: Sequence[tuple[int, int, int]], last: int, division: int = QUARTER, steps: int = 4
) -> GridBars:
    """The bars of a file with (tick, numerator, power of the denominator) and a note at `last`."""
    events, now = [], 0
    for tick, numerator, power in meters:
        events.append(meter(tick - now, numerator, power))
        now = tick
    data = midi.header(2, 1, division) + track(*events, END) + track(hit(last, 36), END)
    return GridBars.of(read_midi(data), 1, steps, "song.mid")


@pytest.mark.parametrize(
    ("numerator", "power", "steps"),
    [
        *((2, 2, 8), (3, 2, 12), (4, 2, 16), (5, 2, 20), (6, 3, 12), (7, 3, 14), (9, 3, 18)),
        *((12, 3, 24), (4, 3, 8), (5, 3, 10), (3, 4, 3), (7, 5, 4), (2, 1, 16), (1, 0, 16)),
    ],
)
def test_bars_have_the_steps_of_their_meter(numerator: int, power: int, steps: int) -> None:
    bars = bars_of([(0, numerator, power)], 8000)
    assert set(bars.num_steps.tolist()) == {steps}
    assert bars.first_ticks[-1] - QUARTER <= 8000 < bars.end_ticks[-1]
    assert bars.numbers.tolist() == [*range(1, len(bars) + 1)]
    np.testing.assert_allclose(np.diff(bars.first_ticks), 4 * QUARTER * numerator / 2**power)


def test_a_change_of_meter_begins_a_bar() -> None:
    bars = bars_of([(0, 4, 2), (3 * QUARTER, 3, 2), (6 * QUARTER, 7, 3)], 12 * QUARTER)
    assert bars.first_ticks.tolist()[:4] == [0, 3 * QUARTER, 6 * QUARTER, 9.5 * QUARTER]
    assert bars.num_steps.tolist()[:4] == [12, 12, 14, 14]
    assert bars.meters.tolist()[:3] == [[4, 4], [3, 4], [7, 8]]


def test_a_change_after_the_last_note_still_cuts_its_bar() -> None:
    assert bars_of([(0, 4, 2), (3 * QUARTER, 3, 2)], QUARTER).end_ticks[0] == 3 * QUARTER


@pytest.mark.parametrize("power", [6, 8, 31])
def test_nobody_counts_bars_shorter_than_a_step(power: int) -> None:
    assert bars_of([(0, 1, power)], 4000).num_steps.tolist() == [16, 16, 16]


def test_too_many_bars_are_refused_at_once() -> None:
    with pytest.raises(GrooveFastError, match=r"song\.mid: 34,953 bars are too long; give a part"):
        bars_of([(0, 1, 4)], 0x0FFFFFFF, division=1920)


def test_places_are_the_nearest_steps() -> None:
    bars = bars_of([(0, 7, 3)], 8000)
    bar = 7 * QUARTER // 2
    ticks = np.array([0, 59, 60, bar - 61, bar - 60, bar, bar + 130])
    found = bars.places_of(np.zeros(len(ticks), np.int64), ticks)
    assert [place.tolist() for place in found] == [[0, 0, 0, 0, 1, 1, 1], [0, 0, 1, 13, 0, 0, 1]]


@given(
    st.lists(st.tuples(st.integers(1, 6000), st.integers(1, 16), st.integers(1, 5)), max_size=5),
    st.integers(0, 20_000),
    st.sampled_from((24, 220, 480, 7)),
)
def test_bars_follow_one_another(
    changes: list[tuple[int, int, int]], last: int, division: int
) -> None:
    ticks = np.cumsum([change[0] for change in changes]).tolist()
    meters = [(tick, *change[1:]) for tick, change in zip(ticks, changes, strict=True)]
    bars = bars_of([(0, 4, 2), *meters], last, division)
    assert bars.first_ticks[0] == 0
    np.testing.assert_array_equal(bars.first_ticks[1:], bars.end_ticks[:-1])
    assert (bars.num_steps >= 1).all()
    exact = (bars.end_ticks - bars.first_ticks) / bars.step_ticks
    assert (bars.num_steps - exact < 1).all()
    assert (bars.num_steps - exact > -1e-6).all()
    assert bars.end_ticks[-1] > last
    for tick in ticks:
        assert tick >= bars.end_ticks[-1] or tick in bars.first_ticks


@pytest.mark.parametrize(
    ("numerator", "power", "parts"),
    [
        (4, 2, [16]),
        (7, 3, [14]),
        (5, 2, [12, 8]),
        (6, 2, [12, 12]),
        (7, 2, [16, 12]),
        (9, 3, [12, 6]),
        (12, 3, [12, 12]),
        (15, 3, [12, 12, 6]),
        (10, 3, [10, 10]),
        (11, 3, [12, 10]),
        (21, 4, [12, 9]),
    ],
)
def test_long_bars_are_counted_in_parts(numerator: int, power: int, parts: list[int]) -> None:
    assert bars_of([(0, numerator, power)], 4000).parts(0, 16) == parts


@given(st.integers(1, 40), st.integers(0, 5), st.integers(1, 24), st.integers(1, 12))
def test_parts_make_up_the_bar(numerator: int, power: int, longest: int, steps: int) -> None:
    bars = bars_of([(0, numerator, power)], 0, steps=steps)
    parts = bars.parts(0, longest)
    assert sum(parts) == bars.num_steps[0]
    assert all(1 <= part <= longest for part in parts)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "bar 3"),
        ([1, 2, 3], "bars 1 to 3"),
        ([7, 1, 2, 2], "bars 1 to 2 and 7"),
        ([1, 2, 9, 12, 13], "bars 1 to 2, 9 and 12 to 13"),
    ],
)
def test_bars_in_words(numbers: list[int], words: str) -> None:
    assert describe_bars(numbers) == words
