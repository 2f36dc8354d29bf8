"""Models at URLs: which files of one are fetched, and where they are then."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path

from groovefast.cached import cached
from groovefast.errors import GrooveFastError
from groovefast.model.folder import CONFIG_FILE, FITTED_FILES, MODEL_OF_RUN, WEIGHTS_FILE
from groovefast.remote import Place, RemoteFile, is_url

_OWN = (CONFIG_FILE, WEIGHTS_FILE)


def local_model(path: str | os.PathLike[str]) -> Path:
    """Returns where a model is on this machine: one at a URL is fetched into the cache.

    Args:
        path: What `load_model` takes: that of a run or a model folder, of a file or folder of
            Magenta, or what the names of a checkpoint's files begin with; or a name.

    Raises:
        GrooveFastError: There is nothing at the URL, or it cannot be had.
        OSError: The cache cannot be written to.
    """
    if not is_url(path):
        return Path(path)
    url = os.fspath(path).rstrip("/")
    folder, _, name = url.rpartition("/")
    try:
        return cached(url, _model_in)
    except FileNotFoundError:
        return cached(folder, functools.partial(_named, name)) / name


def _model_in(place: Place) -> Mapping[str, RemoteFile]:
    """The files of the model in a folder, or in that of a run; or else all that are right in it."""
    there = {file.name: file for file in place.files() if file.name}
    for below in ("", f"{MODEL_OF_RUN}/"):
        if all(below + name in there for name in _OWN):
            names = (below + name for name in (*_OWN, *FITTED_FILES))
            return {name: there[name] for name in names if name in there}
    direct = {name: file for name, file in there.items() if "/" not in name}
    if not direct:
        raise FileNotFoundError(place.url)
    return direct


def _named(name: str, place: Place) -> Mapping[str, RemoteFile]:
    """The file of a name, or those of a checkpoint whose names begin with it."""
    there = place.listing()
    found = {
        each: file for each, file in there.items() if each == name or each.startswith(f"{name}.")
    }
    if not found:
        raise GrooveFastError(f"{place.url}/{name}: no such model")
    return found
