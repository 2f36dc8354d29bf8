"""Which TFRecord files a user means by a pattern, a folder or a list of files."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from groovefast.errors import GrooveFastError
from groovefast.remote import is_url
from groovefast.shards.fetch import fetch_shards
from groovefast.shards.url_path import UrlPath

DataPattern = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_SUFFIX = ".tfrecord"
_NUMBERED = re.compile(r"(?P<name>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.tfrecord")
_WILDCARDS = re.compile(r"[*?\[]")

_Place: TypeAlias = "Path | UrlPath"
_Path = TypeVar("_Path", Path, UrlPath)


def find_shards(data: DataPattern) -> list[Path]:
    """Returns the shards that `data` names, sorted within each pattern.

    In folders and patterns only names that end in `.tfrecord` and do not begin with a dot count, so
    that what a conversion is still writing is left out. Those at URLs are fetched into the cache
    of this machine, unless they are in it as they are now.

    Args:
        data: A glob pattern such as `out/train-*.tfrecord`, a folder that holds one set of shards,
            a file, or several of these. Or URLs of that kind, with wildcards in their last part.

    Raises:
        GrooveFastError: Nothing matches, a folder holds several sets, or a shard of a set is not
            there, or one at a URL cannot be had.
    """
    patterns = [data] if isinstance(data, (str, os.PathLike)) else list(data)
    found = [shard for pattern in patterns for shard in _found(pattern)]
    if not found:
        raise GrooveFastError("data: an empty list of shards was given")
    return list(dict.fromkeys(found))


def _found(pattern: str | os.PathLike[str]) -> list[Path]:
    if is_url(pattern):
        return fetch_shards(_find(UrlPath(os.fspath(pattern))))
    return _find(Path(pattern))


def _find(pattern: _Path) -> list[_Path]:
    if pattern.is_dir():
        return _complete(_only_set(pattern))
    if pattern.exists():
        return [pattern]
    if not _WILDCARDS.search(str(pattern)):
        raise GrooveFastError(f"{pattern}: no such file{_what_is_there(pattern.parent)}")
    matches = [path for path in _matching(pattern) if _is_shard(path)]
    if not matches:
        raise GrooveFastError(f"{pattern}: no shard matches{_what_is_there(pattern.parent)}")
    return _complete(matches)


def _matching(pattern: _Path) -> list[_Path]:
    """What matches a pattern."""
    if isinstance(pattern, UrlPath):
        if _WILDCARDS.search(str(pattern.parent)):
            raise GrooveFastError(f"{pattern}: a URL has wildcards in its last part only")
        there = pattern.parent.iterdir()
        return [path for path in there if fnmatch.fnmatchcase(path.name, pattern.name)]
    anchor = Path(pattern.anchor)
    try:
        return sorted(anchor.glob(str(pattern.relative_to(anchor))))
    except ValueError as error:
        raise GrooveFastError(f"{pattern}: no such pattern ({error})") from None


def _only_set(folder: _Path) -> list[_Path]:
    """The shards in a folder that holds those of one conversion and split."""
    shards = _shards_in(folder)
    if not shards:
        raise GrooveFastError(
            f"{folder}: no {_SUFFIX} file in this folder; write some with groovefast-convert"
        )
    if len(patterns := _patterns(shards)) > 1:
        raise GrooveFastError(
            f"{folder}: several sets of shards ({', '.join(patterns)}); "
            f"name one, as in '{folder / patterns[-1]}'"
        )
    return shards


def _complete(shards: Iterable[_Path]) -> list[_Path]:
    """The same shards, sorted, once every set they belong to is known to be whole.

    A pattern may pick some shards of a set; only those that are nowhere are missed.
    """
    shards = sorted(shards)
    counts: dict[_Path, str] = {}
    for path in shards:
        if parts := _NUMBERED.fullmatch(path.name):
            stem, count = path.with_name(parts["name"]), parts["count"]
            if (known := counts.setdefault(stem, count)) != count:
                raise GrooveFastError(
                    f"{stem}-*: shards of two conversions, {int(known)} and {int(count)}; "
                    f"delete the old ones or name one set, as in '{stem}-*-of-{count}{_SUFFIX}'"
                )
    there = set(shards)
    for stem, count in counts.items():
        for index in range(int(count)):
            path = stem.with_name(f"{stem.name}-{index:05d}-of-{count}{_SUFFIX}")
            if path not in there and not path.exists():
                raise GrooveFastError(
                    f"{path}: this shard is missing, the set has {int(count)}; convert again"
                )
    return shards


def _what_is_there(folder: _Path) -> str:
    """A hint at what `folder` holds instead."""
    if _WILDCARDS.search(str(folder)):
        return ""
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    patterns = _patterns(_shards_in(folder))
    return f"; the folder holds {', '.join(patterns)}" if patterns else ""


def _shards_in(folder: _Path) -> list[_Path]:
    return sorted(path for path in folder.iterdir() if _is_shard(path))


def _is_shard(path: _Place) -> bool:
    return path.suffix == _SUFFIX and not path.name.startswith(".")


def _patterns(shards: Iterable[_Place]) -> list[str]:
    """One pattern for each set: `train-*.tfrecord`."""
    return sorted(
        {
            f"{parts['name']}-*{_SUFFIX}"
            if (parts := _NUMBERED.fullmatch(path.name))
            else path.name
            for path in shards
        }
    )
