"""Magenta's models: TensorFlow 1 checkpoints, in and out.

Our variables have the names of theirs, see `layers`.
"""

from __future__ import annotations

import contextlib
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from groovefast.config import Config, get_config
from groovefast.errors import GrooveFastError
from groovefast.files import write_atomically
from groovefast.model.folder import checkpoint_prefix
from groovefast.model.in_use import InUse
from groovefast.model.models import included_models
from groovefast.model.plan import Arrays
from groovefast.model.which_config import recognised, with_sizes

UNREADABLE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
"""What TensorFlow raises for a checkpoint that is cut off or something else."""

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
_TF2_MARK = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NOT_WEIGHTS = re.compile(
    r"(^|/)(global_step|local_step|beta[12]_power(_\d+)?|opaque_kernel\w*|Adam\w*"
    r"|ExponentialMovingAverage|moving_(mean|variance|average))(/|$)"
)
"""What training left in a checkpoint beside the model: optimizer slots, statistics, counters."""


def export_tf1(model: InUse, path: str | os.PathLike[str], step: int = 0) -> Path:
    """Writes a checkpoint that TensorFlow 1, and so Magenta, restores by variable name.

    Args:
        model: What to write.
        path: The checkpoint's folder, made if need be.
        step: Its `global_step`.

    Returns:
        The checkpoint's prefix, `path/model.ckpt-STEP`.

    Raises:
        GrooveFastError: It cannot be written.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    prefix = checkpoint_prefix(folder, step)
    tensors = {name: tf.convert_to_tensor(value) for name, value in model.weights.items()}
    tensors["global_step"] = tf.constant(step, tf.int64)
    names = sorted(tensors)
    try:
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tensors[name] for name in names],
        )
    except tf.errors.OpError as error:
        reason = str(error.message).splitlines()[0]
        raise GrooveFastError(f"{prefix}: cannot be written ({reason})") from None
    latest = f'model_checkpoint_path: "{prefix.name}"\n'
    write_atomically(folder / "checkpoint", latest.encode())
    return prefix


def read_model(path: Path, config: str | Config | None) -> tuple[Config, Arrays]:
    """Reads a checkpoint.

    Args:
        path: Its prefix, folder or .tar file.
        config: What it was trained as; looked for in its name, then in its variables, when None.

    Returns:
        The config, with the sizes of the checkpoint, and all weights that are there.

    Raises:
        GrooveFastError: Nothing there, not readable, or nothing tells the config.
    """
    with _checkpoint_prefix(path) as prefix:
        weights = _read_weights(prefix)
        there = path.resolve()
        names = there.name, prefix.name, there.parent.name
    chosen = recognised(names, weights, path) if config is None else get_config(config)
    return with_sizes(chosen, weights), weights


def read_weights(path: Path) -> Arrays:
    """Reads all weights of a checkpoint; arguments and errors as of `read_model`."""
    with _checkpoint_prefix(path) as prefix:
        return _read_weights(prefix)


def read_step(path: Path) -> int:
    """Reads the training steps behind a checkpoint, 0 where it does not tell; as `read_model`."""
    with _checkpoint_prefix(path) as prefix, _reading(prefix) as reader:
        named = reader.has_tensor("global_step")
        return int(reader.get_tensor("global_step")) if named else 0


@contextlib.contextmanager
def _checkpoint_prefix(path: Path) -> Iterator[Path]:
    """The prefix of the checkpoint at `path`; a .tar's lies unpacked only meanwhile."""
    if path.is_dir():
        latest = tf.train.latest_checkpoint(str(path))
        yield Path(latest) if latest else _only_prefix(path, path)
    elif path.with_name(path.name + ".index").is_file():
        yield path
    elif path.name.endswith(_TAR_ENDINGS) and path.is_file():
        with tempfile.TemporaryDirectory(prefix="groovefast-") as folder:
            _unpack(path, Path(folder))
            yield _only_prefix(Path(folder), path)
    elif path.exists():
        raise GrooveFastError(f"{path}: not a model; name its folder, checkpoint prefix or .tar")
    else:
        raise GrooveFastError(
            f"{path}: no such model; name its folder, checkpoint prefix or "
            f".tar, or one of those included ({', '.join(included_models())})"
        )


def _only_prefix(folder: Path, source: Path) -> Path:
    """The one checkpoint in a folder."""
    prefixes = sorted(index.with_suffix("") for index in folder.glob("*.index"))
    if not prefixes:
        raise GrooveFastError(f"{source}: no model and no checkpoint in it")
    if len(prefixes) > 1:
        names = ", ".join(prefix.name for prefix in prefixes)
        raise GrooveFastError(f"{source}: several checkpoints in it ({names}); name one")
    return prefixes[0]


def _unpack(archive: Path, folder: Path) -> None:
    """Unpacks the checkpoint files of a .tar, wherever in it they are, side by side."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                content = (
                    tar.extractfile(member) if re.search(r"\.(index|data-.*)$", name) else None
                )
                if content:
                    (folder / name).write_bytes(content.read())
    except (tarfile.TarError, zlib.error, KeyError, EOFError, OSError) as error:
        raise GrooveFastError(f"{archive}: not a readable .tar ({error})") from None


@contextlib.contextmanager
def _reading(prefix: Path) -> Iterator[Any]:
    """A reader of the checkpoint, its errors as ours."""
    try:
        yield tf.train.load_checkpoint(str(prefix))
    except UNREADABLE as error:
        reason = str(error).splitlines()[0]
        raise GrooveFastError(f"{prefix}: not a readable checkpoint ({reason})") from None


def _read_weights(prefix: Path) -> Arrays:
    """The model's variables of a checkpoint."""
    with _reading(prefix) as reader:
        names = [name for name in reader.get_variable_to_shape_map() if name]
        if _TF2_MARK in names:
            raise GrooveFastError(
                f"{prefix}: a checkpoint of TensorFlow 2; of a training run, name its folder"
            )
        return {
            name: np.asarray(reader.get_tensor(name), np.float32)
            for name in names
            if not _NOT_WEIGHTS.search(name)
        }
