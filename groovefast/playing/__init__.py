"""What a model does to whole performances: the modes of `groovefast-sample`, as functions.

`play` calls any of those that `MODES` lists.
"""

from groovefast.playing.modes import (
    MODES,
    Mode,
    add_hihat,
    continue_groove,
    groove_transfer,
    humanize,
    interpolate,
    play,
    reconstruct,
    sample,
    tap2drum,
    variations,
    vary,
)
from groovefast.playing.player import Options, Rendition

__all__ = [
    "MODES",
    "Mode",
    "Options",
    "Rendition",
    "add_hihat",
    "continue_groove",
    "groove_transfer",
    "humanize",
    "interpolate",
    "play",
    "reconstruct",
    "sample",
    "tap2drum",
    "variations",
    "vary",
]
