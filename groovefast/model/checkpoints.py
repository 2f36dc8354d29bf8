"""Models on disk: folders of our own, and TensorFlow 1 checkpoints of Magenta in and out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from groovefast.config import CONFIGS, Config, get_config
from groovefast.errors import GrooveFastError
from groovefast.model.folder import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    checkpoint_prefix,
    find_model_folder,
    read_description,
)
from groovefast.model.groovae import GrooVAE, decoder_scope, encoder_scope, variable_shapes
from groovefast.model.models import included_models

Weights: TypeAlias = "dict[str, npt.NDArray[np.float32]]"

UNREADABLE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
"""What TensorFlow raises for a checkpoint that is cut off or something else."""

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
_TF2_MARK = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NOT_WEIGHTS = re.compile(
    r"(^|/)(global_step|local_step|beta[12]_power(_\d+)?|opaque_kernel\w*|Adam\w*"
    r"|ExponentialMovingAverage|moving_(mean|variance|average))(/|$)"
)
"""What training left in a checkpoint beside the model: optimizer slots, statistics, counters."""


# --- Model folders --------------------------------------------------------------------------


def save_model(
    model: GrooVAE,
    path: str | os.PathLike[str],
    step: int = 0,
    dtype: npt.DTypeLike = np.float32,
) -> Path:
    """Writes a model folder, each of its files at once; an older model there is replaced.

    Args:
        model: What to save.
        path: The folder, made if need be.
        step: Training steps behind the weights, for `saved_step`.
        dtype: What the weights are stored in; float16 takes half the room.

    Returns:
        The folder.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: variable.numpy().astype(dtype, copy=False) for name, variable in model.weights.items()
    }
    description = json.dumps({"step": step, "config": model.config.to_dict()}, indent=2)
    with _replacing(folder / WEIGHTS_FILE) as file:
        np.savez(file, **weights)
    with _replacing(folder / CONFIG_FILE) as file:
        file.write(description.encode() + b"\n")
    return folder


def load_model(
    path: str | os.PathLike[str],
    config: str | Config | None = None,
    precision: str = "float32",
) -> GrooVAE:
    """Loads a model, ready to sample.

    Args:
        path: The name of an included model, such as "groovae_2bar_humanize"; a
            model folder, a training run's folder, or a TensorFlow 1 checkpoint of Magenta: its
            prefix (`…/model.ckpt-3668`), folder or .tar file.
        config: What a checkpoint of Magenta was trained as; looked for in its name when None.
            Its sizes come from the checkpoint. A model folder knows its own.
        precision: As for `GrooVAE`.

    Raises:
        GrooveFastError: Nothing there, not readable, or variables that are missing, unknown or
            of another shape: all are named.
    """
    path = Path(path)
    folder = find_model_folder(path)
    if folder is None:
        return _import_magenta(path, config, precision)
    own = read_description(folder).config
    if config is not None and get_config(config).name != own.name:
        raise GrooveFastError(f"{path}: a model of {own.name}, not of {get_config(config).name}")
    return _build(own, _read_folder(folder), precision, path)


def load_weights(path: str | os.PathLike[str], config: Config) -> Weights:
    """Reads the weights of a model for one of `config`, whichever it was trained as.

    Args:
        path: As for `load_model`.
        config: Of the model that takes them.

    Returns:
        Float32 arrays by Magenta's variable names.

    Raises:
        GrooveFastError: As for `load_model`.
    """
    path = Path(path)
    folder = find_model_folder(path)
    if folder is not None:
        weights = _read_folder(folder)
    else:
        with _checkpoint_prefix(path) as prefix:
            weights = _read_weights(prefix)
    _check_variables(config, weights, path)
    return weights


def saved_step(path: str | os.PathLike[str]) -> int:
    """Returns the training steps behind a model, of either kind; 0 where nothing tells."""
    folder = find_model_folder(Path(path))
    if folder is not None:
        return read_description(folder).step
    with _checkpoint_prefix(Path(path)) as prefix, _reading(prefix) as reader:
        named = reader.has_tensor("global_step")
        return int(reader.get_tensor("global_step")) if named else 0


