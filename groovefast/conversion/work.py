"""Work for another process or machine: shards to be made, with all that it takes to make them.

A worker knows nothing of the corpus but what it is sent, and looks through no folder: so its shards
are those of one machine to the byte. Several workers may make the same shard, one after another or
at once, as one of them is thought to be lost. Each attempt has a folder of its own, and beside it,
once its shards are whole, a note of what is in them. What counts is the attempt that is taken up
first; see `output.Attempts`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import pickle
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from groovefast import _records
from groovefast.conversion.archives import ArchiveError, Archives
from groovefast.conversion.corpus import Corpus
from groovefast.conversion.job import Job, PlannedShard, Told
from groovefast.conversion.options import Options
from groovefast.errors import GrooveFastError
from groovefast.files import naming, write_atomically
from groovefast.remote import READERS, Place, is_url
from groovefast.shards import manifest
from groovefast.shards.manifest import ShardEntry

NOTE_ENDING = ".json"
"""Of the note that says an attempt is whole."""

_STORE = "work.pickle"


class SentFile(NamedTuple):
    """A file, as a worker is told of it.

    Attributes:
        number: In the corpus.
        folder: The input that it was found in, which its name goes on from.
        name: As it stands in its records.
        trail: Its place in the archive in which it is, if it is in one: the number of the member in
            each archive, from the outermost on.
        archive: The path of that outermost archive.
        group: The group that its bars are counted in.
        features: What each of its records gets from the metadata, serialized.
    """

    number: int
    folder: bytes
    name: bytes
    trail: tuple[int, ...] = ()
    archive: bytes = b""
    group: int = 0
    features: bytes = b""


class SentShard(NamedTuple):
    """A shard, as a worker is told of it.

    Attributes:
        name: Its file name.
        set_number: Of the set it belongs to.
        files: Those that go into it.
        is_kept: Whether it is there already, and is only looked at for what `dedupe` leaves out of
            those after it.
    """

    name: str
    set_number: int
    files: Sequence[SentFile]
    is_kept: bool

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by column, which takes a tenth of the time."""
        return _from_columns, (
            self.name,
            self.set_number,
            list(zip(*self.files, strict=True)),
            self.is_kept,
        )


def _from_columns(
    name: str, set_number: int, columns: Sequence[Sequence[Any]], is_kept: bool
) -> SentShard:
    return SentShard(
        name, set_number, list(map(SentFile._make, zip(*columns, strict=True))), is_kept
    )


@dataclasses.dataclass(frozen=True)
class Work:
    """What one worker does at a time: one shard, or under `dedupe` all those of a set.

    Attributes:
        number: In the order of the plan.
        shards: The shards.
        options: What decides the content of the records.
        num_groups: Groups that bars are counted in.
        is_told: Whether there is metadata.
        attempts: The folder for attempts.
    """

    number: int
    shards: Sequence[SentShard]
    options: Options
    num_groups: int
    is_told: bool
    attempts: str


class Done(NamedTuple):
    """What an attempt came to.

    Attributes:
        work: The number of the work.
        attempt: The name of the attempt's folder.
        entries: The shards that are in it.
        failed: Under `on_error="fail"` what the core tells of the file that ended it, or None.
    """

    work: int
    attempt: str
    entries: Sequence[ShardEntry]
    failed: Mapping[str, Any] | None

    def to_json(self) -> str:
        """Returns it as a line, which `from_json` reads."""
        head = manifest.to_json({"work": self.work, "attempt": self.attempt, "failed": self.failed})
        entries = ",".join(entry.line for entry in self.entries)
        return f'{head[:-1]},"entries":[{entries}]}}'

    @classmethod
    def from_json(cls, line: str | bytes) -> Done:
        """Returns what a line of `to_json` says."""
        fields = json.loads(line)
        fields["entries"] = [ShardEntry.from_json(entry) for entry in fields["entries"]]
        return cls(**fields)


