"""Bars: their steps, numbers and beats, through any change of meter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import midi_bytes as midi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_bytes import END, hit, meter, track

from groovefast import _midi
from groovefast.drum_part import CHANNEL_10
from groovefast.drums import pitch_table
from groovefast.playing.grid_bars import GridBars, describe_bars

QUARTER = 480


def file_of(
    meters: Sequence[tuple[int, int, int]], ticks: Sequence[int], division: int = QUARTER
) -> bytes:
    """A file with (tick, numerator, power of the denominator) and notes at `ticks`."""
    events, now = [], 0
    for tick, numerator, power in meters:
        events.append(meter(tick - now, numerator, power))
        now = tick
    hits, now = [], 0
    for tick in ticks:
        hits.append(hit(tick - now, 36))
        now = tick + 1
    return midi.header(2, 1, division) + track(*events, END) + track(*hits, END)


def placed(data: bytes, steps: int = 4) -> _midi.Placements:
    return _midi.place_notes(data, pitch_table("reduced"), steps, CHANNEL_10.for_core())


def bars_of(
    meters: Sequence[tuple[int, int, int]], last: int, division: int = QUARTER, steps: int = 4
) -> GridBars:
    """The bars of a file with such meters and a note at `last`."""
    found = placed(file_of(meters, [last], division), steps)
    return GridBars.of(found.bars, division, steps)


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


def test_too_many_steps_are_refused_at_once() -> None:
    limit = _midi.MAX_STEPS * QUARTER // 4
    assert len(placed(file_of([(0, 4, 2)], [limit - QUARTER // 4])).rows) == _midi.MAX_STEPS
    assert placed(file_of([(0, 4, 2)], [limit])).too_long
    assert placed(file_of([(0, 1, 4)], [0x0FFFFFFF], division=1920)).too_long
    half = track(hit(limit * 5 // 8, 36), END)
    songs = placed(midi.header(2, 2, QUARTER) + half + half)
    assert songs.too_long
    assert not placed(midi.header(1, 2, QUARTER) + half).too_long


def test_places_are_the_nearest_steps() -> None:
    bar = 7 * QUARTER // 2
    ticks = [0, 59, 61, bar - 61, bar - 59, bar, bar + 130]
    notes = placed(file_of([(0, 7, 3)], ticks)).notes
    assert notes["row"].tolist() == [0, 0, 1, 13, 14, 14, 15]
    assert notes["note"].tolist() == [*range(7)]
    assert notes["leader"].tolist() == [0, 0, 2, 3, 4, 4, 6], "of equals the first"
    assert set(notes["drum"].tolist()) == {0}


def test_songs_of_format_2_follow_one_another_each_up_to_its_last_hit() -> None:
    songs = [
        track(meter(0, 3), hit(1300, 36), hit(0, 38), END),
        track(hit(5000, 99), END),
        track(meter(0, 5, 3), hit(0, 38, 50), hit(9, 38, 60), hit(3000, 36), END),
    ]
    found = placed(midi.header(3, 2, QUARTER) + b"".join(songs))
    bars = GridBars.of(found.bars, QUARTER, 4)
    assert bars.songs.tolist() == [0, 2, 2, 2]
    assert bars.numbers.tolist() == [1, 1, 2, 3]
    assert bars.num_steps.tolist() == [12, 10, 10, 10]
    assert bars.first_ticks.tolist() == [0, 0, 1200, 2400]
    assert found.notes["row"].tolist() == [11, 11, 12, 12, 37]
    assert found.notes["leader"].tolist() == [0, 1, 3, 3, 4]
    assert found.notes["note"].tolist() == [0, 1, 3, 4, 5]
    assert np.argwhere(found.played[:, :9]).tolist() == [[11, 0], [11, 1], [12, 1], [37, 0]]


divisions = st.sampled_from((1, 3, 24, 100, 193, 220, 480))
some_meters = st.sampled_from(((4, 2), (3, 2), (7, 5), (13, 6), (1, 6), (5, 3)))


@given(
    st.lists(st.tuples(st.integers(1, 3000), some_meters), max_size=5),
    st.lists(st.integers(1, 16_000_000), min_size=1, max_size=3),
    divisions,
    st.sampled_from((1, 4, 6)),
)
def test_whatever_has_a_rows_ticks_belongs_to_it(
    changes: list[tuple[int, tuple[int, int]]], tempos: list[int], division: int, steps: int
) -> None:
    ticks = np.cumsum([change[0] for change in changes]).tolist()
    meters = [(tick, *change[1]) for tick, change in zip(ticks, changes, strict=True)]
    control = [midi.tempo(7 * index, tempo) for index, tempo in enumerate(tempos)]
    end = 16 * division

    def rows_of(ticks: Sequence[int]) -> _midi.Placements:
        return placed(file_of(meters, ticks, division) + track(*control, END), steps)

    found = rows_of([end])
    rows = found.rows
    assert rows["first_tick"][0] == 0
    np.testing.assert_array_equal(rows["first_tick"][1:], rows["last_tick"][:-1] + 1)
    has_ticks = np.flatnonzero(rows["first_tick"] <= rows["last_tick"])
    bounds = np.unique([rows[field][has_ticks] for field in ("first_tick", "last_tick")])
    # One that ends where the next begins would end it too.
    for some in (bounds[::2], bounds[1::2]):
        if not len(some):
            continue
        apart = [tick for i, tick in enumerate(some) if not i or tick > some[i - 1] + 1]
        again = rows_of(apart).notes["row"]
        expected = np.searchsorted(rows["first_tick"][has_ticks], apart, side="right") - 1
        inside = again < len(rows)
        np.testing.assert_array_equal(again[inside], has_ticks[expected][inside])


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
    for before, (tick, *named) in itertools.pairwise([(0, 4, 2), *meters]):
        begins = tick in bars.first_ticks
        if not begins and named == [*before[1:]]:  # again: where bars begin anyway, or nearly
            lines = np.append(bars.first_ticks, bars.end_ticks[-1])
            begins = np.abs(lines - tick).min() < bars.step_ticks / 2
        assert begins or tick >= bars.end_ticks[-1]


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
