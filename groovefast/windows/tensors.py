"""`GrooveConverter`: MIDI files to the model's tensors and back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groovefast import _midi
from groovefast._midi import MAX_STEPS
from groovefast.config import Config, ConverterConfig, check_performances, get_config
from groovefast.drum_part import Channel, DrumPart, Track
from groovefast.drums import NUM_CLASSES, PitchClasses, pitch_table, resolve_pitch_classes
from groovefast.errors import GrooveFastError, MidiError, check_choice
from groovefast.midi.groove import Groove, midi_source
from groovefast.midi.score import MidiInput, read_bytes
from groovefast.windows import transforms
from groovefast.windows.rows import Grid, RowLayout
from groovefast.windows.transforms import DropoutDraws

if TYPE_CHECKING:
    import mido

_HIT_THRESHOLD = 0.5
_OFFSETS_PER_STEP = 2


@dataclasses.dataclass(frozen=True)
class GrooveTensors:
    """The windows of one file as the model takes them.

    Attributes:
        inputs: float32 (n, rows, depth), what the model hears.
        outputs: float32 (n, rows, depth), what it is to play.
        controls: float32 (n, rows, control_depth), of width 0 without controls.
        start_steps: int64 (n,), first grid step of each window within the file.
        qpms: float64 (n,), tempo at the start of each window.
    """

    inputs: NDArray[np.float32]
    outputs: NDArray[np.float32]
    controls: NDArray[np.float32]
    start_steps: NDArray[np.int64]
    qpms: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.outputs)


class GrooveConverter:
    """Converts drum MIDI to and from the model's tensors, under Magenta's names.

    Args:
        split_bars: Length of a window; None makes the whole file one window.
        hop_bars: Bars from the start of a window to the start of the next; as many as it is long
            if None, so that windows follow one another. The configs overlap theirs: see
            `from_config`.
        steps_per_quarter: Grid steps in a quarter note; 4 is a grid of 16ths.
        quarters_per_bar: Only music in this meter gives windows.
        pitch_classes: Which pitches are which of the nine drums, in any form that
            `drums.resolve_pitch_classes` takes: "roland", "reduced", nine groups, or a file.
        humanize: Take velocities and offsets from the inputs.
        tapify: Leave in the inputs only the loudest hit of each step, on the open hi-hat.
        fixed_velocities: Take velocities from the inputs.
        add_instruments: Drum classes, 0..8, taken from the inputs.
        hits_as_controls: Give the hits to be played as controls.
        split_instruments: One row a drum rather than one a step.
        num_velocity_bins: Velocities as one-hots over so many bins; 0 leaves them as values.
        num_offset_bins: The same for offsets.
        max_note_dropout_probability: Upper end of the probability, drawn for each window, with
            which hits are taken from the inputs.
        magenta_compat: Read tempos and meters as Magenta does, refusing files that change them.
        unmapped_pitches: What to do with a pitch that is in no class: "drop" it, or "error".
        channel: The MIDI channel of the drums, from 1, or several; channel 10 if None, or every
            channel of `track` where that is given.
        track: The track of the drums: its number in the file, from 1, or its name.
        seed: Of note dropout; None draws it anew each time.

    Attributes:
        config: The options that the model shares.

    Raises:
        GrooveFastError: An option out of its range.
    """

    def __init__(
        self,
        split_bars: int | None = 2,
        hop_bars: int | None = None,
        steps_per_quarter: int = 4,
        quarters_per_bar: int = 4,
        pitch_classes: PitchClasses = "roland",
        humanize: bool = False,
        tapify: bool = False,
        fixed_velocities: bool = False,
        add_instruments: Iterable[int] = (),
        hits_as_controls: bool = False,
        split_instruments: bool = False,
        num_velocity_bins: int = 0,
        num_offset_bins: int = 0,
        max_note_dropout_probability: float = 0.0,
        magenta_compat: bool = False,
        unmapped_pitches: str = "drop",
        channel: Channel = None,
        track: Track = None,
        seed: int | None = None,
    ) -> None:
        self.config = ConverterConfig(
            split_bars=split_bars,
            hop_bars=split_bars or 1 if hop_bars is None else hop_bars,
            steps_per_quarter=steps_per_quarter,
            quarters_per_bar=quarters_per_bar,
            pitch_classes=pitch_classes,
            humanize=humanize,
            tapify=tapify,
            fixed_velocities=fixed_velocities,
            add_instruments=tuple(add_instruments),
            hits_as_controls=hits_as_controls,
            split_instruments=split_instruments,
            num_velocity_bins=num_velocity_bins,
            num_offset_bins=num_offset_bins,
            max_note_dropout_probability=max_note_dropout_probability,
        )
        _check(self.config)
        check_choice("unmapped_pitches", unmapped_pitches, ("drop", "error"))
        part = DrumPart.of(channel, track)
        self._options = {
            **dataclasses.asdict(self.config),
            "magenta_compat": magenta_compat,
            "unmapped_pitches": unmapped_pitches,
            "channel": part.channel,
            "track": part.track,
            "seed": seed,
        }
        if seed is not None and (not _is_int(seed) or seed < 0):
            raise GrooveFastError(f"seed: a whole number from 0 wanted, not {seed!r}")
        self._rng = np.random.default_rng(seed)
        # Then the model's rows are the grid's.
        self._layout = RowLayout.of(self.config)
        self._is_plain = not (split_instruments or num_velocity_bins or num_offset_bins)
        # The arguments of `grid_windows` after the file's bytes.
        self._grid_options = (
            pitch_table(self.config.pitch_classes),
            steps_per_quarter,
            quarters_per_bar,
            self.config.window_steps or 0,
            self.config.hop_bars * self.config.steps_per_bar,
            part.for_core(),
            magenta_compat,
            unmapped_pitches == "error",
        )

    @classmethod
    def from_config(
        cls, config: str | Config | ConverterConfig, **overrides: Any
    ) -> GrooveConverter:
        """Returns the converter of a named config.

        Args:
            config: A name in `CONFIGS`, a config, or a config's `converter`.
            **overrides: Options of `GrooveConverter` that replace the config's.

        Raises:
            GrooveFastError: An unknown name, a config of tokens, or an option out of its range.
        """
        if isinstance(config, ConverterConfig):
            options = config
        else:
            check_performances(named := get_config(config))
            options = named.converter
        return cls(**{**dataclasses.asdict(options), **overrides})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GrooveConverter):
            return NotImplemented
        return self._options == other._options

    def __hash__(self) -> int:
        return hash(tuple(self._options.items()))

    def __repr__(self) -> str:
        """The call that makes such a converter, without what is as by default."""
        usual = _usual_options()
        given = [
            f"{name}={value!r}"
            for name, value in self._options.items()
            if value != usual[name] and (name, value) != ("hop_bars", self.config.split_bars)
        ]
        return f"GrooveConverter({', '.join(given)})"

    def to_tensors(self, source: MidiInput | Groove | mido.MidiFile) -> GrooveTensors:
        """Returns the windows of a MIDI file.

        What `from_tensors` writes has General MIDI's pitches unless told otherwise: a converter
        with `pitch_classes="reduced"` reads it back.

        Args:
            source: The file's bytes, its path, a file opened for bytes, a `Groove` or a
                `mido.MidiFile`.

        Returns:
            Its windows; none (arrays of length 0) for a file without drums, in another meter, or
            shorter than a window.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: A pitch of no class, under `unmapped_pitches="error"`.
            OSError: The file cannot be read.
        """
        if isinstance(source, bytes):
            return self._windows(source)
        data, name = read_bytes(midi_source(source))
        try:
            return self._windows(data)
        except MidiError as error:
            raise MidiError(error.reason, error.offset, name) from None
        except GrooveFastError as error:
            raise GrooveFastError(f"{name}: {error}" if name else str(error)) from None

    def _windows(self, data: bytes) -> GrooveTensors:
        found = _midi.grid_windows(data, *self._grid_options)
        played = found.rows
        grid = Grid(
            played[..., :NUM_CLASSES],
            played[..., NUM_CLASSES : 2 * NUM_CLASSES],
            played[..., 2 * NUM_CLASSES :],
        )
        heard = transforms.transform_inputs(
            self.config, np, grid, self._dropout_draws(*played.shape[:2])
        )
        if self._is_plain:
            outputs = played
            inputs = played.copy() if heard is grid else np.concat(heard, axis=-1)
        else:
            outputs = self._layout.assemble(np, grid)
            inputs = self._layout.assemble(np, heard)
        controls = np.array(self._layout.controls(np, grid.hits))
        return GrooveTensors(inputs, outputs, controls, found.start_steps, found.qpms)

    def from_tensors(
        self, samples: ArrayLike, qpm: float = 120.0, pitch_classes: PitchClasses = "reduced"
    ) -> list[Groove]:
        """Returns the grooves of sampled or converted windows, each as long as its window.

        Args:
            samples: (rows, depth) for one groove or (n, rows, depth) for n; also a sequence of
                arrays (rows, depth) of different lengths. A hit is a value above 0.5.
            qpm: Their tempo.
            pitch_classes: The kit to write for, as `Groove.from_hits` does.

        Raises:
            GrooveFastError: Rows of another width, no whole number of steps, or no such kit.
        """
        pitch_classes = resolve_pitch_classes(pitch_classes)
        if isinstance(samples, (list, tuple)) and np.ndim(samples[:1]) == 3:
            return [
                groove
                for sample in samples
                for groove in self.from_tensors(sample, qpm, pitch_classes)
            ]
        rows = np.asarray(samples)
        if rows.ndim == 2:
            rows = rows[np.newaxis]
        self._check_rows(rows)
        grid = self._layout.numbers(rows)
        hits = grid.hits > _HIT_THRESHOLD
        velocities = self._midi_velocities(grid.velocities)
        early = grid.offsets / _OFFSETS_PER_STEP
        return [
            self._groove(*played, qpm, pitch_classes)
            for played in zip(hits, velocities, early, strict=True)
        ]

    def _midi_velocities(self, velocities: NDArray[Any]) -> NDArray[np.int64]:
        """0..127 of velocities in 0..1; those of bins are rounded down, as Magenta's are."""
        midi = velocities * 127
        if not self._layout.velocity_bins:
            midi = np.clip(np.round(midi), 0, 127)
        return np.asarray(midi, np.int64)

    def _groove(
        self,
        hits: NDArray[np.bool_],
        velocities: NDArray[np.int64],
        early: NDArray[np.floating],
        qpm: float,
        pitch_classes: PitchClasses,
    ) -> Groove:
        """The groove of one window; arrays of shape (steps, 9)."""
        steps, drums = np.nonzero(hits)
        return Groove.from_hits(
            steps,
            drums,
            velocities[steps, drums],
            early[steps, drums],
            qpm,
            self.config.steps_per_quarter,
            self.config.quarters_per_bar,
            num_steps=len(hits),
            pitch_classes=pitch_classes,
        )

    def _check_rows(self, rows: NDArray[Any]) -> None:
        depth, rows_per_step = self._layout.depth, self._layout.rows_per_step
        if rows.ndim != 3 or rows.shape[-1] != depth:
            raise GrooveFastError(
                f"samples: (rows, {depth}) or (n, rows, {depth}) wanted, not {rows.shape}"
            )
        if rows.shape[1] % rows_per_step:
            raise GrooveFastError(
                f"samples: {rows.shape[1]} rows are no whole number of steps of {rows_per_step}"
            )
        if not np.isfinite(rows).all():
            raise GrooveFastError("samples: a value is not finite")

    def _dropout_draws(self, windows: int, steps: int) -> DropoutDraws | None:
        if not self.config.max_note_dropout_probability:
            return None
        return DropoutDraws(
            self._rng.random((windows, 1, 1), np.float32),
            self._rng.random((windows, steps, NUM_CLASSES), np.float32),
        )


