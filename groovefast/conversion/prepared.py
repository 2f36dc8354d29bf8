"""Conversion of data sets that TensorFlow Datasets has prepared, such as Groove's: `--tfds`.

Their MIDI files and what is known of each go into a zip and a CSV, as which `convert` knows them.
"""

from __future__ import annotations

import contextlib
import csv
import logging
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from groovefast.conversion.convert import convert
from groovefast.conversion.corpus import StrPath
from groovefast.conversion.metadata import FILE_COLUMN, SPLIT_COLUMN, STYLE_COLUMN
from groovefast.conversion.report import ConversionReport
from groovefast.errors import GrooveFastError, OptionError, wanting_extras

_MIDI = "midi"
_ID = "id"
_STYLE = "style/primary", "style/secondary"
_RENAMED = {"type": "beat_type"}
"""What Groove's own `info.csv` calls otherwise."""
_WINDOWS = re.compile(r"\b(?P<bars>\d+)bar-")
_WINDOW_NUMBERS = re.compile(r"(?::\d{3,})*(?P<last>:\d{3,})$")
"""TFDS puts the number of each window behind those of all before."""


class Unpacked(NamedTuple):
    """A prepared data set as `convert` takes it.

    Attributes:
        archive: A zip of its MIDI files.
        table: A CSV of what is known of each, with its split.
    """

    archive: Path
    table: Path


def convert_prepared(
    tfds: str,
    output_dir: StrPath,
    *,
    data_dir: StrPath | None = None,
    on_message: Callable[[str], None] | None = None,
    **options: Any,
) -> ConversionReport:
    """Converts the MIDI of a data set that TFDS has prepared on this machine.

    Each of its splits becomes a set of shards, and its labels go into the records as text, called
    as in the dataset's `info.csv`. Its windowed configs, such as `groove/4bar-midionly`, give a
    performance for each window.

    Args:
        tfds: What TFDS calls it, as in "groove/full-midionly", or the folder of a prepared one.
        output_dir: Where the shards go.
        data_dir: Where TFDS has its data; TFDS's own default if None.
        on_message: Called with a line for each thing worth knowing.
        **options: As `convert` takes them, but for `metadata`.

    Raises:
        GrooveFastError: There is no such data set, it is not prepared or has no MIDI; or as
            `convert`.
        OSError: As `convert`.
    """
    with tempfile.TemporaryDirectory(prefix="groovefast-") as folder:
        archive, table = unpack(tfds, Path(folder), data_dir, on_message)
        return convert(archive, output_dir, metadata=table, on_message=on_message, **options)


