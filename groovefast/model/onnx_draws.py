"""The draws of a decoder in an ONNX graph.

A hit is drawn where its logit with logistic noise is above 0, a bin as the largest of logits with
Gumbel noise; both are made of uniform draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from groovefast.model.in_use import LEAST_DRAW, drawn
from groovefast.model.onnx_graph import Graph, Name
from groovefast.windows.rows import RowLayout

_MOST_DRAW = float(np.nextafter(np.float32(1), np.float32(0)))
"""The logarithm of 1 - draw is finite."""
_CERTAIN = 1e30
"""Noise beside which no logit counts."""
_FLOAT32 = 1
"""As ONNX numbers types."""


class Draws(NamedTuple):
    """Adds draws to a graph.

    Attributes:
        graph: The graph.
        layout: Of the rows that are drawn.
    """

    graph: Graph
    layout: RowLayout

    @property
    def widths(self) -> list[int]:
        """How many draws a row takes for its hits, then for what of it is binned."""
        return [width for width in drawn(self.layout) if width]

    def noise(self, draws: Name, temperature: Name) -> list[Name]:
        """Adds noise, as many as `widths`, of uniform draws, (…, their sum)."""
        limits = self.graph.number(LEAST_DRAW), self.graph.number(_MOST_DRAW)
        parts = self.graph.split(self.graph.add("Clip", draws, *limits), self.widths)
        noise = [self._logistic(parts[0]), *map(self._gumbel, parts[1:])]
        return [self.graph.add("Mul", each, temperature) for each in noise]

    def _logistic(self, draws: Name) -> Name:
        add = self.graph.add
        rest = add("Sub", self.graph.number(1.0), draws)
        return add("Sub", add("Log", draws), add("Log", rest))

    def _gumbel(self, draws: Name) -> Name:
        add = self.graph.add
        return add("Neg", add("Log", add("Neg", add("Log", draws))))

    def optional_hits(self, name: Name) -> Name:
        """Adds what an input of hits to keep is if it is left out, for all windows and steps."""
        return self.graph.weights(name, np.full((1, 1, self.layout.drums), -1, np.float32))

    def keeping(self, hits: Name, noise: Name) -> Name:
        """Adds the noise of hits with which those from 0 on come out as they are."""
        add, number = self.graph.add, self.graph.number
        certain = add("Mul", add("Sub", hits, number(0.5)), number(_CERTAIN))
        return add("Where", add("Less", hits, number(0.0)), noise, certain)

    def row(self, logits: Name, noise: Sequence[Name]) -> Name:
        """Adds a row, (n, depth), drawn by logits and the noise of its step."""
        add, layout = self.graph.add, self.layout
        hits, velocities, offsets = self.graph.split(logits, layout.widths)
        of_hits, *of_bins = noise
        played = add("Greater", add("Add", hits, of_hits), self.graph.number(0.0))
        left = iter(of_bins)
        return self.graph.concat(
            add("Cast", played, to=_FLOAT32),
            self._bins(velocities, next(left), layout.velocity_bins)
            if layout.velocity_bins
            else add("Sigmoid", velocities),
            self._bins(offsets, next(left), layout.offset_bins)
            if layout.offset_bins
            else add("Tanh", offsets),
        )

    def _bins(self, logits: Name, noise: Name, bins: int) -> Name:
        """One-hots of the largest of each drum."""
        add, wholes, drums = self.graph.add, self.graph.wholes, self.layout.drums
        groups = add("Reshape", add("Add", logits, noise), wholes(0, drums, bins))
        best = add("ArgMax", groups, axis=-1, keepdims=0)
        off_and_on = self.graph.weights("off and on", np.array([0, 1], np.float32))
        one_hots = add("OneHot", best, wholes(bins), off_and_on, axis=-1)
        return add("Reshape", one_hots, wholes(0, drums * bins))
