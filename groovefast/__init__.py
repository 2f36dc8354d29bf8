"""Drum MIDI to GrooVAE and back.

The pipeline, in the order data flows through it:

    MIDI -> convert -> performances (TFRecords) -> load_dataset -> windows -> train -> GrooVAE

`DrumsConverter`, `MelodyConverter` and `TrioConverter` make of files what MusicVAE learns from
instead: tokens, one for each 16th.

`evaluate` measures a model, and `groovefast.playing` has it play: new grooves, and whole
performances. `read_midi`, `Groove` and `GrooveConverter` do for single files what `convert` and
`load_dataset` do for folders.

Names are loaded on first use, so that reading and converting MIDI never imports TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groovefast.config import CONFIGS
    from groovefast.conversion.convert import convert
    from groovefast.conversion.report import ConversionReport
    from groovefast.errors import GrooveFastError, MidiError
    from groovefast.evaluation.evaluate import evaluate
    from groovefast.midi.groove import Groove
    from groovefast.midi.score import Score, read_midi
    from groovefast.model.checkpoints import load_model
    from groovefast.model.groovae import GrooVAE
    from groovefast.training.train import train
    from groovefast.windows.dataset import load_dataset
    from groovefast.windows.tensors import GrooveConverter
    from groovefast.windows.tokens import DrumsConverter, MelodyConverter, TrioConverter

    __version__: str

_HOMES = {
    "CONFIGS": "config",
    "ConversionReport": "conversion.report",
    "DrumsConverter": "windows.tokens",
    "GrooVAE": "model.groovae",
    "Groove": "midi.groove",
    "GrooveConverter": "windows.tensors",
    "GrooveFastError": "errors",
    "MelodyConverter": "windows.tokens",
    "MidiError": "errors",
    "Score": "midi.score",
    "TrioConverter": "windows.tokens",
    "convert": "conversion.convert",
    "evaluate": "evaluation.evaluate",
    "load_dataset": "windows.dataset",
    "load_model": "model.checkpoints",
    "read_midi": "midi.score",
    "train": "training.train",
}

_COMPILED = ("_midi", "_records", "_tokens")

__all__ = [
    "CONFIGS",
    "ConversionReport",
    "DrumsConverter",
    "GrooVAE",
    "Groove",
    "GrooveConverter",
    "GrooveFastError",
    "MelodyConverter",
    "MidiError",
    "Score",
    "TrioConverter",
    "convert",
    "evaluate",
    "load_dataset",
    "load_model",
    "read_midi",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _COMPILED:
        return _compiled(name)
    if name == "__version__":
        from importlib.metadata import version  # not needed otherwise, and slow to import

        return version("groovefast")
    if name not in _HOMES:
        raise AttributeError(f"module 'groovefast' has no attribute {name!r}")
    from groovefast.errors import wanting_extras

    with wanting_extras():
        value = getattr(importlib.import_module(f"groovefast.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _compiled(name: str) -> Any:
    """A compiled part, which only an installation has beside these files."""
    try:
        return importlib.import_module(f"groovefast.{name}")
    except ModuleNotFoundError:
        raise ImportError(
            "this is the source folder of groovefast, without its compiled part; start Python "
            "elsewhere, or install with `pip install -e .`"
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
