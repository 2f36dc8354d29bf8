"""The folder of a training run: what is on disk, and how it stays whole when a run is killed.

    run.json          what is trained: the config, the seed, the precision, on which data and how
                      that is read
    checkpoints/      where to go on from
    model/            the latest weights, for `load_model`; in the end with prior and touch
    best/             those with the lowest evaluation loss
    metrics.jsonl     the record; train/ and eval/ hold the same for TensorBoard
    training.png      and a picture of it

Each file is complete or not there. What the record says of steps after the latest checkpoint is
dropped when the run goes on, since they are done again.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.files import remove_unfinished, write_atomically
from groovefast.model.checkpoints import save_model
from groovefast.model.folder import find_model_folder
from groovefast.training.metrics import MetricsLog, plot_rows, read_metrics
from groovefast.training.run_checkpoints import RunCheckpoints, saved_steps
from groovefast.training.step import Trainer
from groovefast.windows.cutting import Cutting

_log = logging.getLogger(__name__)

RUN_FILE = "run.json"
CHECKPOINTS = "checkpoints"


@dataclasses.dataclass(frozen=True)
class RunIdentity:
    """What makes one run another.

    Attributes:
        config: What is trained.
        seed: Its seed.
        precision: What it is computed in.
        windows: How many windows it is trained on.
        sha256: Of the shards that hold them, one after the other, wherever they lie.
        cutting: Which windows were cut from these.
        streamed: Whether they are read anew in every epoch, in an order of their own.
    """

    config: Config
    seed: int
    precision: str
    windows: int
    sha256: str
    cutting: Cutting
    streamed: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns it as JSON has it."""
        values: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "seed": self.seed,
                    "precision": self.precision,
                    "data": {"windows": self.windows, "sha256": self.sha256},
                    "cutting": dataclasses.asdict(self.cutting),
                    "streamed": self.streamed,
                    "config": self.config.to_dict(),
                }
            )
        )
        return values


class RunFolder:
    """A run on disk.

    Attributes:
        path: The folder.
        model_dir: The folder of the latest weights.
    """

    def __init__(
        self, path: Path, identity: RunIdentity, trainer: Trainer, keep: int, writes: bool
    ) -> None:
        """Makes the folder, or brings `trainer` to where the run in it stands.

        Args:
            path: The folder.
            identity: What is trained.
            trainer: The model in training.
            keep: Checkpoints to keep.
            writes: Whether this process writes, as one of several workers does.

        Raises:
            GrooveFastError: Another run is there, or one of another version, or none of its
                checkpoints can be read.
        """
        self.path = path
        self.model_dir = path / "model"
        self._best_dir = path / "best"
        self._trainer = trainer
        self._writes = writes
        _claim(path, identity.to_dict(), writes)
        self._checkpoints = RunCheckpoints(path / CHECKPOINTS, trainer, keep)
        restored = self._checkpoints.restore()
        if writes:
            self._checkpoints.sweep()
            for folder in (path, self.model_dir, self._best_dir):
                remove_unfinished(folder)
        self._saved_step = int(trainer.step) if restored else None
        self._log = MetricsLog(path, int(trainer.step)) if writes else None
        logged = [line for line in read_metrics(path) if line["split"] == "train"]
        self._latest = logged[-1] if logged else {}

    def evaluate_on(self, sha256: str) -> None:
        """Says which data evaluations are of; with other data the search for the best begins anew.

        Args:
            sha256: Of the shards, one after the other.
        """
        data, best = np.frombuffer(bytes.fromhex(sha256), np.int64), self._trainer.best_eval
        if (self._trainer.best_eval_data.numpy() == data).all():
            return
        if math.isfinite(float(best)):
            _log.info("other evaluation data than before; best/ begins anew")
        best.assign(math.inf)
        self._trainer.best_eval_data.assign(data)

    def save(self) -> bool:
        """Writes a checkpoint, unless the latest is of this step, and exports the model.

        Returns:
            Whether this process writes.
        """
        if not self._writes:
            return False
        step = int(self._trainer.step)
        if step != self._saved_step:
            self._checkpoints.save(step)
            self._saved_step = step
        save_model(self._trainer.averaged, self.model_dir, step)
        return True

    def models(self) -> list[Path]:
        """Returns the folders of the models in it."""
        return [folder for folder in (self.model_dir, self._best_dir) if find_model_folder(folder)]

    def log(self, split: str, metrics: Mapping[str, float]) -> None:
        """Adds a line to the record, for the "train" or "eval" split."""
        if split == "train":
            self._latest = dict(metrics)
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
            from groovefast.training.plot import plot_training  # matplotlib: only where needed

            plot_training(rows, self.path / "training.png")

    def latest(self) -> dict[str, float]:
        """Returns the latest metrics of training, nothing if there are none."""
        return {
            name: value for name, value in self._latest.items() if name not in ("step", "split")
        }

    def close(self) -> None:
        """Closes the record."""
        if self._log:
            self._log.close()


