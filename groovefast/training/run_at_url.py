"""The folder of a run wherever it is: at a URL it is a folder here, and what is complete goes up.

What is there when a run goes on is fetched, so that it may do so on another machine. Checkpoints
go up data first, index last, and those there are too many of are removed after that, so that the
latest at the URL is always whole.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from groovefast.errors import GrooveFastError
from groovefast.mirror import Mirror
from groovefast.model.folder import FITTED_FILES
from groovefast.remote import Place, RemoteError, is_url
from groovefast.training.metrics import METRICS_FILE
from groovefast.training.run_folder import CHECKPOINTS, RUN_FILE

_log = logging.getLogger(__name__)

_FETCHED = (CHECKPOINTS, "model", "best")
_INDEX = ".index"


class RunHere:
    """A run in a folder of this machine.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        """Knows the folder, which there need not be."""
        self.path = path

    def saved(self) -> None:
        """Is called when a checkpoint is written."""

    def called(self, folder: Path) -> Path | str:
        """Returns what a user calls a folder in it."""
        return folder


class RunAtUrl(RunHere):
    """A run at a URL; that nobody else trains in it is not looked after."""

    def __init__(self, url: str) -> None:
        """Fetches what there is into a new folder.

        Raises:
            GrooveFastError: It cannot be had.
            OSError: There is no room for it.
        """
        place = Place.of(url)
        super().__init__(Path(tempfile.mkdtemp(prefix="groovefast-run-")))
        self.mirror = Mirror(place, self.path)
        self._writes = self._is_behind = False
        try:
            with contextlib.suppress(FileNotFoundError):
                self.mirror.fetch(file for file in place.files() if _is_fetched(file.name))
        except BaseException:
            self.remove()
            raise

    def saved(self) -> None:
        """Puts up what is new; where that fails, training goes on, and it is told."""
        self._writes = True
        try:
            self._put_up()
        except RemoteError as error:
            _log.warning("%s; trying again at the next checkpoint", error)

    def finish(self) -> None:
        """Puts up what is new at the end.

        Raises:
            GrooveFastError: That fails; says where the run is.
        """
        if not self._writes:  # others do
            return
        try:
            self._put_up()
        except RemoteError as error:
            raise GrooveFastError(f"{error}; {self._where_it_is()}") from None

    def remove(self) -> None:
        """Removes the folder here, unless there is something in it that could not be put up."""
        if self._is_behind:
            _log.warning("%s", self._where_it_is())
        else:
            shutil.rmtree(self.path, ignore_errors=True)

    def called(self, folder: Path) -> str:
        """Returns the URL of a folder in it."""
        return self.mirror.told(str(folder))

    def _put_up(self) -> None:
        self._is_behind = True
        # First, since beside weights that it is not fitted to it would be an error.
        self.mirror.remove(*(name for name in self.mirror.gone() if name.endswith(FITTED_FILES)))
        files = (path for path in self.path.rglob("*") if path.is_file())
        names = (path.relative_to(self.path).as_posix() for path in files)
        self.mirror.put(*sorted(filter(_is_whole, names), key=_turn))
        self.mirror.remove(*sorted(self.mirror.gone(), key=lambda name: not name.endswith(_INDEX)))
        self._is_behind = False

    def _where_it_is(self) -> str:
        return f"what is not there is in {self.path}"


@contextlib.contextmanager
def open_run(run_dir: str | os.PathLike[str]) -> Iterator[RunHere]:
    """Opens the folder of a run, at a path or a URL, to train in it.

    Raises:
        GrooveFastError: What is at a URL cannot be had, or what is new not put there.
    """
    if not is_url(run_dir):
        yield RunHere(Path(run_dir))
        return
    run = RunAtUrl(os.fspath(run_dir))
    try:
        with run.mirror.in_errors():
            yield run
        run.finish()
    finally:
        run.remove()


def _is_fetched(name: str) -> bool:
    """Whether a run goes on with a file: not what only TensorBoard reads, or what is drawn anew."""
    return name in (RUN_FILE, METRICS_FILE) or name.partition("/")[0] in _FETCHED


def _is_whole(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _turn(name: str) -> tuple[int, str]:
    """When a file goes up."""
    if name == RUN_FILE:
        return 0, name
    if name.startswith(f"{CHECKPOINTS}/"):
        return 2 if name.endswith(_INDEX) else 1, name
    return 4 if name.endswith(FITTED_FILES) else 3, name
