"""Shards at URLs, fetched into the cache of this machine, where they are read at full speed."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from groovefast.cached import cached
from groovefast.errors import GrooveFastError
from groovefast.remote import Place, RemoteFile
from groovefast.shards.manifest import (
    FORMAT,
    JOURNAL,
    MANIFEST,
    ShardEntry,
    read_ledger,
    what_is_wrong,
)
from groovefast.shards.url_path import UrlPath

_LEDGERS = (MANIFEST, JOURNAL)


def fetch_shards(shards: Sequence[UrlPath]) -> list[Path]:
    """Returns copies of shards, beside one of the manifest of their folder, in the same order.

    A shard that the manifest or journal there knows has the size and the CRC-32C it says: one cut
    off on its way is fetched again.

    Raises:
        GrooveFastError: One cannot be had, or is not what the manifest says.
    """
    found: dict[UrlPath, Path] = {}
    for folder, group in groupby(sorted(shards), key=lambda shard: shard.parent):
        names = [shard.name for shard in group]
        copies = _fetch(str(folder), names)
        found.update({folder / name: copies / name for name in names})
    return [found[shard] for shard in shards]


def _fetch(url: str, names: Collection[str]) -> Path:
    entries = functools.cache(_entries)

    def find(place: Place) -> Mapping[str, RemoteFile]:
        there = place.listing()
        for name in names:
            if name not in there:
                raise GrooveFastError(f"{url}/{name}: it was there, and is gone")
        return {name: there[name] for name in (*_LEDGERS, *names) if name in there}

    def check(came: Path, name: str) -> str | None:
        entry = None if name in _LEDGERS else entries(came.parent).get(name)
        return what_is_wrong(came, entry) if entry else None

    return cached(url, find, check, first=_LEDGERS)


def _entries(folder: Path) -> Mapping[str, ShardEntry]:
    ledger = read_ledger(folder)
    return ledger.shards if ledger and ledger.plan["format"] == FORMAT else {}
