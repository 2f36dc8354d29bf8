"""Models on disk: folders of our own; `magenta` has the checkpoints of Magenta."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from groovefast.config import BACKENDS, PRECISIONS, Config, get_config
from groovefast.errors import GrooveFastError, OptionError, check_choice, wanting_extras
from groovefast.files import replacing
from groovefast.model.at_url import local_model
from groovefast.model.fitted import fingerprint, is_fitted_to
from groovefast.model.folder import (
    CONFIG_FILE,
    PRIOR_FILE,
    TOUCH_FILE,
    WEIGHTS_FILE,
    find_model_folder,
    fitted_in,
    read_description,
)
from groovefast.model.numpy_groovae import NumpyGrooVAE
from groovefast.model.plan import Arrays, layers
from groovefast.model.prior import Prior
from groovefast.model.touch import Touch
from groovefast.model.which_config import configs_fitting

if TYPE_CHECKING:
    from groovefast.model.groovae import GrooVAE

Model: TypeAlias = "NumpyGrooVAE | GrooVAE"


def save_model(
    model: Model,
    path: str | os.PathLike[str],
    step: int = 0,
    dtype: npt.DTypeLike = np.float32,
) -> Path:
    """Writes a model folder, each of its files at once; an older model there is replaced.

    With the model go the prior and the touch that are fitted to its weights; others that are there
    already are removed.

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
    weights: dict[str, Any] = {
        name: np.asarray(variable).astype(dtype, copy=False)
        for name, variable in model.weights.items()
    }
    description = json.dumps({"step": step, "config": model.config.to_dict()}, indent=2)
    there = fitted_in(folder)
    own_weights = fingerprint(weights) if there or model.prior or model.touch else ""
    # First: beside weights that it is not fitted to it would be an error.
    for file in there:
        if not is_fitted_to(file, own_weights):
            file.unlink(missing_ok=True)
    # On disk before it takes the place of another: a power cut must not leave neither.
    with replacing(folder / WEIGHTS_FILE) as stream:
        np.savez(stream, **weights)
        _flush(stream)
    with replacing(folder / CONFIG_FILE) as stream:
        stream.write(description.encode() + b"\n")
        _flush(stream)
    _save_fitted(model, folder, own_weights)
    return folder


def save_fitted(model: Model, folder: Path) -> None:
    """Writes what was fitted to a model into the folder that holds its weights.

    What was fitted to weights that it had before is left out.
    """
    if model.prior or model.touch:
        _save_fitted(model, folder, fingerprint(model.weights))


def _save_fitted(model: Model, folder: Path, weights: str) -> None:
    """The same, of weights with a fingerprint."""
    if model.prior and model.prior.fitted_to.weights == weights:
        model.prior.save(folder / PRIOR_FILE)
    if model.touch and model.touch.weights == weights:
        model.touch.save(folder / TOUCH_FILE)


@overload
def load_model(
    path: str | os.PathLike[str],
    config: str | Config | None = None,
    precision: str = "float32",
    *,
    backend: Literal["numpy"] = "numpy",
    fitted: bool = True,
) -> NumpyGrooVAE: ...


@overload
def load_model(
    path: str | os.PathLike[str],
    config: str | Config | None = None,
    precision: str = "float32",
    *,
    backend: Literal["tensorflow"],
    fitted: bool = True,
) -> GrooVAE: ...


@overload
def load_model(
    path: str | os.PathLike[str],
    config: str | Config | None = None,
    precision: str = "float32",
    *,
    backend: str,
    fitted: bool = True,
) -> Model: ...


