"""Sampling: grooves per second including the bytes of their MIDI files, and how long one takes.

python benchmarks/sample.py [--model RUN_DIR/model] [--config groovae_4bar]

Without a model its weights are fresh, with the bias of the hits set so that they are as frequent as
in the Groove MIDI Dataset: how many notes there are decides how long writing them takes.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from timing import Report, Work, option_parser, race

from groovefast import GrooVAE, GrooveConverter, load_model
from groovefast.drums import NUM_CLASSES
from groovefast.model.in_use import InUse
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.plan import layers

BATCHES = (1, 8, 64, 256)
GOALS = {"groovae_4bar": (256, 1500), "groovae_16bar": (64, 300)}
"""Grooves per second, and of how many at once, by config."""
GOAL_SECONDS = {"groovae_4bar": 0.015}
HIT_SHARE = 0.13
"""Part of the cells of the grid that hold a hit, in the windows of the dataset."""


def untrained(config: str) -> GrooVAE:
    """A model that hits about as often as a drummer."""
    model = GrooVAE(config)
    bias = model.weights[layers(model.config).decoders[0].output.bias]
    bias[:NUM_CLASSES].assign(tf.fill([NUM_CLASSES], math.log(HIT_SHARE / (1 - HIT_SHARE))))
    return model


def sampling(model: InUse, n: int) -> Work:
    """Windows alone."""

    def work() -> None:
        np.asarray(model.sample(n, seed=0))

    return work


def playing(model: InUse, n: int) -> Work:
    """The bytes of MIDI files."""
    converter = GrooveConverter.from_config(model.config)

    def work() -> None:
        for groove in converter.from_tensors(np.asarray(model.sample(n, seed=0))):
            groove.to_bytes()

    return work


def hit_share(model: InUse) -> float:
    """Part of the cells that the model fills."""
    return float(np.asarray(model.sample(256, seed=0))[..., :NUM_CLASSES].mean())


def main() -> None:
    parser = option_parser(__doc__, rounds=5)
    parser.add_argument("--model", type=Path, metavar="DIR", help="a trained model")
    parser.add_argument("--config", default="groovae_4bar", help="(default: groovae_4bar)")
    arguments = parser.parse_args()
    report = Report("Sampling grooves", ("tensorflow", "numpy"))
    if arguments.model:
        slow = load_model(arguments.model, backend="tensorflow")
    else:
        slow = untrained(arguments.config)
    model = NumpyGrooVAE(slow.config, {name: np.asarray(x) for name, x in slow.weights.items()})
    model.prior, model.touch = slow.prior, slow.touch
    report.figure("cells with a hit", 100 * hit_share(model), "%")
    for n in BATCHES:
        with_midi, alone = f"{n} at once, with MIDI", f"{n} at once, windows alone"
        ways = {
            with_midi: playing(model, n),
            alone: sampling(model, n),
            f"{with_midi}, TensorFlow": playing(slow, n),
        }
        timings = race(ways, n, arguments.rounds)
        report.table("grooves/s", timings)
        rate = timings[with_midi].rate
        wanted, goal = GOALS.get(model.config.name, (0, 0))
        report.figure(with_midi, rate, "grooves/s", at_least=goal if n == wanted else None)
        if n == 1:
            report.figure("one groove", 1 / rate, "s", at_most=GOAL_SECONDS.get(model.config.name))
        print()
    report.write(arguments.json)


if __name__ == "__main__":
    main()
