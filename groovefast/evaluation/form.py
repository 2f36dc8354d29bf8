"""The form of long windows: what comes back after some bars, and where phrases end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

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
    likeness = {
        apart: _mean(jaccard(bars[:, apart:], bars[:, :-apart]))
        for apart in _APART
        if apart < windows.bars
    }
    differs = (bars[:, 1:] != bars[:, :-1]).any(axis=(-2, -1))
    last_ones = range(_PHRASE, windows.bars + 1, _PHRASE)
    return Form(likeness, {last: _mean(differs[:, last - 2]) for last in last_ones})


def _mean(values: Any) -> float:
    return float(np.mean(values)) if np.size(values) else float("nan")
