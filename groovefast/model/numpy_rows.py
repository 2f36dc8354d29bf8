"""How rows are drawn in NumPy, as `outputs` and `token_outputs` draw them in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groovefast.model.in_use import LEAST_DRAW, drawn
from groovefast.windows.rows import RowLayout
from groovefast.windows.token_rows import Layout

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

    def product(self, rows: Array, kernel: Array) -> Array:
        """Returns rows, (n, depth), as they meet a kernel, (depth, width)."""

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns what `draw` takes of uniform draws, (..., draws)."""

    def draw(self, logits: Array, noise: Array, temperature: float) -> Array:
        """Draws rows, (n, depth)."""


class NumpyPerformanceRow(NamedTuple):
    """Rows of hits, velocities and offsets.

    Attributes:
        layout: What their columns are.
    """

    layout: RowLayout

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
        """It is not."""
        return False

    def product(self, rows: Array, kernel: Array) -> Array:
        """Returns rows, (n, depth), as they meet a kernel, (depth, width)."""
        return np.asarray(rows @ kernel)

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns logistic noise for hits and Gumbel noise for bins."""
        noise = np.array(draws, np.float32)
        hits, bins = noise[..., : self.layout.drums], noise[..., self.layout.drums :]
        hits[:] = np.log(hits) - np.log1p(-hits)
        bins[:] = -np.log(-np.log(bins))
        return np.asarray(np.float32(temperature) * noise)

    def draw(self, logits: Array, noise: Array, temperature: float) -> Array:
        """Draws rows: the likelier hits and bins of logits with noise."""
        del temperature  # it is in the noise
        layout = self.layout
        hits, velocities, offsets = layout.split(np, logits)
        of_hits, of_velocities, of_offsets = np.split(noise, np.cumsum(drawn(layout)[:-1]), axis=-1)
        return np.concatenate(
            [
                (hits + of_hits > 0).astype(np.float32),
                self._draw_bins(velocities, of_velocities)
                if layout.velocity_bins
                else sigmoid(velocities),
                self._draw_bins(offsets, of_offsets) if layout.offset_bins else np.tanh(offsets),
            ],
            axis=-1,
        )

    def _draw_bins(self, logits: Array, noise: Array) -> Array:
        """One-hots of the largest of each drum."""
        groups = (logits + noise).reshape(len(logits), self.layout.drums, -1)
        best = groups.argmax(axis=-1)
        one_hots = np.eye(groups.shape[-1], dtype=np.float32)[best]
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

    def product(self, rows: Array, kernel: Array) -> Array:
        """Returns rows, (n, depth), as they meet a kernel, (depth, width)."""
        return np.asarray(kernel[rows.argmax(axis=-1)])

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns the draws as they are."""
        del temperature
        return draws

    def draw(self, logits: Array, noise: Array, temperature: float) -> Array:
        """Draws rows: the first token whose cumulated probability exceeds the draw."""
        if temperature > 0:
            scaled = (logits - logits.max(axis=-1, keepdims=True)) / np.float32(temperature)
            cumulated = np.cumsum(np.exp(scaled, out=scaled), axis=-1)
            cumulated /= cumulated[:, -1:].copy()
            chosen = np.minimum((cumulated <= noise).sum(axis=-1), self.depth - 1)
        else:
            chosen = logits.argmax(axis=-1)
        rows = np.zeros(logits.shape, np.float32)
        rows[np.arange(len(rows)), chosen] = 1
        return rows


class NumpyPartsRow(NamedTuple):
    """Rows of several parts, side by side.

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

    def product(self, rows: Array, kernel: Array) -> Array:
        """Returns rows, (n, depth), as they meet a kernel, (depth, width)."""
        kernels = np.split(kernel, self._ends)
        columns = np.split(rows, self._ends, axis=-1)
        products = map(NumpyTokenRow.product, self.parts, columns, kernels)
        return np.asarray(sum(products))

    @property
    def _ends(self) -> NDArray[np.int64]:
        """Where each part but the last ends."""
        return np.cumsum([part.depth for part in self.parts[:-1]])

    def noise(self, draws: Array, temperature: float) -> Array:
        """Returns the draws as they are."""
        del temperature
        return draws

    def draw(self, logits: Array, noise: Array, temperature: float) -> Array:
        """Draws each part of rows."""
        columns = np.split(logits, self._ends, axis=-1)
        drawn_ones = [
            part.draw(own, noise[:, number : number + 1], temperature)
            for number, (part, own) in enumerate(zip(self.parts, columns, strict=True))
        ]
        return np.concatenate(drawn_ones, axis=-1)


def numpy_rows(layout: Layout, decoders: int) -> tuple[NumpyRow, Sequence[NumpyRow]]:
    """Returns what a model writes at each step, and what each of its decoders does."""
    if isinstance(layout, RowLayout):
        whole: NumpyRow = NumpyPerformanceRow(layout)
        return whole, [whole]
    parts = [NumpyTokenRow(size) for size in layout.tokens]
    whole = NumpyPartsRow(parts) if len(parts) > 1 else parts[0]
    return whole, parts if decoders > 1 else [whole]


def sigmoid(x: Array) -> Array:
    """The sigmoid as a tanh."""
    return np.asarray(np.tanh(x / 2) / 2 + np.float32(0.5))
