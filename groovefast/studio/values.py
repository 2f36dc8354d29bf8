"""What a page may send as a value: JSON of the right kind, or an error of one line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from groovefast.drum_part import MAX_TRACKS, NUM_CHANNELS, DrumPart
from groovefast.drums import NUM_CLASSES, PITCH_CLASSES, resolve_pitch_classes
from groovefast.errors import OptionError

LONGEST_TEXT = 200

_CHANNELS = re.compile(r"\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?)*", re.ASCII)
_KIT_GROUP = re.compile(r"[\d, ]*", re.ASCII)


def shown(value: object) -> str:
    """Returns a value as an error shows it: not longer than a line."""
    if isinstance(value, (dict, list)):
        return f"a JSON {'object' if isinstance(value, dict) else 'array'}"
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return "a number of many digits"
    text = repr(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def check_object(name: str, value: object) -> Mapping[str, Any]:
    """Returns a JSON object.

    Raises:
        OptionError: It is something else.
    """
    if not isinstance(value, dict):
        raise OptionError(name, f"a JSON object wanted, not {shown(value)}")
    return value


def check_array(name: str, value: object) -> list[Any]:
    """Returns a JSON array.

    Raises:
        OptionError: It is something else.
    """
    if not isinstance(value, list):
        raise OptionError(name, f"a JSON array wanted, not {shown(value)}")
    return value


def check_flag(name: str, value: object) -> bool:
    """Returns true or false.

    Raises:
        OptionError: It is something else.
    """
    if not isinstance(value, bool):
        raise OptionError(name, f"{shown(value)} is neither true nor false")
    return value


def check_finite(name: str, value: object) -> float | int:
    """Returns a number that is neither infinite nor too large to reckon with.

    Raises:
        OptionError: It is none.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not abs(value) < 1 << 64 or not math.isfinite(value):  # type: ignore[arg-type]
        raise OptionError(name, f"{shown(value)} is no number")
    return value  # type: ignore[return-value]


def check_integer(name: str, value: object, least: int, most: int) -> int:
    """Returns a whole number in a range.

    Raises:
        OptionError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise OptionError(name, f"{shown(value)} is no whole number from {least:,} to {most:,}")
    return value


def check_between(name: str, value: object, least: float, most: float) -> float:
    """Returns a number in a range.

    Raises:
        OptionError: It is none.
    """
    number = check_finite(name, value)
    if not least <= number <= most:
        raise OptionError(name, f"{shown(value)} is no number from {least:g} to {most:,g}")
    return float(number)


def check_text(name: str, value: object) -> str:
    """Returns a word or a few, in letters that can be written.

    Raises:
        OptionError: It is none, or too long.
    """
    if not isinstance(value, str):
        raise OptionError(name, f"text wanted, not {shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise OptionError(name, f"{len(value):,} letters; {LONGEST_TEXT} are enough")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise OptionError(name, "has half a letter in it, which no text has")
    return value


def part_of(channel: str | None, track: str | None) -> DrumPart:
    """Returns which notes are the drums, as `groovefast-sample` takes `--channel` and `--track`.

    Args:
        channel: MIDI channels from 1, as in `1`, `1,10` or `1-16`.
        track: The name of a track, or its number in the file from 1.

    Raises:
        OptionError: No such channel, or no track.
    """
    return DrumPart.of(_channels(channel), _track(track))


def _channels(text: str | None) -> list[int] | None:
    if text is None:
        return None
    plain = text.replace(" ", "")
    ranges = [word.split("-") for word in plain.split(",")] if _CHANNELS.fullmatch(plain) else []
    ends = [int(end) for each in ranges for end in each]
    if not ends or not all(1 <= end <= NUM_CHANNELS for end in ends):
        raise OptionError(
            "channel", f"{shown(text)} is no list of MIDI channels (1 to 16), as in 1,10 or 1-16"
        )
    return [each for ends in ranges for each in range(int(ends[0]), int(ends[-1]) + 1)]


def _track(text: str | None) -> int | str | None:
    if text is None or not text.strip().isdecimal():
        return text
    digits = text.strip().lstrip("0")
    if not digits or len(digits) > len(str(MAX_TRACKS)) or int(digits) > MAX_TRACKS:
        raise OptionError("track", f"{shown(text)} is no track; they count from 1")
    return int(digits)


def kit_of(kit: str | None) -> tuple[tuple[int, ...], ...]:
    """Returns the pitches of a kit: "reduced" if None. No file is looked for.

    Args:
        kit: A name, or nine groups of pitches as in `36|38,40|42|46|43|47|50|49|51`.

    Raises:
        OptionError: No such kit.
    """
    text = "reduced" if kit is None else kit
    groups = text.split("|")
    if len(groups) == 1 and text not in KITS:
        raise OptionError("kit", f"no such kit {shown(text)}; it is one of {', '.join(KITS)}")
    try:
        if len(groups) == 1:
            return resolve_pitch_classes(text)
        if not all(map(_KIT_GROUP.fullmatch, groups)):
            raise OptionError("kit", f"{NUM_CLASSES} groups of MIDI pitches wanted")
        numbers = [[word for word in re.split("[, ]+", group) if word] for group in groups]
        if any(len(word) > 3 for words in numbers for word in words):
            raise OptionError("kit", "a pitch above 127")
        return resolve_pitch_classes([[int(word) for word in words] for words in numbers])
    except OptionError as error:
        raise OptionError("kit", error.problem) from None


KITS = (*PITCH_CLASSES, "roland-td", "general-midi")
