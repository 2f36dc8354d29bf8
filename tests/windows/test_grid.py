"""The grid: against Magenta's, against exact fractions, and rule by rule."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import midi_bytes as midi
import numpy as np
import pytest
import slow_midi
from hypothesis import assume, given
from hypothesis import strategies as st
from midi_bytes import END, hit, meter, song, tempo, track

from groovefast import GrooveFastError, MidiError, _midi
from groovefast.drum_part import Channel, DrumPart
from groovefast.drums import pitch_table

WHOLE = 0
QUARTER = 480
STEP = QUARTER // 4
BAR = 4 * QUARTER


class Windows(NamedTuple):
    rows: np.ndarray
    velocities: np.ndarray
    start_steps: np.ndarray
    qpms: np.ndarray

    @property
    def hits(self) -> list[list[tuple[int, int]]]:
        """(step, drum) of each window's hits."""
        return [list(zip(*np.nonzero(rows[:, :9]), strict=True)) for rows in self.rows]


def windows(
    data: bytes,
    bars: int = WHOLE,
    hop: int = 1,
    *,
    pitches: str = "reduced",
    steps_per_quarter: int = 4,
    quarters_per_bar: int = 4,
    channel: Channel = None,
    compat: bool = False,
    error_on_unmapped: bool = False,
) -> Windows:
    bar = steps_per_quarter * quarters_per_bar
    found = _midi.grid_windows(
        data,
        pitch_table(pitches),
        steps_per_quarter,
        quarters_per_bar,
        bars * bar,
        hop * bar,
        DrumPart.of(channel).for_core(),
        compat,
        error_on_unmapped,
    )
    return Windows(found.rows, found.velocities, found.start_steps, found.qpms)


def at(*ticks: int, pitch: int = 36) -> bytes:
    """Hits at these ticks."""
    events = []
    now = 0
    for tick in ticks:
        events.append(hit(tick - now, pitch))
        now = tick + 1
    return b"".join(events)


def changes(*ticks_and_events: tuple[int, bytes]) -> bytes:
    """A track of events written with a delta of 0, each moved to its tick."""
    events = []
    now = 0
    for tick, event in sorted(ticks_and_events, key=lambda change: change[0]):
        events.append(midi.number(tick - now) + event[1:])
        now = tick
    return track(*events, END)


def file_of(control: bytes, notes: bytes, division: int = QUARTER) -> bytes:
    """A file of two tracks, `control` and one of `notes`."""
    return midi.header(2, 1, division) + control + track(notes, END)


# --- Magenta's own numbers ------------------------------------------------------------------


@pytest.mark.parametrize("pitches", ["roland", "reduced"])
def test_grids_are_magentas(dataset_golden_dir: Path, groove_dir: Path, pitches: str) -> None:
    golden = np.load(dataset_golden_dir / f"grids_{pitches}.npz")
    assert len(golden["filename"]) >= 59
    for i, name in enumerate(golden["filename"]):
        found = windows((groove_dir / name).read_bytes(), pitches=pitches, compat=True)
        steps = int(golden["n_steps"][i])
        rows = slice(*golden["first"][i : i + 2])
        cells = golden["step"][rows], golden["drum"][rows]
        expected = np.zeros((min(steps, 1), steps, 3, 9), np.float32)
        velocities = np.zeros((min(steps, 1), steps, 9), np.uint8)
        if steps:
            velocities[0][cells] = golden["velocity"][rows]
            expected[0, :, 0][cells] = 1
            expected[0, :, 1][cells] = golden["velocity"][rows] / 127
            expected[0, :, 2][cells] = golden["offset"][rows]
        np.testing.assert_array_equal(found.rows, expected.reshape(len(expected), steps, 27))
        np.testing.assert_array_equal(found.velocities, velocities)


