"""Windows are those that a slow reading of their definition gives."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from window_records import VELOCITIES, Played, random_played, write_performances

from groovefast.config import CONFIGS, Config, ConverterConfig
from groovefast.errors import GrooveFastError, OptionError
from groovefast.windows.cutting import Cutting
from groovefast.windows.dataset import (
    batches,
    load_dataset,
    open_windows,
    read_windows,
)
from groovefast.windows.order import Order

CONFIG = Config("test", ConverterConfig())


class Window(NamedTuple):
    """One of an oracle's windows: the rows that the model is to play, and the tempo."""

    rows: bytes
    qpm: float


def oracle(played: Sequence[Played], config: Config, cutting: Cutting) -> list[Window]:
    """The windows of performances, step by step, tempo by tempo."""
    windows, seen = [], set()
    bar = config.converter.steps_per_bar
    for one in played:
        first = 0
        while first + cutting.split_bars * bar <= len(one.hits):
            steps = slice(first, first + cutting.split_bars * bar)
            hits, offsets = one.hits[steps].astype(np.float32), one.offsets[steps]
            rows = np.concatenate([hits, VELOCITIES[one.velocities[steps]], offsets], axis=1)
            heard = (rows + np.float32(0)).tobytes()
            qpm = [qpm for step, qpm in sorted(one.qpms.items()) if step <= first][-1]
            fits = one.quarters_per_bar == config.converter.quarters_per_bar
            if fits and hits.sum() >= cutting.min_hits:
                if not (cutting.dedupe and heard in seen):
                    windows.append(Window(rows.tobytes(), np.float32(qpm)))
                seen.add(heard)
            first += cutting.hop_bars * bar
    return windows


@st.composite
def performances(draw: st.DrawFn) -> Played:
    """Bars of which many are alike, some with an offset of -0."""
    quarters = draw(st.sampled_from([4, 4, 4, 3.5, 3]))
    kinds = draw(st.lists(st.integers(0, 3), min_size=1, max_size=7))
    bars = []
    for kind in kinds:
        bar = random_played(1, kind % 2, quarters)
        if kind == 3:
            bar.offsets[bar.offsets == 0] = -0.0
        if kind == 2:
            bar = bar._replace(
                **{name: np.zeros_like(getattr(bar, name)) for name in bar._fields[:3]}
            )
        bars.append(bar)
    hits, velocities, offsets = (
        np.concatenate(part) for part in zip(*(bar[:3] for bar in bars), strict=True)
    )
    later = st.dictionaries(st.integers(1, len(hits) - 1), st.floats(30, 300, width=32), max_size=5)
    qpms = {0: draw(st.floats(30, 300, width=32)), **draw(later)}
    return Played(hits, velocities, offsets, qpms, quarters)


@settings(max_examples=10)
@given(
    played=st.lists(performances(), min_size=1, max_size=9),
    cutting=st.builds(
        Cutting,
        split_bars=st.integers(1, 3),
        hop_bars=st.integers(1, 4),
        dedupe=st.booleans(),
        min_hits=st.sampled_from([0, 1, 20, 40]),
    ),
    num_shards=st.integers(1, 3),
    cache=st.booleans(),
)
def test_windows_are_those_of_the_oracle(
    played: list[Played], cutting: Cutting, num_shards: int, cache: bool
) -> None:
    config = Config("test", ConverterConfig(split_bars=cutting.split_bars))
    expected = oracle(played, config, cutting)
    with tempfile.TemporaryDirectory() as folder:
        shards = write_performances(Path(folder), played, num_shards)
        if not expected:
            with pytest.raises(GrooveFastError, match=r"no window has|no performance"):
                open_windows(shards, config, cutting, cache=cache)
            return
        opened = open_windows(shards, config, cutting, cache=cache)
        assert opened.count == len(expected)
        for order in (Order(shuffle=False), Order(seed=3)):
            data = batches(opened, config.converter, order, 4)
            found = [row.tobytes() for _, rows, _ in data.as_numpy_iterator() for row in rows]
            rows = [window.rows for window in expected]
            assert (sorted(found), sorted(rows)) == (sorted(rows), sorted(found))
            if not order.shuffle:
                assert found == rows
        (_, _, offsets), qpms, *_ = read_windows(shards, config, cutting)
        assert qpms.dtype == np.float64
        assert qpms.tolist() == [float(window.qpm) for window in expected]
        assert len(offsets) == len(expected)


