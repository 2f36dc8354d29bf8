"""How bars of any meter are laid under a model's windows, and blended again."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast.playing.grid_bars import GridBars
from groovefast.playing.layout import Layout, Windows


def layout_of(*bar_steps: int, songs: tuple[int, ...] = ()) -> Layout:
    """A layout under bars of sixteen steps of bars with so many, in quarters where they divide."""
    steps = np.array(bar_steps)
    ends = np.cumsum(steps).astype(np.float64)
    numbers = np.arange(1, len(steps) + 1)
    meters = np.stack((steps, np.full(len(steps), 16)), axis=1)
    meters[steps % 4 == 0] //= 4
    of_song = np.array(songs or [0] * len(steps))
    return Layout(GridBars(of_song, numbers, ends - steps, ends, steps, meters, 1.0, 4), 16)


def silent(*rows: range) -> list[int]:
    """Each of these laid into sixteen steps."""
    return [row for each in rows for row in (*each, *[-1] * (16 - len(each)))]


def test_short_bars_are_laid_each_into_one_of_the_models() -> None:
    windows = layout_of(12, 12, 12, 14).windows(2, 1)
    assert windows.rows.tolist() == [
        silent(range(12), range(12, 24)),
        silent(range(12, 24), range(24, 36)),
        silent(range(24, 36), range(36, 50)),
    ]
    np.testing.assert_array_equal(windows.counts, windows.rows >= 0)
    assert windows.units.tolist() == [0, 1, 2]


def test_long_bars_are_laid_in_parts_with_what_goes_before_and_after() -> None:
    windows = layout_of(20, 20, 20).windows(2, 1)
    first = windows[windows.counts[:, 0] & (windows.rows[:, 0] == 20)]
    assert first.rows.tolist() == [[*range(20, 52)]]
    assert np.flatnonzero(first.counts[0]).tolist() == [*range(12)]
    second = windows[windows.rows[:, 0] == 16]
    assert second.rows.tolist() == [[*range(16, 48)]]
    assert second.rows[second.counts].tolist() == [*range(32, 40)], "the end of the second bar"
    for part in ((0, 12), (12, 20), (20, 32), (52, 60)):
        counted = (windows.rows[windows.counts] == part[0]).sum()
        assert counted >= 1


def test_bars_of_several_lengths_go_together() -> None:
    windows = layout_of(16, 20, 12, 16).windows(2, 1)
    assert set(np.unique(windows.rows[windows.counts])) == set(range(64))
    assert silent(range(36, 48), range(48, 64)) in windows.rows.tolist()


def test_no_window_goes_over_the_end_of_a_song() -> None:
    windows = layout_of(16, 16, 20, 20, songs=(0, 1, 1, 2)).windows(4, 2)
    bounds = [range(16), range(16, 52), range(52, 72)]
    for rows in windows.rows:
        found = set(rows[rows >= 0].tolist())
        assert any(found <= set(song) for song in bounds)
    assert set(np.unique(windows.rows[windows.counts])) == set(range(72))


@pytest.mark.parametrize("hop", [1, 2, 4])
def test_windows_of_four_bars(hop: int) -> None:
    rows = layout_of(*[16] * 7).windows(4, hop).rows
    starts = sorted({*range(0, 4, hop), 3})
    assert rows.tolist() == [[*range(16 * start, 16 * start + 64)] for start in starts]


def test_a_loop_takes_as_many_bars_as_are_wanted() -> None:
    waltz, common = layout_of(12, 12), layout_of(*[16] * 5)
    looped = waltz.looped(common.windows(2, 1)).rows
    assert (
        looped.tolist()
        == [
            silent(range(12), range(12, 24)),
            silent(range(12, 24), range(12)),
        ]
        * 2
    )
    assert common.looped(layout_of(20).windows(2, 1)).rows.shape[1] == 32


def test_blend_fades_from_window_to_window() -> None:
    rows = np.array([np.arange(32), np.arange(16, 48)])
    windows = Windows(rows, np.ones(rows.shape, np.bool_), np.arange(2))
    values = np.stack([np.zeros((32, 9)), np.ones((32, 9))]).astype(np.float32)
    blended = windows.blend(values, 50)[:, 0]
    assert (blended[:16] == 0).all()
    assert (np.diff(blended[15:33]) > 0).all()
    assert blended[16] < 0.01
    assert blended[31] > 0.99
    np.testing.assert_allclose(blended[32:48], 1)
    assert (blended[48:] == 0).all()


def test_blend_leaves_out_what_does_not_count() -> None:
    rows = np.array([np.arange(32)])
    windows = Windows(rows, np.arange(32)[None] < 20, np.arange(1))
    blended = windows.blend(np.ones((1, 32, 9), np.float32), 32)
    np.testing.assert_allclose(blended[:20], 1)
    assert not blended[20:].any()
