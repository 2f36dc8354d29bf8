"""A played drum pattern: notes in seconds, to and from MIDI files and pictures."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groovefast.drums import OUTPUT_PITCHES
from groovefast.errors import GrooveFastError
from groovefast.midi import drum_file, write_atomically

if TYPE_CHECKING:
    import mido
    from matplotlib.axes import Axes

    from groovefast.drum_part import Channel, Track
    from groovefast.score import MidiInput

NOTE_DTYPE = np.dtype([("time", "f8"), ("end_time", "f8"), ("pitch", "u1"), ("velocity", "u1")])
"""A note of a `Groove`: seconds, seconds, MIDI pitch, MIDI velocity."""

TICKS_PER_STEP = 55
"""MIDI ticks in a grid step. Odd, so that no tick lies halfway between two steps, where reading
could take it for either; 55 makes 220 ticks a quarter, as in Magenta's files."""

_WIDE_NOTE = np.dtype([("time", "f8"), ("end_time", "f8"), ("pitch", "i8"), ("velocity", "i8")])
_MAX_MICROSECONDS_PER_QUARTER = 0xFFFFFF
_MAX_TICKS_PER_QUARTER = 0x7FFF


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Groove:
    """A played drum pattern.

    Attributes:
        notes: Structured array of `NOTE_DTYPE`, read-only; times in seconds. The first note may
            start before 0, when it is played early on the very first step.
        qpm: Tempo in quarter notes a minute.
        time_signature: Numerator and denominator.
        ticks_per_quarter: Resolution of its MIDI file.

    Raises:
        GrooveFastError: Notes, a tempo, a meter or a resolution that MIDI cannot express.
    """

    notes: NDArray[np.void]
    qpm: float = 120.0
    time_signature: tuple[int, int] = (4, 4)
    ticks_per_quarter: int = 4 * TICKS_PER_STEP
    _ticks: NDArray[np.float64] | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", _checked_notes(self.notes))
        if not 1 <= 6e7 / max(self.qpm, 1e-9) <= _MAX_MICROSECONDS_PER_QUARTER:
            raise GrooveFastError(f"qpm: {self.qpm} is not a tempo MIDI can express (4 to 6e7)")
        numerator, denominator = self.time_signature
        if not 1 <= numerator <= 255 or denominator not in (1 << power for power in range(8)):
            raise GrooveFastError(f"time_signature: {numerator}/{denominator} is no meter")
        if not 1 <= self.ticks_per_quarter <= _MAX_TICKS_PER_QUARTER:
            raise GrooveFastError(
                f"ticks_per_quarter: {self.ticks_per_quarter} is not in 1..{_MAX_TICKS_PER_QUARTER}"
            )

    @classmethod
    def from_hits(
        cls,
        steps: ArrayLike,
        drums: ArrayLike,
        velocities: ArrayLike,
        offsets: ArrayLike,
        qpm: float = 120.0,
        steps_per_quarter: int = 4,
        quarters_per_bar: int = 4,
    ) -> Groove:
        """Returns the groove of hits on a grid, one note per hit, one step long.

        Args:
            steps: Grid step of each hit, shape (hits,).
            drums: Drum class of each, 0..8.
            velocities: MIDI velocity of each, 0..127.
            offsets: How early each is, floats in steps; clipped to half a step.
            qpm: Tempo.
            steps_per_quarter: Grid steps in a quarter note.
            quarters_per_bar: For the meter of the MIDI file.
        """
        steps = np.asarray(steps, np.int64)
        early = np.clip(np.asarray(offsets), -0.5, 0.5)
        # In the precision of the offsets, float32 from a model, as Magenta does.
        positions = steps.astype(early.dtype) - early
        step_length = 60.0 / qpm / steps_per_quarter
        notes = np.empty(len(steps), NOTE_DTYPE)
        notes["time"] = positions.astype(np.float64) * step_length
        notes["end_time"] = notes["time"] + step_length
        notes["pitch"] = np.asarray(OUTPUT_PITCHES)[np.asarray(drums)]
        notes["velocity"] = velocities
        groove = cls(notes, qpm, (quarters_per_bar, 4), steps_per_quarter * TICKS_PER_STEP)
        # Half a step late is as far from the next step: only here is it known whose hit it is.
        half = TICKS_PER_STEP // 2
        ticks = steps * TICKS_PER_STEP - np.clip(np.rint(early * TICKS_PER_STEP), -half, half)
        object.__setattr__(groove, "_ticks", ticks)
        return groove

    @classmethod
    def from_midi(
        cls, source: MidiInput | mido.MidiFile, channel: Channel = None, track: Track = None
    ) -> Groove:
        """Reads a MIDI file.

        A groove has one tempo, the file's first. The notes of a file that changes its tempo are
        put where they would be at the first, so that each stays on its beat.

        Args:
            source: The file's bytes, its path, a file opened for bytes, or a `mido.MidiFile`.
            channel: The MIDI channel of the drums, as for `read_midi`.
            track: Their track, as for `read_midi`.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            OSError: The file cannot be opened.
        """
        from groovefast.score import read_midi

        score = read_midi(midi_source(source), channel, track)
        notes = score.notes[["time", "end_time", "pitch", "velocity"]].astype(NOTE_DTYPE)
        qpm = float(score.tempos["qpm"][0])
        if len(score.tempos) > 1:
            seconds_per_tick = 60.0 / (qpm * score.ticks_per_quarter)
            notes["time"] = score.notes["tick"] * seconds_per_tick
            notes["end_time"] = score.notes["end_tick"] * seconds_per_tick
        meter = (4, 4)
        if len(score.time_signatures):
            first = score.time_signatures[0]
            meter = (int(first["numerator"]), int(first["denominator"]))
        return cls(notes, qpm, meter, score.ticks_per_quarter or 4 * TICKS_PER_STEP)

    @property
    def duration(self) -> float:
        """Seconds from 0 to the end of the last note."""
        return float(self.notes["end_time"].max(initial=0.0))

    def to_bytes(self) -> bytes:
        """Returns a Standard MIDI File of one track, drums on channel 10.

        The file begins at 0, so that a note played before it starts there. A velocity of 0, which
        MIDI takes for a note's end, is written as 1.

        Raises:
            GrooveFastError: A note later than MIDI can count.
        """
        ticks_per_second = self.ticks_per_quarter * self.qpm / 60.0
        starts = self.notes["time"] * ticks_per_second if self._ticks is None else self._ticks
        return drum_file(
            starts,
            self.notes["end_time"] * ticks_per_second,
            self.notes["pitch"],
            self.notes["velocity"],
            ticks_per_quarter=self.ticks_per_quarter,
            qpm=self.qpm,
            time_signature=self.time_signature,
        )

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
        """Draws the pattern, as `plots.plot_groove` does.

        Args:
            ax: Where to draw; a new pyplot figure by default.
        """
        from groovefast import plots

        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots(figsize=plots.groove_size(self), layout="constrained")
        plots.plot_groove(self, ax)
        return ax

    def _repr_png_(self) -> bytes:
        """The picture notebooks show."""
        from groovefast import plots

        return plots.to_png(plots.plot_grooves([self]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Groove):
            return NotImplemented
        return (
            self.qpm == other.qpm
            and self.time_signature == other.time_signature
            and np.array_equal(self.notes, other.notes)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        numerator, denominator = self.time_signature
        return (
            f"Groove({len(self.notes)} notes, {self.duration:.2f} s, "
            f"{numerator}/{denominator} at {self.qpm:g} qpm)"
        )


def midi_source(source: MidiInput | mido.MidiFile | Groove) -> MidiInput:
    """Returns what `read_midi` takes of anything that stands for a MIDI file.

    Raises:
        GrooveFastError: Something else was given.
    """
    if isinstance(source, (bytes, str, os.PathLike)):
        return source
    if hasattr(source, "read"):
        return cast("BinaryIO", source)
    if isinstance(source, Groove):
        return source.to_bytes()
    if hasattr(source, "save") and hasattr(source, "tracks"):
        buffer = io.BytesIO()
        source.save(file=buffer)
        return buffer.getvalue()
    raise GrooveFastError(
        f"source: a path, bytes, a Groove or a mido.MidiFile wanted, not {type(source).__name__}"
    )


def _checked_notes(notes: NDArray[np.void] | Iterable[Any]) -> NDArray[np.void]:
    """`notes` as a read-only array of `NOTE_DTYPE`, in its own memory."""
    if isinstance(notes, np.ndarray) and notes.dtype.names:
        missing = set(NOTE_DTYPE.names or ()) - set(notes.dtype.names)
        if missing:
            raise GrooveFastError(f"notes: no field {', '.join(sorted(missing))}")
        wide = notes[list(NOTE_DTYPE.names or ())].astype(_WIDE_NOTE)
    else:
        try:
            wide = np.array([tuple(note) for note in notes], _WIDE_NOTE)
        except (TypeError, ValueError) as error:
            raise GrooveFastError(
                f"notes: (time, end_time, pitch, velocity) wanted for each ({error})"
            ) from error
    if not (np.isfinite(wide["time"]).all() and np.isfinite(wide["end_time"]).all()):
        raise GrooveFastError("notes: a time is not finite")
    for field in ("pitch", "velocity"):
        values = wide[field]
        wrong = values[(values < 0) | (values > 127)]
        if wrong.size:
            raise GrooveFastError(f"notes: {field} {wrong[0]} is not in 0..127")
    checked = wide.astype(NOTE_DTYPE)
    checked.setflags(write=False)
    return checked
