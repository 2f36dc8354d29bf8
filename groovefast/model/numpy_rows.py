"""How rows are drawn in NumPy, as `outputs` and `token_outputs` draw them in TensorFlow.

Windows are the last axis: a row is (depth, n).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.config import Config
from groovefast.model.in_use import LEAST_DRAW, drawn
from groovefast.model.inputs import Kept
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import layout_of

Array: TypeAlias = NDArray[np.float32]


class NumpyRow(Protocol):
    """What a model writes at each step."""

    @property
    def depth(self) -> int:
        """Width of a row."""

    @property
    def draws(self) -> int:
        """Draws that decide a row."""

    @property
    def least(self) -> float:
        """The least of a draw."""

    @property
    def is_sparse(self) -> bool:
        """Whether a row is nearly all zeros, so that it is better multiplied by `product`."""

    def product(self, row: Array, kernel: Array) -> Array:
        """Returns a row as it meets a kernel, (depth, width): (width, n)."""

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns what `draw` takes of uniform draws, (draws, ...)."""

    def draw(self, logits: Array, noise: Array, temperature: float, kept: Kept) -> Array:
        """Draws a row, but for hits that are kept, (drums, n)."""


class NumpyPerformanceRow(NamedTuple):
    """Rows of hits, velocities and offsets.

    Attributes:
        layout: What their columns are.
        unhit: Of each column that of the hit it tells of, and the row of silence, (depth, 1),
            where nothing is told of a drum that is not hit, as a model without z was trained to
            hear it.
    """

    layout: RowLayout
    unhit: tuple[Array, Array] | None = None

    @property
    def depth(self) -> int:
        """Width of a row."""
        return self.layout.depth

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return sum(drawn(self.layout))

    @property
    def least(self) -> float:
        """The least of a draw: it has a logarithm."""
        return LEAST_DRAW

    @property
    def is_sparse(self) -> bool:
        """It is if everything in it is a bin."""
        return self.layout.velocity_bins > 0 and self.layout.offset_bins > 0

    def product(self, row: Array, kernel: Array) -> Array:
        """Returns a row of zeros and ones as it meets a kernel, (depth, width): (width, n)."""
        if row.shape[1] == 1:
            return np.asarray(kernel[np.flatnonzero(row)].sum(axis=0)[:, None])
        return np.asarray(kernel.T @ row)

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns logistic noise for hits and Gumbel noise for bins."""
        noise = np.array(draws, np.float32)
        hits, bins = noise[: self.layout.drums], noise[self.layout.drums :]
        hits[:] = np.log(hits) - np.log1p(-hits)
        bins[:] = -np.log(-np.log(bins))
        noise *= np.float32(temperature)
        return noise

    def draw(self, logits: Array, noise: Array, temperature: float, kept: Kept) -> Array:
        """Draws a row: the likelier hits and bins of logits with noise."""
        del temperature  # it is in the noise
        layout, row = self.layout, np.empty(logits.shape, np.float32)
        hits, velocities, offsets = _slices(*layout.widths)
        of_hits, of_velocities, of_offsets = _slices(*drawn(layout))
        np.greater(logits[hits] + noise[of_hits], 0, out=row[hits])
        np.copyto(row[hits], kept.values, where=kept.mask)
        if layout.velocity_bins:
            row[velocities] = self._draw_bins(logits[velocities], noise[of_velocities])
        else:
            row[velocities] = _sigmoid(logits[velocities])
        if layout.offset_bins:
            row[offsets] = self._draw_bins(logits[offsets], noise[of_offsets])
        else:
            np.tanh(logits[offsets], out=row[offsets])
        if self.unhit:
            columns, silence = self.unhit
            np.copyto(row, silence, where=row[columns] == 0)
        return row

    def _draw_bins(self, logits: Array, noise: Array) -> NDArray[np.bool_]:
        """One-hots of the largest of each drum."""
        groups = (logits + noise).reshape(self.layout.drums, -1, logits.shape[-1])
        best = groups.argmax(axis=1, keepdims=True)
        one_hots = np.arange(groups.shape[1])[:, None] == best
        return np.asarray(one_hots.reshape(logits.shape))


class NumpyTokenRow(NamedTuple):
    """Rows of one token, as one-hots.

    Attributes:
        depth: How many tokens there are.
    """

    depth: int

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return 1

    @property
    def least(self) -> float:
        """The least of a draw."""
        return 0.0

    @property
    def is_sparse(self) -> bool:
        """It is: a single 1."""
        return True

    def product(self, row: Array, kernel: Array) -> Array:
        """Returns a row as it meets a kernel, (depth, width): (width, n)."""
        return np.asarray(kernel[row.argmax(axis=0)].T)

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns the draws as they are."""
        del temperature
        return draws

    def draw(self, logits: Array, noise: Array, temperature: float, kept: Kept) -> Array:
        """Draws a row: the first token whose cumulated probability exceeds the draw."""
        del kept  # there are no hits in it
        if temperature > 0:
            scaled = (logits - logits.max(axis=0)) / np.float32(temperature)
            cumulated = np.cumsum(np.exp(scaled, out=scaled), axis=0)
            cumulated /= cumulated[-1].copy()
            chosen = np.minimum((cumulated <= noise).sum(axis=0), self.depth - 1)
        else:
            chosen = logits.argmax(axis=0)
        row = np.zeros(logits.shape, np.float32)
        row[chosen, np.arange(logits.shape[1])] = 1
        return row