def unpack(
    name: str,
    folder: Path,
    data_dir: StrPath | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Unpacked:
    """Writes the MIDI files of a prepared data set to a folder; see `convert_prepared`.

    Raises:
        GrooveFastError: As `convert_prepared`.
        OSError: The folder cannot be written to.
    """
    builder = _open(name, data_dir)
    if on_message and (windows := _WINDOWS.match(builder.info.config_name or "")):
        on_message(_about_windows(name, windows["bars"]))
    unpacked = Unpacked(folder / f"{_file_name(builder)}.zip", folder / "info.csv")
    columns = _columns(builder, name)
    with (
        zipfile.ZipFile(unpacked.archive, "w") as archive,
        unpacked.table.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([FILE_COLUMN, SPLIT_COLUMN, *columns])
        for split, number, example in _examples(builder):
            path = _path(example.get(_ID), split, number)
            archive.writestr(zipfile.ZipInfo(path), example[_MIDI])
            rows.writerow([path, split, *(tell(example) for tell in columns.values())])
    # As old as what it was made of, so that a conversion can go on with what it has.
    changed = max(path.stat().st_mtime_ns for path in Path(builder.data_dir).iterdir())
    os.utime(unpacked.archive, ns=(changed, changed))
    return unpacked


def _open(name: str, data_dir: StrPath | None) -> Any:
    """The builder of a prepared data set."""
    with wanting_extras():
        import tensorflow_datasets as tfds
    if (Path(name) / "dataset_info.json").is_file():
        return tfds.builder_from_directory(name)
    try:
        builder = tfds.builder(name, data_dir=None if data_dir is None else os.fspath(data_dir))
    except (ValueError, RuntimeError, AttributeError, ImportError) as error:
        raise OptionError("tfds", f"{name}: {_first_line(error)}") from error
    if not builder.is_prepared():
        place = "" if data_dir is None else f", data_dir={os.fspath(data_dir)!r}"
        raise GrooveFastError(
            f"{name}: not prepared in {builder.data_dir}; where there is a network, run "
            f"python -c \"import tensorflow_datasets as tfds; tfds.load('{name}'{place})\""
        )
    return builder


def _examples(builder: Any) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Split, number and features of each example, in the order of the files, without audio."""
    import tensorflow_datasets as tfds

    wanted = {key: True for key in _flat(builder.info.features) if _is_told(builder, key)}
    decoders = tfds.decode.PartialDecoding(_nested({**wanted, _MIDI: True}))
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    for split in builder.info.splits:
        if not builder.info.splits[split].num_examples:
            continue
        with _quiet():
            data = builder.as_dataset(split=split, decoders=decoders, read_config=in_order)
        for number, example in enumerate(tfds.as_numpy(data)):
            yield split, number, _flat(example)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps from the user what TFDS warns its own developers of."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _columns(builder: Any, name: str) -> dict[str, Callable[[Mapping[str, Any]], str]]:
    """The columns of the table, and how an example tells each."""
    features = _flat(builder.info.features)
    if _MIDI not in features:
        there = ", ".join(sorted(features))
        raise OptionError("tfds", f"{name}: has no feature {_MIDI}, only {there}")
    told = [key for key in features if _is_told(builder, key)]
    columns = {}
    for key in sorted(told):
        if key not in _STYLE:
            column = _RENAMED.get(key, key).replace("/", "_")
            columns[column] = _teller(key, features[key])
    if set(_STYLE) <= set(told):
        main, more = (_teller(key, features[key]) for key in _STYLE)
        columns[STYLE_COLUMN] = lambda each: "/".join(filter(None, (main(each), more(each))))
    return columns


def _is_told(builder: Any, key: str) -> bool:
    """Whether a feature is a word or a number that the records can have."""
    feature = _flat(builder.info.features)[key]
    return key != _MIDI and feature.shape == () and type(feature).__name__ in _TOLD


_TOLD = {"ClassLabel", "Scalar", "Tensor", "Text"}


def _teller(key: str, feature: Any) -> Callable[[Mapping[str, Any]], str]:
    def tell(example: Mapping[str, Any]) -> str:
        value = example[key]
        if hasattr(feature, "int2str"):
            return str(feature.int2str(int(value))) if value >= 0 else ""
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)

    return tell


def _flat(nested: Any, above: str = "") -> dict[str, Any]:
    """What dicts in one another hold, by `outer/inner`."""
    if not hasattr(nested, "items"):
        return {above: nested}
    parts = (_flat(value, f"{above}/{key}" if above else key) for key, value in nested.items())
    return {key: value for part in parts for key, value in part.items()}


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *above, key = path.split("/")
        place = nested
        for outer in above:
            place = place.setdefault(outer, {})
        place[key] = value
    return nested


def _path(name: Any, split: str, number: int) -> str:
    """What the MIDI file of an example is called: by its id where it has one."""
    if not isinstance(name, bytes) or not name.strip(b"/."):
        return f"{split}/{number:07}.mid"
    path = name.decode("utf-8", "replace").strip("/")
    return _WINDOW_NUMBERS.sub(lambda found: found["last"].replace(":", "-"), path) + ".mid"


def _file_name(builder: Any) -> str:
    return str(builder.info.full_name).replace("/", "-")


def _about_windows(name: str, bars: str) -> str:
    whole = _WINDOWS.sub("full-", name, count=1)
    return (
        f"warning: {name} holds windows of {bars} bars that TFDS cut by the clock: what is played "
        "just ahead of a window's first beat is in the window before, and each window counts as a "
        f"performance; {whole} has whole ones, which are cut on the grid"
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
