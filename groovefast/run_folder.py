"""The folder of a training run: what is on disk, and how it stays whole when a run is killed.

    run.json          what is trained: the config and the seed
    checkpoints/      where to go on from
    model/            the latest weights, for `load_model`
    best/             those with the lowest evaluation loss
    metrics.jsonl     the record; train/ and eval/ hold the same for TensorBoard
    training.png      and a picture of it

Each file is complete or not there. What the record says of steps after the latest checkpoint is
dropped when the run goes on, since they are done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from groovefast.checkpoints import remove_unfinished, save_model
from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.metrics import MetricsLog, plot_rows, read_metrics
from groovefast.run_checkpoints import RunCheckpoints, saved_steps
from groovefast.trainer import Trainer

RUN_FILE = "run.json"
_CHECKPOINTS = "checkpoints"


class RunFolder:
    """A run on disk.

    Attributes:
        path: The folder.
        model_dir: The folder of the latest weights.
    """

    def __init__(
        self, path: Path, config: Config, seed: int, trainer: Trainer, keep: int, writes: bool
    ) -> None:
        """Makes the folder, or brings `trainer` to where the run in it stands.

        Args:
            path: The folder.
            config: What is trained.
            seed: Its seed.
            trainer: The model in training.
            keep: Checkpoints to keep.
            writes: Whether this process writes, as one of several workers does.

        Raises:
            GrooveFastError: A run of another config or seed is there, or none of its checkpoints
                can be read.
        """
        self.path = path
        self.model_dir = path / "model"
        self._best_dir = path / "best"
        self._trainer = trainer
        self._writes = writes
        _claim(path, config, seed, writes)
        self._checkpoints = RunCheckpoints(path / _CHECKPOINTS, trainer, keep)
        restored = self._checkpoints.restore()
        if writes:
            self._checkpoints.sweep()
            remove_unfinished(self.model_dir)
            remove_unfinished(self._best_dir)
        self._saved_step = int(trainer.step) if restored else None
        self._log = MetricsLog(path, int(trainer.step)) if writes else None
        self._latest = {line["split"]: line for line in read_metrics(path)}

    def save(self) -> None:
        """Writes a checkpoint, unless the latest is of this step, and exports the model."""
        if not self._writes:
            return
        step = int(self._trainer.step)
        if step != self._saved_step:
            self._checkpoints.save(step)
            self._saved_step = step
        save_model(self._trainer.averaged, self.model_dir, step)

    def log(self, split: str, metrics: Mapping[str, float]) -> None:
        """Adds a line to the record, for the "train" or "eval" split."""
        self._latest[split] = dict(metrics)
        if self._log:
            self._log.write(int(self._trainer.step), split, metrics)

    def log_evaluation(self, metrics: Mapping[str, float]) -> None:
        """Adds an evaluation to the record, keeps the model if it is the best, and draws."""
        self.log("eval", metrics)
        if metrics["loss"] < self._trainer.best_eval:
            self._trainer.best_eval.assign(metrics["loss"])
            if self._writes:
                save_model(self._trainer.averaged, self._best_dir, int(self._trainer.step))
        self.draw()

    def draw(self) -> None:
        """Draws the record as `training.png`."""
        if rows := plot_rows(read_metrics(self.path)) if self._writes else None:
            from groovefast.plots import plot_training  # matplotlib: only where it is needed

            plot_training(rows, self.path / "training.png")

    def latest(self, split: str) -> dict[str, float]:
        """Returns the latest metrics of a split, nothing if there are none."""
        return {
            name: value
            for name, value in self._latest.get(split, {}).items()
            if name not in ("step", "split")
        }

    def close(self) -> None:
        """Closes the record."""
        if self._log:
            self._log.close()


def has_checkpoint(path: Path) -> bool:
    """Whether the folder holds a run that is past its first checkpoint."""
    return bool(saved_steps(path / _CHECKPOINTS))


def _claim(path: Path, config: Config, seed: int, writes: bool) -> None:
    """Writes down what is trained here, or checks that it is what was begun."""
    file = path / RUN_FILE
    wanted = json.loads(json.dumps({"seed": seed, "config": config.to_dict()}))
    if file.exists():
        try:
            begun = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise GrooveFastError(f"{file}: damaged ({error}); use another --run-dir") from error
        if differences := sorted(_differences(begun, wanted)):
            raise GrooveFastError(
                f"{path}: holds a run with {', '.join(differences)}; use another --run-dir"
            )
    elif writes:
        unfinished = path / f".{RUN_FILE}.{os.getpid()}"
        unfinished.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(file)


def _differences(begun: Any, wanted: Any, name: str = "") -> Iterator[str]:
    """What differs, as `name value, not value`; fields that only one of them knows do not count."""
    if not isinstance(begun, dict) or not isinstance(wanted, dict):
        if begun != wanted:
            yield f"{name} {begun}, not {wanted}"
    elif begun.get("name") != wanted.get("name"):
        yield from _differences(begun.get("name"), wanted.get("name"), "config")
    else:
        for key in begun.keys() & wanted.keys():
            yield from _differences(begun[key], wanted[key], key)
