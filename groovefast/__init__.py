"""Drum MIDI to GrooVAE and back.

The pipeline, in the order data flows through it:

    read_midi -> GrooveConverter -> convert (TFRecords) -> load_dataset -> GrooVAE -> Groove

Names are loaded on first use, so that reading and converting MIDI never imports TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groovefast.checkpoints import load_model
    from groovefast.config import CONFIGS
    from groovefast.conversion import convert
    from groovefast.converter import GrooveConverter
    from groovefast.data import load_dataset
    from groovefast.errors import GrooveFastError, MidiError
    from groovefast.groove import Groove
    from groovefast.model import GrooVAE
    from groovefast.report import ConversionReport
    from groovefast.score import Score, read_midi
    from groovefast.training import train

    __version__: str

_HOMES = {
    "CONFIGS": "config",
    "ConversionReport": "report",
    "GrooVAE": "model",
    "Groove": "groove",
    "GrooveConverter": "converter",
    "GrooveFastError": "errors",
    "MidiError": "errors",
    "Score": "score",
    "convert": "conversion",
    "load_dataset": "data",
    "load_model": "checkpoints",
    "read_midi": "score",
    "train": "training",
}

__all__ = [
    "CONFIGS",
    "ConversionReport",
    "GrooVAE",
    "Groove",
    "GrooveConverter",
    "GrooveFastError",
    "MidiError",
    "Score",
    "convert",
    "load_dataset",
    "load_model",
    "read_midi",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "_core":
        return _compiled_core()
    if name == "__version__":
        from importlib.metadata import version  # not needed otherwise, and slow to import

        return version("groovefast")
    if name not in _HOMES:
        raise AttributeError(f"module 'groovefast' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"groovefast.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _compiled_core() -> Any:
    """The compiled part, which only an installation has beside these files."""
    try:
        return importlib.import_module("groovefast._core")
    except ModuleNotFoundError:
        raise ImportError(
            "this is the source folder of groovefast, without its compiled part; start Python "
            "elsewhere, or install with `pip install -e .`"
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
