"""Which windows are cut from performances, and which of them are left out."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.errors import GrooveFastError, OptionError, check_whole

_DIGEST_BYTES = 16


@dataclasses.dataclass(frozen=True)
class Cutting:
    """Which windows are cut.

    Attributes:
        split_bars: Length of a window.
        hop_bars: Bars from the start of a window to the start of the next.
        dedupe: Whether to leave out windows whose grid an earlier one has.
        min_hits: Windows with fewer are left out.
    """

    split_bars: int
    hop_bars: int = 1
    dedupe: bool = False
    min_hits: int = 0

    def __post_init__(self) -> None:
        for name, least in (("hop_bars", 1), ("min_hits", 0)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least))

    @classmethod
    def of(
        cls, config: Config, hop_bars: int | None = None, dedupe: bool = False, min_hits: int = 0
    ) -> Cutting:
        """Returns the windows of a config, `hop_bars` apart where that is given.

        Raises:
            OptionError: An option out of its range, or one that tokens have no use for.
            GrooveFastError: The config has no length of windows.
        """
        split_bars = config.converter.split_bars
        if split_bars is None:
            raise GrooveFastError("split_bars: training wants windows of one length, not None")
        hop = config.converter.hop_bars if hop_bars is None else hop_bars
        cutting = cls(split_bars, hop, dedupe, min_hits)
        if config.tokens and cutting != (usual := cls(split_bars)):
            option = next(
                name for name, value in vars(cutting).items() if value != getattr(usual, name)
            )
            raise OptionError(
                option,
                f"is of performances; {config.name} takes every bar and no window of a file twice",
            )
        return cutting

    @property
    def leaves_out(self) -> bool:
        """Whether some windows may be left out."""
        return self.dedupe or self.min_hits > 0

    def first_bars(self, counts: tf.Tensor) -> tf.Tensor:
        """Returns the first bar of each window, int64 (windows,).

        Args:
            counts: int64 (n,), how many bars each performance has; they lie one after another.
        """
        starts = tf.cumsum(counts, exclusive=True)
        limits = starts + tf.maximum(counts - self.split_bars + 1, 0)
        hop = tf.constant(self.hop_bars, tf.int64)
        return tf.raw_ops.RaggedRange(starts=starts, limits=limits, deltas=hop).rt_dense_values

    def bars(self, first_bars: Any) -> Any:
        """Returns all bars of windows, int64 (windows, split_bars); of a tensor or an array."""
        return first_bars[:, np.newaxis] + np.arange(self.split_bars)


class Sieve:
    """Tells which windows are kept, once it has seen all of them, part by part.

    It remembers 1 byte a window, and 16 more where equal ones are left out.

    Attributes:
        most_hits: Those of the window that has most.
    """

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting
        self._kept: list[NDArray[np.bool_]] = []
        self._digests: list[bytes] = []
        self.most_hits = 0

    def add(
        self,
        velocities: NDArray[np.uint8],
        offsets: NDArray[np.float32],
        first_bars: NDArray[np.int64],
    ) -> None:
        """Takes the next windows: the bars, (bars, cells), and where in them each begins."""
        windows = self._cutting.bars(first_bars)
        kept = np.ones(len(windows), bool)
        if self._cutting.min_hits:
            hits = np.count_nonzero(velocities, axis=1)[windows].sum(axis=1)
            self.most_hits = max(self.most_hits, int(hits.max(initial=0)))
            kept = hits >= self._cutting.min_hits
        self._kept.append(kept)
        if self._cutting.dedupe:
            bars = _digests(velocities, offsets + np.float32(0))  # -0 becomes 0
            self._digests.append(_digests(bars[windows]).tobytes())

    def kept(self) -> NDArray[np.bool_]:
        """Which of all windows are kept."""
        kept = np.concatenate(self._kept) if self._kept else np.zeros(0, bool)
        if self._cutting.dedupe:
            kept &= _are_first(np.frombuffer(b"".join(self._digests), np.uint64).reshape(-1, 2))
        return kept


def _digests(*arrays: NDArray[Any]) -> NDArray[np.uint8]:
    """Of each row of several arrays, (rows, ...) -> (rows, 16)."""
    digests = bytearray()
    for rows in zip(*arrays, strict=True):
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for row in rows:
            digest.update(row)
        digests += digest.digest()
    return np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES)


def _are_first(digests: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether no earlier row is the same, (n, 2) -> (n,)."""
    order = np.lexsort(digests.T)  # stable: of equal ones the earliest comes first
    ordered = digests[order]
    first = np.ones(len(digests), bool)
    first[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return first
