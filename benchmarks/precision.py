"""How far training in mixed precision strays from training in float32.

    python benchmarks/precision.py [--midi DIR] [--config groovae_2bar_humanize] [--steps 500]

Trains on the training split of the Groove MIDI Dataset from the same first weights, with the same
batches and the same noise, in each precision, and compares the losses, smoothed over 100 steps,
with those in float32. Training amplifies every difference, however small. So the controls are
float32 too, from first weights that were changed at random by a millionth, or by half of bfloat16's
last digit: what they stray is no fault of a precision.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from corpus import add_midi_option, midi_files
from timing import Report, option_parser

from groovefast import convert, load_dataset
from groovefast.config import Config, get_config
from groovefast.training.devices import choose_strategy
from groovefast.training.step import Trainer

Losses = npt.NDArray[np.float64]
"""The loss of every step, (steps,); no number where the step was skipped."""

GOAL_PERCENT = 2
SMOOTHED_STEPS = 100
CONTROLS = {"a millionth": 1e-6, "2^-9": 2.0**-9}


def perturb(trainer: Trainer, size: float, seed: int) -> None:
    """Multiplies every weight by a random number near 1."""
    draw = np.random.default_rng(seed)
    for variable in trainer.model.trainable_variables:
        factors = draw.uniform(1 - size, 1 + size, variable.shape)
        variable.assign(variable * tf.constant(factors, tf.float32))


def train(trainer: Trainer, shards: str, config: Config, steps: int) -> Losses:
    """Trains, a step at a time, and returns the losses."""
    iterator = iter(load_dataset(shards, config, config.hparams.batch_size, repeat=True))
    losses = []
    for _ in range(steps):
        trainer.clear_means()
        trainer.run(iterator, tf.constant(1))
        losses.append(trainer.means()["loss"])
    return np.array(losses)


def smooth(losses: Losses) -> Losses:
    """Means over `SMOOTHED_STEPS` steps, of those that were not skipped."""
    windows = np.lib.stride_tricks.sliding_window_view(losses, SMOOTHED_STEPS)
    return np.asarray(np.nanmean(windows, -1))


def train_split(midi: Path, scratch: str) -> str:
    """Converts the dataset and returns the pattern of the shards to train on."""
    metadata = midi / "info.csv"
    has_splits = metadata.exists()
    convert(midi, scratch, metadata=metadata if has_splits else None)
    return f"{scratch}/{'train' if has_splits else '*'}-*.tfrecord"


def main() -> None:
    parser = option_parser(__doc__, rounds=2)
    add_midi_option(parser)
    parser.add_argument("--config", default="groovae_2bar_humanize")
    parser.add_argument("--hparams", default="", help="as for groovefast-train")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--losses", type=Path, metavar="FILE", help="write every loss here, JSON")
    arguments = parser.parse_args()
    midi_files(arguments.midi)
    config = get_config(arguments.config).with_hparams(arguments.hparams)
    strategy = choose_strategy()
    batch_size = config.hparams.batch_size
    title = f"{arguments.steps} steps of {config.name}, batch {batch_size}, seed {arguments.seed}"
    report = Report(f"{title}: loss against float32", ("tensorflow",))
    found: dict[str, Losses] = {}

    def run(name: str, precision: str, change: float = 0.0, seed: int = 0) -> None:
        trainer = Trainer(config, strategy, precision, arguments.seed)
        perturb(trainer, change, seed)
        found[name] = train(trainer, shards, config, arguments.steps)
        away = 100 * (smooth(found[name]) / smooth(found["float32"]) - 1)
        goal = GOAL_PERCENT if precision != "float32" else None
        report.figure(f"{name}: at most", float(np.abs(away).max()), "%", at_most=goal)
        report.figure("… in the mean", float(np.abs(away).mean()), "%")
        report.figure("… at the end", float(away[-1]), "%")
        report.figure("… steps skipped", int(trainer.skipped))

    with tempfile.TemporaryDirectory() as scratch:
        shards = train_split(arguments.midi, scratch)
        for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
            run(precision, precision)
        for number in range(arguments.rounds):
            for text, size in CONTROLS.items():
                run(f"float32 changed by {text} ({number})", "float32", size, number)
    report.write(arguments.json)
    if arguments.losses:
        losses = {name: list(values) for name, values in found.items()}
        arguments.losses.write_text(json.dumps(losses))


if __name__ == "__main__":
    main()
