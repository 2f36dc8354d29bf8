"""Which notes of a MIDI file are its drums: those of some channels, of a track, or of both."""

from __future__ import annotations

import dataclasses
import operator
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from groovefast.drums import DRUM_CHANNEL
from groovefast.errors import OptionError

Channel: TypeAlias = "int | Iterable[int] | None"
"""MIDI channels, counted from 1 as musicians do; None for the default of `DrumPart`."""
Track: TypeAlias = "int | str | None"
"""A track by its number in the file, from 1, or by its name; None for all."""

NUM_CHANNELS = 16
MAX_TRACKS = 0xFFFF
ALL_CHANNELS = tuple(range(1, NUM_CHANNELS + 1))


class WantedNotes(NamedTuple):
    """What the core knows of a `DrumPart`.

    Attributes:
        channels: A bit for each.
        track: Its number, from 1; 0 for all.
        track_names: Ways to write what the track is called; none for all.
    """

    channels: int
    track: int
    track_names: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True)
class DrumPart:
    """The notes that are taken for drums. All others are neither heard nor touched.

    Attributes:
        channel: MIDI channels, 1 to 16, sorted; None for channel 10, or for all of a given `track`.
        track: The number of a track in the file, from 1, or its name, whose case and outer blanks
            do not count; None for all. Several tracks may have one name.
    """

    channel: tuple[int, ...] | None = None
    track: int | str | None = None

    @classmethod
    def of(cls, channel: Channel = None, track: Track = None) -> DrumPart:
        """Returns the part that a user names.

        Raises:
            OptionError: No MIDI channel, or no track.
        """
        channels, checked = _checked_channels(channel), _checked_track(track)
        usual = checked is None and channels == (DRUM_CHANNEL + 1,)
        return cls(None if usual else channels, checked)

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels whose notes are taken, from 1."""
        if self.channel is not None:
            return self.channel
        return (DRUM_CHANNEL + 1,) if self.track is None else ALL_CHANNELS

    def for_core(self) -> WantedNotes:
        """Returns the part as the core takes it."""
        channels = sum(1 << (channel - 1) for channel in self.channels)
        if isinstance(self.track, str):
            return WantedNotes(channels, 0, _spellings(self.track))
        return WantedNotes(channels, self.track or 0, ())

    def __str__(self) -> str:
        """The part in words that follow "no drums": `on channel 10`, `in track 2`."""
        places = []
        if self.track is None or self.channel is not None:
            numbers = ", ".join(map(str, self.channels))
            places.append(f"on channel{'s' if len(self.channels) > 1 else ''} {numbers}")
        if self.track is not None:
            places.append(f"in track {self.track!r}")
        return " ".join(places)


CHANNEL_10 = DrumPart()
"""Where General MIDI has its drums."""


def _checked_channels(channel: Channel) -> tuple[int, ...] | None:
    if channel is None:
        return None
    several = isinstance(channel, Iterable) and not isinstance(channel, (str, bytes))
    wanted = list(channel) if several else [channel]  # type: ignore[arg-type]
    numbers = [_whole(number) for number in wanted]
    for number, given in zip(numbers, wanted, strict=True):
        if not 1 <= number <= NUM_CHANNELS:
            raise OptionError("channel", f"{given!r} is no MIDI channel; they are 1 to 16")
    if not wanted:
        raise OptionError("channel", "none given; name one or several of 1 to 16")
    return tuple(sorted(set(numbers)))


def _checked_track(track: Track) -> int | str | None:
    if track is None:
        return None
    if isinstance(track, str):
        if not track.strip():
            raise OptionError("track", "an empty name; give that of a track, or its number")
        return track
    if not 1 <= (number := _whole(track)) <= MAX_TRACKS:
        raise OptionError("track", f"{track!r} is no number of a track; they count from 1")
    return number


def _whole(number: object) -> int:
    """A whole number of any kind, numpy's too; 0 for anything else."""
    try:
        return 0 if isinstance(number, bool) else operator.index(number)  # type: ignore[arg-type]
    except TypeError:
        return 0


def _spellings(name: str) -> tuple[bytes, ...]:
    """A name in upper and lower case, its accents joined or apart, in UTF-8 and older Latin-1.

    The case of ASCII is the core's to overlook.
    """
    cases = (name, name.lower(), name.upper(), name.capitalize(), name.title())
    forms = [unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")]
    spellings = [form.encode("utf-8", "surrogatepass") for form in forms]
    spellings += [form.encode("latin-1") for form in forms if max(form) < "\u0100"]
    return tuple({spelling.lower(): spelling for spelling in reversed(spellings)}.values())