def load_model(
    path: str | os.PathLike[str],
    config: str | Config | None = None,
    precision: str = "float32",
    *,
    backend: str = "numpy",
    fitted: bool = True,
) -> Model:
    """Loads a model, ready to play.

    Args:
        path: The name of an included model, such as "groovae_2bar_humanize"; a
            model folder, a training run's folder, or a TensorFlow 1 checkpoint of Magenta: its
            prefix (`…/model.ckpt-3668`), folder or .tar file. Or the URL of any of these but a
            name, which is fetched into the cache of this machine; see `cached`.
        config: What a checkpoint of Magenta was trained as; looked for in its name, and then in
            its variables, when None. Its sizes come from the checkpoint. A model folder knows its
            own.
        precision: As for `GrooVAE`; with NumPy always float32.
        backend: What it computes with: "numpy", which is there at once, or "tensorflow", whose
            model can be trained and measured and uses a GPU. They play the same.
        fitted: Whether to load what was fitted to it too, see `InUse.prior`.

    Raises:
        OptionError: An unknown backend, or a precision that it does not have.
        GrooveFastError: Nothing there, not readable, variables that are missing, unknown or
            of another shape, all of them named, or a prior or touch fitted to other weights.
    """
    check_choice("backend", backend, BACKENDS)
    check_choice("precision", precision, PRECISIONS)
    if backend == "numpy" and precision != "float32":
        raise OptionError("precision", f"{precision} is for TensorFlow; NumPy has float32")
    path = local_model(path)
    folder = find_model_folder(path)
    if folder is None:
        own, weights = _magenta().read_model(path, config)
        return _build(own, weights, backend, precision, path)
    own = read_description(folder).config
    if config is not None and get_config(config).name != own.name:
        raise GrooveFastError(f"{path}: a model of {own.name}, not of {get_config(config).name}")
    weights = _read_folder(folder)
    model = _build(own, weights, backend, precision, path)
    if fitted and (there := fitted_in(folder)):
        own_weights = fingerprint(weights)
        if folder / PRIOR_FILE in there:
            model.prior = Prior.load(folder / PRIOR_FILE, own_weights)
        if folder / TOUCH_FILE in there:
            model.touch = Touch.load(folder / TOUCH_FILE, own_weights)
    return model


def load_weights(path: str | os.PathLike[str], config: Config) -> Arrays:
    """Reads the weights of a model for one of `config`, whichever it was trained as.

    Args:
        path: As for `load_model`.
        config: Of the model that takes them.

    Returns:
        Float32 arrays by Magenta's variable names.

    Raises:
        GrooveFastError: As for `load_model`.
    """
    path = local_model(path)
    folder = find_model_folder(path)
    weights = _magenta().read_weights(path) if folder is None else _read_folder(folder)
    _check_variables(config, weights, path)
    return weights


def saved_step(path: str | os.PathLike[str]) -> int:
    """Returns the training steps behind a model, of either kind; 0 where nothing tells."""
    path = local_model(path)
    folder = find_model_folder(path)
    if folder is not None:
        return read_description(folder).step
    return int(_magenta().read_step(path))


def _magenta() -> ModuleType:
    """What reads checkpoints of Magenta, with TensorFlow."""
    with wanting_extras():
        from groovefast.model import magenta
    return magenta


def _read_folder(folder: Path) -> Arrays:
    """The variables of a model folder."""
    file = folder / WEIGHTS_FILE
    try:
        with np.load(file) as arrays:
            return {name: value.astype(np.float32, copy=False) for name, value in arrays.items()}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise GrooveFastError(f"{file}: damaged ({error})") from None


def _flush(file: BinaryIO) -> None:
    """Brings what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def _check_variables(config: Config, weights: Arrays, source: Path) -> None:
    """Raises unless these are exactly the variables that a model of `config` has."""
    wanted = layers(config).shapes()
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
        others = " or ".join(each.name for each in configs_fitting(weights))
        known = f", but of {others}" if others else ""
        raise GrooveFastError(f"{source}: not the variables of a {config.name}{known}: {lists}")


def _build(config: Config, weights: Arrays, backend: str, precision: str, source: Path) -> Model:
    """The model of these weights."""
    _check_variables(config, weights, source)
    if backend == "numpy":
        return NumpyGrooVAE(config, weights)
    with wanting_extras():
        from groovefast.model.groovae import GrooVAE

    model = GrooVAE(config, precision)
    for name, variable in model.weights.items():
        variable.assign(weights[name])
    model.warm_up()
    return model
