"""A take: the drums of a MIDI file, whole, on the model's grid, and back into the file.

    file -> notes -> cells of the grid -> windows … windows -> cells -> notes -> file

Everything is counted in ticks, so that the file's tempo map needs no attention. The bars of the
grid are those whose meter the model knows, one after the other; all other bars stay as they are.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from groovefast.config import ConverterConfig
from groovefast.drums import (
    DRUM_CHANNEL,
    NUM_CLASSES,
    UNMAPPED,
    PitchClasses,
    pitch_table,
    resolve_pitch_classes,
)
from groovefast.errors import GrooveFastError
from groovefast.groove import Groove, midi_source
from groovefast.midi_tracks import MAX_TICK, MidiTracks
from groovefast.transforms import VELOCITIES, Grid

if TYPE_CHECKING:
    import mido

    from groovefast.score import Score

MAX_STEPS = 1 << 18
"""Longer takes are refused (nine hours at 120 bpm): a few bytes can claim a silence of years."""
COARSE_TICKS = 192
"""A file with fewer ticks per quarter note is written with more: timing is finer than that."""
FINE_TICKS = 480

_NO_ROW = -1
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class _Stretch:
    """Whole bars of one length, from one change of meter to the next.

    Attributes:
        song: The track they belong to in a format 2 file, else 0.
        meter: Numerator and denominator.
        first_tick: Where they begin.
        end_tick: Where the next stretch begins; infinite for the last.
        first_bar: Bars before them in the song.
    """

    song: int
    meter: tuple[int, int]
    first_tick: int
    end_tick: float
    first_bar: int

    @property
    def quarters_per_bar(self) -> float:
        numerator, denominator = self.meter
        return 4 * numerator / denominator

    def bar_at(self, tick: float, ticks_per_quarter: int) -> int:
        """Whole bars of it before a tick."""
        return int((tick - self.first_tick) // (self.quarters_per_bar * ticks_per_quarter))


class Take:
    """The drums of a file on a grid of rows, one for each step of the bars the model knows.

    Attributes:
        midi: The bytes of the file.
        grid: What is played, float32 of shape (rows, 9).
        row_ticks: Where each row is, in ticks of the file or, if those are coarse, finer ones.
        bar_rows: Rows in a bar.
        messages: What a user should know of bars that are left as they are.
    """

    def __init__(
        self,
        source: bytes | str | os.PathLike[str] | Groove | mido.MidiFile,
        config: ConverterConfig,
        pitch_classes: PitchClasses = "reduced",
        channels: str = "drums",
    ) -> None:
        """Reads a file and lays its drums on the grid.

        Args:
            source: A MIDI file's bytes, its path, a `Groove` or a `mido.MidiFile`.
            config: The model's grid.
            pitch_classes: Which pitches are which drum.
            channels: "drums" for MIDI channel 10 alone, or "all".

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: No drums in it, time without beats (SMPTE), or it is too long.
            OSError: The file cannot be read.
        """
        from groovefast.score import read_midi

        self._name = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "source"
        source = midi_source(source)
        score = read_midi(source, channels)
        self.midi = source if isinstance(source, bytes) else _read(source)
        self._check(score, channels)
        self._config = config
        self._pitches = tuple(pitches[0] for pitches in resolve_pitch_classes(pitch_classes))
        self._finer = _finer(score)
        self._ticks_per_quarter = score.ticks_per_quarter * self._finer
        self._step_ticks = self._ticks_per_quarter / config.steps_per_quarter
        self._all_notes = score.notes.copy()
        self._all_notes["tick"] *= self._finer
        self._all_notes["end_tick"] *= self._finer
        self._stretches = list(_stretches(score, self._finer))
        self.bar_rows = config.steps_per_bar
        self._place(np.frombuffer(pitch_table(pitch_classes), np.uint8))
        self.messages = list(self._tell_of_other_meters())

    def _check(self, score: Score, channels: str) -> None:
        if not score.ticks_per_quarter:
            raise GrooveFastError(
                f"{self._name}: counts in SMPTE frames, not in beats; export it with a tempo"
            )
        if not len(score.notes):
            where = f"on channel {DRUM_CHANNEL + 1}" if channels == "drums" else "in it"
            raise GrooveFastError(
                f"{self._name}: no drums {where}; "
                + ("take the notes of all channels, or " if channels == "drums" else "")
                + "give a drum performance"
            )

    # --- From notes to rows -----------------------------------------------------------------

    def _place(self, classes: NDArray[np.uint8]) -> None:
        """Gives every note of a class its cell, and every row its tick."""
        drums = classes[self._all_notes["pitch"]]
        stretches = self._stretch_of_notes()
        steps = self._steps_in(stretches)
        # Before a change of meter, what is nearest to the first step after it belongs there.
        last = np.array([self._num_steps(stretch) for stretch in self._stretches])[stretches]
        early = steps >= last
        stretches, steps = stretches + early, np.where(early, 0, steps)
        fits = np.array([self._fits(stretch) for stretch in self._stretches])
        self._stretch_of_note = stretches
        chosen = np.flatnonzero((drums != UNMAPPED) & fits[stretches])
        self._index = chosen
        """Which of all notes have a cell; the arrays that follow have one value for each."""
        self._drums = drums[chosen].astype(np.int64)
        first_rows = self._lay_out_rows(stretches[chosen], steps[chosen])
        self._rows = first_rows[stretches[chosen]] + steps[chosen]
        self._mains = self._loudest_of_cells()
        self.grid = self._played()

    def _stretch_of_notes(self) -> NDArray[np.int64]:
        """The stretch each of all notes begins in."""
        songs = np.array([stretch.song for stretch in self._stretches])
        ticks = np.array([stretch.first_tick for stretch in self._stretches])
        notes = self._all_notes
        own = notes["track"] if songs.any() else np.zeros(len(notes), np.int64)
        found = np.zeros(len(notes), np.int64)
        for song in np.unique(own):
            first, mine = int(np.argmax(songs == song)), own == song
            after = np.searchsorted(ticks[songs == song], notes["tick"][mine], side="right")
            found[mine] = first + after - 1
        return found

    def _steps_in(self, stretches: NDArray[np.int64]) -> NDArray[np.int64]:
        """The step nearest to each of all notes, counted within its stretch."""
        first_ticks = np.array([stretch.first_tick for stretch in self._stretches])[stretches]
        positions = (self._all_notes["tick"] - first_ticks) / self._step_ticks
        return np.asarray(np.floor(positions + 0.5), np.int64)

    def _num_steps(self, stretch: _Stretch) -> float:
        """Steps up to the next stretch, begun ones included."""
        steps = (stretch.end_tick - stretch.first_tick) / self._step_ticks
        return float(np.ceil(steps - _ROUNDING))

    def _fits(self, stretch: _Stretch) -> bool:
        return stretch.quarters_per_bar == self._config.quarters_per_bar

    @property
    def _known_meter(self) -> str:
        return f"{self._config.quarters_per_bar}/4"

    def _lay_out_rows(
        self, stretches: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Lists the ticks of all rows; returns the first row of each stretch.

        A stretch has rows for whole bars up to its last hit.
        """
        last_steps = np.full(len(self._stretches), -1)
        np.maximum.at(last_steps, stretches, steps)
        counts = (last_steps // self.bar_rows + 1) * self.bar_rows
        if counts.sum() > MAX_STEPS:
            raise GrooveFastError(
                f"{self._name}: {counts.sum() // self.bar_rows} bars are too long; give a part"
            )
        first_rows = np.concatenate(([0], np.cumsum(counts)))
        self._row_bounds = list(zip(first_rows[:-1].tolist(), first_rows[1:].tolist(), strict=True))
        ticks = [
            stretch.first_tick + np.arange(count) * self._step_ticks
            for stretch, count in zip(self._stretches, counts, strict=True)
        ]
        ends = [stretch.end_tick for stretch in self._stretches]
        self.row_ticks = np.concatenate(ticks)
        self._row_exists = self.row_ticks < np.repeat(ends, counts)
        half = self._step_ticks / 2
        # A hit before a change of meter is the next stretch's only from its last half step on.
        self._first_ticks = np.floor(self.row_ticks - half) + 1
        begun = np.flatnonzero(counts)
        heads = first_rows[:-1][begun]
        self._first_ticks[heads] = np.maximum(self._first_ticks[heads], self._entries()[begun])
        self._last_ticks = np.minimum(
            np.ceil(self.row_ticks + half) - 1, np.repeat(ends, counts) - 1
        )
        return first_rows

    def _entries(self) -> NDArray[np.float64]:
        """The tick from which on hits belong to each stretch: its first or a little before."""
        entries: list[float] = [self._stretches[0].first_tick]
        for before, stretch in itertools.pairwise(self._stretches):
            entry: float = stretch.first_tick
            if before.song == stretch.song:
                steps = self._num_steps(before) - 0.5
                early = math.ceil(before.first_tick + steps * self._step_ticks)
                entry = min(entry, max(early, before.first_tick))
            entries.append(entry)
        return np.array(entries, np.float64)

    def _loudest_of_cells(self) -> NDArray[np.int64]:
        """For each placed note the one that stands for its cell: the loudest, of equals the first.

        The others of the cell, such as the grace note of a flam, go where it goes.
        """
        cells = self._rows * NUM_CLASSES + self._drums
        velocities = self._all_notes["velocity"][self._index].astype(np.int64)
        order = np.lexsort((np.arange(len(cells)), -velocities, cells))
        _, first, inverse = np.unique(cells[order], return_index=True, return_inverse=True)
        mains = np.empty(len(cells), np.int64)
        mains[order] = order[first][inverse]
        return mains

    def _played(self) -> Grid:
        grid = Grid(*np.zeros((3, len(self.row_ticks), NUM_CLASSES), np.float32))
        mains = np.unique(self._mains)
        cells = self._rows[mains], self._drums[mains]
        notes = self._all_notes[self._index[mains]]
        grid.hits[cells] = 1
        grid.velocities[cells] = VELOCITIES[notes["velocity"]]
        late = (notes["tick"] - self.row_ticks[cells[0]]) / self._step_ticks
        grid.offsets[cells] = -2 * late
        return grid

    def _tell_of_other_meters(self) -> Iterator[str]:
        """One line for each stretch in which drums are left as they are."""
        for index, stretch in enumerate(self._stretches):
            ticks = self._all_notes["tick"][self._stretch_of_note == index]
            if self._fits(stretch) or not len(ticks):
                continue
            first, last = (
                1 + stretch.first_bar + stretch.bar_at(tick, self._ticks_per_quarter)
                for tick in (ticks.min(), ticks.max())
            )
            bars = f"bar {first}" if first == last else f"bars {first} to {last}"
            meter = f"{stretch.meter[0]}/{stretch.meter[1]}"
            yield f"{bars} in {meter} left unchanged: the model knows {self._known_meter}"

    # --- From rows to windows and back ------------------------------------------------------

    def window_rows(self, bars: int, hop_bars: int) -> NDArray[np.int64]:
        """Returns the rows of overlapping windows that between them cover all hits.

        Windows lie within a stretch, the last one at its end. In a stretch shorter than a window
        the rows that are missing are -1.

        Args:
            bars: Length of a window.
            hop_bars: From the start of a window to the next.

        Returns:
            Shape (windows, steps); windows without a hit are left out.
        """
        length, hop = bars * self.bar_rows, hop_bars * self.bar_rows
        windows: list[NDArray[np.int64]] = [np.empty((0, length), np.int64)]
        for first, end in self._row_bounds:
            if first == end:
                continue
            last_start = max(end - length, first)
            starts = np.unique([*range(first, last_start, hop), last_start])
            rows = starts[:, None] + np.arange(length)
            windows.append(np.where(rows < end, rows, _NO_ROW))
        rows = np.concatenate(windows)
        return rows[cut(self.grid.hits, rows).any(axis=(1, 2))]

    def looped_rows(self, like: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns windows of this take, played in a loop, for the windows of another take.

        Args:
            like: What `window_rows` of the other returned.

        Raises:
            GrooveFastError: Nothing in a meter the model knows.
        """
        if not len(self.row_ticks):
            raise GrooveFastError(f"{self._name}: no drums in {self._known_meter}")
        starts = like[:, :1]
        return (starts + np.arange(like.shape[1])) % len(self.row_ticks)

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Rows of bars in which something is played, and which the meter does not cut off."""
        by_bar = self.grid.hits.reshape(-1, self.bar_rows * NUM_CLASSES)
        return np.repeat(by_bar.any(axis=1), self.bar_rows) & self._row_exists

    # --- From rows to the file --------------------------------------------------------------

    def play(
        self,
        played: Grid,
        amount: float,
        drums: Collection[int] = range(NUM_CLASSES),
        own_kit: bool = True,
    ) -> bytes:
        """Returns the file with other hits.

        A hit that was there keeps its pitch and length and moves, with the other notes of its
        cell; one that is no more is taken out; a new one is a step long and played as it stands.

        Args:
            played: What to play, shape (rows, 9).
            amount: How far, from 0 to 1, to go from a hit's velocity and time to those in `played`.
            drums: Classes that are changed.
            own_kit: Whether pitches are those of the file's own drums; otherwise each class has
                its first.
        """
        notes, index = self._all_notes.copy(), self._index
        changed = np.isin(self._drums, list(drums))
        stays = played.hits[self._rows, self._drums] > 0
        notes[index] = self._moved(played, amount, changed & stays)
        if not own_kit:
            stays &= self._mains == np.arange(len(index))
            notes["pitch"][index[changed]] = np.array(self._pitches)[self._drums[changed]]
        notes = np.delete(notes, index[changed & ~stays])
        notes = np.concatenate((notes, self._new_notes(played, drums, own_kit)))
        if np.array_equal(notes, self._all_notes):
            return self.midi
        tracks = MidiTracks.parse(self.midi).finer(self._finer)
        return tracks.with_notes(self._all_notes, notes).to_bytes()

    @property
    def coarse_message(self) -> Sequence[str]:
        """What to say if the file is written with finer ticks than it had."""
        if self._finer == 1:
            return ()
        before = self._ticks_per_quarter // self._finer
        return (
            f"{before} ticks per quarter note are too coarse for played timing; "
            f"written with {self._ticks_per_quarter}",
        )

    def _moved(self, played: Grid, amount: float, moves: NDArray[np.bool_]) -> NDArray[np.void]:
        """The placed notes, some of them at their new time and velocity."""
        notes: NDArray[np.void] = self._all_notes[self._index]
        mains = notes[self._mains]
        cells = self._rows, self._drums
        row_ticks = self.row_ticks[self._rows]

        target = row_ticks - played.offsets[cells] / 2 * self._step_ticks
        shift = np.where(moves, np.rint(amount * (target - mains["tick"])), 0).astype(np.int64)
        inside = self._in_cell(notes["tick"] + shift, self._rows)
        ticks = np.where(shift == 0, notes["tick"], inside)
        lengths = notes["end_tick"] - notes["tick"]

        before = mains["velocity"].astype(np.float64)
        after = before + amount * (127 * played.velocities[cells] - before)
        velocities = np.clip(np.rint(notes["velocity"] * (after / before)), 1, 127)

        notes["tick"], notes["end_tick"] = ticks, ticks + lengths
        notes["velocity"] = np.where(moves, velocities, notes["velocity"])
        return notes

    def _in_cell(self, ticks: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ticks that read again belong to their rows, and none before the file begins."""
        inside = np.clip(ticks, self._first_ticks[rows], self._last_ticks[rows])
        return np.maximum(inside, 0).astype(np.int64)

    def _new_notes(self, played: Grid, drums: Collection[int], own_kit: bool) -> NDArray[np.void]:
        """A note for each hit where there was none."""
        new = (played.hits > 0) & (self.grid.hits == 0)
        new[:, [drum for drum in range(NUM_CLASSES) if drum not in drums]] = False
        rows, classes = np.nonzero(new)
        notes = np.zeros(len(rows), self._all_notes.dtype)
        if not len(rows):
            return notes
        row_ticks = self.row_ticks[rows]
        target = np.rint(row_ticks - played.offsets[rows, classes] / 2 * self._step_ticks)
        notes["tick"] = self._in_cell(target.astype(np.int64), rows)
        notes["end_tick"] = notes["tick"] + max(round(self._step_ticks), 1)
        notes["velocity"] = np.clip(np.rint(127 * played.velocities[rows, classes]), 1, 127)
        notes["pitch"] = np.array(self._kit() if own_kit else self._pitches)[classes]
        notes["track"], notes["channel"] = self._main_track()
        return notes

    def _kit(self) -> Sequence[int]:
        """The pitch the take uses most for each drum; the class's first where it has none."""
        pitches = self._all_notes["pitch"][self._index]
        return [
            int(np.bincount(pitches[self._drums == drum]).argmax())
            if (self._drums == drum).any()
            else self._pitches[drum]
            for drum in range(NUM_CLASSES)
        ]

    def _main_track(self) -> tuple[int, int]:
        """Track and channel of most of the drums."""
        notes = self._all_notes[self._index]
        places = np.stack((notes["track"], notes["channel"]), axis=1).astype(np.int64)
        found, counts = np.unique(places, axis=0, return_counts=True)
        track, channel = found[counts.argmax()].tolist()
        return track, channel


def cut(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns windows of rows: (windows, steps, 9) of (rows, 9), zeros where a row is -1."""
    padded = np.concatenate((values, np.zeros((1, NUM_CLASSES), values.dtype)))
    return np.asarray(padded[rows])


def blend(
    values: NDArray[np.float32], rows: NDArray[np.int64], num_rows: int
) -> NDArray[np.float32]:
    """Returns what overlapping windows say of each row, cross-faded: each counts most mid-way.

    Args:
        values: Shape (windows, steps, 9).
        rows: Of the windows, as of `Take.window_rows`.
        num_rows: Of the result.

    Returns:
        Shape (num_rows, 9); 0 where there is no window.
    """
    steps = np.arange(rows.shape[1])
    fade = np.sin(np.pi * (steps + 0.5) / rows.shape[1]) ** 2
    total, weight = np.zeros((num_rows + 1, NUM_CLASSES)), np.zeros((num_rows + 1, 1))
    np.add.at(total, rows, values * fade[:, None])
    np.add.at(weight, rows, np.broadcast_to(fade[:, None], (*rows.shape, 1)))
    blended = total / np.maximum(weight, 1e-12)
    return np.asarray(blended[:num_rows], np.float32)


def _read(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - takes whatever `read_midi` takes
        return file.read()


def _finer(score: Score) -> int:
    """How many times more ticks the timing wants, and MIDI can count."""
    if score.ticks_per_quarter >= COARSE_TICKS:
        return 1
    last = int(score.notes["end_tick"].max()) + score.ticks_per_quarter
    return max(1, min(math.ceil(FINE_TICKS / score.ticks_per_quarter), MAX_TICK // last))


def _stretches(score: Score, finer: int) -> Iterator[_Stretch]:
    """The meters of each song in turn, those that only go on counting joined."""
    num_songs = 1 + (int(score.notes["track"].max()) if score.format == 2 else 0)
    for song in range(num_songs):
        signatures = score.time_signatures
        if score.format == 2:
            signatures = signatures[signatures["track"] == song]
        meters = {0: (4, 4)}
        for signature in signatures:
            meters[int(signature["tick"]) * finer] = (
                int(signature["numerator"]),
                int(signature["denominator"]),
            )
        yield from _joined(song, meters, score.ticks_per_quarter * finer)


def _joined(
    song: int, meters: dict[int, tuple[int, int]], ticks_per_quarter: int
) -> Iterator[_Stretch]:
    """One stretch for each meter, but none where bars only go on."""
    current: _Stretch | None = None
    for tick, meter in sorted(meters.items()):
        begun = _Stretch(song, meter, tick, math.inf, 0)
        if current is not None:
            bar_ticks = current.quarters_per_bar * ticks_per_quarter
            bars, rest = divmod(tick - current.first_tick, bar_ticks)
            if not rest and begun.quarters_per_bar == current.quarters_per_bar:
                continue
            yield dataclasses.replace(current, end_tick=tick)
            first_bar = current.first_bar + int(bars) + bool(rest)
            begun = dataclasses.replace(begun, first_bar=first_bar)
        current = begun
    if current is not None:
        yield current