def divide(job: Job, corpus: Corpus, kept: Collection[str], attempts: Path) -> Iterator[Work]:
    """Yields a job as work for others, in the order of its plan.

    Args:
        job: The job.
        corpus: Its files.
        kept: Names of shards that are not to be made.
        attempts: The folder for attempts, which all workers reach under this path.
    """
    number = 0
    for shards in _together(job.planned, job.options.dedupe):
        if all(shard.name in kept for shard in shards):
            continue
        yield Work(
            number=number,
            shards=[
                SentShard(
                    shard.name,
                    shard.set_number,
                    [_sent(job.listing, corpus, file, shard.files) for file in shard.files],
                    shard.name in kept,
                )
                for shard in shards
            ],
            options=job.options,
            num_groups=job.listing.num_groups,
            is_told=any(not isinstance(shard.files, range) for shard in shards),
            attempts=str(attempts.absolute()),
        )
        number += 1


class Stored(NamedTuple):
    """Where work lies among the attempts, for runners that are slow with large elements.

    Attributes:
        attempts: The folder for attempts.
        start: Of its bytes in the file of all work there.
        size: How many there are.
        sha256: Theirs: nothing else is unpickled.
    """

    attempts: str
    start: int
    size: int
    sha256: bytes


def store(works: Iterable[Work], attempts: Path) -> list[Stored]:
    """Writes all work to one file among the attempts; returns where each lies.

    Raises:
        OSError: It cannot be written.
    """
    with naming(attempts / _STORE), (attempts / _STORE).open("wb") as file:
        return [_store(each, file, str(attempts)) for each in works]


def _store(work: Work, file: BinaryIO, attempts: str) -> Stored:
    pickled = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
    start = file.tell()
    file.write(pickled)
    return Stored(attempts, start, len(pickled), hashlib.sha256(pickled).digest())


def fetch(stored: Stored) -> Work:
    """Returns work that `store` wrote.

    Raises:
        OSError: It cannot be read, or nobody waits for it any more.
        GrooveFastError: It is not what was written.
    """
    path = Path(stored.attempts, _STORE)
    with path.open("rb") as file:
        file.seek(stored.start)
        pickled = file.read(stored.size)
    if hashlib.sha256(pickled).digest() != stored.sha256:
        raise GrooveFastError(f"{path}: not the work that was left there")
    work: Work = pickle.loads(pickled)
    return work


def do(work: Work) -> Done:
    """Does work: leaves its shards in a new folder among the attempts.

    Raises:
        OSError: They cannot be written, or nobody waits for them any more.
    """
    attempt = Path(work.attempts, uuid.uuid4().hex)
    attempt.mkdir()  # but not the folder it is in: without that, it is too late
    try:
        with _SentCorpus([file for shard in work.shards for file in shard.files]) as sent:
            shards = list(_planned(work))
            job = Job(sent, sent.told(work.num_groups), work.options, shards, attempt)
            kept = [shard.name for shard in work.shards if shard.is_kept]
            made = job.run(kept, READERS if sent.is_remote else 1)
            failed = made.failed and sent.numbered(made.failed)
            entries = [_numbered(entry, sent) for entry in made.entries]
            return Done(work.number, attempt.name, entries, failed)
    except BaseException:
        shutil.rmtree(attempt, ignore_errors=True)
        raise


def note(done: Done, attempts: str | os.PathLike[str]) -> None:
    """Says beside an attempt that it is whole.

    Raises:
        OSError: It cannot be written, or nobody waits for it any more.
    """
    write_atomically(Path(attempts, done.attempt + NOTE_ENDING), done.to_json().encode())


def _together(planned: Sequence[PlannedShard], dedupe: bool) -> Iterator[list[PlannedShard]]:
    """What has to be made in one go: what `dedupe` leaves out depends on the shards before."""
    if not dedupe:
        yield from ([shard] for shard in planned)
        return
    by_set: dict[int, list[PlannedShard]] = {}
    for shard in planned:
        by_set.setdefault(shard.set_number, []).append(shard)
    yield from by_set.values()


