"""How much of the data a fit reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groovefast.fitting.reading import some_shards


@pytest.mark.parametrize(("most", "least"), [(1000, 6), (600, 6), (300, 3), (1, 1), (0, 1)])
def test_as_many_shards_as_have_so_many_bytes(tmp_path: Path, most: int, least: int) -> None:
    shards = [tmp_path / f"{number}.tfrecord" for number in range(6)]
    for shard in shards:
        shard.write_bytes(bytes(100))
    chosen = some_shards(shards, np.random.default_rng(0), most)
    assert len(chosen) == least
    assert chosen == sorted(set(chosen) & set(shards))
    assert chosen == some_shards(shards, np.random.default_rng(0), most)
