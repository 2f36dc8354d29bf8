"""GrooveFast's own training step, with its input pipeline: the other worker of `gpu_train.py`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import tensorflow as tf
from training_worker import PRECISIONS, Steps, serve_training, task

from groovefast.config import get_config
from groovefast.training.devices import choose_strategy
from groovefast.training.step import Trainer
from groovefast.windows.dataset import load_dataset


def trainer(options: dict[str, Any], precision: str, strategy: tf.distribute.Strategy) -> Steps:
    """The steps of a fresh model, on the converted windows."""
    config = get_config(options["config"]).with_hparams(options["hparams"])
    model = Trainer(config, strategy, precision)
    batch_size = options["batch_size"]
    batches = strategy.distribute_datasets_from_function(
        lambda _: load_dataset(options["shards"], config, batch_size, repeat=True)
    )
    iterator = iter(batches)

    def steps(count: int) -> float:
        model.clear_means()
        model.run(iterator, tf.constant(count))
        return model.means()["loss"]  # waits for the device

    return steps


def profile(steps: Steps) -> str:
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            steps(1)
        traces = Path(folder).rglob("*.xplane.pb")
        return "".join(trace.read_bytes().decode("latin-1") for trace in traces)


def main() -> None:
    options = task()
    strategy = choose_strategy(device=options["device"])
    train = {precision: trainer(options, precision, strategy) for precision in PRECISIONS}
    gpus = tf.config.list_physical_devices("GPU") if options["device"] != "cpu" else []
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus[:1]]
    device = details[0].get("device_name", "GPU") if details else "CPU"
    serve_training(tf.__version__, device, train, profile)


if __name__ == "__main__":
    main()