@functools.cache
def _usual_options() -> dict[str, Any]:
    """The options of a converter that was given none."""
    return GrooveConverter()._options


def _check(config: ConverterConfig) -> None:
    """Refuses options out of their range."""
    for name in ("split_bars", "hop_bars", "steps_per_quarter", "quarters_per_bar"):
        value = getattr(config, name)
        if value is None and name == "split_bars":
            continue
        if not _is_int(value) or value < 1:
            raise GrooveFastError(f"{name}: a whole number from 1 wanted, not {value!r}")
    if max(config.window_steps or 0, config.hop_bars * config.steps_per_bar) > MAX_STEPS:
        raise GrooveFastError(
            f"split_bars, hop_bars, steps_per_quarter: more than {MAX_STEPS:,} steps"
        )
    for name in ("num_velocity_bins", "num_offset_bins"):
        value = getattr(config, name)
        if not _is_int(value) or value < 0 or value == 1:
            raise GrooveFastError(f"{name}: 0 or a whole number from 2 wanted, not {value!r}")
    for drum in config.add_instruments:
        if not _is_int(drum) or not 0 <= drum < NUM_CLASSES:
            raise GrooveFastError(f"add_instruments: a drum class 0..8 wanted, not {drum!r}")
    probability = config.max_note_dropout_probability
    if not 0 <= probability <= 1:
        raise GrooveFastError(
            f"max_note_dropout_probability: a value from 0 to 1 wanted, not {probability!r}"
        )


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
