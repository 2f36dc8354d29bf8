"""Shards read by the definition of their format, without TensorFlow and without GrooveFast."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_BYTES, _FLOATS, _INTS = 1, 2, 3


def read_shard(path: Path) -> list[dict[str, Any]]:
    """The features of each record; the checksums are not looked at."""
    return [parse_example(record) for record in split_frames(path.read_bytes())]


def read_shards(folder: Path, name: str = "data") -> list[dict[str, Any]]:
    """The records of all shards of a set."""
    shards = sorted(folder.glob(f"{name}-?????-of-?????.tfrecord"))
    return [record for shard in shards for record in read_shard(shard)]


def split_frames(shard: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(shard):
        (length,) = struct.unpack_from("<Q", shard, position)
        yield shard[position + 12 : position + 12 + length]
        position += 16 + length


def parse_example(record: bytes) -> dict[str, Any]:
    """Each feature's value, bytes, float or int; the tempos that come later are lists."""
    ((number, features),) = _fields(record)
    assert number == 1
    example = {}
    for _, entry in _fields(features):
        (_, key), (_, feature) = _fields(entry)
        ((kind, values),) = _fields(feature)
        ((_, value),) = _fields(values)
        values = _values(kind, value)
        name = key.decode()
        example[name] = values if name.startswith("tempo_change") else values[0]
    return example


def grid_of(example: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, velocities and offsets, of shape (steps, 9)."""
    hits = np.frombuffer(example["hits"], np.uint8).reshape(-1, 9)
    velocities = np.frombuffer(example["velocities"], np.uint8).reshape(-1, 9)
    offsets = np.frombuffer(example["offsets"], "<f4").reshape(-1, 9)
    return hits, velocities, offsets


class Window(NamedTuple):
    """A window of a performance; the grid's arrays are (steps, 9)."""

    source: bytes
    start_step: int
    qpm: float
    hits: np.ndarray
    velocities: np.ndarray
    offsets: np.ndarray


def cut_windows(
    records: Iterable[dict[str, Any]], bars: int = 4, hop: int = 1, quarters: int = 4
) -> Iterator[Window]:
    """The windows of performances in one meter, one after the other, step by step."""
    for record in records:
        if record["quarters_per_bar"] != quarters:
            continue
        bar = round(record["steps_per_quarter"] * quarters)
        changes = zip(
            record.get("tempo_change_steps", ()), record.get("tempo_change_qpms", ()), strict=True
        )
        tempos = {0: record["qpm"], **dict(changes)}
        first = 0
        while first + bars * bar <= record["steps"]:
            steps = slice(first, first + bars * bar)
            qpm = [qpm for step, qpm in tempos.items() if step <= first][-1]
            grid = (values[steps] for values in grid_of(record))
            yield Window(record["source"], record["start_step"] + first, qpm, *grid)
            first += hop * bar


def _values(kind: int, value: bytes) -> Any:
    if kind == _BYTES:
        return [value]
    if kind == _FLOATS:
        return list(struct.unpack(f"<{len(value) // 4}f", value))
    assert kind == _INTS
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(number)
    return numbers


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field; all that an Example has are of the kind with a length."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        assert tag & 7 == 2
        length, position = _varint(message, position)
        yield tag >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