@pytest.mark.parametrize("cache", [True, False])
def test_every_velocity_is_what_the_table_says(tmp_path: Path, cache: bool) -> None:
    velocities = np.resize(np.arange(128, dtype=np.uint8), (32, 9))
    hits = (velocities > 0).astype(np.uint8)
    write_performances(tmp_path, [Played(hits, velocities, np.zeros((32, 9), np.float32))])
    ((_, outputs, _),) = load_dataset(tmp_path, CONFIG, 1, cache=cache).as_numpy_iterator()
    np.testing.assert_array_equal(outputs[0, :, 9:18], VELOCITIES[velocities])


def test_a_window_is_kept_in_memory_as_its_first_bar(tmp_path: Path) -> None:
    write_performances(tmp_path, [random_played(100)])
    opened = open_windows(tmp_path, CONFIGS["groovae_4bar"])
    assert (opened.count, opened.nbytes) == (97, 100 * 16 * 45 + 97 * 8)


@pytest.mark.parametrize("cache", [True, False])
def test_options_of_load_dataset(tmp_path: Path, cache: bool) -> None:
    bar = random_played(1)
    repeated = Played(*(np.tile(part, (9, 1)) for part in bar[:3]))
    write_performances(tmp_path, [repeated, random_played(4, seed=1)], num_shards=2)

    def count(**options: int) -> int:
        data = load_dataset(tmp_path, CONFIG, 1, cache=cache, **options)
        assert len(list(data)) == len(data)
        return len(data)

    assert count() == 8 + 3
    assert count(hop_bars=2) == 4 + 2
    assert count(hop_bars=20) == 1 + 1
    assert count(dedupe=True) == 1 + 3
    fewest = int(2 * bar.hits.sum())
    others = random_played(4, seed=1).hits.reshape(4, -1).sum(axis=1)
    more = int((others[:-1] + others[1:] > fewest).sum())
    assert count(min_hits=fewest + 1) == more


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"hop_bars": 0}, "hop_bars: 0 is no whole number from 1 on"),
        ({"hop_bars": 1.5}, "hop_bars: 1.5 is no whole number"),
        ({"hop_bars": True}, "hop_bars: True is no whole number"),
        ({"min_hits": -1}, "min_hits: -1 is no whole number from 0 on"),
        ({"start": -1}, "start: -1 is no whole number from 0 on"),
        ({"start": 0.5}, "start: 0.5 is no whole number from 0 on"),
        ({"min_hits": 999}, "min_hits: no window has 999 hits, the fullest has "),
    ],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, int], line: str) -> None:
    write_performances(tmp_path, [random_played(4)])
    for cache in (True, False):
        with pytest.raises(OptionError) as caught:
            load_dataset(tmp_path, CONFIG, cache=cache, **options)
        assert str(caught.value).startswith(line)
        assert caught.value.parameter == line.partition(":")[0]


@pytest.mark.parametrize("cache", [True, False])
def test_going_on_is_exact_where_windows_are_left_out(tmp_path: Path, cache: bool) -> None:
    played = [random_played(5, seed) for seed in (0, 1, 0, 2, 1, 3)]
    write_performances(tmp_path, played, num_shards=3)

    def first_batches(start: int, count: int) -> list[bytes]:
        data = load_dataset(
            tmp_path, CONFIG, 3, dedupe=True, repeat=True, seed=4, start=start, cache=cache
        )
        return [outputs.tobytes() for _, outputs, _ in data.take(count).as_numpy_iterator()]

    unbroken = first_batches(0, 12)  # of 16 windows: more than two epochs
    assert first_batches(7, 5) == unbroken[7:]
    assert len(set(unbroken)) > 6
