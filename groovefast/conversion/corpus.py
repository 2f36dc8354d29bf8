"""Which MIDI files a conversion is about: those in folders and archives, and the set of each."""

from __future__ import annotations

import array
import base64
import binascii
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from groovefast import _records
from groovefast.conversion.archives import ArchiveError, Archives
from groovefast.conversion.metadata import Metadata, Row
from groovefast.errors import GrooveFastError
from groovefast.remote import Place, RemoteFile, is_url

StrPath = str | os.PathLike[str]


_NAMES_AT_ONCE = 1 << 12


class Unreadable(NamedTuple):
    """A folder or archive that could not be looked into."""

    path: str
    reason: str


class Corpus:
    """The MIDI files at and below some places, numbered in an order that depends on names alone.

    Attributes:
        files: The files; a name is the path relative to the input that it was found in.
        unreadable: Folders and archives that could not be looked into.
    """

    def __init__(self, inputs: Sequence[StrPath], output_dir: StrPath | None = None) -> None:
        """Looks for files.

        Args:
            inputs: MIDI files, zips of them, and folders of both.
            output_dir: A folder that is left out where it lies in one of the inputs.

        Raises:
            GrooveFastError: No MIDI file at all.
            OSError: There is nothing at one of the places, or no room to unpack a zip in a zip.
        """
        self.files = _records.FileList()
        self.unreadable: list[Unreadable] = []
        if output_dir is not None:
            self.files.leave_out(os.fsencode(output_dir))
        self._remote: dict[bytes, tuple[Place, RemoteFile]] = {}
        """The input each is in, or is, and what it is; by its URL."""
        for path in inputs:
            if is_url(path):
                self._add_remote(os.fspath(path))
            else:
                self.files.add(os.fsencode(path))
        self.unreadable += [
            Unreadable(printable(path), os.strerror(error).lower())
            for path, error in self.files.unreadable()
        ]
        self._archives = Archives(self.files.archives())
        try:
            self._look_into_archives()
            self.files.sort()
            self.unreadable.sort()
            self._check_not_empty(inputs)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        """The name of a file as it stands in its records."""
        return printable(self.files.name(index))

    def place(self, index: int) -> str:
        """Where a user finds the file."""
        if member := self.files.member(index):
            return f"{printable(os.fsencode(self._archives.path(member[0])))}: {self.name(index)}"
        return printable(self.files.path(index))

    @property
    def is_remote(self) -> bool:
        """Whether files are to be had from elsewhere than the file system."""
        return bool(self._remote)

    def trail(self, index: int) -> tuple[bytes, tuple[int, ...]]:
        """Returns the path of a file, or that of the outermost archive it is in and the way in it.

        The way is the number of the member in each archive, from the outermost on; none for a file
        that is in no archive.
        """
        if member := self.files.member(index):
            archive, number = member
            way = (*self._archives.trail(archive), number)
            return os.fsencode(self._archives.path(archive)), way
        return self.files.path(index), ()

    def names_sha256(self) -> str:
        """SHA-256 of all names in their order, in hexadecimal."""
        digest = hashlib.sha256()
        for names in self._names():
            digest.update(names)
        return digest.hexdigest()

    def names_marks(self) -> str:
        """A few characters for each name, in their order, by which another list's are told apart.

        See `differences.MARK_CHARACTERS`.
        """
        marks = bytearray()
        for names in self._names():
            for name in names.split(b"\0")[:-1]:
                marks += binascii.crc32(name).to_bytes(4, "big")[1:]
        return base64.b64encode(marks).decode()

    def _names(self) -> Iterator[bytes]:
        """All names, some at a time, a zero byte after each."""
        for first in range(0, len(self), _NAMES_AT_ONCE):
            yield self.files.names(first, first + _NAMES_AT_ONCE)

    def newest_change(self, files: Iterable[int]) -> int:
        """When the last of these, or the archive it is in, was changed, in nanoseconds."""
        return max(map(self._changed, files), default=0)

    def read_member(self, index: int) -> bytes:
        """Reads a file that is in an archive or at a URL; may be called from any thread.

        Raises:
            ArchiveError: It is damaged, encrypted or too large.
            RemoteError: It cannot be had.
        """
        if member := self.files.member(index):
            return self._archives.read(*member)
        place, file = self._remote[self.files.path(index)]
        return (place / file.name if file.name else place).read(file.size)

    def close(self) -> None:
        """Closes the archives; what has been found stays known."""
        self._archives.close()

    def _changed(self, index: int) -> int:
        member = self.files.member(index)
        path = self._archives.path(member[0]) if member else os.fsdecode(self.files.path(index))
        if is_url(path):
            return self._remote[os.fsencode(path)][1].changed_ns or time.time_ns()
        try:
            return Path(path).stat().st_mtime_ns
        except OSError:
            return time.time_ns()  # it is gone: that is a change

    def _add_remote(self, url: str) -> None:
        """Adds the files below a URL, or the one that it is."""
        place = Place.of(url)
        for file in place.files():
            folder, name = url.rstrip("/") + "/", file.name
            if not name:
                folder, _, name = url.rpartition("/")
                folder += "/"
            path = os.fsencode(folder + name)
            if _is_midi(name):
                self.files.add_named(os.fsencode(folder), os.fsencode(name), True)
                self._remote[path] = place, file
            elif _is_zip(name):
                self.unreadable.append(
                    Unreadable(printable(path), "a zip at a URL; unpack it there")
                )

    def _look_into_archives(self) -> None:
        archive = 0
        while archive < len(self._archives):  # which grows by those found in others
            try:
                names = self._archives.names(archive)
            except ArchiveError as error:
                self._name_unreadable(error)
                names = []
            for index, name in enumerate(names):
                if self.files.add_member(archive, index, name):
                    self._add_inner_archive(archive, index, name)
            archive += 1

    def _add_inner_archive(self, outer: int, index: int, name: bytes) -> None:
        try:
            if self._archives.add_inner(outer, index):
                self.files.add_inner_archive(outer, name)
        except ArchiveError as error:
            self._name_unreadable(error)

    def _name_unreadable(self, error: ArchiveError) -> None:
        self.unreadable.append(Unreadable(printable(error.place), str(error)))

    def _check_not_empty(self, inputs: Sequence[StrPath]) -> None:
        if len(self.files):
            return
        if self.unreadable:
            raise GrooveFastError("{}: {}; no MIDI file to read".format(*self.unreadable[0]))
        raise GrooveFastError(
            f"{', '.join(str(path) for path in inputs) or 'no input'}: no MIDI file there "
            "(.mid, .midi, .smf, .kar, or a .zip of them)"
        )


