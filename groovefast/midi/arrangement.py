"""Several instruments together: notes in seconds, to MIDI files and pictures."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.drum_part import ALL_CHANNELS, DrumPart
from groovefast.drums import DRUM_CHANNEL
from groovefast.errors import OptionError, check_number
from groovefast.files import write_atomically
from groovefast.midi.files import Voice, band_file
from groovefast.midi.score import MidiInput, read_score

if TYPE_CHECKING:
    import mido
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTE_DTYPE = np.dtype(
    [
        ("time", "f8"),
        ("end_time", "f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("instrument", "u1"),
        ("program", "u1"),
        ("is_drum", "?"),
    ]
)
"""A note of an `Arrangement`: seconds, seconds, and what MIDI calls so; drums are of program 0."""

TICKS_PER_QUARTER = 220
"""Of the files that note_seq writes."""
VELOCITY = 80
"""Of what has none of its own, in note_seq."""
BASS_PROGRAMS = range(32, 40)

_STEPS_PER_QUARTER = 4
_MIN_QPM, _MAX_QPM = 4.0, 1e6

Steps: TypeAlias = "NDArray[np.int64]"


class Part(NamedTuple):
    """What one instrument plays, on a grid of 16ths; arrays of shape (notes,).

    Attributes:
        instrument: Its number.
        starts: The step where each note starts.
        ends: The step where it ends.
        pitches: Of each.
        program: What General MIDI calls the sound.
        is_drum: Whether it is a drum kit.
    """

    instrument: int
    starts: Steps
    ends: Steps
    pitches: Steps
    program: int = 0
    is_drum: bool = False


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Arrangement:
    """What several instruments play in 4/4, such as a melody, or melody, bass and drums.

    Arrangements are equal if their notes, tempi and lengths are.

    Attributes:
        notes: Structured array of `NOTE_DTYPE`, read-only; times in seconds, by instrument.
        qpm: Tempo in quarter notes a minute.
        quarters: Its length in quarter notes.

    Raises:
        OptionError: A tempo or a length that MIDI cannot express.
    """

    notes: NDArray[np.void]
    qpm: float = 120.0
    quarters: float = 0.0

    def __post_init__(self) -> None:
        check_number("qpm", self.qpm, _MIN_QPM, _MAX_QPM)
        check_number("quarters", self.quarters, 0, 1e6)
        notes = np.array(self.notes, NOTE_DTYPE)
        if not (np.isfinite(notes["time"]).all() and np.isfinite(notes["end_time"]).all()):
            raise OptionError("notes", "a time is not finite")
        notes.setflags(write=False)
        object.__setattr__(self, "notes", notes)

    @classmethod
    def from_steps(cls, parts: Sequence[Part], num_steps: int, qpm: float = 120.0) -> Arrangement:
        """Returns what parts play on a grid of 16ths, up to the end of its last bar.

        Args:
            parts: The instruments, in order.
            num_steps: How many steps the grid has.
            qpm: Tempo.

        Raises:
            OptionError: A tempo that MIDI cannot express.
        """
        check_number("qpm", qpm, _MIN_QPM, _MAX_QPM)
        seconds = 60.0 / qpm / _STEPS_PER_QUARTER
        notes = np.empty(sum(len(part.starts) for part in parts), NOTE_DTYPE)
        first = 0
        for part in parts:
            own = notes[first : first + len(part.starts)]
            own["time"], own["end_time"] = part.starts * seconds, part.ends * seconds
            own["pitch"], own["velocity"] = part.pitches, VELOCITY
            own["instrument"], own["program"] = part.instrument, part.program
            own["is_drum"] = part.is_drum
            first += len(own)
        bars = math.ceil(max(num_steps, 1) / (4 * _STEPS_PER_QUARTER))
        return cls(notes, qpm, 4.0 * bars)

    @classmethod
    def from_midi(cls, source: MidiInput) -> Arrangement:
        """Returns all notes of a MIDI file, up to the end of a bar of 4/4, at its first tempo.

        Args:
            source: Its bytes, its path, or a file opened for bytes.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            OptionError: A tempo or a length that cannot be shown.
            OSError: The file cannot be read.
        """
        score = read_score(source, DrumPart.of(ALL_CHANNELS))
        found = score.notes
        is_drum = found["channel"] == DRUM_CHANNEL
        programs = np.where(is_drum, 0, found["program"])
        places = np.stack((found["track"], found["channel"], programs), axis=-1)
        notes = np.empty(len(found), NOTE_DTYPE)
        for name in ("time", "end_time", "pitch", "velocity"):
            notes[name] = found[name]
        _, numbers = np.unique(places, axis=0, return_inverse=True)
        notes["instrument"] = np.minimum(numbers.reshape(-1), np.iinfo(np.uint8).max)
        notes["program"], notes["is_drum"] = programs, is_drum
        qpm = max(float(score.tempos["qpm"][0]), _MIN_QPM)
        end = max(score.end_tick / score.quarter_ticks, qpm / 60 * notes["end_time"].max(initial=0))
        bars = math.ceil(round(end, 6) / 4)
        return cls(notes[np.argsort(notes["instrument"], kind="stable")], qpm, 4.0 * bars)

    @property
    def duration(self) -> float:
        """Seconds from 0 to the end of the last note."""
        return float(self.notes["end_time"].max(initial=0.0))

    def to_bytes(self) -> bytes:
        """Returns a Standard MIDI File of type 1, with a track for each instrument.

        Tempo and meter are in a track before them. Drums are on channel 10, the others on channels
        of their own.
        """
        ticks_per_second = TICKS_PER_QUARTER * self.qpm / 60.0
        voices = []
        channels = itertools.cycle([*range(DRUM_CHANNEL), *range(DRUM_CHANNEL + 1, 16)])
        for number in np.unique(self.notes["instrument"]):
            own = self.notes[self.notes["instrument"] == number]
            drums, program = bool(own["is_drum"][0]), int(own["program"][0])
            voices.append(
                Voice(
                    _name(program, drums),
                    DRUM_CHANNEL if drums else next(channels),
                    program,
                    own["time"] * ticks_per_second,
                    own["end_time"] * ticks_per_second,
                    own["pitch"],
                    own["velocity"],
                )
            )
        end = self.quarters * TICKS_PER_QUARTER
        return band_file(voices, ticks_per_quarter=TICKS_PER_QUARTER, qpm=self.qpm, end=end)

    def to_midi(self) -> mido.MidiFile:
        """Returns the file of `to_bytes` as a `mido.MidiFile`."""
        import mido

        return mido.MidiFile(file=io.BytesIO(self.to_bytes()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the MIDI file of `to_bytes`; it appears under its name only when complete.

        Raises:
            OSError: The folder does not exist or cannot be written.
        """
        write_atomically(path, self.to_bytes())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws it on one axis, as `piano_roll.draw_piano_roll` does.

        Args:
            ax: Where to draw; a new pyplot figure by default.
        """
        from groovefast.midi import piano_roll

        if ax is None:
            from matplotlib import pyplot

            size = piano_roll.roll_size(self.quarters)
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        piano_roll.draw_piano_roll(self.notes, self.qpm, self.quarters, ax)
        return ax

    def figure(self) -> Figure:
        """Returns a picture of its own, which no window shows."""
        from groovefast.midi import piano_roll

        return piano_roll.roll_figure(self.notes, self.qpm, self.quarters)

    def _repr_png_(self) -> bytes:
        """The picture notebooks show."""
        from groovefast.plot_style import to_png

        return to_png(self.figure())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Arrangement):
            return NotImplemented
        return (self.qpm, self.quarters) == (other.qpm, other.quarters) and np.array_equal(
            self.notes, other.notes
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = len(np.unique(self.notes["instrument"]))
        return (
            f"Arrangement({len(self.notes)} notes of {parts} instruments, {self.duration:.2f} s "
            f"at {self.qpm:g} qpm)"
        )


def _name(program: int, drums: bool) -> str:
    """What a track is called."""
    if drums:
        return "Drums"
    return "Bass" if program in BASS_PROGRAMS else "Melody"
