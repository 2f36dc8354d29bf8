"""The picture of a training run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from groovefast.config import TokensConfig
from groovefast.errors import GrooveFastError
from groovefast.plot_style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    new_figure,
    save,
    styled,
    thousands,
)

_LOSSES = {f"{name}_loss": name for name in ("hits", "velocities", "offsets")}
_ACCURACIES = {"accuracy": "of all", "mean_per_class_accuracy": "mean over tokens"}
_ACCURACIES_OF_PARTS = {
    f"accuracy/output_{part}": name for part, name in enumerate(TokensConfig("trio").parts)
}
"""Metrics, and what the picture calls them."""


@styled
def plot_training(
    rows: Sequence[Mapping[str, float]], path: str | os.PathLike[str] | None = None
) -> Figure:
    """Draws the course of a training run.

    Args:
        rows: One mapping for each logged step: `step` and any of `loss`, `r_loss`, `hits_loss`,
            `velocities_loss`, `offsets_loss`, or of tokens `accuracy`, `mean_per_class_accuracy`
            and of their parts `accuracy/output_0` and so on, `kl_bits`, `learning_rate`,
            `examples_per_second`; evaluations have the same names after `eval_`.
        path: A PNG file to write as well.

    Raises:
        GrooveFastError: No rows.
        OSError: The file cannot be written.
    """
    if not rows:
        raise GrooveFastError("rows: no metrics to draw yet")
    figure = new_figure(11.5, 6.6)
    ((loss, parts, kl), (r_loss, rate, speed)) = figure.subplots(2, 3, sharex=True)
    _draw_metric(loss, rows, "loss", BLUE, "Total loss")
    _draw_metric(r_loss, rows, "r_loss", BLUE, "Reconstruction loss, per window")
    _draw_parts(parts, rows)
    _draw_metric(kl, rows, "kl_bits", PURPLE, "KL to the prior, bits per window")
    _draw_metric(rate, rows, "learning_rate", GREEN, "Learning rate")
    _draw_metric(speed, rows, "examples_per_second", ORANGE, "Windows per second")
    rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
    for ax in (loss, parts, kl, r_loss, rate, speed):
        ax.grid(axis="y")
        ax.set_axisbelow(True)
        ax.yaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.xaxis.set_major_formatter(FuncFormatter(thousands))
        ax.set_ylim(bottom=0)
    for ax in (r_loss, rate, speed):
        ax.set_xlabel("step")
    if path is not None:
        save(figure, path)
    return figure


def _column(
    rows: Sequence[Mapping[str, float]], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps and finite values of one metric, where it was logged."""
    pairs = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    steps, values = np.array(pairs, np.float64).reshape(-1, 2).T
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def _draw_metric(
    ax: Axes, rows: Sequence[Mapping[str, float]], name: str, color: str, title: str
) -> None:
    ax.set_title(title)
    steps, values = _column(rows, name)
    _draw_curve(ax, steps, values, color, "training")
    eval_steps, eval_values = _column(rows, f"eval_{name}")
    if len(eval_steps):
        ax.plot(
            eval_steps, eval_values, color=INK, linewidth=1.4, marker="o", markersize=3.5,
            label="evaluation",
        )  # fmt: skip
        ax.legend(loc="upper right")


def _draw_parts(ax: Axes, rows: Sequence[Mapping[str, float]]) -> None:
    """What the reconstruction loss is made of, or how many tokens are right."""
    logged = set().union(*rows)
    title, parts = "Reconstruction loss by part", _LOSSES
    if "accuracy" in logged:
        title, parts = "Steps whose token is likeliest", _ACCURACIES
        if "accuracy/output_0" in logged:
            parts = _ACCURACIES_OF_PARTS
    ax.set_title(title)
    for (name, label), color in zip(parts.items(), (BLUE, PURPLE, ORANGE), strict=False):
        steps, values = _column(rows, name)
        _draw_curve(ax, steps, values, color, label)
        eval_steps, eval_values = _column(rows, f"eval_{name}")
        ax.plot(eval_steps, eval_values, color=color, linestyle=":", marker="o", markersize=3)
    ax.legend(loc="upper right" if parts is _LOSSES else "lower right")


def _draw_curve(
    ax: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], color: str, label: str
) -> None:
    """The values, pale, under their moving average."""
    if len(steps) < 20:
        ax.plot(steps, values, color=color, linewidth=1.8, label=label)
        return
    ax.plot(steps, values, color=color, linewidth=0.7, alpha=0.25)
    ax.plot(steps, moving_average(values, 1 + len(values) // 40), color=color, lw=1.8, label=label)


def moving_average(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Returns the mean of each value and up to `reach` beside it; a steep start stays as steep."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    here = np.arange(len(values))
    reaches = np.minimum(reach, here)
    first, last = here - reaches, np.minimum(here + reaches + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first))
