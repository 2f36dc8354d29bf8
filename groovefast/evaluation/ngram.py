"""An n-gram of drum hits: what a next-step model has to be better than.

A symbol is the set of drums hit at a step, a context the place in the bar and the symbols of some
earlier steps. Probabilities of long contexts are interpolated with those of shorter ones (Witten &
Bell, "The zero-frequency problem", 1991): of a context seen N times, with T different symbols after
it,

    p(symbol | context) = (count(context, symbol) + T · p(symbol | shorter context)) / (N + T)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from groovefast.drums import NUM_CLASSES
from groovefast.evaluation.measures import Performances

_Numbers = NDArray[np.int64]

_SYMBOLS = 1 << NUM_CLASSES
_NONE = _SYMBOLS
"""The symbol of steps before the first."""
_HITS = (np.arange(_SYMBOLS)[:, None] >> np.arange(NUM_CLASSES)) & 1


@dataclasses.dataclass(frozen=True, eq=False)
class _Order:
    """What followed contexts of one length; contexts are numbers, in order.

    Attributes:
        contexts: Those that were seen, (contexts,).
        totals: How often, (contexts,).
        kinds: How many different symbols followed, (contexts,).
        hits: How often each drum was hit, (contexts, 9).
        pairs: Each context and symbol that were seen together, as one number, (pairs,).
        ends: How often all pairs up to each were seen, (pairs,).
        firsts: Of each context the pairs seen in those before it, (contexts,).
    """

    contexts: _Numbers
    totals: _Numbers
    kinds: _Numbers
    hits: _Numbers
    pairs: _Numbers
    ends: _Numbers
    firsts: _Numbers

    @classmethod
    def of(cls, contexts: _Numbers, symbols: _Numbers) -> _Order:
        """Counts what followed, (n,) each."""
        pairs, counts = np.unique(contexts * _SYMBOLS + symbols, return_counts=True)
        seen, first, kinds = np.unique(pairs // _SYMBOLS, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first)
        hits = np.add.reduceat(counts[:, None] * _HITS[pairs % _SYMBOLS], first)
        return cls(seen, totals, kinds, hits, pairs, np.cumsum(counts), np.cumsum(totals) - totals)

    def find(self, contexts: _Numbers) -> tuple[_Numbers, NDArray[np.bool_]]:
        """Where contexts are, and whether they were seen, (n,) each."""
        places = np.minimum(np.searchsorted(self.contexts, contexts), len(self.contexts) - 1)
        return places, self.contexts[places] == contexts

    def counts(self, contexts: _Numbers, symbols: _Numbers) -> _Numbers:
        """How often symbols followed contexts, (n,)."""
        wanted = contexts * _SYMBOLS + symbols
        places = np.minimum(np.searchsorted(self.pairs, wanted), len(self.pairs) - 1)
        counts = np.diff(self.ends, prepend=0)[places]
        return np.asarray(np.where(self.pairs[places] == wanted, counts, 0))


@dataclasses.dataclass(frozen=True, eq=False)
class NGram:
    """Probabilities of the hits of a step by some before it.

    Attributes:
        lags: How many steps before they are, the one that is forgotten last first.
        steps_per_bar: Of the windows it is fitted to.
        orders: By how many of the lags they know.
    """

    lags: tuple[int, ...]
    steps_per_bar: int
    orders: Sequence[_Order]

    @classmethod
    def fit(cls, performances: Performances, lags: Sequence[int]) -> NGram:
        """Counts the windows of performances."""
        bar, symbols = performances.steps_per_bar, _symbols(performances.hits)
        contexts = _contexts(symbols, lags, bar)
        orders = [_Order.of(each.reshape(-1), symbols.reshape(-1)) for each in contexts]
        return cls(tuple(lags), bar, orders)

    def predict(self, hits: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns how likely what was played was, and each hit, given the steps before.

        Args:
            hits: Of windows, (n, steps, 9).

        Returns:
            The probability of each step, (n, steps), and those of its drums, (n, steps, 9).
        """
        symbols = _symbols(hits)
        played = np.full(symbols.shape, 1 / _SYMBOLS)
        each = np.full(hits.shape, 0.5)
        for order, contexts in zip(self.orders, self._contexts(symbols), strict=True):
            places, seen = order.find(contexts)
            totals, kinds = order.totals[places], order.kinds[places]
            counts = order.counts(contexts, symbols)
            played = np.where(seen, (counts + kinds * played) / (totals + kinds), played)
            mixed = order.hits[places] + kinds[..., None] * each
            each = np.where(seen[..., None], mixed / (totals + kinds)[..., None], each)
        return played, each

    def go_on(
        self, hits: NDArray[np.bool_], steps: int, rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Draws what follows windows that end with a bar, (n, steps, 9)."""
        symbols = _symbols(hits)
        for _ in range(steps):
            longer = np.concatenate((symbols, np.zeros((len(symbols), 1), np.int64)), axis=1)
            longer[:, -1] = self._draw([each[:, -1] for each in self._contexts(longer)], rng)
            symbols = longer
        return np.asarray(_HITS[symbols[:, hits.shape[1] :]] > 0)

    def _contexts(self, symbols: _Numbers) -> list[_Numbers]:
        return _contexts(symbols, self.lags, self.steps_per_bar)

    def _draw(self, contexts: Sequence[_Numbers], rng: np.random.Generator) -> _Numbers:
        """A symbol for each, (n,): of the longest context, or with some probability a shorter."""
        drawn = rng.integers(0, _SYMBOLS, len(contexts[0]))
        for order, wanted in zip(self.orders, contexts, strict=True):
            places, seen = order.find(wanted)
            totals, kinds = order.totals[places], order.kinds[places]
            which, chance = rng.random((2, len(wanted)))
            pair = np.searchsorted(order.ends, order.firsts[places] + which * totals, "right")
            is_taken = seen & (chance < totals / (totals + kinds))
            drawn = np.where(is_taken, order.pairs[pair] % _SYMBOLS, drawn)
        return drawn


def _symbols(hits: NDArray[np.bool_]) -> _Numbers:
    return np.asarray((hits.astype(np.int64) << np.arange(NUM_CLASSES)).sum(axis=-1))


def _contexts(symbols: _Numbers, lags: Sequence[int], steps_per_bar: int) -> list[_Numbers]:
    """The context of each step by none of the lags, by the first, …: (n, steps) each."""
    steps = symbols.shape[1]
    before = np.pad(symbols, ((0, 0), (max(lags), 0)), constant_values=_NONE)
    contexts = [np.broadcast_to(np.arange(steps) % steps_per_bar, symbols.shape).astype(np.int64)]
    for lag in lags:
        first = max(lags) - lag
        contexts.append(contexts[-1] * (_NONE + 1) + before[:, first : first + steps])
    return contexts
