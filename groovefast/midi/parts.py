"""What is played in a MIDI file, for someone who has to say which of it the drums are."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from groovefast.drum_part import ALL_CHANNELS, NUM_CHANNELS, DrumPart
from groovefast.drums import DRUM_CHANNEL, DRUM_CLASSES, UNMAPPED, PitchClasses, pitch_table
from groovefast.errors import GrooveFastError
from groovefast.midi.score import MidiInput, Score, read_score

_DRUM_NAME = re.compile(
    r"drum|perc|\bkit\b|\bbeats?\b|schlagzeug|batter|bater|trommel|snare|cajon", re.IGNORECASE
)
_KICK, _SNARE = DRUM_CLASSES.index("kick"), DRUM_CLASSES.index("snare")
_METAL = [DRUM_CLASSES.index(name) for name in ("closed hi-hat", "open hi-hat", "crash", "ride")]
_SHORT_QUARTERS = 0.5
_NAMED_PITCHES = 8
_NAMED_PARTS = 12


@dataclasses.dataclass(frozen=True)
class Part:
    """What one track plays on one channel.

    Attributes:
        channel: From 1.
        track: Its number in the file, from 1.
        name: Of the track; empty if it has none.
        notes: How many there are.
        pitches: Those that are played, the most frequent first.
        may_be_drums: Whether its name says so, or its notes look like it.
    """

    channel: int
    track: int
    name: str
    notes: int
    pitches: Sequence[int]
    may_be_drums: bool

    def __str__(self) -> str:
        """As in `channel 1 'Drums' (track 2): 96 notes of 36, 38, 42`."""
        pitches = ", ".join(map(str, sorted(self.pitches[:_NAMED_PITCHES])))
        more = ", …" if len(self.pitches) > _NAMED_PITCHES else ""
        name = f" {self.name!r}" if self.name else ""
        notes = "1 note" if self.notes == 1 else f"{self.notes} notes"
        return f"channel {self.channel}{name} (track {self.track}): {notes} of {pitches}{more}"


def list_parts(score: Score, pitch_classes: PitchClasses) -> list[Part]:
    """Returns the parts of a score that was read with all channels, in the order of the tracks."""
    table = np.frombuffer(pitch_table(pitch_classes), np.uint8)
    places = _places(score.notes)
    order = np.argsort(places, kind="stable")
    found, first = np.unique(places[order], return_index=True)
    parts = []
    for place, notes in zip(found.tolist(), np.split(score.notes[order], first[1:]), strict=False):
        track, channel = divmod(place, NUM_CHANNELS)
        pitches, counts = np.unique(notes["pitch"], return_counts=True)
        name = score.track_names[track]
        parts.append(
            Part(
                channel=channel + 1,
                track=track + 1,
                name=name,
                notes=len(notes),
                pitches=pitches[np.argsort(-counts, kind="stable")].tolist(),
                may_be_drums=bool(_DRUM_NAME.search(name))
                or _sounds_like_drums(notes, table, score),
            )
        )
    return parts


def pitched_notes(source: MidiInput, part: DrumPart) -> NDArray[np.void]:
    """Returns the notes of a file that are no drums, neither of a part nor on channel 10.

    Args:
        source: As of `read_midi`.
        part: The drums.

    Raises:
        MidiError: As `read_midi`, and so on.
    """
    notes = read_score(source, DrumPart.of(ALL_CHANNELS)).notes
    drums = np.unique(_places(read_score(source, part).notes))
    is_drum = np.isin(_places(notes), drums) | (notes["channel"] == DRUM_CHANNEL)
    return np.asarray(notes[~is_drum])


def no_drums(
    source: MidiInput, name: str, part: DrumPart, pitch_classes: PitchClasses
) -> GrooveFastError:
    """Returns the error of a file without drums in `part`: what there is, and how to name it."""
    own = np.unique(read_score(source, part, salvage=True).notes["pitch"]).tolist()
    if own:
        return GrooveFastError(
            f"{name}: none of its notes {part} (pitches {', '.join(map(str, own))}) is one of the "
            "drums; `pitch_classes` tells which pitch is which"
        )
    score = read_score(source, DrumPart.of(ALL_CHANNELS), salvage=True)
    parts = list_parts(score, pitch_classes)
    if isinstance(part.track, str):
        unknown = f"{name}: no track {part.track!r}"
        if _folded(part.track) not in map(_folded, score.track_names):
            return GrooveFastError(f"{unknown}; {_tracks(score.track_names)}")
    if not parts:
        return GrooveFastError(f"{name}: no notes in it; give a drum performance")
    listed = "; ".join(map(str, parts[:_NAMED_PARTS]))
    more = f"; … {len(parts) - _NAMED_PARTS} more" if len(parts) > _NAMED_PARTS else ""
    return GrooveFastError(
        f"{name}: no drums {part}, but {listed}{more}. Name the drums with `channel` or `track`"
        f"{_suggestion(parts)}"
    )


def _places(notes: NDArray[np.void]) -> NDArray[np.int64]:
    """A number for the track and the channel of each note."""
    return np.asarray(notes["track"].astype(np.int64) * NUM_CHANNELS + notes["channel"])


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _sounds_like_drums(notes: NDArray[np.void], table: NDArray[np.uint8], score: Score) -> bool:
    """Whether kick, snare and hi-hat or cymbals are played, nothing but drums, all of it short."""
    classes = table[notes["pitch"]]
    quarters = (notes["end_tick"] - notes["tick"]) / (score.ticks_per_quarter or np.inf)
    return bool(
        (classes != UNMAPPED).all()
        and (classes == _KICK).any()
        and (classes == _SNARE).any()
        and np.isin(classes, _METAL).any()
        and np.quantile(quarters, 0.9) <= _SHORT_QUARTERS
    )


def _suggestion(parts: Iterable[Part]) -> str:
    """The parts that may be meant, for the user to decide."""
    channels = sorted({part.channel for part in parts if part.may_be_drums})
    if not channels:
        return ""
    looks = "looks" if len(channels) == 1 else "look"
    return f": `channel` {','.join(map(str, channels))} {looks} like it"


def _tracks(names: Sequence[str]) -> str:
    named = [f"{number} {name!r}" for number, name in enumerate(names, 1) if name]
    if not named:
        return f"its {len(names)} tracks have no names; give a number"
    more = f" and {len(named) - _NAMED_PARTS} more" if len(named) > _NAMED_PARTS else ""
    return f"there are {', '.join(named[:_NAMED_PARTS])}{more}"
