"""The output folder of a conversion at a URL: a folder of this machine whose shards go up.

What is there always says truly what it holds, as `output` has it, with one difference: the journal
may lag behind, or name a shard that is still on its way, which a later run then makes again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from groovefast.conversion.output import OutputFolder
from groovefast.errors import GrooveFastError
from groovefast.mirror import TRANSFERS, Mirror
from groovefast.remote import Place, RemoteError, is_url
from groovefast.shards.manifest import JOURNAL, MANIFEST, SHARD_NAME, Plan, ShardEntry
from groovefast.shards.tfds_files import TFDS_FILES

_BESIDE = (*TFDS_FILES, MANIFEST, JOURNAL)
_JOURNAL_SECONDS = 10.0
"""Between two times that the journal goes up: what is written there is a whole file each time."""


def open_output(output_dir: str | os.PathLike[str], resume: bool) -> OutputFolder:
    """Takes hold of the folder that a conversion writes to, wherever it is.

    Args:
        output_dir: A path or a URL.
        resume: Whether shards that are there will be looked at, rather than made anew.

    Raises:
        GrooveFastError: As `OutputFolder`; or what is at the URL cannot be read.
        OSError: As `OutputFolder`.
    """
    if is_url(output_dir):
        return UrlOutputFolder(os.fspath(output_dir), resume)
    return OutputFolder(output_dir)


class UrlOutputFolder(OutputFolder):
    """A folder at a URL while a conversion writes to it; that no other does is not looked after.

    Each shard goes up when it is complete, and is then gone from here; the manifest is last.
    """

    def __init__(self, url: str, resume: bool) -> None:
        """Makes a folder here with what is at the URL.

        Where shards are to be made anew, an empty file stands for each that is there.
        """
        place = Place.of(url)
        there = place.listing()
        self._there = [name for name in there if name in _BESIDE or SHARD_NAME.fullmatch(name)]
        self._room = Path(tempfile.mkdtemp(prefix="groovefast-"))
        try:
            folder = self._room / "records"
            super().__init__(folder)
            self._mirror = Mirror(place, folder)
            self._mirror.fetch(there[name] for name in self._there if resume or name in _BESIDE)
            for name in self._there:
                (folder / name).touch()
        except BaseException:
            shutil.rmtree(self._room, ignore_errors=True)
            raise
        self._pool = ThreadPoolExecutor(TRANSFERS)
        self._uploads: list[Future[None]] = []
        self._journal_lock = threading.Lock()
        self._journal_at = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        with contextlib.suppress(RemoteError):
            if self._journal:
                self._put_journal()
        super().__exit__(*error)
        shutil.rmtree(self._room, ignore_errors=True)
        if isinstance(error[1], GrooveFastError):
            self._mirror.name_in(error[1])

    def told(self, line: str) -> str:
        """Returns a line with the URL in it."""
        return self._mirror.told(line)

    def begin(self, plan: Plan, keep: Iterable[ShardEntry] = ()) -> int:
        """Clears the folder here and then at the URL; see `OutputFolder`."""
        removed = super().begin(plan, keep)
        gone = [name for name in self._there if not (self.path / name).exists()]
        self._put_journal()  # first, since it is by journal or manifest that shards are known
        self._mirror.remove(*sorted(gone, key=_shards_first))
        return removed

    def add(self, entry: ShardEntry) -> None:
        """Notes that a shard is complete, and has it go up.

        Raises:
            RemoteError: An earlier one could not be put.
        """
        super().add(entry)
        for upload in [each for each in self._uploads if each.done()]:
            self._uploads.remove(upload)
            upload.result()
        self._uploads.append(self._pool.submit(self._put_up, entry.name))

    def finish(self, plan: Plan, shards: Iterable[ShardEntry]) -> None:
        """Puts up the manifest, and what follows from it, when all shards are there.

        Raises:
            RemoteError: One could not be put.
        """
        for upload in self._uploads:
            upload.result()
        self._put_journal()  # for a later run, should what follows fail
        super().finish(plan, shards)
        self._mirror.put(*TFDS_FILES, MANIFEST)
        self._mirror.remove(JOURNAL)

    def _put_up(self, name: str) -> None:
        self._mirror.put(name)
        (self.path / name).unlink()
        if time.monotonic() - self._journal_at > _JOURNAL_SECONDS:
            self._put_journal()

    def _put_journal(self) -> None:
        """Puts up what the journal says now, if there is one; it may grow meanwhile."""
        with self._journal_lock, contextlib.suppress(FileNotFoundError):
            said = shutil.copyfile(self.path / JOURNAL, self._room / JOURNAL)
            (self._mirror.place / JOURNAL).put(Path(said))
            self._journal_at = time.monotonic()


def _shards_first(name: str) -> bool:
    return name in _BESIDE