class Listing:
    """Which files make up which set of shards, and what the metadata says of each.

    Attributes:
        sets: The files of each set, by its name, in the order of the metadata.
        unlisted: Files that the metadata does not name.
        without_split: Files that it puts into no set.
        missing: Names in the metadata for which there is no file.
        styles: The styles that bars are counted by.
    """

    def __init__(self, corpus: Corpus, metadata: Metadata | None, name: str) -> None:
        """Sorts the files.

        Args:
            corpus: The files.
            metadata: Tells the set of each; without, all belong to one.
            name: Of that one set.

        Raises:
            GrooveFastError: The metadata lists none of the files, or puts none into a set.
        """
        self.unlisted: Sequence[int] = ()
        self.without_split: Sequence[int] = ()
        self.missing: Sequence[str] = ()
        self.styles: Sequence[str] = metadata.styles if metadata else ()
        self._rows: dict[int, Row] = {}
        if metadata is None:
            self.sets: Mapping[str, Sequence[int]] = {name: range(len(corpus))}
        else:
            self._sort(corpus, metadata)
        self._groups = {style: group for group, style in enumerate(self.styles)}

    @property
    def num_groups(self) -> int:
        """One for each style, and one for what has none."""
        return len(self.styles) + 1

    def group(self, index: int) -> int:
        """Number of a file's style."""
        return self._groups.get(self._rows[index].style, len(self.styles))

    def features(self, index: int) -> bytes:
        """What each record of a file gets from the metadata, serialized."""
        return _records.bytes_features(map(_encode, self._rows[index].columns))

    def _sort(self, corpus: Corpus, metadata: Metadata) -> None:
        sets = {split: array.array("I") for split in metadata.splits}
        unlisted, without_split = array.array("I"), array.array("I")
        missing = dict.fromkeys(metadata.file_names())
        for index in range(len(corpus)):
            found = metadata.find(os.fsdecode(corpus.files.name(index)))
            if found is None:
                unlisted.append(index)
                continue
            missing.pop(found.name, None)
            if found.row.split:
                sets[found.row.split].append(index)
                self._rows[index] = found.row
            else:
                without_split.append(index)
        if not self._rows:
            raise GrooveFastError(f"{metadata.path}: {_why_none(corpus, metadata, without_split)}")
        self.sets, self.missing = sets, list(missing)
        self.unlisted, self.without_split = unlisted, without_split


def _why_none(corpus: Corpus, metadata: Metadata, without_split: Sequence[int]) -> str:
    """Why the metadata puts no file into a set."""
    if without_split:
        return f"names no split for any of the files, such as {corpus.name(without_split[0])}"
    return (
        f"lists none of the files, such as {corpus.name(0)}; "
        f"it has names such as {next(metadata.file_names(), '(none at all)')}"
    )


def _is_midi(name: str) -> bool:
    """Whether a file at a URL is one that would be read in a folder; see `csrc/files.cpp`."""
    return name.lower().endswith((".mid", ".midi", ".smf", ".kar")) and not _is_hidden(name)


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip") and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    *folders, last = name.split("/")
    return last.startswith("._") or any(
        folder.startswith(".") or folder == "__MACOSX" for folder in folders
    )


def printable(path: bytes) -> str:
    r"""Returns a path as text; bytes that are no UTF-8 as `\xNN`."""
    return _records.as_utf8(path).decode()


def _encode(column: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = (text.encode("utf-8", "surrogateescape") for text in column)
    return name, value