class NumpyPartsRow(NamedTuple):
    """Rows of several parts, one below the other.

    Attributes:
        parts: What each of them is.
    """

    parts: Sequence[NumpyTokenRow]

    @property
    def depth(self) -> int:
        """Width of a row."""
        return sum(part.depth for part in self.parts)

    @property
    def draws(self) -> int:
        """Draws that decide a row."""
        return len(self.parts)

    @property
    def least(self) -> float:
        """The least of a draw."""
        return 0.0

    @property
    def is_sparse(self) -> bool:
        """It is: a single 1 for each part."""
        return True

    def product(self, row: Array, kernel: Array) -> Array:
        """Returns a row as it meets a kernel, (depth, width): (width, n)."""
        own = zip(self.parts, self._columns, strict=True)
        products = [part.product(row[here], kernel[here]) for part, here in own]
        return np.asarray(sum(products))

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns the draws as they are."""
        del temperature
        return draws

    def draw(self, logits: Array, noise: Array, temperature: float, kept: Kept) -> Array:
        """Draws each part of a row."""
        own = zip(self.parts, self._columns, strict=True)
        drawn_ones = [
            part.draw(logits[here], noise[number : number + 1], temperature, kept)
            for number, (part, here) in enumerate(own)
        ]
        return np.concatenate(drawn_ones)

    @property
    def _columns(self) -> Sequence[slice]:
        return _slices(*(part.depth for part in self.parts))


def numpy_rows(config: Config, decoders: int) -> tuple[NumpyRow, Sequence[NumpyRow]]:
    """Returns what a model writes at each step, and what each of its decoders does."""
    layout = layout_of(config)
    if isinstance(layout, RowLayout):
        unhit = layout.hit_columns, layout.silence[:, None]
        whole: NumpyRow = NumpyPerformanceRow(layout, None if config.hparams.z_size else unhit)
        return whole, [whole]
    parts = [NumpyTokenRow(size) for size in layout.tokens]
    whole = NumpyPartsRow(parts) if len(parts) > 1 else parts[0]
    return whole, parts if decoders > 1 else [whole]


@functools.cache  # wanted at every step
def _slices(*widths: int) -> Sequence[slice]:
    """Where parts of some widths are that lie one after the other."""
    ends = itertools.accumulate(widths)
    return [slice(end - width, end) for width, end in zip(widths, ends, strict=True)]


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.tanh(x / 2) / 2 + np.float32(0.5))
