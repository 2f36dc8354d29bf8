"""Both ways to compute CRC-32C against published values, a slow definition, and each other."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groovefast import _records

BY_TABLE = [
    pytest.param(True, id="table"),
    pytest.param(
        False,
        id="instruction",
        marks=pytest.mark.skipif(
            not _records.has_crc32c_instruction(), reason="this CPU has no CRC-32C instruction"
        ),
    ),
]

# RFC 3720, B.4, and the check value of the Rocksoft catalogue.
PUBLISHED = [
    (b"", 0),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
]


def bitwise_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("by_table", BY_TABLE)
@pytest.mark.parametrize(("data", "crc"), PUBLISHED)
def test_published_values(data: bytes, crc: int, by_table: bool) -> None:
    assert _records.crc32c(data, by_table=by_table) == crc


@pytest.mark.parametrize("by_table", BY_TABLE)
@given(data=st.binary(max_size=600))
def test_definition(data: bytes, by_table: bool) -> None:
    assert _records.crc32c(data, by_table=by_table) == bitwise_crc32c(data)


# Around the lengths at which the lanes of the instruction's loops begin and end.
@given(
    size=st.integers(0, 20_000),
    start=st.integers(0, 15),
    seed=st.binary(min_size=7, max_size=61),
)
@example(size=3 * 128, start=0, seed=b"1234567")
@example(size=3 * 1024 - 1, start=1, seed=b"1234567")
@example(size=3 * 1024, start=3, seed=b"1234567")
@example(size=6 * 1024 + 3 * 128 + 9, start=5, seed=b"1234567")
def test_instruction_equals_table(size: int, start: int, seed: bytes) -> None:
    data = (seed * (size // len(seed) + 16))[start : start + size]
    assert _records.crc32c(data) == _records.crc32c(data, by_table=True)
