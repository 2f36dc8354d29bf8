"""The edits of a page in a MIDI file: only what differs from the file is written anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.config import FASTEST_QPM, SLOWEST_QPM
from groovefast.drum_part import ALL_CHANNELS, DrumPart
from groovefast.drums import (
    DRUM_CHANNEL,
    DRUM_CLASSES,
    UNMAPPED,
    PitchClasses,
    output_pitches,
    pitch_table,
)
from groovefast.errors import OptionError
from groovefast.midi.files import MAX_TICK
from groovefast.midi.meters import STEPS_PER_QUARTER, Bars, meters_of
from groovefast.midi.score import Score, read_score
from groovefast.midi.tracks import END_OF_TRACK, Event, MidiTracks, begun_with
from groovefast.playing.take import (
    COARSE_TICKS,
    FINE_TICKS,
    check_counts_in_beats,
    finer,
    main_place,
)
from groovefast.studio.songs import Songs
from groovefast.studio.values import check_between

NEW = -1
"""The id of a hit that the file has not."""
EARLIEST = -0.5
"""Quarter notes: how early a hit may be on the first step."""

_TEMPO = b"\xff\x51"
_SLOWEST_TEMPO = 0xFFFFFF
MICROSECONDS_PER_MINUTE = 6e7
_NEAR = 0.5 / FINE_TICKS
"""Quarter notes that a coarse file may put a hit astray."""


class Hits(NamedTuple):
    """Hits of a piece; one value for each.

    Attributes:
        ids: The number of its note among the drums of the file, or `NEW`.
        drums: 0..8.
        quarters: Where it is, in quarter notes from the beginning of the file.
        velocities: 1..127.
        pitches: Of a note that the file has not, or `NEW` for that of its drum.
    """

    ids: NDArray[np.int64]
    drums: NDArray[np.int64]
    quarters: NDArray[np.float64]
    velocities: NDArray[np.int64]
    pitches: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Hits:
        """Returns some of them."""
        ids, drums, quarters, velocities, pitches = self
        return Hits(
            ids[chosen], drums[chosen], quarters[chosen], velocities[chosen], pitches[chosen]
        )


class Source(NamedTuple):
    """A file that was opened.

    Attributes:
        midi: Its bytes.
        name: What to call it in errors.
        part: Which of its notes are the drums.
        pitch_classes: Which pitches are which drum.
    """

    midi: bytes
    name: str
    part: DrumPart
    pitch_classes: PitchClasses

    def read(self, midi: bytes | None = None) -> Score:
        """Returns the notes of its drums, or of another file where these are in the same place."""
        return read_score(self.midi if midi is None else midi, self.part, name=self.name)


def edited(source: Source, hits: Hits, qpm: float) -> bytes:
    """Returns a file with other hits, and at another tempo.

    Notes whose id is missing are taken out, those that differ are moved or struck otherwise, and
    new ones are added, a 16th long, where most of the drums are. All tempos of the file are scaled
    so that the first becomes `qpm`.

    Args:
        source: The file.
        hits: All that its drums are to play; notes of no drum class stay.
        qpm: Quarter notes a minute.

    Raises:
        MidiError: No readable MIDI file.
        GrooveFastError: There is no note of an id, or not of that drum; or a hit or the tempo
            cannot be written.
    """
    score = source.read()
    check_counts_in_beats(score, source.name)
    edit = _Edit(source, score, hits)
    scale = _tempo_scale(score, qpm)
    if not edit.changes and scale == 1:
        return source.midi
    tracks = MidiTracks.parse(source.midi)
    if edit.changes:
        tracks = edit.of(tracks)
    if scale != 1:
        tracks = _at_tempo(tracks, score, scale)
    return tracks.to_bytes()


def pitches_of(drums: NDArray[np.int64], pitch_classes: PitchClasses) -> NDArray[np.uint8]:
    """Returns the pitch that a kit writes for each drum.

    Raises:
        OptionError: It lacks one.
    """
    kit = output_pitches(pitch_classes)
    for drum in np.unique(drums).tolist():
        if kit[drum] is None:
            raise OptionError("hits", f"one of the {DRUM_CLASSES[drum]}, which the kit has not")
    return np.asarray(np.array([pitch or 0 for pitch in kit], np.uint8)[drums])


# --- The notes ------------------------------------------------------------------------------


class _Edit:
    """What is to be done to the notes of a file."""

    def __init__(self, source: Source, score: Score, hits: Hits) -> None:
        self._source, self._score = source, score
        notes = score.notes
        classes = np.frombuffer(pitch_table(source.pitch_classes), np.uint8)[notes["pitch"]]
        self._classes = classes
        self._kept, self._new = hits.where(hits.ids != NEW), hits.where(hits.ids == NEW)
        _check_ids(self._kept, classes, source.name)
        own = notes[classes != UNMAPPED]
        self._songs = Songs(source.midi, score, own)
        ids = self._kept.ids
        stays = classes == UNMAPPED
        stays[ids] = True
        self._stays = stays
        was = self._songs.quarters(notes[ids])
        astray = np.abs(self._kept.quarters - was)
        reach = 0.5 / score.ticks_per_quarter
        self._moves = astray > (min(reach, _NEAR) if self._is_coarse else reach)
        self._strikes = self._kept.velocities != notes["velocity"][ids]

    @property
    def _is_coarse(self) -> bool:
        return self._score.ticks_per_quarter < COARSE_TICKS

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        edits = (self._moves, self._strikes, ~self._stays)
        return bool(len(self._new.ids)) or any(edit.any() for edit in edits)

    def of(self, tracks: MidiTracks) -> MidiTracks:
        """The file with other notes."""
        if not tracks.tracks:
            tracks = dataclasses.replace(tracks, tracks=(((0, END_OF_TRACK),),))
        score, factor = self._score, self._finer()
        if factor > 1:
            tracks = tracks.finer(factor)
            score = self._source.read(tracks.to_bytes())
        old = score.notes
        new = old.copy()
        moved, struck = self._kept.where(self._moves), self._kept.where(self._strikes)
        ticks = self._ticks(moved.quarters, old["track"][moved.ids], score)
        new["end_tick"][moved.ids] = np.minimum(
            ticks + (old["end_tick"] - old["tick"])[moved.ids], MAX_TICK
        )
        new["tick"][moved.ids] = ticks
        new["velocity"][struck.ids] = struck.velocities
        added = self._added(tracks, score)
        placed = np.concatenate((new[moved.ids], added))
        new = np.concatenate((new[self._stays], added))

        def end_of(track: int, _end: int, _last_event: int) -> int:
            own_end = tracks.tracks[track][-1][0]
            begun = placed["tick"][placed["track"] == track]
            return self._end(score, track, own_end, int(begun.max(initial=-1)))

        return tracks.with_notes(old, new, end_of)

    def _finer(self) -> int:
        """How many times more ticks the edits want."""
        if not self._is_coarse:
            return 1
        edits = [self._kept.where(self._moves).quarters, self._new.quarters]
        ticks = np.maximum(np.concatenate(edits), 0) * self._score.ticks_per_quarter
        astray = np.abs(ticks - np.rint(ticks)) / self._score.ticks_per_quarter
        return finer(self._score) if (astray > _NEAR).any() else 1

    def _ticks(
        self, quarters: NDArray[np.float64], tracks: NDArray[np.integer], score: Score
    ) -> NDArray[np.int64]:
        """Where hits of these tracks go."""
        in_song = quarters - self._songs.starts_of(tracks)
        if (in_song < EARLIEST).any() or self._songs.is_beyond(tracks, quarters).any():
            raise OptionError("hits", "one moved from one song of the file to another")
        ticks: NDArray[np.int64]
        ticks = np.rint(np.maximum(in_song, 0) * score.ticks_per_quarter).astype(np.int64)
        if (ticks >= MAX_TICK).any():
            raise OptionError("hits", f"one lies beyond tick {MAX_TICK}, the last of MIDI")
        return ticks

    def _added(self, tracks: MidiTracks, score: Score) -> NDArray[np.void]:
        """The new notes."""
        hits = self._new
        notes = np.zeros(len(hits.ids), score.notes.dtype)
        if not len(notes):
            return notes
        fallback = pitches_of(hits.drums, self._source.pitch_classes)
        usual = self._usual_pitches(score)
        of_drums = np.where(usual[hits.drums] < 0, fallback, usual[hits.drums])
        notes["pitch"] = np.where(hits.pitches == NEW, of_drums, hits.pitches)
        notes["velocity"] = hits.velocities
        notes["track"], notes["channel"] = self._places(tracks, score)
        ticks = self._ticks(hits.quarters, notes["track"], score)
        notes["tick"] = ticks
        notes["end_tick"] = ticks + max(round(score.ticks_per_quarter / STEPS_PER_QUARTER), 1)
        return notes

    def _usual_pitches(self, score: Score) -> NDArray[np.int64]:
        """What the file uses most for each drum, or -1."""
        pitches = score.notes["pitch"].astype(np.int64)
        counts = [
            np.bincount(pitches[self._classes == drum], minlength=1)
            for drum in range(len(DRUM_CLASSES))
        ]
        most = [int(each.argmax()) if each.any() else -1 for each in counts]
        return np.array(most, np.int64)

    def _places(
        self, tracks: MidiTracks, score: Score
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Track and channel of each new note."""
        drums = score.notes[self._classes != UNMAPPED]
        track, channel = _usual_place(drums) or self._place_of_none(tracks)
        number = len(self._new.ids)
        if score.format != 2:
            return np.full(number, track), np.full(number, channel)
        in_tracks = self._songs.at(self._new.quarters)
        channels = np.full(number, channel)
        for song in np.unique(in_tracks).tolist():
            place = _usual_place(drums[drums["track"] == song])
            if place is not None:
                channels[in_tracks == song] = place[1]
        return in_tracks, channels

    def _place_of_none(self, tracks: MidiTracks) -> tuple[int, int]:
        """Where drums belong in a file that has none: with what else its part plays, or alone."""
        part, number = self._source.part, len(tracks.tracks)
        place = _usual_place(self._score.notes)
        if place:
            return place
        channels = [channel - 1 for channel in part.channels]
        channel = DRUM_CHANNEL if DRUM_CHANNEL in channels else channels[0]
        if isinstance(part.track, int):
            return min(part.track, number) - 1, channel
        everybody = read_score(self._source.midi, DrumPart.of(ALL_CHANNELS, part.track))
        if part.track is not None:
            wanted = part.track.strip().casefold()
            names = [name.strip().casefold() for name in everybody.track_names]
            return names.index(wanted) if wanted in names else 0, channel
        taken = set(everybody.notes["track"].tolist())
        conductors = int(number > 1)
        free = [track for track in range(conductors, number) if track not in taken]
        return (free or [number - 1])[0], channel

    def _end(self, score: Score, track: int, end: int, last_tick: int) -> int:
        """Where a track ends: where it did, or with the bar of a later note."""
        if last_tick < end:
            return end
        song = track if score.format == 2 else 0
        bars, per_quarter = Bars(meters_of(score, song)), score.ticks_per_quarter
        return int(np.ceil(bars.at(last_tick / per_quarter).end * per_quarter))


