"""What a model folder is, as far as that can be told without TensorFlow.

It holds `config.json` (the config, and the training steps behind the weights), `weights.npz`, the
model's arrays under Magenta's variable names, and what was fitted to the model: `prior.npz`,
`touch.npz`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from groovefast.config import Config
from groovefast.errors import GrooveFastError
from groovefast.model.models import included_model

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "weights.npz"
PRIOR_FILE, TOUCH_FILE = FITTED_FILES = "prior.npz", "touch.npz"
ONNX_FILES = ("encoder.onnx", "decoder.onnx", "decoder-start.onnx", "decoder-step.onnx")
"""A model's parts as ONNX has them; see `onnx_files`."""
SAVED_MODEL_VERSION = "1"
"""The folder of a SavedModel, in that of all versions, which TensorFlow Serving watches."""
MODEL_OF_RUN = "model"


class Description(NamedTuple):
    """What a model folder says of its model: the config, and the training steps behind it."""

    config: Config
    step: int


def find_model_folder(path: Path) -> Path | None:
    """Returns the model folder at `path`, that of a training run there, or the included one.

    What is on disk comes before what is included.
    """
    for folder in (path, path / MODEL_OF_RUN):
        if (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
            return folder
    return None if is_on_disk(path) else included_model(os.fspath(path))


def is_on_disk(path: Path) -> bool:
    """Whether a name is that of a file or folder, or what a checkpoint's files begin with."""
    return path.exists() or Path(f"{path}.index").exists()


def model_in(path: Path) -> Path | None:
    """Returns the file of a model, or of a part of one, that a model saved at `path` would replace.

    A training run's model counts too: one saved beside it would be taken for it.
    """
    folders = (path, path / MODEL_OF_RUN)
    files = (folder / name for folder in folders for name in (CONFIG_FILE, WEIGHTS_FILE))
    return next((file for file in files if file.exists()), None)


def later_versions(folder: Path) -> list[Path]:
    """Returns the versions in a folder for TensorFlow Serving that it prefers to ours."""
    versions = (path for path in folder.glob("*") if path.name.isdecimal())
    return [path for path in versions if int(path.name) > int(SAVED_MODEL_VERSION)]


def fitted_in(folder: Path) -> list[Path]:
    """Returns the files of what was fitted to the model of a folder, those that are there."""
    files = (folder / name for name in FITTED_FILES)
    return [file for file in files if file.exists()]


def read_description(folder: Path) -> Description:
    """Reads what a model folder says of its model.

    Raises:
        GrooveFastError: It cannot be read.
    """
    file = folder / CONFIG_FILE
    try:
        values = json.loads(file.read_text())
        return Description(Config.from_dict(values["config"]), int(values["step"]))
    except KeyError as error:
        raise GrooveFastError(
            f"{file}: not the description of a model ({error} is missing)"
        ) from None
    except (ValueError, TypeError, GrooveFastError) as error:
        raise GrooveFastError(f"{file}: not the description of a model ({error})") from None


def checkpoint_prefix(folder: Path, step: int) -> Path:
    """Returns where the TensorFlow 1 checkpoint of a step goes."""
    return folder / f"model.ckpt-{step}"
