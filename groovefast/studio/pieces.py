"""MIDI files as a page works on them: the hits of their drums as JSON, and edited ones as files.

    file -> `opened` -> Piece (JSON) -> page -> piece as sent (JSON) -> `Sent` -> file

The page keeps the file with the piece, so that all that is no hit of the drums stays in it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groovefast.config import FASTEST_QPM, SLOWEST_QPM, get_config
from groovefast.drum_part import ALL_CHANNELS, CHANNEL_10, DrumPart
from groovefast.drums import NUM_CLASSES, UNMAPPED, PitchClasses, pitch_table
from groovefast.errors import GrooveFastError, OptionError
from groovefast.midi.files import drum_file
from groovefast.midi.groove import TICKS_PER_STEP
from groovefast.midi.meters import STEPS_PER_QUARTER, Meter
from groovefast.midi.parts import pitched_notes
from groovefast.midi.score import Score, read_score
from groovefast.midi.tracks import MidiTracks
from groovefast.playing.take import Take, check_counts_in_beats
from groovefast.sound.tones import tone_of
from groovefast.studio.edits import (
    EARLIEST,
    MICROSECONDS_PER_MINUTE,
    NEW,
    Hits,
    Source,
    edited,
    pitches_of,
)
from groovefast.studio.songs import Songs
from groovefast.studio.values import (
    check_array,
    check_between,
    check_flag,
    check_integer,
    check_object,
    check_text,
    kit_of,
    part_of,
)

MOST_HITS = 200_000
"""Of a piece: a page shows no more."""
MOST_OTHERS = 500_000
MOST_PITCHED = 20_000
"""Notes beside the drums that are shown and heard; of more none are."""
MOST_QUARTERS = 100_000
MOST_NEW_BARS = 16
MOST_BEATS = 64
"""In a bar of a new file."""
MOST_NOTES = 1 << 32

_ENDING = re.compile(r"\.(midi?|smf|kar|rmi)$", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NAMES_OF_NOTHING = ("", ".", "..")
_DENOMINATORS = (1, 2, 4, 8, 16, 32)
_ANY_MODEL = "groovae_4bar"
"""All have a grid of 16ths."""
_TEXTS = range(0x01, 0x10)
_LARGEST_PLAIN = 1 << 20
"""Bytes of a file that is looked through for other events: sixteen bars take a few thousand."""
_PLAIN_EVENTS = (*_TEXTS, 0x2F, 0x51, 0x58, 0x59)
"""Meta events of a file with drums alone: texts, the end, tempo, meter and key."""


# --- From files -----------------------------------------------------------------------------


def opened(
    midi: bytes,
    name: str,
    channel: str | None = None,
    track: str | None = None,
    kit: str | None = None,
    pitched: bool = False,
) -> dict[str, Any]:
    """Returns a MIDI file as a Piece.

    Args:
        midi: Its bytes.
        name: What it is called; a folder or an ending in front of or behind it are left out.
        channel: The MIDI channels of its drums, as in `1,10`.
        track: The track of its drums, by name or number.
        kit: Which pitches are which drum: "reduced" if None, or as `kit_of` takes it.
        pitched: Whether its other notes are to be shown and heard too; there may be no drums then.

    Raises:
        MidiError: Bytes that are not a readable MIDI file.
        GrooveFastError: No drums in it, time without beats (SMPTE), or it is too long; or no such
            channel, track or kit.
    """
    return _Drums.read(midi, plain_name(name), channel, track, kit, pitched=pitched).piece()


def piece_of(
    midi: bytes, name: str, part: DrumPart, kit: str | None = None, pitched: bool = False
) -> dict[str, Any]:
    """Returns a file that was made here as a Piece; it may be without any hit.

    Args:
        midi: Its bytes.
        name: What to call it.
        part: Which of its notes are the drums.
        kit: Which pitches are which drum.
        pitched: As of `opened`.

    Raises:
        MidiError: As `opened`, and so on.
    """
    if part.channels == CHANNEL_10.channels:  # in one track, and perhaps there is no other
        own, all_of_channel = (len(read_score(midi, each).notes) for each in (part, CHANNEL_10))
        part = CHANNEL_10 if own == all_of_channel else part
    channel = None if part.channel is None else ",".join(map(str, part.channel))
    track = None if part.track is None else str(part.track)
    how = (channel, track, kit)
    return _Drums.read(midi, name, *how, may_be_silent=True, pitched=pitched).piece()


def plain_name(name: str) -> str:
    """Returns what a file is called without its folder and ending, as one line of text."""
    last = re.split(r"[/\\]", _CONTROLS.sub(" ", name))[-1]
    stem = _ENDING.sub("", last).strip()[:100]
    return "groove" if stem in _NAMES_OF_NOTHING else stem


class _Drums(NamedTuple):
    """The drums of a file, and how they were asked for."""

    midi: bytes
    name: str
    channel: str | None
    track: str | None
    kit: str | None
    part: DrumPart
    score: Score
    drums: NDArray[np.uint8]
    pitched: NDArray[np.void]

    @classmethod
    def read(
        cls,
        midi: bytes,
        name: str,
        channel: str | None,
        track: str | None,
        kit: str | None,
        may_be_silent: bool = False,
        pitched: bool = False,
    ) -> _Drums:
        """Reads them."""
        part, pitch_classes = part_of(channel, track), kit_of(kit)
        score = read_score(midi, part, name=name)
        check_counts_in_beats(score, name)
        table = np.frombuffer(pitch_table(pitch_classes), np.uint8)
        drums = table[score.notes["pitch"]]
        hits = int((drums != UNMAPPED).sum())
        others = pitched_notes(midi, part) if pitched else score.notes[:0]
        if len(others) > MOST_PITCHED:
            others = others[:0]
        if hits > MOST_HITS:
            raise GrooveFastError(
                f"{name}: {hits:,} hits are more than a page can show ({MOST_HITS:,}); give a part"
            )
        if hits or not (may_be_silent or len(others)):  # or says what is wrong
            Take(midi, get_config(_ANY_MODEL).converter, pitch_classes, part, name=name)
        return cls(midi, name, channel, track, kit, part, score, drums, others)

    def piece(self) -> dict[str, Any]:
        """The piece as JSON."""
        (ids,) = np.nonzero(self.drums != UNMAPPED)
        notes = self.score.notes[ids]
        songs = Songs(self.midi, self.score, notes)
        quarters = songs.quarters(notes)
        order = np.lexsort((ids, quarters))
        columns = (ids, self.drums[ids], quarters, notes["velocity"])
        hits = zip(*(column[order].tolist() for column in columns), strict=True)
        tempos = self._tempos(songs)
        others = len(read_score(self.midi, DrumPart.of(ALL_CHANNELS)).notes) - len(ids)
        if others > MOST_OTHERS:
            raise GrooveFastError(
                f"{self.name}: {others:,} other notes are more than can be kept beside edited hits "
                f"({MOST_OTHERS:,}); give a part"
            )
        return {
            "name": self.name,
            "midi": base64.b64encode(self.midi).decode("ascii"),
            "qpm": tempos[0][1],
            "tempos": tempos,
            "bars": songs.bars,
            "end": songs.end,
            "hits": list(map(list, hits)),
            "pitches": notes["pitch"][order].tolist(),
            "others": others,
            "notes": self._notes(songs),
            "plain": not others and len(tempos) == 1 and self._is_plain(songs),
            "channel": self.channel,
            "track": self.track,
            "kit": "reduced" if self.kit is None else self.kit,
        }

    def _notes(self, songs: Songs) -> list[list[float]]:
        """What is not drums: tone, pitch, begin and end in quarters, and velocity of each note."""
        notes = self.pitched[np.argsort(self.pitched["tick"], kind="stable")]
        starts = songs.quarters(notes)
        ends = starts + (notes["end_tick"] - notes["tick"]) / self.score.ticks_per_quarter
        tones = [tone_of(program) for program in notes["program"].tolist()]
        columns = (notes["pitch"], starts, ends, notes["velocity"])
        return list(map(list, zip(tones, *(each.tolist() for each in columns), strict=True)))

    def _tempos(self, songs: Songs) -> list[list[float]]:
        """Where each tempo begins, in quarter notes, and its quarter notes a minute."""
        found: list[list[float]] = []
        for song in songs.songs:
            tempos = self.score.tempos_of(song.track)
            places = song.start + tempos["tick"] / self.score.ticks_per_quarter
            qpms = MICROSECONDS_PER_MINUTE / np.rint(MICROSECONDS_PER_MINUTE / tempos["qpm"])
            found += map(list, zip(places.tolist(), qpms.tolist(), strict=True))
        return found

    def _is_plain(self, songs: Songs) -> bool:
        """Whether it has one song of one meter, and no controllers, pedals and the like."""
        if len(self.midi) > _LARGEST_PLAIN:
            return False
        if len(songs.songs) > 1 or len({(row[2], row[3]) for row in songs.bars}) > 1:
            return False
        tracks = MidiTracks.parse(self.midi)
        messages = (message for track in tracks.tracks for _, message in track)
        return not tracks.others and all(
            message[0] & 0xE0 == 0x80 or (message[0] == 0xFF and message[1] in _PLAIN_EVENTS)
            for message in messages
        )


# --- From pages -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Sent:
    """A piece as a page sends it, with values that can be.

    Attributes:
        name: What it is called.
        midi: The file it was made of; None for one that is to be written anew.
        qpm: Its tempo.
        hits: All there are to be.
        channel: Where the drums are in the file, as of `opened`; None where it is written anew.
        track: Likewise.
        kit: Which pitches are which drum.
        bars: How many a new file has.
        meter: Of a new file.
        pitched: As of `opened`.
    """

    name: str
    midi: bytes | None
    qpm: float
    hits: Hits
    channel: str | None
    track: str | None
    kit: str
    bars: int
    meter: tuple[int, int]
    pitched: bool = False

    @classmethod
    def of(cls, data: object) -> Sent:
        """Checks what was sent.

        Args:
            data: Of JSON; what it has beyond a piece does not matter.

        Raises:
            OptionError: Something is missing, of another kind, or out of its range.
        """
        fields = check_object("piece", data)
        for field in ("name", "midi", "qpm", "hits"):
            if field not in fields:
                raise OptionError("piece", f"has no {field}")
        midi = None if fields["midi"] is None else _decoded(fields["midi"])
        texts = {
            field: None if fields.get(field) is None else check_text(field, fields[field])
            for field in ("channel", "track", "kit")
        }
        kit_of(texts["kit"])
        part_of(texts["channel"], texts["track"])
        if midi is None:
            texts.update(channel=None, track=None)
        bars, meter = (MOST_NEW_BARS, (4, 4)) if midi is not None else _checked_length(fields)
        return cls(
            name=plain_name(check_text("name", fields["name"])),
            midi=midi,
            qpm=float(check_between("qpm", fields["qpm"], 0, MICROSECONDS_PER_MINUTE)),
            hits=_checked_hits(fields["hits"], kit_of(texts["kit"])),
            channel=texts["channel"],
            track=texts["track"],
            kit=texts["kit"] or "reduced",
            bars=bars,
            meter=meter,
            pitched=midi is not None and check_flag("pitched", fields.get("pitched", False)),
        )

    @property
    def part(self) -> DrumPart:
        """Which notes of the file are the drums."""
        return part_of(self.channel, self.track)

    @property
    def pitch_classes(self) -> tuple[tuple[int, ...], ...]:
        """The pitches of each drum."""
        return kit_of(self.kit)

    def to_midi(self) -> bytes:
        """Returns the file with the hits that were sent; the same bytes where none was edited.

        Raises:
            MidiError: It was sent with bytes that are not a readable MIDI file.
            GrooveFastError: It has not the notes that the hits were made of, or a hit or the tempo
                cannot be written.
        """
        if self.midi is None:
            return self._new_file()
        source = Source(self.midi, self.name, self.part, self.pitch_classes)
        return edited(source, self.hits, self.qpm)

    def to_piece(self) -> dict[str, Any]:
        """Returns the piece of `to_midi`, which may be without any hit.

        Raises:
            GrooveFastError: As `to_midi`, or as `opened`.
        """
        how = (self.channel, self.track, self.kit)
        drums = _Drums.read(
            self.to_midi(), self.name, *how, may_be_silent=True, pitched=self.pitched
        )
        return drums.piece()

    def _new_file(self) -> bytes:
        """A file of these hits alone."""
        qpm = check_between("qpm", self.qpm, SLOWEST_QPM, FASTEST_QPM)
        meter, hits = Meter(0.0, *self.meter), self.hits
        end = self.bars * meter.bar
        late = hits.quarters[hits.quarters >= end]
        if len(late):
            raise OptionError("hits", f"one at {late[0]:g} quarter notes, where {end:g} is the end")
        of_drums = pitches_of(hits.drums, self.pitch_classes)
        pitches = np.where(hits.pitches == NEW, of_drums, hits.pitches).astype(np.uint8)
        ticks = hits.quarters * STEPS_PER_QUARTER * TICKS_PER_STEP
        starts = np.maximum(np.rint(ticks), 0.0)
        return drum_file(
            starts,
            starts + TICKS_PER_STEP,
            pitches,
            hits.velocities.astype(np.uint8),
            ticks_per_quarter=STEPS_PER_QUARTER * TICKS_PER_STEP,
            qpm=qpm,
            meters=[meter],
            end=end * STEPS_PER_QUARTER * TICKS_PER_STEP,
        )


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise OptionError("midi", "a file in base64 wanted, or null for a new one")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise OptionError("midi", "not in base64") from None


def _checked_length(fields: Mapping[str, Any]) -> tuple[int, tuple[int, int]]:
    """Bars and meter of a new file."""
    for field in ("bars", "meter"):
        if field not in fields:
            raise OptionError("piece", f"has no {field}, which a new file wants")
    bars = check_integer("bars", fields["bars"], 1, MOST_NEW_BARS)
    meter = check_array("meter", fields["meter"])
    if len(meter) != 2:
        raise OptionError("meter", "two numbers wanted, as in [4, 4]")
    numerator = check_integer("meter", meter[0], 1, MOST_BEATS)
    denominator = check_integer("meter", meter[1], 1, max(_DENOMINATORS))
    if denominator not in _DENOMINATORS:
        raise OptionError("meter", f"{numerator}/{denominator} is no meter")
    if Meter(0.0, numerator, denominator).bar * STEPS_PER_QUARTER < 1:
        raise OptionError("meter", f"a bar of {numerator}/{denominator} is shorter than a 16th")
    return bars, (numerator, denominator)


def _checked_hits(value: object, pitch_classes: PitchClasses) -> Hits:
    rows = check_array("hits", value)
    if len(rows) > MOST_HITS:
        raise OptionError("hits", f"{len(rows):,} are too many; a page has {MOST_HITS:,} at most")
    checked = [_checked_hit(row) for row in rows]
    columns = zip(*checked, strict=True) if checked else ((),) * len(Hits._fields)
    ids, drums, quarters, velocities, pitches = columns
    hits = Hits(
        np.array(ids, np.int64),
        np.array(drums, np.int64),
        np.array(quarters, np.float64),
        np.array(velocities, np.int64),
        np.array(pitches, np.int64),
    )
    owners = np.frombuffer(pitch_table(pitch_classes), np.uint8)[hits.pitches]
    if ((hits.pitches != NEW) & (owners != hits.drums)).any():
        raise OptionError("hits", "one with a pitch of another drum")
    known = hits.ids[hits.ids != NEW]
    if len(np.unique(known)) < len(known):
        raise OptionError("hits", "two with one id")
    return hits


def _checked_hit(row: object) -> tuple[int, int, float, int, int]:
    """A hit; of one that the file has not, the pitch may follow."""
    if not isinstance(row, list) or len(row) not in (4, 5):
        raise OptionError("hits", "[id, drum, quarters, velocity] wanted for each")
    number, drum, quarters, velocity, *pitch = row
    return (
        NEW if number is None else check_integer("id", number, 0, MOST_NOTES),
        check_integer("drum", drum, 0, NUM_CLASSES - 1),
        check_between("quarters", quarters, EARLIEST, MOST_QUARTERS),
        check_integer("velocity", velocity, 1, 127),
        NEW if pitch in ([], [None]) else check_integer("pitch", pitch[0], 0, 127),
    )
