"""Zips of MIDI, and zips in zips, within limits that keep bombs out.

A zip in a zip is unpacked into a temporary file without a name, which is gone with the process
whatever ends it. All share one, so that they cost no more than one open file.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import io
import os
import stat
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from groovefast import _midi
from groovefast.midi.score import TOO_LARGE

_MOST_DEEP = 8
_MOST_INNER = 10_000
_MOST_INNER_BYTES = 1 << 30
_MOST_GROWTH = 10
"""Zips hardly compress, so that those in a zip come to little more than its size at each level."""
_ALWAYS_ALLOWED_BYTES = 64 << 20

_OPEN_ARCHIVES = 4
_CHUNK_BYTES = 1 << 16
_ENCRYPTED = 1
_PIECEWISE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods that zipfile unpacks piece by piece; of others a few bytes may fill the memory."""


class ArchiveError(Exception):
    """An archive or a member of one that cannot be read; the message is a few words.

    Attributes:
        place: Where it is.
    """

    def __init__(self, place: bytes, reason: str) -> None:
        self.place = place
        super().__init__(reason)


@dataclasses.dataclass
class _Outermost:
    """A zip of the file system, and what the zips in it may still come to."""

    path: str
    inner_left: int = _MOST_INNER
    bytes_left: int | None = None


class _Archive(NamedTuple):
    outermost: _Outermost
    place: bytes
    depth: int = 1
    start: int = 0  # in the temporary file, if it lies in another
    size: int = 0
    trail: tuple[int, ...] = ()  # the member it is, in each archive from the outermost on


class _Opened(NamedTuple):
    content: zipfile.ZipFile
    file: IO[bytes]


class Archives:
    """Zips by number: those of the file system, and from then on those found in them."""

    def __init__(self, paths: Sequence[bytes]) -> None:
        """Opens nothing yet.

        Args:
            paths: The zips of the file system.
        """
        self._archives = [_Archive(_Outermost(os.fsdecode(path)), path) for path in paths]
        self._opened: collections.OrderedDict[int, _Opened] = collections.OrderedDict()
        self._unpacked: IO[bytes] | None = None
        self._unpacked_bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._archives)

    def path(self, archive: int) -> str:
        """The file that an archive is, or lies in."""
        return self._archives[archive].outermost.path

    def trail(self, archive: int) -> tuple[int, ...]:
        """The number of the member that leads to an archive, in each from the outermost on."""
        return self._archives[archive].trail

    def names(self, archive: int) -> list[bytes]:
        """Returns the names of an archive's members, in their order.

        Raises:
            ArchiveError: It cannot be read.
        """
        place = self._archives[archive].place
        with _explaining(place):
            return [_name(member) for member in self._open(archive).infolist()]

    def add_inner(self, outer: int, index: int) -> bool:
        """Unpacks an archive that is a member of another, and gives it the next number.

        Returns:
            False where it is one of too many, of which the first was named.

        Raises:
            ArchiveError: It cannot be read, or is over a limit.
            OSError: There is no room to unpack it.
        """
        archive = self._archives[outer]
        outermost = archive.outermost
        outermost.inner_left -= 1
        if outermost.inner_left < 0:
            if outermost.inner_left < -1:
                return False
            reason = f"more than {_MOST_INNER:,} zips in it; the others are left out"
            raise ArchiveError(os.fsencode(outermost.path), reason)
        with _explaining(archive.place):
            member = self._open(outer).infolist()[index]
        place = archive.place + b"/" + _name(member)
        with _explaining(place):
            if why := _why_not_to_unpack(archive, member):
                raise ArchiveError(place, why)
        start = position = self._unpacked_bytes
        for chunk in self._chunks(outer, member, place):
            self._write(chunk, position)
            position += len(chunk)
        self._unpacked_bytes = position
        self._archives.append(
            _Archive(
                outermost,
                place,
                archive.depth + 1,
                start,
                position - start,
                (*archive.trail, index),
            )
        )
        return True

    def read(self, archive: int, index: int) -> bytes:
        """Reads a member that is a MIDI file; may be called from any thread.

        Raises:
            ArchiveError: It is damaged, encrypted or too large.
        """
        place = self._archives[archive].place
        with self._lock, _explaining(place):
            opened = self._open(archive)
            member = opened.infolist()[index]
            if member.file_size > _midi.MAX_FILE_BYTES:
                raise ArchiveError(place, TOO_LARGE)
            with _open_member(opened, member, place) as file:
                return file.read(member.file_size + 1)

    def close(self) -> None:
        """Closes what is open, and frees the room of what was unpacked."""
        while self._opened:
            _close(self._opened.popitem()[1])
        if self._unpacked:
            self._unpacked.close()
            self._unpacked = None

    def _open(self, archive: int) -> zipfile.ZipFile:
        """The archive; the few used last stay open."""
        if archive not in self._opened:
            file = self._file(self._archives[archive])
            try:
                self._opened[archive] = _Opened(zipfile.ZipFile(file), file)
            except BaseException:
                file.close()
                raise
        self._opened.move_to_end(archive)
        if len(self._opened) > _OPEN_ARCHIVES:
            _close(self._opened.popitem(last=False)[1])
        return self._opened[archive].content

    def _file(self, archive: _Archive) -> IO[bytes]:
        if archive.depth == 1:
            return _open_regular(archive)
        assert self._unpacked is not None
        part = _Part(self._unpacked.fileno(), archive.start, archive.size)
        return io.BufferedReader(part)

    def _chunks(self, outer: int, member: zipfile.ZipInfo, place: bytes) -> Iterator[bytes]:
        with _explaining(place), _open_member(self._open(outer), member, place) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def _write(self, chunk: bytes, position: int) -> None:
        rest = memoryview(chunk)
        try:
            if self._unpacked is None:
                self._unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
            while rest:
                size = os.pwrite(self._unpacked.fileno(), rest, position)
                rest, position = rest[size:], position + size
        except OSError as error:
            reason = f"{error.strerror}, unpacking a zip that lies in a zip"
            raise OSError(error.errno, reason, tempfile.gettempdir()) from None