def test_window_counts_are_magentas(dataset_golden_dir: Path, groove_dir: Path) -> None:
    expected = json.loads((dataset_golden_dir / "window_counts.json").read_text())
    with (groove_dir / "info.csv").open() as file:
        splits = {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
    files = [(split, (groove_dir / name).read_bytes()) for name, split in splits.items()]
    assert len(files) == 1150
    for case, counts in expected.items():
        bars, hop = map(int, case.removesuffix("").split("bar_hop"))
        found: Counter[str] = Counter()
        for split, data in files:
            found[split] += len(windows(data, bars, hop, pitches="roland", compat=True).rows)
        assert dict(found) == counts, case


def test_odd_files_grids_are_magentas(midi_edge_dir: Path) -> None:
    golden = np.load(midi_edge_dir / "expected.npz")
    steps_of = dict(zip(golden["filename"], golden["n_steps"], strict=True))
    for i, name in enumerate(golden["filename"]):
        found = windows((midi_edge_dir / "midi" / name).read_bytes(), compat=True)
        assert found.rows.shape == (1, steps_of[name], 27)
        rows = slice(*golden["first"][i : i + 2])
        cells = golden["step"][rows], golden["drum"][rows]
        assert found.rows[0, :, :9].sum() == len(cells[0])
        np.testing.assert_array_equal(found.velocities[0][cells], golden["velocity"][rows])
        offsets = found.rows[0, :, 18:][cells]
        np.testing.assert_array_equal(offsets, golden["offset"][rows].astype(np.float32))
    for entry in json.loads((midi_edge_dir / "expected.json").read_text()):
        if entry["note_seq"] == "ok" and entry["file"] not in steps_of:
            data = (midi_edge_dir / "midi" / entry["file"]).read_bytes()
            assert len(windows(data, compat=True).rows) == 0, entry["file"]


# --- Rule by rule ---------------------------------------------------------------------------


def test_a_hit_has_its_velocity_and_how_early_it_is() -> None:
    found = windows(song(hit(STEP + 30, 36, 127), hit(STEP - 1 - 60, 38, 64)))
    assert found.rows.shape == (1, 16, 27)
    assert found.hits == [[(1, 0), (2, 1)]]
    assert found.rows[0, 1, [9, 18]].tolist() == [1.0, pytest.approx(-0.5)]
    assert found.rows[0, 2, [10, 19]].tolist() == [pytest.approx(64 / 127), pytest.approx(0.5)]
    assert found.velocities[0, 2].tolist() == [0, 64, 0, 0, 0, 0, 0, 0, 0]
    assert np.count_nonzero(found.rows) == 6
    assert found.start_steps.tolist() == [0]
    assert found.qpms.tolist() == [120.0]
    assert [array.dtype for array in found] == [np.float32, np.uint8, np.int64, np.float64]


@pytest.mark.parametrize("steps_per_quarter", [4, 6])
@pytest.mark.parametrize("microseconds", [305_982, 314_955, 333_333, 500_000, 521_739])
def test_doubles_are_magentas_to_the_last_bit(microseconds: int, steps_per_quarter: int) -> None:
    half_step = QUARTER // steps_per_quarter // 2
    ticks = [half_step * n for n in range(2000)]
    tick_scale = 60.0 / ((6e7 / microseconds) * QUARTER)
    qpm = 60.0 / (tick_scale * QUARTER)
    step_length = 60.0 / qpm / steps_per_quarter
    for played in (ticks[::2], ticks[1::2]):
        expected: dict[int, np.float32] = {}
        for tick in played:
            time = tick_scale * tick
            step = int(time * (steps_per_quarter * qpm / 60.0) + 0.5)
            expected.setdefault(step, np.float32(2 * (step * step_length - time) / step_length))
        data = song(tempo(0, microseconds), at(*played))
        found = windows(data, steps_per_quarter=steps_per_quarter)
        assert [step for step, _ in found.hits[0]] == list(expected)
        assert found.rows[0, list(expected), 18].tolist() == list(expected.values())


def test_the_loudest_note_of_a_cell_wins_and_of_equals_the_first_to_end() -> None:
    on, off = midi.on, midi.off
    first = song(on(0, 36, 50), on(9, 35, 90), on(9, 36, 60), off(9, 35), off(9, 36))
    assert windows(first).velocities[0, 0, 0] == 90
    equal = song(on(0, 36, 70), on(30, 35, 70), off(9, 35), off(9, 36))
    assert windows(equal).rows[0, 0, 18] == pytest.approx(-0.5), "35 ended first"
    equal = song(on(0, 36, 70), on(30, 35, 70), off(9, 36), off(9, 35))
    assert windows(equal).rows[0, 0, 18] == 0, "36 ended first"


def test_notes_may_come_in_any_order() -> None:
    count = 600
    notes = b"".join(midi.on(STEP, 36 + n % 2) + midi.on(0, 38) for n in range(count))
    backwards = [midi.hit(STEP * n, 42) for n in (count, 0)]
    data = (
        midi.header(3, 1)
        + track(*backwards)
        + track(notes, *(midi.off(1, pitch) for pitch in (38, 37, 36)))
        + track(notes, *(midi.off(1, pitch) for pitch in (36, 37, 38)))
    )
    hits = windows(data).hits[0]
    kicks = [n + 1 for n in range(0, count, 2)]
    assert [step for step, drum in hits if drum == 0] == kicks
    assert [step for step, drum in hits if drum == 2] == [count]
    assert [step for step, drum in hits if drum == 1] == list(range(1, count + 1))


def test_equals_keep_their_order_however_disordered_the_notes_are() -> None:
    steps = range(199, -1, -1)
    tracks = [track(hit(STEP * step + late, 38)) for step in steps for late in (10, 5, 15)]
    data = midi.header(len(tracks)) + b"".join(tracks)
    np.testing.assert_allclose(windows(data).rows[0, :200, 19], -10 / 60, atol=1e-6)


def test_length_is_up_to_the_bar_of_the_last_mapped_onset() -> None:
    for tick, bars in ((0, 1), (BAR - STEP, 1), (BAR - 40, 2), (BAR, 2), (5 * BAR - 61, 5)):
        data = song(at(tick), midi.on(1, 49), hit(9 * BAR, 127), midi.off(1, 49))
        expected = max(bars, (tick + 2 + STEP // 2) // BAR + 1)
        assert windows(data).rows.shape == (1, 16 * expected, 27)
    assert len(windows(song(hit(0, 127))).rows) == 0, "no mapped note"
    assert len(windows(song()).rows) == 0, "no note"


def test_windows_are_whole_and_every_hop() -> None:
    data = song(at(0, BAR, 2 * BAR, 3 * BAR, 4 * BAR))
    found = windows(data, 2)
    assert found.start_steps.tolist() == [0, 16, 32, 48]
    assert found.hits == [[(0, 0), (16, 0)]] * 4
    assert windows(data, 2, hop=2).start_steps.tolist() == [0, 32]
    assert windows(data, 2, hop=3).start_steps.tolist() == [0, 48]
    assert windows(data, 5).start_steps.tolist() == [0]
    assert windows(data, 6).rows.shape == (0, 96, 27)
    silence = windows(song(at(0, 4 * BAR)), 1)
    assert [len(hits) for hits in silence.hits] == [1, 0, 0, 0, 1]


def test_unmapped_pitches_are_dropped_or_refused() -> None:
    data = song(hit(0, 36), hit(0, 101), hit(0, 99), hit(0, 99))
    assert windows(data).hits == [[(0, 0)]]
    with pytest.raises(GrooveFastError, match="pitch 99 belongs to no drum class") as error:
        windows(data, error_on_unmapped=True)
    assert "2 notes" in str(error.value)
    changing = file_of(changes((0, tempo(0, 1)), (9, tempo(0, 2))), at(0, pitch=99))
    with pytest.raises(GrooveFastError, match="pitch 99"):
        windows(changing, compat=True, error_on_unmapped=True)


def test_hits_need_no_end_but_for_magenta() -> None:
    hits = [midi.on(0, 36), midi.on(STEP, 38), midi.off(0, 38), hit(STEP, 42)]
    assert windows(song(*hits)).hits == [[(0, 0), (1, 1), (2, 2)]]
    assert windows(song(*hits), compat=True).hits == [[(2, 2)]]


def test_several_channels() -> None:
    data = song(hit(0, 36), hit(0, 38, channel=0))
    assert windows(data).hits == [[(0, 0)]]
    assert windows(data, channel=(1, 10)).hits == [[(0, 0), (0, 1)]]


def test_other_steps_and_bars() -> None:
    data = song(meter(0, 3), at(0, QUARTER // 6, 3 * QUARTER - 1))
    found = windows(data, 1, steps_per_quarter=6, quarters_per_bar=3)
    assert found.rows.shape == (2, 18, 27)
    assert found.hits == [[(0, 0), (1, 0)], [(0, 0)]]
    assert len(windows(data).rows) == 0
    assert len(windows(song(at(0)), quarters_per_bar=3).rows) == 0, "4/4 is implied"


@pytest.mark.parametrize(
    ("numerator", "power", "fits"),
    [(4, 2, 1), (2, 1, 1), (8, 3, 1), (1, 0, 1), (3, 2, 0), (4, 0, 0), (255, 31, 0), (12, 3, 0)],
)
def test_a_meter_fits_if_its_bar_is_as_long(numerator: int, power: int, fits: int) -> None:
    for compat in (False, True):
        found = windows(song(meter(0, numerator, power), at(0)), compat=compat)
        assert len(found.rows) == fits


def test_a_damaged_file_gives_no_windows_but_an_error() -> None:
    with pytest.raises(MidiError, match="file ends"):
        windows(song(at(0))[:-5], 1)


# --- Tempo changes --------------------------------------------------------------------------


def test_steps_are_beats_through_the_tempo_map() -> None:
    tempos = changes((0, tempo(0, 600_000)), (BAR + 100, tempo(0, 250_000)), (3 * BAR, tempo(0, 1)))
    ticks = [STEP, BAR + 90, BAR + 131, 2 * BAR - 20, 3 * BAR, 4 * BAR - STEP + 50]
    found = windows(file_of(tempos, at(*ticks)))
    assert [step for step, _ in found.hits[0]] == [1, 17, 32, 48, 63]
    offsets = found.rows[0, :, 18]
    assert offsets[[1, 32, 48, 63]] == pytest.approx([0, 1 / 3, 0, -50 / 60], abs=1e-6)
    assert offsets[17] == pytest.approx(0.5), "the tempo changes between the hit and its step"


def test_a_window_has_the_tempo_at_its_start() -> None:
    tempos = changes(
        (0, tempo(0, 600_000)), (BAR, tempo(0, 500_000)), (2 * BAR + 1, tempo(0, 250_000))
    )
    found = windows(file_of(tempos, at(0, BAR, 2 * BAR, 3 * BAR)), 1)
    assert found.qpms.tolist() == [100.0, 120.0, 120.0, 240.0]


def test_magenta_compat_drops_tempo_changes_but_looks_only_at_the_first_track() -> None:
    change = changes((5, tempo(0, 600_000)))
    assert len(windows(file_of(change, at(0))).rows) == 1
    assert len(windows(file_of(change, at(0)), compat=True).rows) == 0
    same = changes((5, tempo(0, 500_000)))
    assert len(windows(file_of(same, at(0)), compat=True).rows) == 1
    elsewhere = midi.header(2) + track(at(0)) + changes((0, tempo(0, 600_000)), (9, meter(0, 3)))
    assert windows(elsewhere, compat=True).qpms.tolist() == [120.0]
    assert windows(elsewhere, 1).qpms.tolist() == []
    assert windows(elsewhere.replace(meter(9, 3), meter(9, 4))).qpms.tolist() == [100.0]


# --- Meter changes --------------------------------------------------------------------------


def test_windows_come_from_the_stretches_of_four_four() -> None:
    three = 3 * QUARTER
    meters = changes((2 * BAR, meter(0, 3)), (2 * BAR + three, meter(0, 4)))
    start = 2 * BAR + three
    found = windows(file_of(meters, at(0, BAR, 2 * BAR, start, start + 2 * BAR)), 2)
    assert found.start_steps.tolist() == [0, 44, 60]
    assert found.hits == [[(0, 0), (16, 0)], [(0, 0)], [(16, 0)]]
    assert len(windows(file_of(meters, at(0, start))).rows) == 0, "no one window of it all"
    assert len(windows(file_of(meters, at(0, start)), 1, compat=True).rows) == 0


def test_no_window_crosses_a_change_or_holds_half_a_bar() -> None:
    cut = BAR + BAR // 2
    found = windows(file_of(changes((cut, meter(0, 2, 1))), at(0, BAR, cut, cut + BAR)), 1)
    assert found.start_steps.tolist() == [0, 24, 40]
    found = windows(file_of(changes((cut, meter(0, 2, 1))), at(0, BAR, cut, cut + BAR)), 2)
    assert found.start_steps.tolist() == [24]
    short = changes((BAR - 60, meter(0, 2, 1)))
    assert windows(file_of(short, at(0, BAR - 60)), 1).start_steps.tolist() == [16]


def test_bars_begin_at_the_change_wherever_it_is() -> None:
    meters = changes((50, meter(0, 5)), (BAR + 70, meter(0, 4)))
    start = BAR + 70
    ticks = [0, start - 61, start - 59, start - 9, start, start + STEP + 6]
    found = windows(file_of(meters, at(*ticks)), 1)
    assert found.start_steps.tolist() == [18], "one step in 4/4 and 17 in 5/4, rounded up"
    assert found.hits == [[(0, 0), (1, 0)]]
    assert found.rows[0, [0, 1], 18] == pytest.approx([9 / 60, -0.1]), "the first of the cell"


@pytest.mark.parametrize(
    ("before", "step", "offset"),
    [
        # Of a bar cut short within a step, what is nearer to the change than to its last step.
        (10, 9, 10 / 60),
        (29, 9, 29 / 60),
        (30, 9, 30 / 60),
        (31, 8, -29 / 60),
        (60, 8, 0),
        (61, 8, 1 / 60),
        (120, 8, 1),
        (121, 7, -59 / 60),
    ],
)
def test_a_note_belongs_to_the_nearest_step_at_a_bar_line_too(
    before: int, step: int, offset: float
) -> None:
    cut = 8 * STEP + STEP // 2
    meters = changes((0, meter(0, 3)), (cut, meter(0, 4)), (cut + BAR, meter(0, 2)))
    data = file_of(meters, at(cut - before) + hit(BAR, 38))
    rows = windows(data, 1).rows
    if step == 9:
        assert (rows[0, 0, 0], rows[0, 0, 18]) == (1, pytest.approx(offset))
    else:
        assert not rows[:, :, 0].any()
    (row,) = np.flatnonzero(grid_of(data)[:, 0])
    assert (row, grid_of(data)[row, 18]) == (step, pytest.approx(offset))


def grid_of(data: bytes) -> np.ndarray:
    """The whole grid, whatever the meters."""
    return _midi.place_notes(data, pitch_table("reduced"), 4, DrumPart().for_core()).played


def test_steps_are_counted_anew_in_bars_of_no_whole_steps() -> None:
    meters = changes((0, meter(0, 7, 5)), (2 * BAR // 32 * 7, meter(0, 4)))
    ticks = [0, 2 * STEP, 3 * STEP, BAR // 32 * 7, BAR // 32 * 7 + STEP, BAR // 32 * 14]
    found = windows(file_of(meters, at(*ticks)), 1)
    assert found.start_steps.tolist() == [8], "twice three and a half"
    assert found.rows[0, 0, [0, 18]].tolist() == [1, 0]
    played = grid_of(file_of(meters, at(*ticks)))
    assert np.flatnonzero(played[:, 0]).tolist() == [0, 2, 3, 4, 5, 8]
    assert not played[:, 18].any()


@pytest.mark.parametrize("division", [7, 96, 481, midi.smpte(29, 80), midi.smpte(25, 7)])
def test_a_stretch_of_whole_bars_is_not_lost_to_rounding(division: int) -> None:
    bar = 4 * division if division < 0x8000 else {80: 4800, 7: 350}[division & 0xFF]
    for start in range(1, 200, 3):
        # Under 30000/1001 frames a second no bar is a whole number of ticks: one more holds it.
        end = start + bar + (division == midi.smpte(29, 80))
        meters = changes((0, meter(0, 3)), (start, meter(0, 4)), (end, meter(0, 2, 1)))
        assert assert_windows_are_exact(file_of(meters, at(0, start, end), division), 1, 1) == 2


def test_a_repeated_meter_is_no_change_and_of_several_at_a_tick_the_last_counts() -> None:
    for tick in (9, BAR - 59, BAR, BAR + 59):
        for compat in (False, True):
            again = file_of(changes((tick, meter(0, 4))), at(0, BAR))
            assert windows(again, 2, compat=compat).start_steps.tolist() == [0]
    there_and_back = changes((BAR, meter(0, 3)), (BAR, meter(0, 4)))
    assert windows(file_of(there_and_back, at(0, BAR)), 2).start_steps.tolist() == [0]
    assert len(windows(file_of(there_and_back, at(0, BAR)), 2, compat=True).rows) == 0
    corrected = changes((0, meter(0, 3)), (0, meter(0, 4)))
    assert windows(file_of(corrected, at(0)), 1).start_steps.tolist() == [0]
    assert len(windows(file_of(corrected, at(0)), 1, compat=True).rows) == 0
    late = changes((BAR, meter(0, 3)))
    assert windows(file_of(late, at(0, BAR)), 1).start_steps.tolist() == [0]
    assert len(windows(file_of(late, at(0, BAR)), 1, compat=True).rows) == 0


def test_a_meter_repeated_within_a_bar_begins_one_but_not_to_magenta() -> None:
    upbeat = file_of(changes((QUARTER, meter(0, 4))), at(0, QUARTER, QUARTER + BAR))
    assert windows(upbeat, 2).start_steps.tolist() == [4]
    assert windows(upbeat, 2, compat=True).start_steps.tolist() == [0]


# --- SMPTE, format 2, length ----------------------------------------------------------------


def test_smpte_files_are_quantized_at_120_bpm_or_rejected() -> None:
    data = song(tempo(0, 250_000), at(0, 125, 260, 2000), division=midi.smpte(25, 40))
    found = windows(data, 1)
    assert found.hits == [[(0, 0), (1, 0), (2, 0)], [(0, 0)]]
    assert found.rows[0, 2, 18] == pytest.approx(-0.16, abs=1e-6)
    assert found.qpms.tolist() == [120.0, 120.0]
    assert windows(data, 1, compat=True).rows.shape == (0, 16, 27)
    meters = changes((1000, meter(0, 3)), (2500, meter(0, 4)))
    data = file_of(meters, at(0, 2500), division=midi.smpte(25, 40))
    assert windows(data, 1).start_steps.tolist() == [20]


def test_each_track_of_format_2_is_a_song() -> None:
    tracks = [
        track(tempo(0, 600_000), at(0, BAR)),
        track(meter(0, 3), at(0)),
        track(tempo(0, 300_000), at(0, STEP)),
    ]
    data = midi.header(3, 2) + b"".join(tracks)
    found = windows(data, 1)
    assert found.start_steps.tolist() == [0, 16, 0]
    assert found.qpms.tolist() == [100.0, 100.0, 200.0]
    assert found.hits == [[(0, 0)], [(0, 0)], [(0, 0), (1, 0)]]
    with pytest.raises(GrooveFastError, match="holds 2"):
        windows(data)
    assert windows(midi.header(2, 2) + tracks[1] + tracks[2]).qpms.tolist() == [200.0]
    assert windows(data.replace(tracks[1], b""), 1, compat=True).qpms.tolist() == [100.0, 100.0]
    assert windows(midi.header(0, 2), 1).rows.shape == (0, 16, 27)


def test_a_song_of_years_is_rejected() -> None:
    limit = (1 << 18) - 1
    assert windows(song(hit(limit, 36), division=4), 4, hop=4096).start_steps[-1] == 3 * 4096 * 16
    assert len(windows(song(hit(limit + 1, 36), division=4), 4).rows) == 0
    late = changes((0x0FFFFFFF, meter(0, 3)), (0x1FFFFFFE, meter(0, 4)), (0x2FFFFFFD, tempo(0, 1)))
    assert windows(file_of(late, at(0), division=1), 1).start_steps.tolist() == [0]


# --- Against exact fractions ----------------------------------------------------------------


def assert_windows_are_exact(data: bytes, bars: int, hop: int) -> int:
    """Compares with the slow grid; returns the number of windows."""
    table = pitch_table("reduced")
    found = windows(data, bars, hop)
    steps = bars * 16
    expected: list[tuple[int, list[slow_midi.Hit], Fraction]] = []
    for each in slow_midi.songs(slow_midi.read(data), [9]):
        hits = slow_midi.grid(each, table)
        for start in slow_midi.window_starts(each, hits, steps, hop * 16):
            inside = [each for each in hits if start <= each.step < start + steps]
            expected.append((start, inside, slow_midi.qpm_at(each, start)))
    assert found.start_steps.tolist() == [start for start, _, _ in expected]
    np.testing.assert_allclose(found.qpms, [float(qpm) for _, _, qpm in expected])
    for index, (start, hits, _) in enumerate(expected):
        cells: tuple[Sequence[int], Sequence[int]] = (
            [each.step - start for each in hits],
            [each.drum for each in hits],
        )
        rows = np.zeros((steps, 3, 9))
        rows[:, 0][cells] = 1
        rows[:, 1][cells] = [each.velocity / 127 for each in hits]
        rows[:, 2][cells] = [float(each.offset) for each in hits]
        np.testing.assert_allclose(found.rows[index], rows.reshape(steps, 27), atol=1e-6)
    return len(expected)


# No note of an odd division lies on a half step, where doubles may differ from fractions.
odd_divisions = st.sampled_from((1, 3, 25, 95, 121, 481))
ticks = st.integers(0, 9000)
some_pitches = st.sampled_from((36, 36, 38, 42, 99))
notes = st.lists(st.tuples(ticks, some_pitches, st.sampled_from((1, 64, 64, 127))), max_size=40)
tempos = st.lists(st.tuples(ticks, st.integers(1000, 2**24 - 1)), max_size=4)
some_meters = st.sampled_from(((4, 2), (4, 2), (2, 1), (3, 2), (7, 3), (5, 5), (1, 6)))
meters = st.lists(st.tuples(ticks, some_meters), max_size=4)


@given(
    odd_divisions, notes, tempos, meters, st.integers(1, 2), st.integers(1, 2), st.integers(0, 2)
)
def test_any_song_is_exact(
    division: int,
    all_notes: list[tuple[int, int, int]],
    all_tempos: list[tuple[int, int]],
    all_meters: list[tuple[int, tuple[int, int]]],
    bars: int,
    hop: int,
    format_: int,
) -> None:
    assume(all_notes)
    control = [(tick, tempo(0, value)) for tick, value in all_tempos]
    control += [(tick, meter(0, *value)) for tick, value in all_meters]
    control += [
        (tick + end, midi.event(0, 0x99, pitch, 0 if end else velocity))
        for tick, pitch, velocity in all_notes
        for end in (0, 1)
    ]
    chunks = changes(*control)
    data = midi.header(1, format_, division) + chunks
    assert_windows_are_exact(data, bars, hop)


def test_real_files_are_exact_under_tempo_and_meter_changes(groove_files: list[Path]) -> None:
    count = 0
    for index, path in enumerate(groove_files[::140]):
        data = bytearray(path.read_bytes())
        data[12:14] = (481).to_bytes(2, "big")
        data[8:12] = bytes((0, 1, 0, 2))
        control = changes(
            (0, meter(0, 4)),
            (999 + 77 * index, tempo(0, 654_321)),
            (7777, tempo(0, 400_001)),
            (8 * 481 + 13 * index, meter(0, 3 + index % 2)),
            (24 * 481, meter(0, 2, 1)),
        )
        count += assert_windows_are_exact(bytes(data) + control, 1, 1)
    assert count > 100
