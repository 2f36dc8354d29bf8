"""`DrumsConverter`, `MelodyConverter`, `TrioConverter`: MIDI files to MusicVAE's tokens and back.

A file is cut where its tempo or meter changes, and each stretch, a *sub-sequence*, is laid on a
grid of 16ths that begins where it does. Only bars of 16 steps give windows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groovefast import _tokens
from groovefast.config import Config, TokensConfig
from groovefast.drums import NUM_CLASSES, PitchClasses, output_pitches, resolve_pitch_classes
from groovefast.errors import OptionError, check_whole
from groovefast.midi.arrangement import TICKS_PER_QUARTER, VELOCITY, Arrangement, Part
from groovefast.midi.groove import Groove
from groovefast.windows.token_rows import TokenLayout
from groovefast.windows.token_samples import read_samples
from groovefast.windows.token_search import TokenInput, TokenSearch, whole_programs
from groovefast.windows.token_tensors import TokenTensors

Steps: TypeAlias = "NDArray[np.int64]"

MELODY_PROGRAMS = range(32)
"""Pianos, tuned percussion, organs and guitars: what plays the melodies of two bars."""
_BASS_PROGRAM = 33
_NOTE_OFF = 1
_INSTRUMENTS = (0, 1, 9)
"""What note_seq calls melody, bass and drums."""
_PITCH_OF_TOKEN_0 = 19
"""Were there one: the lowest pitch, 21, is token 2."""


@dataclasses.dataclass(frozen=True)
class DrumsConverter:
    """Converts drums to and from tokens: at each step, which of nine classes are hit.

    Notes are those of channel 10 with a pitch of General MIDI's map, `drums.REDUCED`. Token t has
    class c if bit c of t is set; 0 is silence. Velocities and the exact times are left out.

    Attributes:
        slice_bars: Length of a window; one begins with every bar.
        gap_bars: Silence, in bars, after which windows begin anew with the bar of the next hit;
            None for no such.
        max_bars: What goes on for longer is cut.
        roll_input: Whether `inputs` are 9 hits and a 1 for silence rather than the one-hot of the
            token.
        add_end_token: Whether windows have one more step, with a token that ends the music, 512.
        max_windows: Take no more of a file, drawn at random; Magenta trains with 5. None for all.
        seed: Of these draws, the same for every file; None draws anew each time.

    Raises:
        OptionError: An option out of its range.
    """

    slice_bars: int = 2
    gap_bars: int | None = 1
    max_bars: int = 100
    roll_input: bool = True
    add_end_token: bool = False
    max_windows: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        self._search  # noqa: B018 - which checks the options

    @property
    def layout(self) -> TokenLayout:
        """Which tokens there are, and what rows of them are."""
        return TokenLayout.of(TokensConfig("drums", self.roll_input, self.add_end_token))

    @property
    def _search(self) -> TokenSearch:
        return _search_of(self, _tokens.DRUMS, "drums on channel 10")

    def to_tensors(self, source: TokenInput) -> TokenTensors:
        """Returns the windows of a MIDI file, equal ones of a sub-sequence once.

        Args:
            source: The file's bytes, its path, a file opened for bytes, a `Score`, a `Groove` or a
                `mido.MidiFile`.

        Returns:
            Its windows, `tokens` of shape (n, steps), by time. None (n = 0) for a file without
            drums, in other meters, or shorter than a window; `why_none` tells.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: More windows than any music has.
            OSError: The file cannot be read.
        """
        return self._search.find(source)

    def from_tensors(
        self, tokens: ArrayLike, qpm: float = 120.0, pitch_classes: PitchClasses = "reduced"
    ) -> list[Groove]:
        """Returns the grooves of tokens, every hit a step long at a velocity of 80.

        Args:
            tokens: Whole numbers (steps,) or (n, steps); or rows as of `outputs`, floats
                (steps, depth) or (n, steps, depth), of which the largest counts; or a sequence of
                such of different lengths.
            qpm: Their tempo.
            pitch_classes: The kit to write for, as `Groove.from_hits` does.

        Raises:
            GrooveFastError: Another shape, unknown tokens, or no such kit.
        """
        kit = resolve_pitch_classes(pitch_classes)
        return [_groove(each, qpm, kit) for each in read_samples(self.layout, tokens)]


@dataclasses.dataclass(frozen=True)
class MelodyConverter:
    """Converts melodies to and from tokens: at each step a pitch, the end of a note, or nothing.

    Every instrument but drums is read on its own: of its notes that start together the highest,
    each up to the next. Token 0 is nothing, so that what sounds goes on; 1 ends the note; 2 to 89
    are the pitches 21 to 108, others are left out. A window does not tell what sounds into it.

    Attributes:
        slice_bars: Length of a window; one begins with every bar.
        programs: MIDI programs, from 0, whose notes are melodies; None for all, as in the configs
            of 16 bars.
        gap_bars: Silence, in bars, after which a melody ends; None for no such.
        max_bars: What goes on for longer is cut.
        skip_polyphony: Whether to give up an instrument at notes that start together, rather than
            take the highest.
        add_end_token: Whether windows have one more step, with a token that ends the music, 90.
        max_windows: Take no more of a file, drawn at random; Magenta trains with 5. None for all.
        seed: Of these draws, the same for every file; None draws anew each time.

    Raises:
        OptionError: An option out of its range.
    """

    slice_bars: int = 2
    programs: Iterable[int] | None = MELODY_PROGRAMS
    gap_bars: int | None = 1
    max_bars: int = 100
    skip_polyphony: bool = False
    add_end_token: bool = False
    max_windows: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "programs", whole_programs(self.programs))
        self._search  # noqa: B018 - which checks the options

    @property
    def layout(self) -> TokenLayout:
        """Which tokens there are, and what rows of them are."""
        return TokenLayout.of(TokensConfig("melody", add_end_token=self.add_end_token))

    @property
    def _search(self) -> TokenSearch:
        return _search_of(
            self,
            _tokens.MELODY,
            "melody of the programs wanted beside channel 10",
            whole_programs(self.programs),
            self.skip_polyphony,
        )

    def to_tensors(self, source: TokenInput, transpose: int = 0) -> TokenTensors:
        """Returns the windows of a MIDI file, equal ones of a sub-sequence once.

        Args:
            source: The file's bytes, its path, a file opened for bytes, a `Score` that was read
                with all channels, or a `mido.MidiFile`.
            transpose: Semitones that are added to every note but drums before anything else, from
                -127 to 127. Notes that leave MIDI's range are gone. Magenta trains models of two
                bars on -5 to 5, drawn anew for each file.

        Returns:
            Its windows, `tokens` of shape (n, steps), by time, then by instrument. None (n = 0) for
            a file without a melody, in other meters, or shorter than a window; `why_none` tells.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: `transpose` out of its range, or more windows than any music has.
            OSError: The file cannot be read.
        """
        return self._search.find(source, check_whole("transpose", transpose, -127, 127))

    def from_tensors(self, tokens: ArrayLike, qpm: float = 120.0) -> list[Arrangement]:
        """Returns the melodies of tokens, every note at a velocity of 80.

        Args:
            tokens: Whole numbers (steps,) or (n, steps); or rows as of `outputs`, floats
                (steps, depth) or (n, steps, depth), of which the largest counts; or a sequence of
                such of different lengths.
            qpm: Their tempo.

        Raises:
            GrooveFastError: Another shape, or unknown tokens.
        """
        return [
            Arrangement.from_steps([Part(0, *_melody(each))], len(each), qpm)
            for each in read_samples(self.layout, tokens)
        ]


@dataclasses.dataclass(frozen=True)
class TrioConverter:
    """Converts melody, bass and drums together to and from tokens, one of each at each step.

    Any instrument of the programs 0 to 31 may be the melody, any of 32 to 39 the bass, any on
    channel 10 the drums; every three of them that play together give windows.

    Attributes:
        slice_bars: Length of a window; one begins with every bar in which all three are there.
        gap_bars: An instrument that is silent for so many bars is still there.
        max_bars: Of a sub-sequence; what comes later is left out.
        max_windows: Take no more of a file, drawn at random; Magenta trains with 5. None for all.
        seed: Of these draws, the same for every file; None draws anew each time.

    Raises:
        OptionError: An option out of its range.
    """

    slice_bars: int = 16
    gap_bars: int = 2
    max_bars: int = 1024
    max_windows: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        self._search  # noqa: B018 - which checks the options

    @property
    def layout(self) -> TokenLayout:
        """Which tokens there are, of melody, bass and drums."""
        return TokenLayout.of(TokensConfig("trio"))

    @property
    def _search(self) -> TokenSearch:
        return _search_of(
            self,
            _tokens.TRIO,
            "trio of melody (programs 0 to 31), bass (32 to 39) and drums (channel 10)",
        )

    def to_tensors(self, source: TokenInput) -> TokenTensors:
        """Returns the windows of a MIDI file.

        Args:
            source: The file's bytes, its path, a file opened for bytes, a `Score` that was read
                with all channels, or a `mido.MidiFile`.

        Returns:
            Its windows, `tokens` of shape (n, steps, 3), by time, then by instruments. None (n = 0)
            for a file without a trio, in other meters, or shorter than a window; `why_none` tells.

        Raises:
            MidiError: Bytes that are not a readable MIDI file.
            GrooveFastError: More windows than any music has.
            OSError: The file cannot be read.
        """
        return self._search.find(source)

    def from_tensors(
        self, tokens: ArrayLike, qpm: float = 120.0, pitch_classes: PitchClasses = "reduced"
    ) -> list[Arrangement]:
        """Returns the trios of tokens, every note at a velocity of 80.

        Args:
            tokens: Whole numbers (steps, 3) or (n, steps, 3); or rows as of `outputs`, floats
                (steps, 692) or (n, steps, 692), of which the largest of each part counts; or a
                sequence of such of different lengths.
            qpm: Their tempo.
            pitch_classes: The kit to write for, as `Groove.from_hits` does.

        Raises:
            GrooveFastError: Another shape, unknown tokens, or no such kit.
        """
        kit = resolve_pitch_classes(pitch_classes)
        return [_trio(each, qpm, kit) for each in read_samples(self.layout, tokens)]


def converter_of(config: Config) -> DrumsConverter | MelodyConverter | TrioConverter:
    """Returns what makes the windows of a config of tokens, and music of what its models write.

    Raises:
        OptionError: Its rows are performances.
    """
    bars, tokens = config.converter.split_bars, config.tokens
    if tokens is None or bars is None:
        raise OptionError("config", f"{config.name} is of performances, not of tokens")
    if tokens.representation == "drums":
        return DrumsConverter(
            bars, roll_input=tokens.roll_input, add_end_token=tokens.add_end_token
        )
    if tokens.representation == "melody":
        programs = range(tokens.num_programs)
        return MelodyConverter(bars, programs, add_end_token=tokens.add_end_token)
    return TrioConverter(bars)


def _search_of(
    converter: DrumsConverter | MelodyConverter | TrioConverter,
    kind: int,
    wanted: str,
    *of_melodies: Any,
) -> TokenSearch:
    """What looks for the windows that a converter is asked for."""
    return TokenSearch(
        kind,
        wanted,
        converter.layout,
        converter.slice_bars,
        converter.gap_bars,
        converter.max_bars,
        converter.max_windows,
        converter.seed,
        *of_melodies,
    )


def _hits(tokens: Steps) -> tuple[Steps, Steps]:
    """The step and the class of each hit of drum tokens, (steps,)."""
    steps, drums = np.nonzero((tokens[:, np.newaxis] >> np.arange(NUM_CLASSES)) & 1)
    return steps, drums


def _groove(tokens: Steps, qpm: float, kit: PitchClasses) -> Groove:
    steps, drums = _hits(tokens)
    silent = np.zeros(len(steps))
    groove = Groove.from_hits(
        steps,
        drums,
        np.full(len(steps), VELOCITY),
        silent,
        qpm,
        num_steps=len(tokens),
        pitch_classes=kit,
    )
    return dataclasses.replace(groove, ticks_per_quarter=TICKS_PER_QUARTER, ticks=None)


def _melody(tokens: Steps) -> tuple[Steps, Steps, Steps]:
    """Where the notes of melody tokens, (steps,), start and end, and their pitches."""
    events = np.flatnonzero(tokens)
    ends = np.append(events[1:], len(tokens))
    sounds = tokens[events] != _NOTE_OFF
    starts = events[sounds]
    return starts, ends[sounds], tokens[starts] + _PITCH_OF_TOKEN_0


def _trio(tokens: Steps, qpm: float, kit: PitchClasses) -> Arrangement:
    melody, bass, drums = tokens.T
    steps, classes = _hits(drums)
    pitches = [output_pitches(kit)[each] for each in classes.tolist()]
    kept = np.array([pitch is not None for pitch in pitches], bool)
    played = np.array([pitch for pitch in pitches if pitch is not None], np.int64)
    steps = steps[kept]
    numbers = iter(_INSTRUMENTS)
    parts = [
        Part(next(numbers), *_melody(melody)),
        Part(next(numbers), *_melody(bass), program=_BASS_PROGRAM),
        Part(next(numbers), steps, steps + 1, played, is_drum=True),
    ]
    return Arrangement.from_steps(parts, len(tokens), qpm)
