"""One MIDI file to its records, as a shard of a conversion would hold them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from groovefast import _records
from groovefast.conversion.job import Job, PlannedShard
from groovefast.conversion.options import Options
from groovefast.shards.manifest import shard_name

_SHARD = PlannedShard(shard_name("data", 0, 1), set_number=0, files=range(1))
_FRAME_HEAD, _FRAME_FOOT = 12, 4


class Converted(NamedTuple):
    """What came of a file.

    Attributes:
        records: Serialized `tf.train.Example`s.
        told: What the core tells of a file that was not converted, or not whole; None of one that
            was. See `outcomes.explain`.
    """

    records: list[bytes]
    told: Mapping[str, Any] | None


class _OneFile:
    """A file, and nothing known of it; see `job.Files` and `job.Told`."""

    num_groups = 1

    def __init__(self, name: bytes, content: bytes | None) -> None:
        self.files = _records.FileList()
        self.files.add_named(b"", name, content is not None)
        self._content = content

    def read_member(self, index: int) -> bytes:
        del index
        assert self._content is not None
        return self._content

    def group(self, index: int) -> int:
        return index

    def features(self, index: int) -> bytes:
        del index
        return b""


def convert_file(name: bytes, content: bytes | None, options: Options, room: Path) -> Converted:
    """Converts a MIDI file.

    Args:
        name: As it is to stand in its records; where there is no `content`, the path of the file.
        content: Its bytes, or None to read it.
        options: What decides the content of the records.
        room: An empty folder to work in; empty again afterwards.

    Raises:
        OSError: There is no room in it.
    """
    file = _OneFile(name, content)
    made = Job(file, file, options, [_SHARD], room).run((), workers=1)
    if made.failed:
        return Converted([], made.failed)
    shard = room / _SHARD.name
    records = list(_split_frames(shard.read_bytes()))
    shard.unlink()
    (entry,) = made.entries
    told = entry.told()
    return Converted(records, told[0] if told else None)


def _split_frames(shard: bytes) -> Iterator[bytes]:
    """The records of a shard, whose checksums are of a moment ago."""
    position = 0
    while position < len(shard):
        (length,) = struct.unpack_from("<Q", shard, position)
        start = position + _FRAME_HEAD
        yield shard[start : start + length]
        position = start + length + _FRAME_FOOT
