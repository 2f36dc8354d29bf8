"""What a model does to whole performances: the modes of `groovefast-sample`, as functions."""

from groovefast.playing.performance import (
    Options,
    Rendition,
    add_hihat,
    groove_transfer,
    humanize,
    interpolate,
    reconstruct,
    tap2drum,
    vary,
)

__all__ = [
    "Options",
    "Rendition",
    "add_hihat",
    "groove_transfer",
    "humanize",
    "interpolate",
    "reconstruct",
    "tap2drum",
    "vary",
]