def has_checkpoint(path: Path) -> bool:
    """Whether the folder holds a run that is past its first checkpoint."""
    return bool(saved_steps(path / CHECKPOINTS))


def begun_precision(path: Path) -> str | None:
    """Returns the precision of the run in a folder, None if there is none.

    Raises:
        GrooveFastError: What is written there of the run is damaged.
    """
    precision = (_begun(path) or {}).get("precision")
    return precision if isinstance(precision, str) else None


def _begun(path: Path) -> dict[str, Any] | None:
    """What is written down of the run in a folder."""
    file = path / RUN_FILE
    try:
        begun = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise GrooveFastError(f"{file}: damaged ({error}); use another folder") from error
    if not isinstance(begun, dict):
        raise GrooveFastError(f"{file}: damaged (no object); use another folder")
    return begun


def _claim(path: Path, wanted: Mapping[str, Any], writes: bool) -> None:
    """Writes down what is trained here, or checks that it is what was begun."""
    begun = _begun(path)
    if begun is not None:
        _refuse_another(path, begun, wanted)
    elif writes:
        write_atomically(path / RUN_FILE, (json.dumps(wanted, indent=2) + "\n").encode())


def _refuse_another(path: Path, begun: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises if what is asked for is not the run that was begun."""
    if not _has_form(begun, wanted):
        raise GrooveFastError(
            f"{path / RUN_FILE}: not a run of this version of groovefast; use another folder"
        )
    pairs = {key: (begun[key], wanted[key]) for key in wanted}
    other = {key: pair for key, pair in pairs.items() if _are_other(key, *pair)}
    differences = [text for key, pair in other.items() for text in sorted(_told(key, *pair))]
    if not differences:
        return
    ways = [_WAYS_ON.get(key, "").format(pair[0]) for key, pair in other.items()]
    go_on = f"give {' and '.join(ways)} to go on, or " if all(ways) else ""
    raise GrooveFastError(
        f"{path}: holds a run with {', '.join(differences)}; {go_on}use another folder"
    )


_WAYS_ON = {
    "seed": "seed {}",
    "precision": "precision {}",
    "data": "the data it was begun with",
    "cutting": "the `hop_bars`, `dedupe` and `min_hits` it was begun with",
    "streamed": "`cache` as when it was begun",
}


def _has_form(begun: Any, wanted: Any) -> bool:
    """Whether both have the same fields, however deep."""
    if not isinstance(wanted, dict) or not isinstance(begun, dict):
        return isinstance(wanted, dict) == isinstance(begun, dict)
    return begun.keys() == wanted.keys() and all(
        _has_form(begun[key], wanted[key]) for key in wanted
    )


def _are_other(key: str, begun: Any, wanted: Any) -> bool:
    """Whether a field differs; that shards give other windows is told by how these are cut."""
    if key == "data":
        return bool(begun["sha256"] != wanted["sha256"])
    return bool(begun != wanted)


def _told(key: str, begun: Any, wanted: Any) -> Iterator[str]:
    """How a field differs."""
    if key == "data":
        yield f"data of {_data(begun)}, not {_data(wanted)}"
    elif key == "streamed":
        ways = "kept in memory", "streamed"
        yield f"data {ways[bool(begun)]}, not {ways[bool(wanted)]}"
    else:
        yield from _differences(begun, wanted, key)


def _data(identity: Any) -> str:
    return "{windows:,} windows (SHA-256 {sha256:.8}…)".format(**identity)


def _differences(begun: Any, wanted: Any, name: str) -> Iterator[str]:
    """What differs, as `name value, not value`."""
    if not isinstance(begun, dict) or not isinstance(wanted, dict):
        if begun != wanted:
            yield f"{name} {begun}, not {wanted}"
    elif begun.get("name") != wanted.get("name"):
        yield from _differences(begun.get("name"), wanted.get("name"), name)
    else:
        for key in wanted:
            yield from _differences(begun[key], wanted[key], key)
