"""A take: the drums of a MIDI file, whole, on the model's grid, and back into the file.

    file -> notes -> cells of the grid -> windows … windows -> cells -> notes -> file

The grid has a row for each step of each bar, whatever its meter. Which row a note belongs to is the
core's to say, as it says it when a model's training windows are made; here notes are moved, in
ticks, so that the file's tempo map needs no attention.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from groovefast import _midi
from groovefast._midi import MAX_STEPS
from groovefast.config import ConverterConfig
from groovefast.drum_part import CHANNEL_10, DrumPart
from groovefast.drums import (
    DRUM_CHANNEL,
    NUM_CLASSES,
    UNMAPPED,
    PitchClasses,
    output_pitches,
    pitch_table,
)
from groovefast.errors import GrooveFastError
from groovefast.midi.files import MAX_TICK
from groovefast.midi.groove import Groove, midi_source
from groovefast.midi.meters import Bars, meters_of
from groovefast.midi.parts import no_drums
from groovefast.midi.score import MidiInput, Score, read_bytes, read_score
from groovefast.midi.tracks import MidiTracks
from groovefast.playing.grid_bars import GridBars
from groovefast.playing.layout import Layout, Windows
from groovefast.windows.rows import Grid

if TYPE_CHECKING:
    import mido

COARSE_TICKS = 192
"""A file with fewer ticks per quarter note is written with more: timing is finer than that."""
FINE_TICKS = 480


class Take:
    """The drums of a file on a grid of rows, one for each step of its bars.

    Attributes:
        midi: The bytes of the file.
        fine_midi: The same with finer ticks, if its own are coarse.
        name: What to call it.
        part: Which of its notes are the drums.
        bars: Its bars, up to that of the last hit; of each song in format 2.
        grid: What is played, float32 of shape (rows, 9).
        fixed: Cells of notes that stay as they are whatever is played, bool of shape (rows, 9).
        playable: The drums that the kit has, and so can be added.
        row_ticks: Where each row is, in ticks of `fine_midi`.
    """

    def __init__(
        self,
        source: MidiInput | Groove | mido.MidiFile,
        config: ConverterConfig,
        pitch_classes: PitchClasses = "reduced",
        part: DrumPart = CHANNEL_10,
        *,
        all_pitches: bool = False,
        fixed_pitches: Collection[int] = (),
        name: str | None = None,
    ) -> None:
        """Reads a file and lays its drums on the grid.

        Args:
            source: A MIDI file's bytes, its path, a file opened for bytes, a `Groove` or a
                `mido.MidiFile`.
            config: The model's grid.
            pitch_classes: Which pitches are which drum.
            part: Which notes are drums.
            all_pitches: Whether pitches of no class are heard as well, as some drum.
            fixed_pitches: Those whose notes are heard but stay as they are.
            name: What to call it in errors; the file's own name if None.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: No drums in it, time without beats (SMPTE), or it is too long.
            OSError: The file cannot be read.
        """
        self.midi, own_name = read_bytes(midi_source(source))
        self.name = name or own_name or "source"
        self._again = functools.partial(
            Take,
            config=config,
            pitch_classes=pitch_classes,
            part=part,
            all_pitches=all_pitches,
            fixed_pitches=fixed_pitches,
            name=self.name,
        )
        self.part = part
        self._score = score = read_score(self.midi, self.part, name=self.name)
        check_counts_in_beats(score, self.name)
        written = output_pitches(pitch_classes)
        self.playable = [drum for drum, pitch in enumerate(written) if pitch is not None]
        self._pitches = [pitch or 0 for pitch in written]
        classes = np.frombuffer(pitch_table(pitch_classes), np.uint8)
        if all_pitches:
            classes = np.where(classes == UNMAPPED, np.uint8(self.playable[0]), classes)
        if (classes[score.notes["pitch"]] == UNMAPPED).all():
            raise no_drums(self.midi, self.name, self.part, pitch_classes)
        self._finer = finer(score)
        self.fine_midi = self.midi
        if self._finer > 1:
            self.fine_midi = MidiTracks.parse(self.midi).finer(self._finer).to_bytes()
            self._score = read_score(self.fine_midi, self.part, name=self.name)
        self._all_notes = self._score.notes
        self._bar_steps = config.steps_per_bar
        self._place(classes.tobytes(), config.steps_per_quarter)
        self._is_fixed = np.isin(self._all_notes["pitch"][self._index], list(fixed_pitches))
        self.fixed = np.zeros(self.grid.hits.shape, np.bool_)
        self.fixed[self._rows[self._is_fixed], self._drums[self._is_fixed]] = True

    # --- From notes to rows -----------------------------------------------------------------

    def _place(self, classes: bytes, steps_per_quarter: int) -> None:
        """Gives every note of a class its cell, and every row its tick."""
        part = self.part.for_core()
        found = _midi.place_notes(self.fine_midi, classes, steps_per_quarter, part)
        # A model hears every bar as one of its own.
        if found.too_long or len(found.bars) * self._bar_steps > MAX_STEPS:
            bars = self._num_bars()
            raise GrooveFastError(f"{self.name}: {bars:,} bars are too long; give a part")
        self.bars = GridBars.of(found.bars, self._score.ticks_per_quarter, steps_per_quarter)
        self._bar_of_row = np.repeat(np.arange(len(self.bars)), self.bars.num_steps)
        self.row_ticks = found.rows["tick"]
        self._first_ticks, self._last_ticks = found.rows["first_tick"], found.rows["last_tick"]
        self._index = found.notes["note"].astype(np.int64)
        """Which of all notes have a cell; the arrays that follow have one value for each."""
        self._rows = found.notes["row"].astype(np.int64)
        self._drums = found.notes["drum"].astype(np.int64)
        self._mains = found.notes["leader"].astype(np.int64)
        """The note that stands for its cell: the loudest, of equals the first.

        The others of the cell, such as the grace note of a flam, go where it goes.
        """
        self.grid = Grid(*map(np.ascontiguousarray, np.split(found.played, 3, axis=1)))
        self._layout = Layout(self.bars, self._bar_steps)

    def _num_bars(self) -> int:
        """How many bars of 4/4 it lasts."""
        songs, ticks = self._score.songs, self._all_notes["tick"]
        last = sum(int(ticks[songs == song].max()) for song in np.unique(songs))
        return math.ceil(last / (4 * self._score.ticks_per_quarter))

    def extended(self, bars: int) -> Take:
        """Returns the take with silent bars after its last one, in the meters of the file.

        Args:
            bars: How many.

        Raises:
            GrooveFastError: It holds several songs, or would be too long.
        """
        if (self.bars.songs != self.bars.songs[0]).any():
            raise GrooveFastError(f"{self.name}: holds several songs; give one of them")
        lines = Bars(meters_of(self._score, int(self.bars.songs[0])))
        last = lines.numbered(int(self.bars.numbers[-1]) - 1 + bars)
        tick = math.ceil(last.start * self._score.ticks_per_quarter)
        if tick >= MAX_TICK:
            raise GrooveFastError(f"{self.name}: {bars:,} more bars are too long; take fewer")
        notes = self._all_notes
        marker = notes[self._index[:1]].copy()  # the grid goes on to the last hit
        marker["tick"], marker["end_tick"] = tick, tick + 1
        tracks = MidiTracks.parse(self.fine_midi)
        longer = self.again(tracks.with_notes(notes, np.concatenate((notes, marker))).to_bytes())
        for values in longer.grid:
            values[len(self.grid.hits) :] = 0
        return longer

    # --- Where in the bar, apart from the grid ----------------------------------------------

    @property
    def drums(self) -> NDArray[np.int64]:
        """The drum of each note that has a cell, shape (notes,)."""
        return self._drums

    @property
    def places(self) -> NDArray[np.float64]:
        """Quarter notes from the beginning of its bar to each of these notes, shape (notes,).

        Less than 0 is early on the first step.
        """
        ticks = self._all_notes["tick"][self._index] - self._bar_ticks
        return np.asarray(ticks / self._score.ticks_per_quarter)

    @property
    def in_quarters(self) -> NDArray[np.bool_]:
        """Which of these notes are in a beat of one quarter note or two, bool of shape (notes,)."""
        bar = self._bar_of_row[self._rows]
        ends = (self.bars.end_ticks - self.bars.first_ticks)[bar] / self._score.ticks_per_quarter
        return np.asarray(self.bars.in_quarters[bar] & (np.floor(self.places) + 1 <= ends))

    def again(self, midi: bytes) -> Take:
        """Returns the take of another file, read as this one was."""
        return self._again(midi)

    def retimed(self, places: NDArray[np.float64]) -> Take:
        """Returns the take with its notes elsewhere in their bars; the lengths of notes stay.

        Args:
            places: As `places`.
        """
        notes, index = self._all_notes.copy(), self._index
        goal = self._bar_ticks + places * self._score.ticks_per_quarter
        ticks = np.maximum(np.rint(goal).astype(np.int64), 0)
        notes["end_tick"][index] += ticks - notes["tick"][index]
        notes["tick"][index] = ticks
        if np.array_equal(notes, self._all_notes):
            return self
        tracks = MidiTracks.parse(self.fine_midi)
        return self.again(tracks.with_notes(self._all_notes, notes, self._end_of).to_bytes())

    @property
    def _bar_ticks(self) -> NDArray[np.float64]:
        """Where the bar of each note with a cell begins."""
        return self.bars.first_ticks[self._bar_of_row[self._rows]]

    # --- From rows to windows ---------------------------------------------------------------

    def windows(self, num_bars: int, hop_bars: int) -> Windows:
        """Returns overlapping windows that between them cover all hits; see `Layout.windows`.

        Args:
            num_bars: Bars of the model in a window.
            hop_bars: From the start of a window to the next.
        """
        windows = self._layout.windows(num_bars, hop_bars)
        sounding = np.append(rows_with(self.grid.hits), False)
        return windows[rows_with(sounding[windows.rows] & windows.counts)]

    @property
    def sequence(self) -> NDArray[np.int64]:
        """The row under each step of a model that hears the take once; see `Layout.sequence`."""
        return self._layout.sequence

    def looped(self, like: Windows) -> Windows:
        """Returns windows of this take for those of another one; see `Layout.looped`.

        Args:
            like: What `windows` of the other returned.
        """
        return self._layout.looped(like)

    @property
    def bar_of_row(self) -> NDArray[np.int64]:
        """The bar of each row, from 0; those of songs one after the other."""
        return self._bar_of_row

    @property
    def step_of_row(self) -> NDArray[np.int64]:
        """The step in its bar of each row, from 0."""
        firsts = np.cumsum(self.bars.num_steps) - self.bars.num_steps
        return np.arange(len(self._bar_of_row)) - firsts[self._bar_of_row]

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Rows of bars in which something is played."""
        return self.in_bars_with(rows_with(self.grid.hits))

    def in_bars_with(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns all rows of the bars that hold some of `rows`, bool of shape (rows,)."""
        return self.bars_with(rows)[self._bar_of_row]

    def bars_with(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns which bars hold some of `rows`, bool of shape (bars,)."""
        found = np.zeros(len(self.bars), np.bool_)
        found[self._bar_of_row[rows]] = True
        return found

    # --- From rows to the file --------------------------------------------------------------

    def play(
        self,
        played: Grid,
        timing: float = 1.0,
        dynamics: float = 1.0,
        drums: Collection[int] = range(NUM_CLASSES),
        own_kit: bool = True,
        own_channel: bool = True,
    ) -> bytes:
        """Returns the file with other hits.

        A hit that was there keeps its pitch and length and moves, with the other notes of its
        cell; one that is no more is taken out; a new one is a step long, and moves from the grid
        and the mean velocity of its drum.

        Args:
            played: What to play, shape (rows, 9).
            timing: How far, from 0 to 1, to go from a hit's time to that in `played`.
            dynamics: How far to go from its velocity.
            drums: Classes that are changed.
            own_kit: Whether pitches are those of the file's own drums; otherwise each class has
                its first.
            own_channel: Whether they stay on their channel; otherwise they are put on channel 10.
        """
        notes, index = self._all_notes.copy(), self._index
        changed = np.isin(self._drums, list(drums)) & ~self._is_fixed
        stays = played.hits[self._rows, self._drums] > 0
        notes[index] = self._moved(played, timing, dynamics, changed & stays)
        if not own_kit:
            stays &= self._mains == np.arange(len(index))
            notes["pitch"][index[changed]] = np.array(self._pitches)[self._drums[changed]]
        if not own_channel:
            notes["channel"][index[changed]] = DRUM_CHANNEL
        notes = np.delete(notes, index[changed & ~stays])
        new = self._new_notes(played, timing, dynamics, drums)
        new["pitch"] = np.array(self._kit() if own_kit else self._pitches)[new["pitch"]]
        if not own_channel:
            new["channel"] = DRUM_CHANNEL
        notes = np.concatenate((notes, new))
        if np.array_equal(notes, self._all_notes):
            return self.midi
        tracks = MidiTracks.parse(self.fine_midi)
        return tracks.with_notes(self._all_notes, notes, self._end_of).to_bytes()

    def followed_by(self, longer: Take, played: Grid) -> bytes:
        """Returns the file with more bars after its last; what there was stays as it is.

        Args:
            longer: The take as `extended` gave it.
            played: What to play in these, shape (rows of `longer`, 9).
        """
        new = longer._new_notes(played, 1.0, 1.0, self.playable)
        new["pitch"] = np.array(self._kit())[new["pitch"]]
        new["track"], new["channel"] = self._main_track()
        if not len(new):
            return self.midi
        notes = np.concatenate((self._all_notes, new))
        tracks = MidiTracks.parse(self.fine_midi)
        return tracks.with_notes(self._all_notes, notes, longer._end_of).to_bytes()

    def _end_of(self, track: int, end: int, last_event: int) -> int:
        """Where a clip ends: at a bar line, that of its end or the next.

        Recordings seldom stop where the music does. So what is less than a bar after the bar of the
        last hit, and not within a step of a bar line, makes no bar of its own.
        """
        song = track if self._score.format == 2 else 0
        bars, per_quarter = Bars(meters_of(self._score, song)), self._score.ticks_per_quarter

        def line(tick: float) -> int:
            place = max(tick, 0) / per_quarter
            return math.ceil(bars.line(place) * per_quarter)

        step = self.bars.step_ticks
        of_hits = math.ceil(float(self.bars.end_ticks[self.bars.songs == song].max(initial=0)))
        of_file = line(end - step)
        if of_file - end > step and of_file <= line(of_hits + 1):
            of_file = of_hits
        return max(of_hits, line(last_event), of_file)

    @property
    def coarse_message(self) -> Sequence[str]:
        """What to say if the file is written with finer ticks than it had."""
        if self._finer == 1:
            return ()
        written = self._score.ticks_per_quarter
        return (
            f"{written // self._finer} ticks per quarter note are too coarse for played timing; "
            f"written with {written}",
        )

    def _moved(
        self, played: Grid, timing: float, dynamics: float, moves: NDArray[np.bool_]
    ) -> NDArray[np.void]:
        """The placed notes, some of them at their new time and velocity."""
        notes: NDArray[np.void] = self._all_notes[self._index]
        mains = notes[self._mains]
        cells = self._rows, self._drums
        row_ticks = self.row_ticks[self._rows]

        target = row_ticks - played.offsets[cells] / 2 * self.bars.step_ticks
        shift = np.where(moves, np.rint(timing * (target - mains["tick"])), 0).astype(np.int64)
        inside = self._in_cell(notes["tick"] + shift, self._rows)
        ticks = np.where(shift == 0, notes["tick"], inside)
        lengths = notes["end_tick"] - notes["tick"]

        before = mains["velocity"].astype(np.float64)
        after = before + dynamics * (127 * played.velocities[cells] - before)
        velocities = np.clip(np.rint(notes["velocity"] * (after / before)), 1, 127)

        notes["tick"], notes["end_tick"] = ticks, ticks + lengths
        notes["velocity"] = np.where(moves, velocities, notes["velocity"])
        return notes

    def _in_cell(self, ticks: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ticks that read again belong to their rows."""
        return np.clip(ticks, self._first_ticks[rows], self._last_ticks[rows])

    def _new_notes(
        self, played: Grid, timing: float, dynamics: float, drums: Collection[int]
    ) -> NDArray[np.void]:
        """A note for each hit where there was none; its pitch is the number of its drum."""
        has_ticks = self._first_ticks <= self._last_ticks
        new = (played.hits > 0) & (self.grid.hits == 0) & has_ticks[:, None]
        new[:, [drum for drum in range(NUM_CLASSES) if drum not in drums]] = False
        rows, classes = np.nonzero(new)
        notes = np.zeros(len(rows), self._all_notes.dtype)
        if not len(rows):
            return notes
        late = -timing * played.offsets[rows, classes] / 2 * self.bars.step_ticks
        target = np.rint(self.row_ticks[rows] + late)
        notes["tick"] = self._in_cell(target.astype(np.int64), rows)
        notes["end_tick"] = notes["tick"] + max(round(self.bars.step_ticks), 1)
        usual = _means(played)[classes]
        velocities = usual + dynamics * (played.velocities[rows, classes] - usual)
        notes["velocity"] = np.clip(np.rint(127 * velocities), 1, 127)
        notes["pitch"] = classes
        notes["track"], notes["channel"] = self._main_track()
        return notes

    def _kit(self) -> Sequence[int]:
        """The pitch the take uses most for each drum; the class's first where it has none."""
        free = ~self._is_fixed
        pitches, drums = self._all_notes["pitch"][self._index][free], self._drums[free]
        return [
            int(np.bincount(pitches[drums == drum]).argmax())
            if (drums == drum).any()
            else self._pitches[drum]
            for drum in range(NUM_CLASSES)
        ]

    @property
    def drums_written(self) -> DrumPart:
        """Where drums are that are put on channel 10: in the track of the take, if it is one."""
        tracks = np.unique(self._all_notes["track"][self._index]).tolist()
        return DrumPart(CHANNEL_10.channels, 1 + tracks[0]) if len(tracks) == 1 else CHANNEL_10

    def _main_track(self) -> tuple[int, int]:
        """Track and channel of most of the drums."""
        return main_place(self._all_notes[self._index])


def main_place(notes: NDArray[np.void]) -> tuple[int, int]:
    """Returns the track and channel of most of some notes, of equals the first."""
    places = np.stack((notes["track"], notes["channel"]), axis=1).astype(np.int64)
    found, counts = np.unique(places, axis=0, return_counts=True)
    track, channel = found[counts.argmax()].tolist()
    return track, channel


def rows_with(cells: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns which rows of (rows, n) hold something."""
    return np.asarray(cells.any(axis=1))


def _means(played: Grid) -> NDArray[np.float64]:
    """The mean velocity of each drum, (9,)."""
    hit = played.hits > 0
    counts = np.maximum(hit.sum(axis=0), 1)
    return np.asarray(np.sum(played.velocities * hit, axis=0, dtype=np.float64) / counts)


def check_counts_in_beats(score: Score, name: str) -> None:
    """Raises if the time of a file is that of film.

    Raises:
        GrooveFastError: It is in SMPTE frames.
    """
    if not score.ticks_per_quarter:
        raise GrooveFastError(
            f"{name}: counts in SMPTE frames, not in beats; export it with a tempo"
        )


def finer(score: Score) -> int:
    """Returns how many times more ticks the timing wants, and MIDI can count."""
    if score.ticks_per_quarter >= COARSE_TICKS:
        return 1
    last = max(score.end_tick, int(score.notes["end_tick"].max())) + score.ticks_per_quarter
    return max(1, min(math.ceil(FINE_TICKS / score.ticks_per_quarter), MAX_TICK // last))
