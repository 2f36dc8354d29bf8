"""How much of the data a fit reads: it is held in memory, and more brings little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

_MOST_BYTES = 1 << 25


def some_shards(
    shards: Sequence[Path], rng: np.random.Generator, most_bytes: int = _MOST_BYTES
) -> list[Path]:
    """Returns all shards, or as many drawn ones as have so many bytes; at least one."""
    sizes = [shard.stat().st_size for shard in shards]
    if sum(sizes) <= most_bytes:
        return list(shards)
    order = rng.permutation(len(shards))
    there = 1 + np.count_nonzero(np.cumsum([sizes[number] for number in order])[1:] <= most_bytes)
    return [shards[number] for number in sorted(order[:there].tolist())]