def _sent(listing: Told, corpus: Corpus, index: int, among: Sequence[int]) -> SentFile:
    name = corpus.files.name(index)
    path, trail = corpus.trail(index)
    if trail:
        file = SentFile(index, b"", name, trail, _absolute(path))
    else:
        file = SentFile(index, _folder(path[: len(path) - len(name)]), name)
    if isinstance(among, range):  # without metadata
        return file
    return file._replace(group=listing.group(index), features=listing.features(index))


@functools.lru_cache
def _folder(path: bytes) -> bytes:
    """An input's folder, with its slash."""
    return path if is_url(path) else _absolute(path).rstrip(b"/") + b"/"


@functools.lru_cache
def _absolute(path: bytes) -> bytes:
    """A path from the root on: a worker may stand elsewhere."""
    return os.fsencode(Path(os.fsdecode(path)).absolute())


def _planned(work: Work) -> Iterator[PlannedShard]:
    """The shards, with their files by their number among those that were sent."""
    first = 0
    for shard in work.shards:
        files = range(first, first + len(shard.files))
        first = files.stop
        # Files of a range have nothing told of them.
        yield PlannedShard(shard.name, shard.set_number, list(files) if work.is_told else files)


class _SentTold:
    """What was sent of a listing; see `job.Told`."""

    def __init__(self, sent: Sequence[SentFile], num_groups: int) -> None:
        self._sent = sent
        self.num_groups = num_groups

    def group(self, index: int) -> int:
        return self._sent[index].group

    def features(self, index: int) -> bytes:
        return self._sent[index].features


class _SentCorpus:
    """What was sent of a corpus; see `job.Files`."""

    def __init__(self, sent: Sequence[SentFile]) -> None:
        self._sent = sent
        urls = {folder for folder in {file.folder for file in sent} if is_url(folder)}
        self.is_remote = bool(urls)
        self.files = _records.FileList()
        for file in sent:
            self.files.add_named(file.folder, file.name, bool(file.trail) or file.folder in urls)
        outermost = dict.fromkeys(file.archive for file in sent if file.trail)
        self._archives = Archives(list(outermost))
        self._numbers: dict[tuple[bytes, tuple[int, ...]], int | ArchiveError] = {
            (path, ()): number for number, path in enumerate(outermost)
        }
        try:
            for file in filter(lambda file: file.trail, sent):
                self._unpack(file.archive, file.trail[:-1])
        except BaseException:
            self._archives.close()
            raise

    def __enter__(self) -> _SentCorpus:
        return self

    def __exit__(self, *error: object) -> None:
        self._archives.close()

    def read_member(self, index: int) -> bytes:
        file = self._sent[index]
        if not file.trail:
            return Place.of(os.fsdecode(file.folder + file.name)).read()
        archive = self._numbers[file.archive, file.trail[:-1]]
        if isinstance(archive, ArchiveError):
            raise archive
        return self._archives.read(archive, file.trail[-1])

    def told(self, num_groups: int) -> Told:
        return _SentTold(self._sent, num_groups)

    def numbered(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What the core tells of a file, with its number in the whole corpus."""
        return {**told, "file": self._sent[told["file"]].number}

    def _unpack(self, path: bytes, trail: tuple[int, ...]) -> None:
        """Makes known the archive at the end of a trail, and those around it."""
        if not trail or (path, trail) in self._numbers:
            return
        self._unpack(path, trail[:-1])
        outer = self._numbers[path, trail[:-1]]
        if isinstance(outer, ArchiveError):
            self._numbers[path, trail] = outer
            return
        try:
            is_added = self._archives.add_inner(outer, trail[-1])
            assert is_added, "more than are in the corpus"
            self._numbers[path, trail] = len(self._archives) - 1
        except ArchiveError as error:  # it was not so when the corpus was looked through
            self._numbers[path, trail] = error


def _numbered(entry: ShardEntry, sent: _SentCorpus) -> ShardEntry:
    """An entry with its files' numbers in the whole corpus."""
    problems = [sent.numbered(told) for told in entry.told()]
    return dataclasses.replace(entry, problems=manifest.to_json(problems))
