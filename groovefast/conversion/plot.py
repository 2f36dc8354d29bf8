"""The picture of a corpus."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES
from groovefast.plot_style import (
    BLUE,
    FILL,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    new_figure,
    save,
    styled,
    thousands,
)


@styled
def plot_corpus(stats: Mapping[str, Any], path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws what a musician would look at before training on a corpus.

    Args:
        stats: `hits`, 9 counts; `velocities`, (9, 128) counts by MIDI velocity; `offsets`, (9, k)
            counts in k equal bins from -1 to 1; `tempos`, bars by tempo as {qpm: count}; `bars`,
            {name of the split: count}; `windows`, {bars in a window: count that configs would cut}.
        path: A PNG file to write as well.

    Raises:
        OSError: The file cannot be written.
    """
    figure = new_figure(12, 8.6)
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 2))
    _draw_hits(figure.add_subplot(grid[0, :2]), np.asarray(stats["hits"]))
    _draw_tempos(figure.add_subplot(grid[0, 2:4]), stats["tempos"])
    _draw_bars(figure.add_subplot(grid[0, 4:]), stats["bars"], stats["windows"])
    _draw_velocities(figure.add_subplot(grid[1, :3]), np.asarray(stats["velocities"]))
    _draw_offsets(figure.add_subplot(grid[1, 3:]), np.asarray(stats["offsets"]))
    if path is not None:
        save(figure, path)
    return figure


def _draw_hits(ax: Axes, hits: NDArray[np.int64]) -> None:
    bars = ax.barh(range(NUM_CLASSES), hits, color=BLUE, alpha=FILL, height=0.7)
    labels = [f"{share:.0%}" for share in hits / max(1, hits.sum())]
    ax.bar_label(bars, labels, padding=3, color=MUTED, fontsize=8)
    ax.set_yticks(range(NUM_CLASSES), DRUM_CLASSES, color=INK)
    ax.set_title(f"{hits.sum():,} hits")
    ax.xaxis.set_visible(False)
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.margins(x=0.12)


def _draw_tempos(ax: Axes, tempos: Mapping[Any, int]) -> None:
    qpms = np.array([float(qpm) for qpm in tempos])
    counts = np.array(list(tempos.values()))
    ax.set_title("Bars by tempo")
    ax.set_xlabel("bpm")
    if len(qpms):
        edges = np.arange(5 * (qpms.min() // 5), qpms.max() + 5.01, 5).tolist()
        ax.hist(qpms, edges, weights=counts, color=GREEN, alpha=FILL, rwidth=0.86)
    ax.grid(axis="y")
    ax.set_axisbelow(True)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(thousands))
    ax.spines["left"].set_visible(False)


def _draw_bars(ax: Axes, bars: Mapping[str, int], windows: Mapping[int, int]) -> None:
    """Bars of each split, and below in words the windows that configs cut from them."""
    names, counts = list(bars)[::-1], list(bars.values())[::-1]
    drawn = ax.barh(names, counts, color=MUTED, alpha=FILL, height=0.55)
    ax.bar_label(drawn, [f"{count:,}" for count in counts], padding=3, color=MUTED, fontsize=8)
    ax.set_title(f"{sum(counts):,} bars")
    ax.set_ylim(-1, max(len(names), 3))
    ax.tick_params(axis="y", labelcolor=INK)
    ax.xaxis.set_visible(False)
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.margins(x=0.18)
    lines = [f"{count:,} windows of {length} bars" for length, count in windows.items()]
    ax.text(0, 0, "\n".join(lines), transform=ax.transAxes, va="top", color=MUTED, fontsize=8)


def _draw_velocities(ax: Axes, counts: NDArray[np.int64]) -> None:
    """Outlines of 1..126. 127, where a pad ends and not the drummer, is told in numbers."""
    ax.set_title("Velocity")
    ax.set_xlabel("MIDI velocity")
    _draw_ridges(ax, counts[:, 1:-1], (1, 126), PURPLE)
    for drum, of_drum in enumerate(counts):
        at_end = of_drum[-1] / max(1, of_drum.sum())
        ax.annotate(
            f"{at_end:.0%}", (1, drum), (6, 2), color=MUTED, fontsize=8.5,
            xycoords=("axes fraction", "data"), textcoords="offset points",
        )  # fmt: skip
    ax.annotate(
        "at 127", (1, NUM_CLASSES), (6, 2), color=MUTED, fontsize=8.5,
        xycoords=("axes fraction", "data"), textcoords="offset points",
    )  # fmt: skip


def _draw_offsets(ax: Axes, counts: NDArray[np.int64]) -> None:
    ax.set_title("Timing")
    ax.set_xlabel("early  ←   steps from the grid   →  late")
    _draw_ridges(ax, counts[:, ::-1], (-0.5, 0.5), ORANGE)
    ax.axvline(0, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=3)


def _draw_ridges(
    ax: Axes, counts: NDArray[np.int64], span: tuple[float, float], color: str
) -> None:
    """One smoothed outline of each drum's distribution, each as high as its own peak."""
    x = np.linspace(*span, counts.shape[1])
    for drum, of_drum in enumerate(counts):
        outline = _smooth(of_drum.astype(np.float64))
        top = drum + 0.86 * outline / max(outline.max(), 1e-12)
        ax.fill_between(x, drum, top, color=color, alpha=0.35, linewidth=0)
        ax.plot(x, top, color=color, linewidth=1.3)
    ax.set_yticks(range(NUM_CLASSES), DRUM_CLASSES, color=INK)
    ax.grid(axis="y")
    ax.set_axisbelow(True)
    ax.set_ylim(-0.1, NUM_CLASSES + 0.05)
    ax.set_xlim(*span)
    ax.spines[["left", "bottom"]].set_visible(False)


def _smooth(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts after a Gaussian of a fortieth of their range, the ends mirrored."""
    deviation = max(1.0, len(counts) / 40)
    reach = min(len(counts) - 1, math.ceil(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    mirrored = np.pad(counts, reach, mode="symmetric")
    return np.convolve(mirrored, kernel / kernel.sum(), mode="valid")
