"""Where training runs and in what precision: names from the command line to TensorFlow objects."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import tensorflow as tf

from groovefast.config import DEVICES, PRECISIONS, STRATEGIES
from groovefast.errors import GrooveFastError, OptionError, WorkerLostError, check_choice

_log = logging.getLogger(__name__)

_CPU_INFO = Path("/proc/cpuinfo")


def choose_strategy(strategy: str = "auto", device: str = "auto") -> tf.distribute.Strategy:
    """Returns the TensorFlow strategy that trains on the machine's devices.

    Args:
        strategy: "mirrored" uses all devices of this machine, "multiworker" those of all machines
            that the environment variable TF_CONFIG names; "auto" is multiworker if it names
            several, mirrored if there are several GPUs, else the one device.
        device: "cpu" or "gpu"; "auto" is the GPU if there is one.

    Raises:
        GrooveFastError: An unknown name, no GPU where one is asked for, or no TF_CONFIG.
        WorkerLostError: The other workers cannot be reached, for now.
    """
    check_choice("strategy", strategy, STRATEGIES)
    check_choice("device", device, DEVICES)
    if device == "gpu" and not tf.config.get_visible_devices("GPU"):
        raise OptionError(
            "device",
            "TensorFlow finds no GPU; install groovefast[gpu] and a CUDA driver, or use cpu",
        )
    workers = count_workers()
    if strategy == "multiworker" and not workers:
        raise OptionError(
            "strategy",
            "multiworker wants TF_CONFIG set to the cluster's workers and this one's index",
        )
    if device == "cpu":
        _hide_gpus()
    # Before anything else touches the devices: TensorFlow joins the cluster only at its start.
    if strategy == "multiworker" or (strategy == "auto" and workers > 1):
        return _join_cluster()
    kind = "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
    devices = [each.name for each in tf.config.list_logical_devices(kind)]
    if strategy == "mirrored" or (kind == "GPU" and len(devices) > 1):
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0])


def _hide_gpus() -> None:
    """Leaves them to others, memory and all."""
    if not tf.config.get_visible_devices("GPU"):
        return
    try:
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError as error:
        raise OptionError(
            "device",
            "TensorFlow uses the GPU already in this process; for cpu, call train before anything "
            "else, or set CUDA_VISIBLE_DEVICES to nothing",
        ) from error


def _join_cluster() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise OptionError(
            "strategy",
            "TensorFlow is already in use in this process; for multiworker, call train before "
            "anything else",
        ) from error
    except tf.errors.OpError as error:  # such as one that still waits for workers of before
        raise WorkerLostError(_cannot_be_joined(error)) from error
    except (ValueError, KeyError) as error:
        raise GrooveFastError(_cannot_be_joined(error)) from error


def _cannot_be_joined(error: Exception) -> str:
    return f"TF_CONFIG: the cluster cannot be joined ({str(error).splitlines()[0]})"


def choose_precision(precision: str, strategy: tf.distribute.Strategy) -> str:
    """Returns what "auto" means on the strategy's devices, or `precision` itself.

    That is mixed_float16 on a GPU, mixed_bfloat16 on a CPU with instructions for it, where it
    trains nearly twice as fast, and float32 elsewhere.

    Raises:
        GrooveFastError: An unknown name.
    """
    check_choice("precision", precision, ("auto", *PRECISIONS))
    on_gpu = runs_on_gpu(strategy)
    if precision == "auto" and on_gpu:
        return "mixed_float16"
    if precision == "auto":
        return "mixed_bfloat16" if _multiplies_bfloat16() else "float32"
    if precision == "mixed_float16" and not on_gpu:
        _log.warning(
            "precision mixed_float16 is slow on a CPU, which has no float16 arithmetic; "
            "float32 or mixed_bfloat16 is faster"
        )
    return precision


def _multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16; only Linux tells."""
    try:
        flags = _CPU_INFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def runs_on_gpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy's devices are GPUs."""
    return any("GPU" in device for device in strategy.extended.worker_devices)


def has_several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes train along."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes checkpoints and logs: the chief, or else the first worker."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return resolver.task_type == first and resolver.task_id in (None, 0)


def count_workers() -> int:
    """Returns how many processes that train TF_CONFIG names; 0 without it.

    Raises:
        GrooveFastError: It is not what TensorFlow wants.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 0
    try:
        cluster = json.loads(text).get("cluster", {})
        return sum(len(cluster.get(job, ())) for job in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise GrooveFastError(f"TF_CONFIG: not the JSON TensorFlow wants ({error})") from error
