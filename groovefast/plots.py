"""Every picture the project draws: grooves, training runs, corpora and evaluations.

Pictures are `matplotlib` figures outside pyplot, so that drawing needs no display and leaves
nothing open. Nothing else imports matplotlib, and this file is imported only where a picture is
wanted.
"""

from __future__ import annotations

import functools
import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES, UNMAPPED, pitch_table
from groovefast.errors import GrooveFastError
from groovefast.midi import write_atomically

if TYPE_CHECKING:
    from groovefast.evaluation import Evaluation, Row
    from groovefast.groove import Groove
    from groovefast.measures import Performances

P = ParamSpec("P")
R = TypeVar("R")

INK = "#1F2A37"
MUTED = "#6B7785"
LINE = "#DCE1E7"
BLUE, ORANGE, GREEN, PURPLE = "#2F6DB5", "#E1692F", "#2E9C82", "#7C5BB0"
EARLY, LATE = BLUE, ORANGE
_VELOCITY_COLORS = LinearSegmentedColormap.from_list(
    "velocity", ("#C9D3DE", "#8C7FB8", "#6B3F97", "#33124F")
)
_FILL = 0.85
_DPI = 130
_STEPS_PER_BEAT = 4
_MOST_BARS_WITH_STEPS = 8
_SPREADS = (
    ("Timing", "early  ←   16ths   →  late", (-0.5, 0.5)),
    ("Velocity", "of full velocity", (0.0, 1.0)),
)
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def _styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draws in the project's style, leaving the user's own as it was."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return wrapper


def _new_figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12))


def to_png(figure: Figure) -> bytes:
    """Returns a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure as PNG; the file appears under its name only when complete.

    Raises:
        OSError: The folder does not exist or cannot be written.
    """
    write_atomically(path, to_png(figure))


# Grooves


@_styled
def plot_groove(groove: Groove, ax: Axes, title: str | None = None) -> None:
    """Draws a groove: time to the right, one line for each drum.

    A dot stands where the note was played, larger and darker the louder. The streak under it runs
    from the 16th it belongs to, blue when it is early and orange when it is late.

    Args:
        groove: What to draw. Pitches of no drum class share a line of their own.
        ax: Where to draw.
        title: Above it; meter and tempo by default.
    """
    beats = groove.notes["time"] * groove.qpm / 60.0
    rows = np.frombuffer(pitch_table("reduced"), np.uint8)[groove.notes["pitch"]].astype(np.int64)
    names = list(DRUM_CLASSES)
    if (rows == UNMAPPED).any():
        rows[rows == UNMAPPED] = NUM_CLASSES
        names.append("other")
    bars, beats_per_bar = _num_bars(groove), _beats_per_bar(groove)
    _draw_grid(ax, bars, beats_per_bar, len(names))
    _draw_timing(ax, beats, rows)
    _draw_notes(ax, beats, rows, groove.notes["velocity"], bars)
    ax.set_yticks(range(len(names)), names, color=INK)
    ax.set_ylim(-0.7, len(names) - 0.35)
    ax.set_xlim(-0.5 / _STEPS_PER_BEAT, bars * beats_per_bar)
    numerator, denominator = groove.time_signature
    ax.set_title(title or f"{numerator}/{denominator} at {groove.qpm:.4g} bpm")