class _Part(io.RawIOBase):
    """Part of a file, as a file of its own."""

    def __init__(self, file: int, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("a position before the beginning")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        size = max(0, min(len(buffer), self._size - self._position))
        content = os.pread(self._file, size, self._start + self._position)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def _why_not_to_unpack(archive: _Archive, member: zipfile.ZipInfo) -> str | None:
    """Takes a zip in an archive off what the outermost may come to; returns why it may not."""
    outermost = archive.outermost
    if archive.depth == _MOST_DEEP:
        return f"more than {_MOST_DEEP} zips in one another"
    if member.file_size > _MOST_INNER_BYTES:
        return "a zip of more than 1 GiB in another; unpack it first"
    if outermost.bytes_left is None:
        growth = _MOST_GROWTH * Path(outermost.path).stat().st_size
        outermost.bytes_left = max(growth, _ALWAYS_ALLOWED_BYTES)
    if member.file_size > outermost.bytes_left:
        return (
            f"with it the zips in {Path(outermost.path).name} come to more than {_MOST_GROWTH} "
            "times its size, as in a bomb; unpack it first"
        )
    outermost.bytes_left -= member.file_size
    return None


@contextlib.contextmanager
def _explaining(place: bytes) -> Iterator[None]:
    """Makes an ArchiveError of whatever damage makes zipfile raise."""
    try:
        yield
    except ArchiveError:
        raise
    except EOFError:
        raise ArchiveError(place, "it ends too early") from None
    except Exception as error:
        strerror = error.strerror if isinstance(error, OSError) else None
        reason = strerror.lower() if strerror else str(error) or type(error).__name__
        raise ArchiveError(place, reason) from None


def _open_regular(archive: _Archive) -> IO[bytes]:
    """Opens a file of the file system; waits for no pipe."""
    path = Path(archive.outermost.path)
    if not stat.S_ISREG(path.stat().st_mode):
        raise ArchiveError(archive.place, "not a regular file")
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: bytes) -> IO[bytes]:
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveError(place, "encrypted; unpack it first, with its password")
    if member.compress_type not in _PIECEWISE:
        raise ArchiveError(place, "packed by an uncommon method; unpack it first")
    return archive.open(member)


def _close(opened: _Opened) -> None:
    opened.content.close()
    opened.file.close()


def _name(member: zipfile.ZipInfo) -> bytes:
    return member.filename.encode("utf-8", "surrogateescape")
