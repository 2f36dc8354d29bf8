"""Every picture the project draws: grooves, training runs, corpora and evaluations.

Pictures are `matplotlib` figures outside pyplot, so that drawing needs no display and leaves
nothing open. Nothing else imports matplotlib, and this file is imported only where a picture is
wanted.
"""

from __future__ import annotations

import bisect
import functools
import io
import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES, UNMAPPED, PitchClasses, pitch_table
from groovefast.errors import GrooveFastError
from groovefast.meters import STEPS_PER_QUARTER, Bars, Meter
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
_STEP = 1 / STEPS_PER_QUARTER
_TINY = 1e-6
_MOST_BARS, _MOST_QUARTERS = 8, 32
"""In a row. One of so many quarters has room for every step."""
_LEAST_QUARTERS = 8
"""In a row that others follow, however short its bars are."""
_MOST_SILENT_QUARTERS = 64
"""Drawn; longer silence is told of."""
_MOST_AXES_ON_PAGE = 8
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
    with warnings.catch_warnings():
        # Names of files may be in any script; what the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
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
def plot_groove(
    groove: Groove, ax: Axes, title: str | None = None, pitch_classes: PitchClasses = "reduced"
) -> None:
    """Draws a whole groove on one axis: time to the right, one line for each drum.

    A dot stands where the note was played, larger and darker the louder. The streak under it runs
    from the 16th it belongs to, blue when it is early and orange when it is late. Bars and beats
    are counted below, with the meter where it changes.

    Args:
        groove: What to draw. Pitches of no drum class share a line of their own.
        ax: Where to draw.
        title: Above it; meter and tempo by default.
        pitch_classes: Which pitches are which drum, as `drums.resolve_pitch_classes` takes it.

    Raises:
        GrooveFastError: No such drum map.
    """
    sheet = _Sheet(groove, pitch_classes)
    _draw_row(sheet, ax, _Row(0.0, sheet.end, sheet.end, 0.0), sheet.end, title or sheet.title(0.0))


@_styled
def plot_grooves(
    grooves: Sequence[Groove],
    path: str | os.PathLike[str] | None = None,
    titles: Sequence[str] | None = None,
    pitch_classes: PitchClasses = "reduced",
) -> list[Figure]:
    """Draws grooves one above another on one time axis, long ones in rows of eight bars and pages.

    A row has fewer bars where they are long. Silence of more than two rows is left out.

    Args:
        grooves: At least one. Rows break at the bars of the first.
        path: A PNG file to write as well; pages after the first go beside it as NAME-p2.png, …
        titles: One for each.
        pitch_classes: Which pitches are which drum, as `drums.resolve_pitch_classes` takes it.

    Returns:
        The pages.

    Raises:
        GrooveFastError: No groove, another number of titles, or no such drum map.
        OSError: A file cannot be written.
    """
    figures = []
    for number, figure in enumerate(pages_of(grooves, titles, pitch_classes), start=1):
        if path is not None:
            save(figure, page_path(path, number))
        figures.append(figure)
    return figures


def page_path(path: str | os.PathLike[str], number: int) -> Path:
    """Returns where a page goes: the first to `path`, the second beside it as NAME-p2.png."""
    file = Path(path)
    return file if number == 1 else file.with_stem(f"{file.stem}-p{number}")


