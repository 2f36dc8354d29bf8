"""The tables of `groovefast-evaluate` for models without z, which go on from what was played."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from groovefast.evaluation.next_step import NextStepEvaluation

NOTES = """\
Bits a step, of what is played next; the n-grams and the repeat say nothing of velocities and times.
What follows: share of bars whose hits are those of the bar before; Jaccard likeness to it, and to
  the bars heard; F1 with what the drummer played there; 1-Wasserstein distances from that."""

_BITS = {
    "bits,\nhits": ("hits", 3),
    "velocities": ("velocities", 3),
    "times": ("offsets", 3),
    "in all": ("all", 3),
    "hits\naccuracy": ("hits_accuracy", 4),
    "hits\nF1": ("f1", 3),
}
_FOLLOWING = {
    "repeats": ("repeats", 3),
    "like the\nbar before": ("bar_before", 3),
    "like the\nbars heard": ("heard", 3),
    "hits\nF1": ("f1", 3),
    "hits\na bar": ("hits_per_bar", 2),
    "velocity": ("velocity", 4),
    "offset,\n16ths": ("offset", 4),
}


class Table(NamedTuple):
    """A title, what the columns are, and rows that begin with their names."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(evaluation: NextStepEvaluation) -> Iterator[Table]:
    """Returns what is known of the next step, and of what follows."""
    name = evaluation.config.name
    yield Table(
        f"{name}, the next step in {evaluation.windows:,} windows",
        list(_BITS),
        [
            [row.name, *(_number(getattr(row.bits, field), n) for field, n in _BITS.values())]
            for row in evaluation.rows
            if row.bits
        ],
    )
    yield Table(
        f"{evaluation.bars} bars after {evaluation.pieces:,} windows, "
        f"temperature {evaluation.temperature:g}",
        list(_FOLLOWING),
        [
            [
                row.name,
                *(_number(getattr(row.following, field), n) for field, n in _FOLLOWING.values()),
            ]
            for row in evaluation.rows
            if row.following
        ],
    )


def _number(value: float, decimals: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{decimals}f}"
