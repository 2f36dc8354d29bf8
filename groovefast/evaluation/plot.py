"""The picture of an evaluation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groovefast.plot_style import (
    BLUE,
    GREEN,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PURPLE,
    new_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from groovefast.evaluation.evaluate import Evaluation, Row
    from groovefast.evaluation.measures import Performances

_SPREADS = (
    ("Timing", "early  ←   16ths   →  late", (-0.5, 0.5)),
    ("Velocity", "of full velocity", (0.0, 1.0)),
)


@styled
def plot_evaluation(evaluation: Evaluation, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws how a model does by drum, and how its timing and dynamics are spread.

    Left, each drum's hits F1, or its timing error where hits are given, with baselines and 95 %
    intervals. Right, offsets and velocities by position in the beat, the model's over the played.

    Args:
        evaluation: What `evaluate` returned.
        path: A PNG file to write as well.

    Raises:
        OSError: The file cannot be written.
    """
    truth, model = evaluation.truth, evaluation.rows[0]
    figure = new_figure(13, 6.4)
    positions = truth.steps_per_quarter
    grid = figure.add_gridspec(2, 1 + positions, width_ratios=[2.4] + [1] * positions)
    field = "f1" if evaluation.chooses_hits else "timing_mae_ms"
    title = "Hits F1" if evaluation.chooses_hits else "Timing error, ms"
    _draw_by_drum(figure.add_subplot(grid[:, 0]), evaluation.rows, field, title)
    predicted = model.predicted or truth
    for row, (name, label, span) in enumerate(_SPREADS):
        axes = [figure.add_subplot(grid[row, 1 + position]) for position in range(positions)]
        played, written = (
            _by_position(grooves, name, evaluation.classes) for grooves in (truth, predicted)
        )
        _draw_spreads(axes, played, written, span)
        axes[0].set_title(f"{name}, on the {_positions(positions)[0]}")
        axes[0].set_xlabel(label, loc="left")
    legend = axes[-1].legend(loc="upper right", bbox_to_anchor=(1, -0.1), ncols=2)
    legend.set_in_layout(False)  # it is wider than its panel
    if path is not None:
        save(figure, path)
    return figure


def _draw_by_drum(ax: Axes, rows: Sequence[Row], field: str, title: str) -> None:
    """One mark for each drum and row of the table, the model's largest."""
    model, *others = (row for row in rows if row.predicted is not None)
    shown = [model, *(row for row in others if row.kind == "baseline")]
    names = [name for name in model.scores if model.scores[name].true_hits_per_bar.value > 0]
    names = names if len(names) > 2 else names[-1:]  # all is the same as the only drum
    for row, color in zip(shown, (BLUE, MUTED, GREEN, ORANGE, PURPLE), strict=False):
        estimates = [getattr(row.scores[name], field) for name in names]
        values = np.array([[each.value, each.low, each.high] for each in estimates])
        height = np.arange(len(names)) - 0.13 * (shown.index(row) - len(shown) / 2 + 0.5)
        ax.hlines(height, values[:, 1], values[:, 2], color=color, linewidth=2, alpha=0.45)
        size = 60 if row is model else 26
        ax.scatter(values[:, 0], height, s=size, color=color, label=row.name, zorder=3)
    if len(names) > 1:
        ax.axhline(0.5, color=LINE)
    ax.set_yticks(range(len(names)), names, color=INK)
    ax.set_ylim(-0.6, max(len(names), 3) - 0.4)
    ax.set_title(title)
    if field == "f1":
        ax.set_xlim(-0.02, 1.02)
    ax.grid(axis="x")
    ax.set_axisbelow(True)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.06), ncols=2)
    ax.spines[["left", "bottom"]].set_visible(False)


def _by_position(
    grooves: Performances, name: str, classes: Sequence[int]
) -> list[NDArray[np.float32]]:
    """Sixteenths late, or velocities, of the hits at each position in the beat."""
    values = -grooves.sixteenths if name == "Timing" else grooves.velocities
    values, hits = values[..., list(classes)], grooves.hits[..., list(classes)]
    places = np.arange(hits.shape[1]) % grooves.steps_per_quarter
    return [
        values[:, places == place][hits[:, places == place]]
        for place in range(grooves.steps_per_quarter)
    ]


def _draw_spreads(
    axes: Sequence[Axes],
    played: Sequence[NDArray[np.float32]],
    written: Sequence[NDArray[np.float32]],
    span: tuple[float, float],
) -> None:
    """One panel for each position in the beat: shares of hits, played as area, written as line."""
    edges = np.linspace(*span, 41)
    top = 0.0
    for place, ax in enumerate(axes):
        shares = [_shares(values, edges) for values in (played[place], written[place])]
        ax.stairs(shares[0], edges, fill=True, color=MUTED, alpha=0.35, label="played")
        ax.stairs(shares[1], edges, color=BLUE, linewidth=1.6, label="this model")
        top = max(top, *(float(share.max()) for share in shares))
        ax.set_title(_positions(len(axes))[place])
        ax.set_xlim(*span)
        ax.set_xticks([span[0], sum(span) / 2, span[1]])
        ax.yaxis.set_visible(False)
        ax.spines["left"].set_visible(False)
    for ax in axes:
        ax.set_ylim(0, top * 1.05)


def _shares(values: NDArray[np.float32], edges: NDArray[Any]) -> NDArray[np.float64]:
    """The share of the values in each bin."""
    counts, _ = np.histogram(values, edges)
    return np.asarray(counts / max(1, counts.sum()))


def _positions(number: int) -> Sequence[str]:
    """Positions in the beat as drummers count them."""
    counted = {1: ("beat",), 2: ("beat", "&"), 4: ("beat", "e", "&", "a")}
    return counted.get(number, [f"{place + 1}/{number}" for place in range(number)])
