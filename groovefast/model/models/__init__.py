"""The included models, trained ones: one folder each, named after its config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DEFAULT_MODELS: Mapping[str, str] = {
    "sample": "groovae_4bar",
    "humanize": "groovae_2bar_humanize",
    "tap2drum": "groovae_2bar_tap_fixed_velocity",
    "add-hihat": "groovae_2bar_add_closed_hh",
    "groove-transfer": "groovae_2bar_hits_control",
    "reconstruct": "groovae_4bar",
    "interpolate": "groovae_4bar",
    "vary": "groovae_4bar",
}
"""The model made for each thing `groovefast-sample` does."""

_FOLDER = Path(__file__).parent


def included_models() -> list[str]:
    """Returns their names."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/config.json"))


def included_model(name: str) -> Path | None:
    """Returns the folder of a model, or None if no model of that name is included."""
    return _FOLDER / name if name in included_models() else None
