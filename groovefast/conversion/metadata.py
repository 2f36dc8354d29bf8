"""What is known about each file of a corpus: the rows of a CSV such as the dataset's `info.csv`."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from groovefast.errors import GrooveFastError

FILE_COLUMN = "midi_filename"
SPLIT_COLUMN = "split"
STYLE_COLUMN = "style"

RECORD_FEATURES = frozenset(
    {
        *("hits", "velocities", "offsets", "steps", "steps_per_quarter", "quarters_per_bar"),
        *("start_step", "qpm", "tempo_change_steps", "tempo_change_qpms", "source", "track"),
    }
)
"""Features that every record has of its own."""

_SET_NAME = re.compile(r"\w[\w.+-]*")


def is_set_name(name: str) -> bool:
    """Whether a set of shards can be called so."""
    return _SET_NAME.fullmatch(name) is not None


class Row(NamedTuple):
    """What the CSV says of one file.

    Attributes:
        split: The set of shards it belongs to; empty for none.
        style: Its main style: of `funk/groove1`, `funk`.
        columns: Name and value of what goes into each of its records.
    """

    split: str
    style: str
    columns: tuple[tuple[str, str], ...]


class Found(NamedTuple):
    """The row that a file belongs to, and its name there."""

    name: str
    row: Row


class Metadata:
    """The rows of a CSV by the file they are about.

    A file belongs to the row whose `midi_filename` is the longest tail of its path: with
    `drummer1/a.mid` in the CSV, `drummer1/a.mid` and `groove/drummer1/a.mid` do.
    """

    def __init__(
        self, path: str | os.PathLike[str], columns: Sequence[str] | None = None, name: str = "data"
    ) -> None:
        """Reads the CSV.

        Args:
            path: Where it is; with a header, in UTF-8.
            columns: Those to copy into the records; None means all but `split`.
            name: The set of all files, where there is no column `split`.

        Raises:
            GrooveFastError: Not such a CSV, or no such column.
            OSError: It cannot be read.
        """
        self.path = Path(path)
        content = self.path.read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        text = io.StringIO(content.decode("utf-8-sig", "surrogateescape"), newline="")
        rows = csv.reader(text, strict=True)
        try:
            header = next(rows, [])
            self._check_header(header)
            self.columns = self._choose_columns(header, columns)
            self._rows = dict(self._read(header, rows, name))
        except csv.Error as error:
            raise self._error(f"line {rows.line_num}: {error}") from None

    @property
    def splits(self) -> list[str]:
        """The sets that files belong to, in the order of the CSV."""
        return list(dict.fromkeys(row.split for row in self._rows.values() if row.split))

    @property
    def styles(self) -> list[str]:
        """The main styles, sorted; empty without a column `style`."""
        return sorted({row.style for row in self._rows.values() if row.style})

    def find(self, path: str) -> Found | None:
        """Returns the row that a file with this path belongs to, or None."""
        while True:
            if row := self._rows.get(path):
                return Found(path, row)
            _, slash, path = path.partition("/")
            if not slash:
                return None

    def file_names(self) -> Iterator[str]:
        """All `midi_filename`s."""
        return iter(self._rows)

    def _check_header(self, header: list[str]) -> None:
        if FILE_COLUMN not in header:
            there = f"only {', '.join(header)}" if header else "it is empty"
            raise self._error(f"no column {FILE_COLUMN}, {there}")
        for name in header:
            if header.count(name) > 1:
                raise self._error(f"two columns are called {name!r}")

    def _choose_columns(self, header: list[str], wanted: Sequence[str] | None) -> list[str]:
        chosen = [name for name in header if name != SPLIT_COLUMN] if wanted is None else wanted
        for name in chosen:
            if name not in header:
                raise self._error(f"no column {name!r}; there are {', '.join(header)}")
            if name in RECORD_FEATURES:
                raise self._error(
                    f"column {name!r} has the name of what each record has of its own; "
                    "rename it, or choose the columns with --metadata-columns"
                )
        return list(chosen)

    def _read(
        self, header: list[str], rows: Iterator[list[str]], name: str
    ) -> Iterator[tuple[str, Row]]:
        seen: set[str] = set()
        for number, cells in enumerate(rows, 2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise self._error(f"row {number} has {len(cells)} cells, the header {len(header)}")
            values = dict(zip(header, cells, strict=True))
            file = values[FILE_COLUMN].removeprefix("./")
            if file in seen:
                raise self._error(f"row {number}: {file} is there twice")
            seen.add(file)
            split = values.get(SPLIT_COLUMN, name)
            if split and not is_set_name(split):
                raise self._error(f"row {number}: split {split!r} cannot be part of a file name")
            style = values.get(STYLE_COLUMN, "").partition("/")[0]
            yield file, Row(split, style, tuple((key, values[key]) for key in self.columns))

    def _error(self, message: str) -> GrooveFastError:
        return GrooveFastError(f"{self.path}: {message}")
