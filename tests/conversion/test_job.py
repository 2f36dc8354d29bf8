"""How many shards there are."""

from __future__ import annotations

import pytest

from groovefast.conversion.job import default_shards
from groovefast.shards.manifest import MAX_SHARDS, SHARD_NAME, shard_name


@pytest.mark.parametrize(
    ("files", "shards"),
    [(1, 1), (128, 1), (129, 2), (1_150, 8), (16_000, 8), (16_001, 9), (230_000, 115)],
)
def test_shards_are_of_some_size(files: int, shards: int) -> None:
    assert default_shards(files) == shards


def test_there_are_no_more_shards_than_their_names_can_count() -> None:
    """Names with more digits would not be found again."""
    count = default_shards(10**9)
    assert count == default_shards(2000 * MAX_SHARDS + 1) == MAX_SHARDS
    assert SHARD_NAME.fullmatch(shard_name("data", count - 1, count))
    assert not SHARD_NAME.fullmatch(shard_name("data", count, count + 1))
