"""The written record of a run: `metrics.jsonl`, and the same numbers for TensorBoard.

A line of `metrics.jsonl` is `{"step": 20, "split": "train", "loss": …, "losses/r_loss": …}`, its
names those of Magenta's summaries. TensorBoard reads the folders `train` and `eval` beside it.
"""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from groovefast.files import write_atomically

METRICS_FILE = "metrics.jsonl"


class MetricsLog:
    """Appends the metrics of a run."""

    def __init__(self, run_dir: Path, step: int) -> None:
        """Opens the log of a run that stands at `step`; what was logged after that is dropped."""
        self._path = run_dir / METRICS_FILE
        self._run_dir = run_dir
        self._step = step
        self._events: dict[str, _EventFile] = {}
        _truncate(self._path, step)

    def write(self, step: int, split: str, metrics: Mapping[str, float]) -> None:
        """Appends the metrics of the "train" or "eval" split; they are on disk on return."""
        # JSON has no NaN.
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "split": split, **finite}) + "\n")
        if split not in self._events:
            self._events[split] = _EventFile(self._run_dir / split, self._step)
        self._events[split].write(step, metrics)

    def close(self) -> None:
        """Closes the files."""
        for events in self._events.values():
            events.close()


def read_metrics(run_dir: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Returns the lines of a run's `metrics.jsonl`, none if there is no such file.

    A last line that is cut off, by a crash, is left out, and so are lines that a power cut spoiled.
    """
    path = Path(run_dir) / METRICS_FILE
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = map(_parse, text[: text.rfind("\n") + 1].splitlines())
    return [line for line in lines if line is not None]


def _parse(line: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(line)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def plot_rows(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns lines of the record as `plot.plot_training` takes them: `r_loss`, `eval_r_loss`."""
    rows = []
    for line in lines:
        prefix = "eval_" if line["split"] == "eval" else ""
        metrics = {
            prefix + name.split("/", 1)[-1]: value
            for name, value in line.items()
            if name not in ("step", "split")
        }
        rows.append({"step": line["step"], **metrics})
    return rows


def _truncate(path: Path, step: int) -> None:
    """Drops the lines after `step`."""
    if not path.exists():
        return
    kept = [json.dumps(line) + "\n" for line in read_metrics(path.parent) if line["step"] <= step]
    write_atomically(path, "".join(kept).encode())


class _EventFile:
    """A TensorBoard event file: a TFRecord of `Event` protocol buffers.

    Written here because `tf.summary` needs the tensorboard package, which nothing else here does.
    """

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns():020d}.{socket.gethostname()}.{os.getpid()}"
        self._writer = tf.io.TFRecordWriter(str(folder / name))
        event = tf.compat.v1.Event
        self._append(event(file_version="brain.Event:2"))
        # TensorBoard drops what earlier files say about this step and later ones.
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._append(event(step=step + 1, session_log=start))

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        summary = tf.compat.v1.Summary()
        for name, value in metrics.items():
            summary.value.add(tag=name, simple_value=value)
        self._append(tf.compat.v1.Event(step=step, summary=summary))

    def close(self) -> None:
        self._writer.close()

    def _append(self, event: Any) -> None:
        event.wall_time = time.time()
        self._writer.write(event.SerializeToString())
        self._writer.flush()