@_styled
def plot_grooves(
    grooves: Sequence[Groove],
    path: str | os.PathLike[str] | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draws grooves one above another on one time axis.

    Args:
        grooves: At least one.
        path: A PNG file to write as well.
        titles: One for each.

    Raises:
        GrooveFastError: No groove, or another number of titles.
        OSError: The file cannot be written.
    """
    if not grooves:
        raise GrooveFastError("grooves: at least one wanted")
    if titles is not None and len(titles) != len(grooves):
        raise GrooveFastError(f"titles: {len(grooves)} wanted, {len(titles)} given")
    width = max(groove_size(groove)[0] for groove in grooves)
    height = sum(groove_size(groove)[1] for groove in grooves)
    figure = _new_figure(width, height)
    axes = figure.subplots(len(grooves), 1, squeeze=False)[:, 0]
    end = max(_num_bars(groove) * _beats_per_bar(groove) for groove in grooves)
    for index, (groove, ax) in enumerate(zip(grooves, axes, strict=True)):
        plot_groove(groove, ax, titles[index] if titles else None)
        ax.set_xlim(-0.5 / _STEPS_PER_BEAT, end)
        if index + 1 < len(grooves):
            ax.tick_params(labelbottom=not _counted_alike(groove, grooves[index + 1]))
    _groove_legend(axes[0])
    if path is not None:
        save(figure, path)
    return figure


def groove_size(groove: Groove) -> tuple[float, float]:
    """Returns the width and height, in inches, that suit a picture of a groove."""
    return min(max(8.0, 1.5 + 3.2 * _num_bars(groove)), 30.0), 3.4


def _beats_per_bar(groove: Groove) -> float:
    numerator, denominator = groove.time_signature
    return numerator * 4 / denominator


def _num_bars(groove: Groove) -> int:
    """Bars up to the last note's onset, at least one."""
    last = groove.notes["time"].max(initial=0.0) * groove.qpm / 60.0
    last_step = math.floor(last * _STEPS_PER_BEAT + 0.5)
    return int((last_step / _STEPS_PER_BEAT) // _beats_per_bar(groove)) + 1


def _counted_alike(groove: Groove, other: Groove) -> bool:
    """Whether one count of bars and beats serves both."""
    return (_num_bars(groove), _beats_per_bar(groove)) == (_num_bars(other), _beats_per_bar(other))


def _draw_grid(ax: Axes, bars: int, beats_per_bar: float, rows: int) -> None:
    """Bar, beat and step lines, a band behind every other drum, and the count below."""
    for row in range(0, rows, 2):
        ax.axhspan(row - 0.5, row + 0.5, color="#F6F8FA", zorder=0, linewidth=0)
    end = bars * beats_per_bar
    if bars <= _MOST_BARS_WITH_STEPS:
        steps = np.arange(0, end * _STEPS_PER_BEAT + 1) / _STEPS_PER_BEAT
        ax.vlines(steps, -0.5, rows - 0.5, color="#EDF0F3", linewidth=0.6, zorder=1)
    beats = np.arange(0, end + 1e-9)
    ax.vlines(beats, -0.5, rows - 0.5, color="#D3DAE1", linewidth=0.9, zorder=1)
    starts = np.arange(bars + 1) * beats_per_bar
    ax.vlines(starts, -0.5, rows - 0.5, color="#8A96A3", linewidth=1.3, zorder=1)
    counted = beats[:-1] if bars <= _MOST_BARS_WITH_STEPS else starts[:-1]
    labels = [_count(beat, beats_per_bar) for beat in counted]
    ax.set_xticks(counted, labels)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _count(beat: float, beats_per_bar: float) -> str:
    """A beat as drummers write it: bar.beat, the beat alone within the bar."""
    bar, within = divmod(beat, beats_per_bar)
    return f"{int(bar) + 1}" if within == 0 else f"·{within + 1:g}"


def _draw_timing(ax: Axes, beats: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
    grid = np.floor(beats * _STEPS_PER_BEAT + 0.5) / _STEPS_PER_BEAT
    for chosen, color in ((beats < grid, EARLY), (beats > grid, LATE)):
        ax.hlines(
            rows[chosen] - 0.37, grid[chosen], beats[chosen], color=color, linewidth=2.6, zorder=3
        )


def _draw_notes(
    ax: Axes,
    beats: NDArray[np.float64],
    rows: NDArray[np.int64],
    velocities: NDArray[np.uint8],
    bars: int,
) -> None:
    loudness = velocities / 127.0
    largest = 150.0 if bars <= _MOST_BARS_WITH_STEPS else 60.0
    ax.scatter(
        beats,
        rows + 0.06,
        s=largest * (0.08 + 0.92 * loudness**1.5),
        c=loudness,
        cmap=_VELOCITY_COLORS,
        vmin=0,
        vmax=1,
        linewidths=0,
        zorder=4,
        clip_on=False,
    )


def _groove_legend(ax: Axes) -> None:
    """Says in the corner what dots and streaks mean."""
    marks: list[Any] = [
        ax.scatter([], [], s=150.0 * (0.08 + 0.92 * level**1.5), color=_VELOCITY_COLORS(level))
        for level in (0.25, 1.0)
    ]
    marks += [ax.plot([], [], color=color, linewidth=2.6)[0] for color in (EARLY, LATE)]
    ax.legend(
        marks,
        ("soft", "loud", "early", "late"),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=4,
        borderaxespad=0.2,
        handlelength=1.2,
        columnspacing=1.4,
    )


# Training


@_styled
def plot_training(
    rows: Sequence[Mapping[str, float]], path: str | os.PathLike[str] | None = None
) -> Figure:
    """Draws the course of a training run.

    Args:
        rows: One mapping for each logged step: `step` and any of `loss`, `r_loss`, `hits_loss`,
            `velocities_loss`, `offsets_loss`, `kl_bits`, `learning_rate`, `examples_per_second`;
            evaluations have the same names after `eval_`.
        path: A PNG file to write as well.

    Raises:
        GrooveFastError: No rows.
        OSError: The file cannot be written.
    """
    if not rows:
        raise GrooveFastError("rows: no metrics to draw yet")
    figure = _new_figure(11.5, 6.6)
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
        ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
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
    """What the reconstruction loss is made of."""
    ax.set_title("Reconstruction loss by part")
    for name, color in (("hits", BLUE), ("velocities", PURPLE), ("offsets", ORANGE)):
        steps, values = _column(rows, f"{name}_loss")
        _draw_curve(ax, steps, values, color, name)
        eval_steps, eval_values = _column(rows, f"eval_{name}_loss")
        ax.plot(eval_steps, eval_values, color=color, linestyle=":", marker="o", markersize=3)
    ax.legend(loc="upper right")


def _draw_curve(
    ax: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], color: str, label: str
) -> None:
    """The values, pale, under their moving average."""
    if len(steps) < 20:
        ax.plot(steps, values, color=color, linewidth=1.8, label=label)
        return
    ax.plot(steps, values, color=color, linewidth=0.7, alpha=0.25)
    ax.plot(steps, _moving_average(values, 1 + len(values) // 40), color=color, lw=1.8, label=label)


def _moving_average(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """The mean of each value and up to `reach` on either side; a steep start stays as steep."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    here = np.arange(len(values))
    reaches = np.minimum(reach, here)
    first, last = here - reaches, np.minimum(here + reaches + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _thousands(value: float, _: int | None = None) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


# Corpora


@_styled
def plot_corpus(stats: Mapping[str, Any], path: str | os.PathLike[str] | None = None) -> Figure:
    """Draws what a musician would look at before training on a corpus.

    Args:
        stats: `hits`, 9 counts; `velocities`, (9, 128) counts by MIDI velocity; `offsets`, (9, k)
            counts in k equal bins from -1 to 1; `tempos`, windows by tempo as {qpm: count};
            `windows`, {name of the split: count}.
        path: A PNG file to write as well.

    Raises:
        OSError: The file cannot be written.
    """
    figure = _new_figure(12, 8.6)
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 2))
    _draw_hits(figure.add_subplot(grid[0, :2]), np.asarray(stats["hits"]))
    _draw_tempos(figure.add_subplot(grid[0, 2:4]), stats["tempos"])
    _draw_windows(figure.add_subplot(grid[0, 4:]), stats["windows"])
    _draw_velocities(figure.add_subplot(grid[1, :3]), np.asarray(stats["velocities"]))
    _draw_offsets(figure.add_subplot(grid[1, 3:]), np.asarray(stats["offsets"]))
    if path is not None:
        save(figure, path)
    return figure


def _draw_hits(ax: Axes, hits: NDArray[np.int64]) -> None:
    bars = ax.barh(range(NUM_CLASSES), hits, color=BLUE, alpha=_FILL, height=0.7)
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
    ax.set_title("Windows by tempo")
    ax.set_xlabel("bpm")
    if len(qpms):
        edges = np.arange(5 * (qpms.min() // 5), qpms.max() + 5.01, 5).tolist()
        ax.hist(qpms, edges, weights=counts, color=GREEN, alpha=_FILL, rwidth=0.86)
    ax.grid(axis="y")
    ax.set_axisbelow(True)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.spines["left"].set_visible(False)


def _draw_windows(ax: Axes, windows: Mapping[str, int]) -> None:
    names, counts = list(windows)[::-1], list(windows.values())[::-1]
    bars = ax.barh(names, counts, color=MUTED, alpha=_FILL, height=0.55)
    ax.bar_label(bars, [f"{count:,}" for count in counts], padding=3, color=MUTED, fontsize=8)
    ax.set_title(f"{sum(counts):,} windows")
    ax.set_ylim(-1, max(len(names), 3))
    ax.tick_params(axis="y", labelcolor=INK)
    ax.xaxis.set_visible(False)
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.margins(x=0.18)


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


# Evaluations


@_styled
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
    figure = _new_figure(13, 6.4)
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
