#!/usr/bin/env python3
"""Begins a model of many bars with what one of few has learned of a bar.

    scripts/begin_long_model.py MODEL CONFIG FOLDER [--hparams NAME=VALUE,...]

MODEL is a trained one without a conductor, a folder or the name of an included one. Its encoder
becomes what reads bars, and its decoder what writes rows, of a model of CONFIG with layers of the
same sizes; all else of that is fresh. FOLDER is for `groovefast-train --start-from`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from groovefast.config import get_config
from groovefast.errors import GrooveFastError
from groovefast.model.checkpoints import load_model, save_model
from groovefast.model.groovae import GrooVAE
from groovefast.model.in_use import InUse
from groovefast.model.plan import DecoderPlan, DensePlan, Plan, layers


def main() -> None:
    """Reads the command line and begins the model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("config")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hparams", default="", metavar="NAME=VALUE,…")
    arguments = parser.parse_args()
    config = get_config(arguments.config).with_hparams(arguments.hparams)
    begun = begin(load_model(arguments.model, fitted=False), GrooVAE(config))
    save_model(begun, arguments.folder)


def begin(learned: InUse, fresh: GrooVAE) -> GrooVAE:
    """Gives a fresh model what another has learned of bars, and returns it.

    Raises:
        GrooveFastError: Their layers are of other sizes.
    """
    one, other = layers(learned.config), layers(fresh.config)
    if _sizes(one) != _sizes(other):
        raise GrooveFastError(
            f"{fresh.config.name}: layers of the sizes of {learned.config.name} wanted, "
            f"{_sizes(one)}, not {_sizes(other)}"
        )
    weights = {name: np.asarray(value) for name, value in learned.weights.items()}
    for ours, theirs in zip(_reading(one), _reading(other), strict=True):
        _copy(weights, ours, fresh, theirs)
    mine, new = one.decoders[0], other.decoders[0]
    if _told(mine) == _told(new) and mine.initial_states and new.initial_states:
        _copy(weights, mine.initial_states, fresh, new.initial_states)
    for ours, theirs in zip(_writing(mine), _writing(new), strict=True):
        _copy(weights, ours, fresh, theirs, mine.output.outputs)
    return fresh


def _sizes(plan: Plan) -> list[list[int]]:
    reading = [cell.units for level in plan.encoder[0] for cell in level]
    return [
        reading,
        [cell.units for cell in plan.decoders[0].cells],
        [plan.decoders[0].output.outputs],
    ]


def _reading(plan: Plan) -> list[DensePlan]:
    return [part for level in plan.encoder[0] for cell in level for part in cell.dense()]


def _writing(plan: DecoderPlan) -> list[DensePlan]:
    return [*(part for cell in plan.cells for part in cell.dense()), plan.output]


def _told(plan: DecoderPlan) -> int:
    """How many numbers a decoder is told beside its own rows."""
    return plan.cells[0].inputs - plan.output.outputs


def _copy(
    weights: dict[str, NDArray[np.float32]],
    ours: DensePlan,
    fresh: GrooVAE,
    theirs: DensePlan,
    depth: int = 0,
) -> None:
    """Copies a layer: all of it, or of a kernel that is told more or less what else it hears."""
    kernel = fresh.weights[theirs.kernel].numpy()
    learned = weights[ours.kernel]
    if kernel.shape == learned.shape:
        kernel = learned
    else:
        recurrent = ours.outputs // 4
        kernel[:depth], kernel[-recurrent:] = learned[:depth], learned[-recurrent:]
    fresh.weights[theirs.kernel].assign(kernel)
    fresh.weights[theirs.bias].assign(weights[ours.bias])


if __name__ == "__main__":
    main()
