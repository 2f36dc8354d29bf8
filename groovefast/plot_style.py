"""The common style of all pictures, and how they become files.

Pictures are `matplotlib` figures outside pyplot, so that drawing needs no display and leaves
nothing open. matplotlib is imported only where a picture is wanted.
"""

from __future__ import annotations

import functools
import io
import os
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from groovefast.files import write_atomically

P = ParamSpec("P")
R = TypeVar("R")

INK = "#1F2A37"
MUTED = "#6B7785"
LINE = "#DCE1E7"
BLUE, ORANGE, GREEN, PURPLE = "#2F6DB5", "#E1692F", "#2E9C82", "#7C5BB0"
FILL = 0.85
_DPI = 130
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


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draws in the project's style, leaving the user's own as it was."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of so many inches."""
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


def thousands(value: float, _: int | None = None) -> str:
    """Returns a tick's label in thousands, such as 20k."""
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"