def pages_of(
    grooves: Sequence[Groove],
    titles: Sequence[str] | None = None,
    pitch_classes: PitchClasses = "reduced",
) -> Iterator[Figure]:
    """Draws the pages of `plot_grooves` one by one.

    Args:
        grooves: As of `plot_grooves`.
        titles: Likewise.
        pitch_classes: Likewise.

    Yields:
        The pages, of which there is at least one.

    Raises:
        GrooveFastError: No groove, another number of titles, or no such drum map.
    """
    if not grooves:
        raise GrooveFastError("grooves: at least one wanted")
    if titles is not None and len(titles) != len(grooves):
        raise GrooveFastError(f"titles: {len(grooves)} wanted, {len(titles)} given")
    sheets = [_Sheet(groove, pitch_classes) for groove in grooves]
    rows = list(_rows(sheets))
    num_pages = -(-len(rows) // max(1, _MOST_AXES_ON_PAGE // len(grooves)))
    rows_on_page = -(-len(rows) // num_pages)
    length = max(row.end - row.start for row in rows)
    tells_bars = rows[-1].rest_until > rows[0].end
    for number, first in enumerate(range(0, len(rows), rows_on_page), start=1):
        on_page = rows[first : first + rows_on_page]
        figure = _draw_page(sheets, on_page, length, titles, tells_bars)
        if num_pages > 1:
            place = f"page {number} of {num_pages}"
            figure.supxlabel(place, x=0.995, ha="right", color=MUTED, fontsize=8.5)
        yield figure


def groove_size(groove: Groove) -> tuple[float, float]:
    """Returns the width and height, in inches, that suit a picture of a groove on one axis."""
    return _row_size(_Sheet(groove, "reduced").end)


def _row_size(quarters: float) -> tuple[float, float]:
    return min(max(8.0, 1.5 + 0.8 * quarters), 30.0), 3.4


class _Sheet:
    """A groove laid out for drawing, places in quarter notes.

    Attributes:
        groove: What is drawn.
        bars: Its bars.
        end: Where the last one that is drawn ends.
        played: Where each note is.
        steps: The 16th each belongs to.
        lines: The line each is drawn on.
        names: Of the lines.
    """

    def __init__(self, groove: Groove, pitch_classes: PitchClasses) -> None:
        self.groove = groove
        self.bars = Bars(groove.meters)
        onsets = groove.notes["time"] * groove.qpm / 60.0
        self.steps = self.bars.steps(onsets)
        # One from before the first step starts the file.
        self.played = np.maximum(onsets, -0.5 * _STEP)
        table = np.frombuffer(pitch_table(pitch_classes), np.uint8)
        self.lines = table[groove.notes["pitch"]].astype(np.int64)
        self.names = list(DRUM_CLASSES)
        if (self.lines == UNMAPPED).any():
            self.lines[self.lines == UNMAPPED] = NUM_CLASSES
            self.names.append("other")
        meters = groove.meters if groove.meter_changes else ()
        self._changes = [meter.quarters for meter in meters]
        self.end = self._end()

    def _end(self) -> float:
        """The end of the last bar with an onset, or of the last whole bar if that is later."""
        last_step = self.steps.max(initial=0.0)
        last = self.bars.at(last_step)
        end = max(last.end, self.bars.at(self.groove.quarters).start)
        # Bars may be shorter than anything that can be seen.
        return max(end, last_step + _STEP, 1.0) if last.meter.bar < _STEP else end

    def title(self, place: float) -> str:
        """Meter there and tempo."""
        return f"{self.bars.at(place).meter.name} at {self.groove.qpm:.4g} bpm"

    def span(self, row: _Row) -> str:
        """Which bars a row shows."""
        first, last = self.bars.at(row.start), self.bars.at(row.end - 2 * _TINY)
        text = f"bar {first.number + 1}"
        if last.number > first.number:
            text = f"bars {first.number + 1}–{last.number + 1}"
        elif row.start - first.start > _TINY:
            text += f" from beat {(row.start - first.start) / first.meter.beat + 1:g}"
        before = self._num_bars(row.rest_from, row.start)
        after = self._num_bars(row.end, row.rest_until)
        text += f", after {before} of silence" if before else ""
        return text + (f", then {after} of silence" if after else "")

    def _num_bars(self, start: float, end: float) -> str:
        """How many bars there are, nothing if none."""
        count = self.bars.at(end).number - self.bars.at(start).number
        return "" if not count else "1 bar" if count == 1 else f"{count} bars"

    def count(self, place: float) -> str:
        """A beat as drummers write it, bar or ·beat, with the meter where that changes."""
        bar = self.bars.at(place)
        within = place - bar.start
        beat = f"·{round(within / bar.meter.beat) + 1}"
        text = f"{bar.number + 1}" if within < min(_TINY, bar.meter.bar) else beat
        changes = self._changes and place == bar.meter.quarters
        return f"{text}\n{bar.meter.name}" if changes else text

    def changes(self, row: _Row) -> list[float]:
        """Where in a row a meter begins, if there are several."""
        first, last = (bisect.bisect_left(self._changes, place) for place in (row.start, row.end))
        return self._changes[first:last]

    def bar_lines(self, row: _Row, least: float) -> NDArray[np.float64]:
        """The bar lines in a row, or every second, fourth, … where they are closer than `least`."""
        return self.places(row, lambda meter: _doubled(meter.bar, least))

    def beats(self, row: _Row, least: float) -> NDArray[np.float64]:
        """The beats in a row, where they are no closer than `least`."""
        return self.places(row, lambda meter: meter.beat if meter.beat >= least else math.inf)

    def places(self, row: _Row, spacing: Callable[[Meter], float]) -> NDArray[np.float64]:
        """Places in a row so far apart in each meter, and the bar line at its end.

        Bars and beats shorter than a step are not shown.
        """
        place, end = row.start, min(row.end, self.end)
        found = []
        while place < end - _TINY:
            meter, until = self.bars.at(place).meter, min(self.bars.until(place), end)
            apart = spacing(meter)
            if _STEP <= apart < math.inf:
                first, last = (
                    math.ceil((bound - meter.quarters - _TINY) / apart) for bound in (place, until)
                )
                found.append(meter.quarters + np.arange(first, last) * apart)
            place = until
        if found and end - self.bars.at(end).start < _TINY:
            found.append(np.array([end]))
        return np.concatenate(found) if found else np.empty(0)


def _doubled(length: float, least: float) -> float:
    """A length, doubled until it is no less than `least`; infinite for one shorter than a step."""
    if length < _STEP:
        return math.inf
    return length * 2.0 ** max(0, math.ceil(math.log2(least / length)))


class _Row(NamedTuple):
    """What is drawn on one axis.

    Attributes:
        start: Where it begins, in quarter notes.
        end: Where it ends.
        rest_until: Where the silence ends that is left out after it.
        rest_from: Where the silence begins that is left out before it.
    """

    start: float
    end: float
    rest_until: float
    rest_from: float


def _rows(sheets: Sequence[_Sheet]) -> Iterator[_Row]:
    """Breaks grooves into rows, at the bars of the first."""
    bars = sheets[0].bars
    end = max(sheet.end for sheet in sheets)
    onsets = np.unique(np.concatenate([sheet.steps for sheet in sheets]))
    start = rest_from = 0.0
    while start < end - _TINY:
        row_end = min(_row_end(bars, start), end)
        index = int(np.searchsorted(onsets, row_end - _TINY))
        following = float(onsets[index]) if index < len(onsets) else end
        resumed = _after_silence(bars, row_end, following, end)
        yield _Row(start, row_end, resumed if resumed >= end - _TINY else row_end, rest_from)
        start, rest_from = resumed, row_end


def _row_end(bars: Bars, start: float) -> float:
    """Where a row ends: after eight bars or as many as fit, or within a bar that does not fit."""
    limit = start + _MOST_QUARTERS
    place, count = float(start), 0
    while count < _MOST_BARS or place - start < _LEAST_QUARTERS:
        bar = bars.at(place)
        if bar.meter.bar >= _STEP:
            following, count = bar.end, count + 1
        else:  # of shorter ones there may be billions
            following = min(place + _STEP, bars.until(place))
        if following > limit + _TINY:
            break
        place = following
    return place if place > start else limit


def _after_silence(bars: Bars, place: float, following: float, end: float) -> float:
    """Where the row after a place begins: there, unless the following onset is rows away."""
    if following - place < _MOST_SILENT_QUARTERS:
        return place
    if following >= end:
        return end
    number, bar = bars.at(place).number, bars.at(following)
    # Rows go on to begin with every eighth bar, where that brings them near enough.
    whole_rows = (bar.number - number) // _MOST_BARS * _MOST_BARS
    aligned = bars.numbered(number + whole_rows).start
    if place <= aligned and following - aligned < _MOST_QUARTERS:
        return aligned
    start = max(bar.start, place)
    return start + (following - start) // _MOST_QUARTERS * _MOST_QUARTERS


@_styled
def _draw_page(
    sheets: Sequence[_Sheet],
    rows: Sequence[_Row],
    length: float,
    titles: Sequence[str] | None,
    tells_bars: bool,
) -> Figure:
    """Draws rows of `length` quarters one below another, in each all grooves."""
    width, height = _row_size(length)
    figure = _new_figure(width, height * len(rows) * len(sheets))
    axes = figure.subplots(len(rows) * len(sheets), 1, squeeze=False)[:, 0]
    for row, row_axes in zip(rows, axes.reshape(len(rows), len(sheets)), strict=True):
        counts = []
        for index, (sheet, ax) in enumerate(zip(sheets, row_axes, strict=True)):
            title = _plain(titles[index]) if titles else sheet.title(row.start)
            title += f" · {sheet.span(row)}" if tells_bars else ""
            counts.append(_draw_row(sheet, ax, row, length, title))
        # One count of bars and beats serves all that are counted alike.
        for ax, (count, count_below) in zip(row_axes, itertools.pairwise(counts), strict=False):
            ax.tick_params(labelbottom=count != count_below)
    _groove_legend(axes[0])
    return figure


def _plain(title: str) -> str:
    """A title as it stands: `$` begins no formula, and bytes that are no text are shown as such."""
    return title.encode("utf-8", "backslashreplace").decode().replace("$", r"\$")


def _draw_row(
    sheet: _Sheet, ax: Axes, row: _Row, length: float, title: str
) -> Sequence[tuple[float, str]]:
    """Draws a part of a groove on an axis that holds `length` quarters; returns its count."""
    is_detailed = length <= _MOST_QUARTERS
    ax.set_xlim(row.start - 0.5 * _STEP, row.start + length)
    _draw_grid(sheet, ax, row, is_detailed)
    shown = (sheet.steps > row.start - _TINY) & (sheet.steps < row.end - _TINY)
    played, lines = sheet.played[shown], sheet.lines[shown]
    _draw_timing(ax, played, sheet.steps[shown], lines)
    _draw_notes(ax, played, lines, sheet.groove.notes["velocity"][shown], is_detailed)
    ax.set_yticks(range(len(sheet.names)), sheet.names, color=INK)
    ax.set_ylim(-0.7, len(sheet.names) - 0.35)
    ax.set_title(title)
    return _draw_count(sheet, ax, row, is_detailed)


def _draw_grid(sheet: _Sheet, ax: Axes, row: _Row, is_detailed: bool) -> None:
    """Bar, beat and step lines, as far as there is room, and a band behind every other drum."""
    left, right = ax.get_xlim()
    width = min((row.end - left) / (right - left), 1.0)
    for line in range(0, len(sheet.names), 2):
        ax.axhspan(line - 0.5, line + 0.5, 0, width, color="#F6F8FA", zorder=0, linewidth=0)
    inch = _quarters_in_an_inch(ax)
    grids: list[tuple[NDArray[np.float64], str, float]] = []
    if is_detailed:
        grids.append((sheet.places(row, lambda _: _STEP), "#EDF0F3", 0.6))
    grids.append((sheet.beats(row, 0.1 * inch), "#D3DAE1", 0.9))
    grids.append((sheet.bar_lines(row, 0.1 * inch), "#8A96A3", 1.3))
    for places, color, width in grids:
        ax.vlines(places, -0.5, len(sheet.names) - 0.5, color=color, linewidth=width, zorder=1)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _draw_count(
    sheet: _Sheet, ax: Axes, row: _Row, is_detailed: bool
) -> Sequence[tuple[float, str]]:
    """Writes bars, beats and changes of meter below, as far as there is room; returns them."""
    least = (0.25 if is_detailed else 0.4) * _quarters_in_an_inch(ax)
    # In the order in which they get what room there is.
    places = [*sheet.changes(row), *sheet.bar_lines(row, least)]
    if is_detailed:
        places += [*sheet.beats(row, least)]
    counted: list[float] = []
    end = min(row.end, sheet.end) - _TINY
    for place in places:
        index = bisect.bisect(counted, place)
        beside = counted[max(index - 1, 0) : index + 1]
        if place < end and all(abs(place - other) >= least for other in beside):
            counted.insert(index, float(place))
    count = [(place, sheet.count(place)) for place in counted]
    ax.set_xticks(counted, [text for _, text in count])
    for (_, text), label in zip(count, ax.get_xticklabels(), strict=True):
        if "\n" in text:
            label.set(color=INK, fontweight="bold")
    return count


def _quarters_in_an_inch(ax: Axes) -> float:
    """About how much of the time axis an inch holds."""
    left, right = ax.get_xlim()
    return float((right - left) / (ax.bbox.width / ax.figure.dpi))


def _draw_timing(
    ax: Axes,
    played: NDArray[np.float64],
    steps: NDArray[np.float64],
    lines: NDArray[np.int64],
) -> None:
    for chosen, color in ((played < steps - _TINY, EARLY), (played > steps + _TINY, LATE)):
        ax.hlines(
            lines[chosen] - 0.37,
            steps[chosen],
            played[chosen],
            color=color,
            linewidth=2.6,
            zorder=3,
        )


def _draw_notes(
    ax: Axes,
    played: NDArray[np.float64],
    lines: NDArray[np.int64],
    velocities: NDArray[np.uint8],
    is_detailed: bool,
) -> None:
    loudness = velocities / 127.0
    largest = 150.0 if is_detailed else 60.0
    ax.scatter(
        played,
        lines + 0.06,
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
