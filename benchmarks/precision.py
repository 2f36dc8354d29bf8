"""How far training in mixed precision strays from training in float32.

    python benchmarks/precision.py [--config groovae_2bar_humanize] [--steps 500] [--controls 2]

Trains on the real training split from the same first weights, with the same batches and the same
noise, in each precision, and compares the losses, smoothed over 100 steps, with those in float32.
Training amplifies every difference, however small. So the controls are float32 runs too, whose
first weights were changed at random by a millionth, or by half of bfloat16's last digit: what they
stray is no fault of a precision.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from corpus import add_midi_option, midi_files

from groovefast import convert, load_dataset
from groovefast.config import Config, get_config
from groovefast.devices import choose_strategy
from groovefast.trainer import Trainer

Losses = npt.NDArray[np.float64]
"""The loss of every step, (steps,)."""

GOAL = 0.02
WINDOW = 100
PERTURBATIONS = {"a millionth": 1e-6, "2^-9": 2.0**-9}


def perturb(trainer: Trainer, size: float, seed: int) -> None:
    """Multiplies every weight by a random number near 1."""
    draw = np.random.default_rng(seed)
    for variable in trainer.model.trainable_variables:
        factors = draw.uniform(1 - size, 1 + size, variable.shape)
        variable.assign(variable * tf.constant(factors, tf.float32))


def losses_of(trainer: Trainer, shards: str, config: Config, steps: int) -> Losses:
    """Trains and returns the losses; those of skipped steps are no numbers."""
    iterator = iter(load_dataset(shards, config, config.hparams.batch_size, repeat=True))
    losses = []
    for _ in range(steps):
        trainer.clear_means()
        trainer.run(iterator, tf.constant(1))
        losses.append(trainer.means()["loss"])
    return np.array(losses)


def smooth(losses: Losses) -> Losses:
    """Means over `WINDOW` steps; skipped steps do not count."""
    windows = np.lib.stride_tricks.sliding_window_view(losses, WINDOW)
    return np.asarray(np.nanmean(windows, -1))


def train_split(midi: Path, scratch: str, config: Config) -> str:
    """Converts the dataset and returns the pattern of the shards to train on."""
    metadata = midi / "info.csv"
    has_splits = metadata.exists()
    convert(midi, scratch, config, metadata=metadata if has_splits else None)
    return f"{scratch}/{'train' if has_splits else '*'}-*.tfrecord"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_midi_option(parser)
    parser.add_argument("--config", default="groovae_2bar_humanize")
    parser.add_argument("--hparams", default="", help="as for groovefast-train")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--controls", type=int, default=2, help="of each size")
    parser.add_argument("--precision", action="append", help="only this one; again for more")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all losses here")
    arguments = parser.parse_args()
    midi_files(arguments.midi)
    config = get_config(arguments.config).with_hparams(arguments.hparams)
    strategy = choose_strategy()
    found: dict[str, Any] = {}

    def run(name: str, precision: str, change: float = 0.0, seed: int = 0) -> None:
        trainer = Trainer(config, strategy, precision, arguments.seed)
        if change:
            perturb(trainer, change, seed)
        losses = losses_of(trainer, shards, config, arguments.steps)
        found[name] = list(losses)
        away = smooth(losses) / smooth(np.array(found["float32"])) - 1
        most, mean, last = np.abs(away).max(), np.abs(away).mean(), away[-1]
        print(
            f"{name:36}{losses[-WINDOW:].mean():8.2f}{most:10.2%}{mean:10.2%}{last:+10.2%}"
            f"{int(trainer.skipped):8}   {'' if most <= GOAL else 'more than 2 %'}",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as scratch:
        shards = train_split(arguments.midi, scratch, config)
        print(f"{'':36}{'loss':>8}{'most':>10}{'mean':>10}{'last':>10}{'skipped':>8}")
        run("float32", "float32")
        for precision in arguments.precision or ("mixed_bfloat16", "mixed_float16"):
            run(precision, precision)
        for number in range(arguments.controls):
            for text, size in PERTURBATIONS.items():
                run(f"float32, weights changed by {text}", "float32", size, number)
    if arguments.json:
        arguments.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
