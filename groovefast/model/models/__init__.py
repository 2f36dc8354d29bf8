"""The included models, trained ones: one folder each, named after its config."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def included_models() -> list[str]:
    """Returns their names."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/config.json"))


def included_model(name: str) -> Path | None:
    """Returns the folder of a model, or None if no model of that name is included."""
    return _FOLDER / name if name in included_models() else None
