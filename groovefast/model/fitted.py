"""What is fitted to a trained model and kept beside its weights: arrays, and what they are of."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from groovefast.errors import GrooveFastError
from groovefast.files import replacing

Arrays: TypeAlias = "dict[str, npt.NDArray[Any]]"
"""Arrays by name: float32, or of whole numbers."""

_ABOUT = "about"
_WEIGHTS = "weights"
_MINUS_ZERO = 0x8000


def fingerprint(weights: Mapping[str, Any]) -> str:
    """Returns what tells weights from others: a SHA-256 of them in half precision.

    So they are the same before and after they are stored as float16.

    Args:
        weights: Arrays, or what NumPy makes some of, by name.
    """
    digest = hashlib.sha256()
    for name in sorted(weights):
        with np.errstate(over="ignore"):
            array = np.asarray(weights[name]).astype("<f2", order="C")
        bits = array.view("<u2")
        bits[bits == _MINUS_ZERO] = 0  # as whole numbers, since NumPy is slow at halves
        digest.update(f"{name} {array.shape} ".encode())
        digest.update(bits.tobytes())
    return digest.hexdigest()


def write_fitted(file: Path, about: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Writes arrays, and what they are of, whole or not at all.

    Args:
        file: Its name, in a folder that is there.
        about: Plain values, among them the fingerprint of the weights as `weights`.
        arrays: By name; those of floating point are stored as float16.
    """
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    stored: dict[str, Any] = {name: _half(np.asarray(array)) for name, array in arrays.items()}
    stored[_ABOUT] = text
    with replacing(file) as stream:
        np.savez(stream, **stored)
        stream.flush()
        os.fsync(stream.fileno())


def read_fitted(file: Path, weights: str | None = None) -> tuple[dict[str, Any], Arrays]:
    """Reads what `write_fitted` wrote.

    Args:
        file: Its name.
        weights: The fingerprint of the weights that it should be fitted to; any if None.

    Raises:
        GrooveFastError: Damaged, or fitted to other weights.
    """
    try:
        with np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
        own = about[_WEIGHTS]
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise damaged(file, error) from None
    if weights is not None and own != weights:
        raise GrooveFastError(
            f"{file}: fitted to other weights than those beside it; remove it, or fit anew with "
            "groovefast-prior"
        )
    return about, {name: _single(array) for name, array in arrays.items()}


def damaged(file: Path, reason: object) -> GrooveFastError:
    """Returns the error of a file that cannot be understood."""
    return GrooveFastError(f"{file}: damaged ({reason}); fit anew with groovefast-prior")


def is_fitted_to(file: Path, weights: str) -> bool:
    """Whether a file can be read and is fitted to the weights of a fingerprint."""
    try:
        read_fitted(file, weights)
    except (GrooveFastError, OSError):
        return False
    return True


def _half(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float16) if array.dtype.kind == "f" else array


def _single(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float32) if array.dtype.kind == "f" else array
