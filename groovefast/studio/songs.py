"""Where the music of a file is: one song, or in format 2 several, laid one after the other.

Places of a piece are counted in quarter notes from its beginning. Each song begins at a bar line.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast._midi import MAX_STEPS
from groovefast.midi.meters import STEPS_PER_QUARTER, Bars, meters_of
from groovefast.midi.score import Score
from groovefast.midi.tracks import MidiTracks

BarRow: TypeAlias = list[float]
"""Start and length in quarter notes, numerator, denominator, and steps of the grid."""

MAX_BARS = MAX_STEPS // 16
"""No more are told: as many of 4/4 as a file that can be played may have."""
_SLACK = 1e-6
"""Of a step: two places so near are one."""


class Song(NamedTuple):
    """A song of a file.

    Attributes:
        track: In format 2 its track, from 0.
        start: Where its first bar begins, in quarter notes from the beginning of the file.
        length: Quarter notes in its bars.
        end: Where its last track ends, in quarter notes from its own beginning.
        bars: Its bars.
    """

    track: int
    start: float
    length: float
    end: float
    bars: Sequence[BarRow]


class Songs:
    """The songs of a file that counts in beats.

    Attributes:
        songs: One after the other; at least one.
    """

    def __init__(self, midi: bytes, score: Score, hits: NDArray[np.void]) -> None:
        """Counts their bars.

        Args:
            midi: The file.
            score: What was read of it.
            hits: Of its notes those whose bars count, even after the end of a track.
        """
        self._by_track = score.format == 2
        self._per_quarter = score.ticks_per_quarter
        ends = [score.end_tick]
        if self._by_track:
            ends = [track[-1][0] for track in MidiTracks.parse(midi).tracks] or [0]
        of_hit = hits["track"] if self._by_track else np.zeros(len(hits), np.int64)
        self.songs: list[Song] = []
        start = 0.0
        for track, end in enumerate(ends):
            song = self._song(score, track, start, end, hits["tick"][of_hit == track])
            self.songs.append(song)
            start += song.length
        self._starts = np.array([song.start for song in self.songs])

    def _song(
        self, score: Score, track: int, start: float, end_tick: int, hits: NDArray[np.int64]
    ) -> Song:
        bars, end = Bars(meters_of(score, track)), end_tick / self._per_quarter
        length = max(bars.line(end), bars.at(0.0).end)
        if len(hits):
            length = max(length, bars.at(float(bars.steps(hits / self._per_quarter).max())).end)
        rows: list[BarRow] = []
        for number in range(MAX_BARS):
            bar = bars.numbered(number)
            if bar.start >= length - _SLACK:
                break
            steps = max(int(np.ceil(STEPS_PER_QUARTER * (bar.end - bar.start) - _SLACK)), 1)
            meter = bar.meter
            first, whole = start + bar.start, bar.end - bar.start
            rows.append([first, whole, meter.numerator, meter.denominator, steps])
        return Song(track, start, length, end, rows)

    @property
    def bars(self) -> list[BarRow]:
        """The bars of all, at most `MAX_BARS`."""
        rows = itertools.chain.from_iterable(song.bars for song in self.songs)
        return list(itertools.islice(rows, MAX_BARS))

    @property
    def end(self) -> float:
        """Where the last song ends."""
        return self.songs[-1].start + self.songs[-1].end

    def starts_of(self, tracks: NDArray[np.integer]) -> NDArray[np.float64]:
        """Returns where the song of each note begins, by their tracks."""
        if not self._by_track:
            return np.zeros(len(tracks))
        return np.asarray(self._starts[tracks])

    def is_beyond(
        self, tracks: NDArray[np.integer], quarters: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Returns which notes would begin in a later song than that of their tracks."""
        if not self._by_track:
            return np.zeros(len(tracks), np.bool_)
        return np.asarray(self.at(quarters) > tracks)

    def at(self, quarters: NDArray[np.float64]) -> NDArray[np.int64]:
        """Returns the number of the song that is played at each place."""
        found = np.searchsorted(self._starts, quarters, side="right") - 1
        return np.maximum(found, 0)

    def quarters(self, notes: NDArray[np.void]) -> NDArray[np.float64]:
        """Returns where notes begin, from the beginning of the file."""
        return np.asarray(self.starts_of(notes["track"]) + notes["tick"] / self._per_quarter)