def _read_folder(folder: Path) -> Weights:
    """The variables of a model folder."""
    file = folder / WEIGHTS_FILE
    try:
        with np.load(file) as arrays:
            return {name: value.astype(np.float32, copy=False) for name, value in arrays.items()}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise GrooveFastError(f"{file}: damaged ({error})") from None


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """A file that takes its name, or another's place, only when complete and on disk."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Removes from a model folder what a killed `save_model` was just writing."""
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        for unfinished in path.glob(f".{name}.*"):
            unfinished.unlink()


# --- TensorFlow 1 checkpoints ---------------------------------------------------------------


def export_tf1(model: GrooVAE, path: str | os.PathLike[str], step: int = 0) -> Path:
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
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{prefix.name}"\n')
    return prefix


def _import_magenta(path: Path, config: str | Config | None, precision: str) -> GrooVAE:
    with _checkpoint_prefix(path) as prefix:
        chosen = _config_named_by(path) if config is None else get_config(config)
        weights = _read_weights(prefix)
    return _build(_with_sizes(chosen, weights), weights, precision, path)


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


def _read_weights(prefix: Path) -> Weights:
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


def _config_named_by(path: Path) -> Config:
    """The config whose name is in that of the checkpoint or its folder."""
    names = sorted(CONFIGS, key=len, reverse=True)
    path = path.resolve()
    for part in (path.name, path.parent.name):
        for name in names:
            if name in part:
                return CONFIGS[name]
    raise GrooveFastError(
        f"{path}: its name does not tell the config it was trained as; give it with --config"
    )


def _with_sizes(config: Config, weights: Mapping[str, npt.NDArray[np.float32]]) -> Config:
    """The config with the layers and sizes that a checkpoint shows."""

    def sizes(scopes: Iterator[str]) -> tuple[tuple[int, ...], bool]:
        """Units of the cells that are there, and whether they project their inputs."""
        units, project = [], False
        for scope in scopes:
            plain, wrapped = f"{scope}/lstm_cell", f"{scope}/input_projection_wrapper/lstm_cell"
            bias = weights.get(f"{wrapped}/bias", weights.get(f"{plain}/bias"))
            if bias is None:
                break
            project = project or f"{wrapped}/bias" in weights
            units.append(len(bias) // 4)
        return tuple(units), project

    hparams = config.hparams
    most = range(len(weights))
    enc_rnn_size, residual_encoder = sizes(encoder_scope(level, "fw") for level in most)
    dec_rnn_size, residual_decoder = sizes(decoder_scope(layer) for layer in most)
    z_bias = weights.get("encoder/mu/bias")
    return dataclasses.replace(
        config,
        hparams=dataclasses.replace(
            hparams,
            enc_rnn_size=enc_rnn_size or hparams.enc_rnn_size,
            dec_rnn_size=dec_rnn_size or hparams.dec_rnn_size,
            residual_encoder=residual_encoder,
            residual_decoder=residual_decoder,
            z_size=hparams.z_size if z_bias is None else len(z_bias),
        ),
    )


def _check_variables(config: Config, weights: Weights, source: Path) -> None:
    """Raises unless these are exactly the variables that a model of `config` has."""
    wanted = variable_shapes(config)
    problems = {
        "missing": sorted(wanted.keys() - weights.keys()),
        "extra": sorted(weights.keys() - wanted.keys()),
        "misshapen": [
            f"{name} {weights[name].shape} instead of {shape}"
            for name, shape in wanted.items()
            if name in weights and weights[name].shape != shape
        ],
    }
    if any(problems.values()):
        lists = "; ".join(
            f"{kind}: {', '.join(names)}" for kind, names in problems.items() if names
        )
        raise GrooveFastError(f"{source}: not the variables of a {config.name}: {lists}")


def _build(config: Config, weights: Weights, precision: str, source: Path) -> GrooVAE:
    """The model of these weights."""
    _check_variables(config, weights, source)
    model = GrooVAE(config, precision)
    for name, variable in model.weights.items():
        variable.assign(weights[name])
    model.warm_up()
    return model
