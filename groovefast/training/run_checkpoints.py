"""The checkpoints of a training run, `step-N` each, of which a kill leaves none half written.

A checkpoint is written under another name first and takes its own file by file, the index last. So
one with an index is whole, whatever a list of them may say.
"""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import tensorflow as tf

from groovefast.errors import GrooveFastError
from groovefast.model.magenta import UNREADABLE

_log = logging.getLogger(__name__)

_INDEX = re.compile(r"step-(\d+)\.index")
_DATA = re.compile(r"(step-\d+)\.data-\d+-of-\d+")
_UNFINISHED = ".unfinished"


class RunCheckpoints:
    """The checkpoints in a folder.

    Attributes:
        path: The folder.
        keep: How many of the latest to keep.
    """

    def __init__(self, path: Path, tracked: tf.Module, keep: int) -> None:
        """Saves and restores the variables of `tracked` in the folder `path`."""
        self.path = path
        self.keep = keep
        self._checkpoint = tf.train.Checkpoint(trainer=tracked)

    def save(self, step: int) -> None:
        """Writes the checkpoint of a step and removes those there are too many of."""
        unfinished = self.path / _UNFINISHED
        self._checkpoint.write(str(unfinished))
        for part in sorted(self.path.glob(f"{_UNFINISHED}.*"), key=_index_last):
            part.replace(self.path / f"step-{step}{part.name.removeprefix(_UNFINISHED)}")
        for old in saved_steps(self.path)[: -self.keep]:
            self._remove(old)

    def restore(self) -> bool:
        """Takes the latest checkpoint, if any; should a power cut have spoiled it, one before.

        Returns:
            Whether there was one.

        Raises:
            GrooveFastError: There are some, but none can be read.
        """
        steps = saved_steps(self.path)
        if steps and not any(map(self._restored, reversed(steps))):
            raise GrooveFastError(
                f"{self.path.parent}: none of its checkpoints can be read; use another folder"
            )
        return bool(steps)

    def _restored(self, step: int) -> bool:
        prefix = self.path / f"step-{step}"
        try:
            self._checkpoint.read(str(prefix)).assert_consumed()
        except (*UNREADABLE, AssertionError) as error:
            reason = str(error).splitlines()[0]
            _log.warning("%s cannot be read (%s); going back to an earlier one", prefix, reason)
            return False
        return True

    def sweep(self) -> None:
        """Removes what a killed run was just writing or removing."""
        whole = {f"step-{step}" for step in saved_steps(self.path)}
        for part in self.path.glob("*"):
            data = _DATA.fullmatch(part.name)
            if part.name.startswith(_UNFINISHED):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
            elif data and data[1] not in whole:
                part.unlink()

    def _remove(self, step: int) -> None:
        (self.path / f"step-{step}.index").unlink()
        for part in self.path.glob(f"step-{step}.data-*"):
            part.unlink()


def saved_steps(path: Path) -> list[int]:
    """Returns the steps whose checkpoints are whole in a folder, in order."""
    names = (_INDEX.fullmatch(file.name) for file in path.glob("*.index"))
    return sorted(int(name[1]) for name in names if name)


def _index_last(part: Path) -> bool:
    return part.suffix == ".index"
