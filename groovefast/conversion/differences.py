"""What keeps a conversion from going on with the shards of an earlier one, in its user's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from groovefast.drums import PITCH_CLASSES

_Json = Mapping[str, Any]

MARK_CHARACTERS = 4
"""Of each file's mark in `names_marks`, by which the first name that differs is found."""

_OPTIONS = {"unmapped_pitches": "--on-unmapped"}
_ANEW = "leave out --resume to begin anew, or choose another folder"


def why_not_resume(then: _Json, now: _Json, name_of: Callable[[int], str]) -> str | None:
    """Returns what differs between two plans and what to do, or None where nothing does.

    Args:
        then: The plan of the earlier conversion; see `shards.manifest.Plan`.
        now: The plan of this one.
        name_of: Gives the name of a file of this one.
    """
    if then.get("format") != now["format"]:
        age = "a newer" if _age(then) > _age(now) else "an older"
        return f"{age} version of GrooveFast wrote what is there; {_ANEW}"
    try:
        differences = [
            *_options(then["options"], now["options"]),
            *_metadata(then["metadata"], now["metadata"]),
            *_sets(then, now),
            *_files(then["files"], now["files"], name_of),
        ]
    except (KeyError, TypeError, AttributeError) as error:
        return f"what the folder says of its shards is damaged ({error}); {_ANEW}"
    if not differences:
        return None if then == now else f"what is there is of another conversion; {_ANEW}"
    return f"cannot resume with {', '.join(differences)}; give the same as then, {_ANEW}"


def _age(plan: _Json) -> tuple[int, str]:
    form = str(plan.get("format", ""))
    return len(form), form  # "… 10" comes after "… 9"


def _options(then: _Json, now: _Json) -> Iterator[str]:
    for name in dict.fromkeys((*now, *then)):
        if then.get(name) != now.get(name):
            option = _OPTIONS.get(name, "--" + name.replace("_", "-"))
            words = (_word(name, options.get(name)) for options in (now, then))
            yield "{} {} instead of {}".format(option, *words)


def _word(name: str, value: Any) -> str:
    """An option's value as it is given on the command line."""
    if name == "pitch_classes":
        return _map(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def _map(classes: list[list[int]]) -> str:
    for name, known in PITCH_CLASSES.items():
        if classes == [list(pitches) for pitches in known]:
            return name
    return "|".join(",".join(map(str, pitches)) for pitches in classes)


def _metadata(then: _Json | None, now: _Json | None) -> Iterator[str]:
    if not then or not now:
        if then or now:
            yield "--metadata" if now else "no --metadata"
        return
    if then["sha256"] != now["sha256"]:
        yield "other --metadata"
    if then["columns"] != now["columns"]:
        columns = (",".join(plan["columns"]) for plan in (now, then))
        yield "--metadata-columns {} instead of {}".format(*columns)


def _sets(then: _Json, now: _Json) -> Iterator[str]:
    """What `--name` and `--shards` say; the metadata and the files may change the sets too."""
    before, after = then["sets"], now["sets"]
    if list(before) != list(after):
        if then["metadata"] == now["metadata"]:
            yield "--name {} instead of {}".format(*after, *before)
    elif before != after and _same_files(then["files"], now["files"]):
        counts = ("+".join(map(str, dict.fromkeys(sets.values()))) for sets in (after, before))
        yield "--shards {} instead of {}".format(*counts)


def _files(then: _Json, now: _Json, name_of: Callable[[int], str]) -> Iterator[str]:
    if _same_files(then, now):
        return
    before, after = then["number"], now["number"]
    number = f"{after:,} files instead of {before:,}" if before != after else "other files"
    first = _first_other(then["names_marks"], now["names_marks"])
    if first < after:
        yield f"{number} (the first that differs is {name_of(first)})"
    else:
        yield f"{number} (those after {name_of(after - 1)} are gone)"


def _same_files(then: _Json, now: _Json) -> bool:
    return all(then[key] == now[key] for key in ("number", "names_sha256"))


def _first_other(then: str, now: str) -> int:
    """The first file with another mark than the one in its place had."""
    for at in range(0, min(len(then), len(now)), MARK_CHARACTERS):
        if then[at : at + MARK_CHARACTERS] != now[at : at + MARK_CHARACTERS]:
            return at // MARK_CHARACTERS
    return min(len(then), len(now)) // MARK_CHARACTERS
