"""Framing, checks and temporary files of shards."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from groovefast import _records

RECORDS = [b"", b"a", b"groove" * 700, bytes(range(256)) * 9000]


def masked_crc(data: bytes) -> bytes:
    crc = _records.crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + masked_crc(length) + record + masked_crc(record)


def unframe(shard: bytes) -> list[bytes]:
    """The records of a shard, read by the definition."""
    records = []
    while shard:
        (length,) = struct.unpack("<Q", shard[:8])
        record = shard[12 : 12 + length]
        assert shard[8:12] == masked_crc(shard[:8])
        assert shard[12 + length : 16 + length] == masked_crc(record)
        records.append(record)
        shard = shard[16 + length :]
    return records


def check(path: Path) -> tuple[int, int, str | None]:
    """Good records, the bytes they take, and the damage; the checksum is that of these bytes."""
    records, good_bytes, crc, damage = _records.check_shard(os.fsencode(path))
    assert crc == _records.crc32c(path.read_bytes()[:good_bytes])
    return records, good_bytes, damage


def test_good_shard(tmp_path: Path) -> None:
    content = b"".join(map(frame, RECORDS))
    path = tmp_path / "good.tfrecord"
    path.write_bytes(content)
    assert check(path) == (len(RECORDS), len(content), None)


def test_empty_shard(tmp_path: Path) -> None:
    path = tmp_path / "empty.tfrecord"
    path.write_bytes(b"")
    assert check(path) == (0, 0, None)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    frames = [frame(record) for record in (b"one", b"two" * 40)]
    content = b"".join(frames)
    whole = [0, len(frames[0]), len(content)]
    path = tmp_path / "cut.tfrecord"
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        records, good_bytes, damage = check(path)
        assert good_bytes == max(end for end in whole if end <= size)
        assert records == whole.index(good_bytes)
        assert (damage is None) == (size in whole), size


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    content = frame(b"first") + frame(b"second record")
    path = tmp_path / "changed.tfrecord"
    for index in range(len(content)):
        path.write_bytes(content[:index] + bytes([content[index] ^ 0x10]) + content[index + 1 :])
        records, good_bytes, damage = check(path)
        assert damage is not None
        assert (records, good_bytes) == ((0, 0) if index < 21 else (1, 21))


def test_enormous_length_takes_no_memory(tmp_path: Path) -> None:
    """A length that its checksum vouches for, of a record that is not there."""
    length = struct.pack("<Q", 1 << 62)
    path = tmp_path / "length.tfrecord"
    path.write_bytes(length + masked_crc(length) + b"x")
    assert check(path) == (0, 0, "a record of over 2 GiB")
    length = struct.pack("<Q", 1 << 30)
    path.write_bytes(length + masked_crc(length) + b"x")
    assert check(path) == (0, 0, "ends within a record")


def test_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.tfrecord"):
        check(tmp_path / "gone.tfrecord")


def test_temporary_name_is_hidden() -> None:
    assert _records.temporary_path(b"out/train-00000-of-00002.tfrecord") == (
        b"out/.train-00000-of-00002.tfrecord.tmp"
    )
    assert _records.temporary_path(b"a.tfrecord") == b".a.tfrecord.tmp"
