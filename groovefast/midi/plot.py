"""Pictures of grooves."""

from __future__ import annotations

import bisect
import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, NUM_CLASSES, UNMAPPED, PitchClasses, pitch_table
from groovefast.errors import OptionError
from groovefast.midi.meters import STEPS_PER_QUARTER, Bars, Meter
from groovefast.plot_style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    new_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from groovefast.midi.groove import Groove

EARLY, LATE = BLUE, ORANGE
_VELOCITY_COLORS = LinearSegmentedColormap.from_list(
    "velocity", ("#C9D3DE", "#8C7FB8", "#6B3F97", "#33124F")
)
_STEP = 1 / STEPS_PER_QUARTER
_TINY = 1e-6
_MOST_BARS, _MOST_QUARTERS = 8, 32
"""In a row. One of so many quarters has room for every step."""
_LEAST_QUARTERS = 8
"""In a row that others follow, however short its bars are."""
_MOST_SILENT_QUARTERS = 64
"""Drawn; longer silence is told of."""
_MOST_AXES_ON_PAGE = 8


@styled
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


@styled
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
        raise OptionError("grooves", "at least one wanted")
    if titles is not None and len(titles) != len(grooves):
        raise OptionError("titles", f"{len(grooves)} wanted, {len(titles)} given")
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
        last = self.bars.at(self.steps.max(initial=0.0))
        return max(last.end, self.bars.at(self.groove.quarters).start)

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
        following, count = bars.at(place).end, count + 1
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


@styled
def _draw_page(
    sheets: Sequence[_Sheet],
    rows: Sequence[_Row],
    length: float,
    titles: Sequence[str] | None,
    tells_bars: bool,
) -> Figure:
    """Draws rows of `length` quarters one below another, in each all grooves."""
    width, height = _row_size(length)
    figure = new_figure(width, height * len(rows) * len(sheets))
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
