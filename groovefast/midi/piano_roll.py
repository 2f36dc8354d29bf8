"""Pictures of several instruments: pitch over time, and a line for each drum below."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from groovefast.drums import DRUM_CLASSES, UNMAPPED, pitch_table
from groovefast.plot_style import BLUE, GREEN, INK, ORANGE, PURPLE, new_figure, styled

_COLORS = (BLUE, GREEN, PURPLE)
_QUARTERS_PER_BAR = 4
_NOTE_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_OCTAVE = 12
_MARGIN = 2
"""In semitones, above and below the highest and the lowest note."""
_LEAST_LINES = 16
"""As many lines of drums would be as high as all pitches, or higher."""
_USUAL_RANGE = (55, 72)
"""Of pitches that are shown where there are none."""


@styled
def draw_piano_roll(notes: NDArray[np.void], qpm: float, quarters: float, ax: Axes) -> None:
    """Draws notes on one axis: time to the right, pitch upwards, bars counted below.

    Each pitched instrument has a color of its own; drums have a line each below all pitches.

    Args:
        notes: Of `arrangement.NOTE_DTYPE`.
        qpm: Tempo.
        quarters: How long it is, in quarter notes.
        ax: Where to draw.
    """
    drums, pitched = notes[notes["is_drum"]], notes[~notes["is_drum"]]
    low, high = _USUAL_RANGE
    if pitched.size:
        low, high = int(pitched["pitch"].min()), int(pitched["pitch"].max())
    beats = qpm / 60.0
    for color, number in enumerate(np.unique(pitched["instrument"])):
        own = pitched[pitched["instrument"] == number]
        starts, ends = own["time"] * beats, own["end_time"] * beats
        ax.barh(
            own["pitch"],
            ends - starts,
            left=starts,
            height=0.8,
            color=_COLORS[color % len(_COLORS)],
            edgecolor="white",
            linewidth=0.6,
            zorder=3,
        )
    ticks = [(float(pitch), _name(pitch)) for pitch in range(low, high + 1) if pitch % _OCTAVE == 0]
    bottom = float(low - _MARGIN)
    if drums.size:
        line = max(1.0, (high - low) / _LEAST_LINES)
        ticks += _draw_drums(drums, beats, bottom, line, ax)
        bottom -= line * (len(DRUM_CLASSES) + 1)
    ax.set_ylim(bottom, high + _MARGIN)
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks], color=INK)
    ax.set_xlim(0, max(quarters, _QUARTERS_PER_BAR))
    ax.xaxis.set_major_locator(MultipleLocator(_QUARTERS_PER_BAR))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda place, _: f"{place / _QUARTERS_PER_BAR + 1:g}")
    )
    ax.grid(visible=True, axis="x", zorder=0)
    ax.set_title(f"4/4 at {qpm:.4g} bpm")


@styled
def roll_figure(notes: NDArray[np.void], qpm: float, quarters: float) -> Figure:
    """Returns a picture of its own, see `draw_piano_roll`."""
    figure = new_figure(*roll_size(quarters))
    draw_piano_roll(notes, qpm, quarters, figure.add_subplot())
    return figure


def roll_size(quarters: float) -> tuple[float, float]:
    """Returns the width and height, in inches, that suit so many quarter notes."""
    return min(max(8.0, 1.5 + 0.25 * quarters), 30.0), 6.0


def _draw_drums(
    drums: NDArray[np.void], beats: float, top: float, line: float, ax: Axes
) -> list[tuple[float, str]]:
    """Draws drums below a pitch, kick at the bottom, so far apart; returns where each is."""
    classes = np.frombuffer(pitch_table("reduced"), np.uint8)[drums["pitch"]].astype(np.int64)
    shown = classes != UNMAPPED
    lowest = top - line * len(DRUM_CLASSES)
    ax.scatter(
        drums["time"][shown] * beats,
        lowest + line * classes[shown],
        s=14,
        color=ORANGE,
        zorder=3,
        linewidths=0,
    )
    ax.axhline(top, color=INK, linewidth=0.6)
    return [(lowest + line * number, name) for number, name in enumerate(DRUM_CLASSES)]


def _name(pitch: int) -> str:
    """As in C4, which is pitch 60."""
    return f"{_NOTE_NAMES[pitch % _OCTAVE]}{pitch // _OCTAVE - 1}"
