"""Looking for windows of tokens in a file, whatever form it is given in."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast import _tokens
from groovefast.drums import pitch_table
from groovefast.errors import GrooveFastError, MidiError, OptionError, check_whole, is_whole
from groovefast.midi.groove import Groove, midi_source
from groovefast.midi.score import MidiInput, Score, read_bytes
from groovefast.windows.token_rows import TokenLayout
from groovefast.windows.token_tensors import TokenTensors, draw_windows

if TYPE_CHECKING:
    import mido

TokenInput: TypeAlias = "MidiInput | Score | Groove | mido.MidiFile"
"""A MIDI file's bytes, its path, a file opened for bytes, or what was made of one."""

_Source: TypeAlias = "bytes | tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]"
"""What the core reads: a file's bytes, or notes, tempos and meters as of a `Score`."""

NUM_PROGRAMS = 128
_MAX_BARS = 16_384
"""As many as a song may have; see `_midi.MAX_STEPS`."""
_DRUM_CLASSES = pitch_table("reduced")


@dataclasses.dataclass(frozen=True)
class TokenSearch:
    """What to look for, under the names of the converters' options.

    Attributes:
        kind: What the core calls it.
        what: What users call it.
        layout: The tokens there are.
        slice_bars: Length of a window.
        gap_bars: As of the converters.
        max_bars: Likewise.
        programs: Of melodies.
        skip_polyphony: Likewise.
        max_windows: Likewise.
        seed: Likewise.
    """

    kind: int
    what: str
    layout: TokenLayout
    slice_bars: int
    gap_bars: int | None
    max_bars: int
    max_windows: int | None
    seed: int | None
    programs: range | tuple[int, ...] = ()
    skip_polyphony: bool = False

    def __post_init__(self) -> None:
        check_whole("slice_bars", self.slice_bars, 1, _MAX_BARS)
        check_whole("max_bars", self.max_bars, 1, _MAX_BARS)
        if self.gap_bars is not None or self.kind == _tokens.TRIO:
            check_whole("gap_bars", self.gap_bars, 1, _MAX_BARS)
        if self.slice_bars > self.max_bars:
            raise OptionError(
                "slice_bars", f"{self.slice_bars} do not fit into max_bars, {self.max_bars}"
            )
        if self.max_windows is not None:
            check_whole("max_windows", self.max_windows, 1)
        if self.seed is not None:
            check_whole("seed", self.seed, 0)

    def find(self, source: TokenInput, transpose: int = 0) -> TokenTensors:
        """Returns the windows of a file; see the converters' `to_tensors`."""
        played, name = _played(source)
        try:
            found = [self._windows(each, transpose) for each in played]
        except MidiError as error:
            raise MidiError(error.reason, error.offset, name) from None
        if any(each.none_for == "many" for each in found):
            raise GrooveFastError(f"{name or 'source'}: {self._why_none('many')}")
        tensors = self._tensors(found)
        if self.max_windows is None:
            return tensors
        rng = np.random.default_rng(self.seed)
        return tensors.take(draw_windows(tensors.sub_sequences, self.max_windows, rng))

    def _windows(self, played: _Source, transpose: int) -> _tokens.TokenWindows:
        return _tokens.token_windows(
            played,
            self.kind,
            _DRUM_CLASSES,
            self.slice_bars,
            self.gap_bars or 0,
            self.max_bars,
            self.programs,
            self.skip_polyphony,
            transpose,
        )

    def _tensors(self, found: list[_tokens.TokenWindows]) -> TokenTensors:
        """The windows of the songs of a file, of which there are several in a `Score` at most."""
        first = found[0]
        tokens, sub_sequences = first.tokens, first.sub_sequences
        start_steps, offsets = first.start_steps, first.offsets
        if len(found) > 1:
            before = np.cumsum([0, *(len(each.offsets) for each in found[:-1])])
            tokens = np.concatenate([each.tokens for each in found])
            sub_sequences = np.concatenate(
                [each.sub_sequences + n for each, n in zip(found, before, strict=True)]
            )
            start_steps = np.concatenate([each.start_steps for each in found])
            offsets = np.concatenate([each.offsets for each in found])
        if self.layout.end_token is not None:
            end = np.full((len(tokens), 1), self.layout.end_token, np.int16)
            tokens = np.concatenate([tokens, end], axis=1)
        why_none = "" if len(tokens) else self._why_none(first.none_for)
        return TokenTensors(tokens, sub_sequences, start_steps, offsets, self.layout, why_none)

    def _why_none(self, reason: str) -> str:
        bars = "1 bar" if self.slice_bars == 1 else f"{self.slice_bars} bars"
        return {
            "notes": f"no {self.what}",
            "meter": f"{self.what}, but not in 4/4, which alone gives windows",
            "short": f"{self.what}, but never for {bars} in a row in one tempo and meter",
            "many": f"more than {_tokens.MAX_WINDOWS:,} windows of {self.what}, which no music has",
        }[reason]


def whole_programs(programs: Iterable[int] | None) -> range | tuple[int, ...]:
    """Returns MIDI programs, from 0, in order; all of them for None.

    Raises:
        OptionError: None of them, or something that is no program.
    """
    if programs is None:
        return range(NUM_PROGRAMS)
    wanted = list(programs) if isinstance(programs, Iterable) else [programs]
    for program in wanted:
        if not is_whole(program) or not 0 <= operator.index(program) < NUM_PROGRAMS:
            raise OptionError("programs", f"{program!r} is no MIDI program, 0 to 127")
    if not wanted:
        raise OptionError("programs", "none given; name some of 0 to 127")
    numbers = tuple(sorted({operator.index(program) for program in wanted}))
    in_a_row = range(numbers[0], numbers[-1] + 1)
    return in_a_row if len(in_a_row) == len(numbers) else numbers


def _played(source: TokenInput) -> tuple[list[_Source], str | None]:
    """What the core reads, and the file's name if it has one."""
    if isinstance(source, Score):
        return list(_songs(source)), None
    if isinstance(source, bytes):
        return [source], None
    data, name = read_bytes(midi_source(source))
    return [data], name


def _songs(score: Score) -> Iterator[_Source]:
    """The notes, tempos and meters of a score, in format 2 of each of its songs."""
    notes, tempos, meters = score.notes, score.tempos, score.time_signatures
    songs: list[int | None] = [None]
    if score.format == 2:
        songs = np.unique(tempos["track"]).tolist()
    for song in songs:
        if song is not None:
            notes, tempos, meters = (
                each[each["track"] == song]
                for each in (score.notes, score.tempos, score.time_signatures)
            )
        played = map(np.ascontiguousarray, (notes, tempos, meters))
        yield next(played), next(played), next(played)