def _check_ids(hits: Hits, classes: NDArray[np.uint8], name: str) -> None:
    """Raises unless there is a note of each id, and of its drum."""
    unknown = hits.ids[hits.ids >= len(classes)]
    if len(unknown):
        raise OptionError("hits", f"no note {unknown[0]} in {name}")
    wrong = classes[hits.ids] != hits.drums
    if wrong.any():
        raise OptionError("hits", f"note {hits.ids[wrong][0]} of {name} is of another drum")


def _usual_place(notes: NDArray[np.void]) -> tuple[int, int] | None:
    """Track and channel of most notes; None without notes."""
    return main_place(notes) if len(notes) else None


# --- The tempo ------------------------------------------------------------------------------


def _tempo_scale(score: Score, qpm: float) -> float:
    """How many times longer quarter notes become; 1 for a tempo that is that of the file."""
    was = round(MICROSECONDS_PER_MINUTE / float(score.tempos["qpm"][0]))
    if qpm > 0 and round(MICROSECONDS_PER_MINUTE / qpm) == was:
        return 1.0
    check_between("qpm", qpm, SLOWEST_QPM, FASTEST_QPM)
    return MICROSECONDS_PER_MINUTE / qpm / was


def _at_tempo(tracks: MidiTracks, score: Score, scale: float) -> MidiTracks:
    """A file whose tempos are scaled; where none is said at the beginning, that of MIDI's usage."""
    begins = [
        any(message.startswith(_TEMPO) for tick, message in track if tick == 0)
        for track in tracks.tracks
    ]
    scaled = [
        tuple((tick, _scaled(message, scale)) for tick, message in track) for track in tracks.tracks
    ]
    lacking: Sequence[int] = [] if any(begins) else [0]
    if score.format == 2:
        lacking = [index for index, begun in enumerate(begins) if not begun]
    for index in lacking:
        scaled[index] = _with_first_tempo(scaled[index], scale)
    return dataclasses.replace(tracks, tracks=tuple(scaled))


def _scaled(message: bytes, scale: float) -> bytes:
    """A tempo, scaled; any other message as it is."""
    if not message.startswith(_TEMPO):
        return message
    first = 3  # after the length, which may take several bytes
    while message[first - 1] >= 0x80:
        first += 1
    was = int.from_bytes(message[first : first + 3], "big")
    return message[:first] + _microseconds(was * scale) + message[first + 3 :]


def _with_first_tempo(track: tuple[Event, ...], scale: float) -> tuple[Event, ...]:
    event = 0, _TEMPO + b"\x03" + _microseconds(MICROSECONDS_PER_MINUTE / 120 * scale)
    return begun_with(event, track)


def _microseconds(value: float) -> bytes:
    rounded = max(round(value), 1)
    if rounded > _SLOWEST_TEMPO:
        raise OptionError("qpm", "so slow that one of the file's tempos could not be written")
    return rounded.to_bytes(3, "big")
