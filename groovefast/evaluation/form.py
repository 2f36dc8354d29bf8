"""The form of long windows: what comes back after some bars, and where phrases end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groovefast.evaluation.features import bars_of, jaccard
from groovefast.evaluation.measures import Performances, finite

_LEAST_BARS = 8
"""Shorter windows are too short to have a form."""
_APART = (1, 2, 4, 8)
_PHRASE = 4


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of windows of 8 bars or more; of shorter ones both are empty.

    Attributes:
        likeness: Mean Jaccard likeness of the hits of two bars, by how many bars they are apart.
        fills: The share of windows in which the hits of a bar are not those of the bar before, of
            the last bar of each four, by its number, counted from 1.
    """

    likeness: Mapping[int, float] = dataclasses.field(default_factory=dict)
    fills: Mapping[int, float] = dataclasses.field(default_factory=dict)

    @property
    def columns(self) -> dict[str, float]:
        """All of it as a line of a table, by the headings."""
        likeness = {f"{bars} apart": value for bars, value in self.likeness.items()}
        return likeness | {f"bar {bar}": value for bar, value in self.fills.items()}

    def to_json(self) -> dict[str, Any]:
        """Returns plain values; None for what could not be measured."""
        return {
            field: {str(bars): finite(value) for bars, value in values.items()}
            for field, values in dataclasses.asdict(self).items()
        }


def measure_form(windows: Performances) -> Form:
    """Returns the form of windows; of those of less than 8 bars nothing."""
    if windows.bars < _LEAST_BARS:
        return Form()
    bars = bars_of(windows)
    changes = share_of_changes(bars)
    last_ones = range(_PHRASE, windows.bars + 1, _PHRASE)
    return Form(
        {apart: likeness_at(bars, apart) for apart in _APART if apart < windows.bars},
        {last: changes[last - 2] for last in last_ones},
    )


def likeness_at(bars: NDArray[np.bool_], apart: int) -> float:
    """Returns the mean Jaccard likeness of bars so many apart, of hits, (n, bars, steps, 9)."""
    return _mean(jaccard(bars[:, apart:], bars[:, :-apart]))


def share_of_changes(bars: NDArray[np.bool_]) -> list[float]:
    """Returns the share of windows in which a bar is not the one before, from the second bar on."""
    differs = (bars[:, 1:] != bars[:, :-1]).any(axis=(-2, -1))
    return [_mean(of_bar) for of_bar in differs.T]


def _mean(values: Any) -> float:
    return float(np.mean(values)) if np.size(values) else float("nan")
