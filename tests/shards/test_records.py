"""What is wrong with records is told in one line, whether they are kept in memory or streamed."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tensorflow as tf
from window_records import (
    random_played,
    random_windows,
    record_of,
    write_performances,
    write_shards,
)

from groovefast.config import Config, ConverterConfig
from groovefast.errors import GrooveFastError
from groovefast.windows.dataset import open_windows

CONFIG = Config("test", ConverterConfig())


def write(folder: Path, records: list[bytes], number: int = 0) -> Path:
    path = folder / f"train-{number:05d}-of-00002.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def complaint(
    shards: Path | list[Path], config: Config = CONFIG, caches: Sequence[bool] = (True, False)
) -> str:
    """The one line told, which is the same with and without a cache."""
    lines = []
    for cache in caches:
        with pytest.raises(GrooveFastError) as caught:
            open_windows(shards, config, cache=cache)
        lines.append(str(caught.value))
    assert len(set(lines)) == 1
    assert "\n" not in lines[0]
    return lines[0]


def bytes_at(name: str, place: int, value: bytes) -> Callable[[tf.train.Example], None]:
    """Puts bytes into an array of a record."""

    def change(example: tf.train.Example) -> None:
        values = example.features.feature[name].bytes_list.value
        values[0] = values[0][:place] + value + values[0][place + len(value) :]

    return change


def cut_short(name: str) -> Callable[[tf.train.Example], None]:
    def change(example: tf.train.Example) -> None:
        values = example.features.feature[name].bytes_list.value
        values[0] = values[0][:-4]

    return change


def ints(name: str, *values: int) -> Callable[[tf.train.Example], None]:
    return lambda example: example.features.feature[name].int64_list.value.__setitem__(
        slice(None), values
    )


def floats(name: str, *values: float) -> Callable[[tf.train.Example], None]:
    return lambda example: example.features.feature[name].float_list.value.__setitem__(
        slice(None), values
    )


def without(name: str) -> Callable[[tf.train.Example], None]:
    return lambda example: example.features.feature.pop(name)


NO_PERFORMANCE = "is no performance; groovefast-convert did not write this"
SIZES = "does not hold the steps it says; convert again"
BARS = "is not of whole bars; convert again"
HITS = "holds hits that are not 1 where it has velocities and 0 elsewhere; convert again"
OFFSETS = "holds an offset of more than half a step; convert again"
TEMPOS = "has tempos that cannot be; convert again"
HIT = 9 * 3 + 2
"""A cell that is hit, at place 1 a step earlier one that is not."""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (without("velocities"), NO_PERFORMANCE),
        (without("steps"), NO_PERFORMANCE),
        (cut_short("hits"), SIZES),
        (cut_short("velocities"), SIZES),
        (cut_short("offsets"), SIZES),
        (ints("steps", 64), SIZES),
        (ints("steps", 0), SIZES),
        (ints("steps", -48), SIZES),
        (floats("quarters_per_bar", 5), BARS),
        (floats("quarters_per_bar", 3.3), BARS),
        (floats("quarters_per_bar", 0), BARS),
        (floats("quarters_per_bar", -4), BARS),
        (floats("quarters_per_bar", float("nan")), BARS),
        (floats("quarters_per_bar", float("inf")), BARS),
        (bytes_at("velocities", HIT, b"\x80"), "holds a velocity above 127; convert again"),
        (bytes_at("hits", HIT, b"\x02"), HITS),
        (bytes_at("hits", HIT, b"\0"), HITS),
        (bytes_at("velocities", HIT, b"\0"), HITS),
        (bytes_at("hits", 1, b"\1"), HITS),
        (bytes_at("offsets", 4 * HIT, struct.pack("<f", 1.001)), OFFSETS),
        (bytes_at("offsets", 4 * HIT, struct.pack("<f", -7)), OFFSETS),
        (bytes_at("offsets", 4 * HIT, struct.pack("<f", float("nan"))), OFFSETS),
        (floats("qpm", 0), TEMPOS),
        (floats("qpm", float("nan")), TEMPOS),
        (floats("tempo_change_qpms", 90, -1), TEMPOS),
        (floats("tempo_change_qpms", 90, float("inf")), TEMPOS),
        (floats("tempo_change_qpms", 90), TEMPOS),
        (without("tempo_change_qpms"), TEMPOS),
        (without("tempo_change_steps"), TEMPOS),
        (ints("tempo_change_steps", 0, 9), TEMPOS),
        (ints("tempo_change_steps", 9, 48), TEMPOS),
        (ints("tempo_change_steps", 9, 9), TEMPOS),
        (ints("tempo_change_steps", 20, 9), TEMPOS),
        (ints("tempo_change_steps", 9, 20, 30), TEMPOS),
    ],
)
def test_a_bad_record_is_named(
    tmp_path: Path, change: Callable[[tf.train.Example], None], problem: str
) -> None:
    """Among good ones that have more tempos."""
    grid = random_played(3, seed=1)
    for cells, value in ((grid.hits, 1), (grid.velocities, 99), (grid.offsets, 0.5)):
        cells.reshape(-1)[[1, HIT]] = 0, value
    good = [
        random_played(2, seed=2, qpms={0: 100, 7: 90}),
        grid._replace(qpms={0: 120, 9: 100, 20: 80}),
        random_played(4, seed=3, qpms={0: 120, 30: 70}),
    ]
    examples = [record_of(played) for played in good]
    first = write(tmp_path, [example.SerializeToString() for example in examples])
    change(examples[1])
    second = write(tmp_path, [example.SerializeToString() for example in examples], 1)
    assert complaint([first, second], caches=(True,)) == f"{second}: record 1 {problem}"


def test_a_record_in_another_meter_is_checked_too(tmp_path: Path) -> None:
    played = random_played(4, quarters_per_bar=3)
    played.velocities[7, 2] = 200
    played.hits[7, 2] = 1
    (shard,) = write_performances(tmp_path, [random_played(4), played])
    assert complaint(shard) == f"{shard}: record 1 holds a velocity above 127; convert again"


@pytest.mark.parametrize(
    "record", [b"not a protocol buffer", tf.train.Example().SerializeToString()]
)
def test_records_of_another_program(tmp_path: Path, record: bytes) -> None:
    path = write(tmp_path, [record])
    assert complaint(path) == f"{path}: record 0 {NO_PERFORMANCE}"


def test_windows_of_an_earlier_version(tmp_path: Path) -> None:
    examples = [record_of(random_played(2, seed)) for seed in range(3)]
    for example in examples:
        for name in ("steps_per_quarter", "quarters_per_bar"):
            del example.features.feature[name]
    path = write(tmp_path, [example.SerializeToString() for example in examples])
    assert complaint(path) == (
        f"{path}: holds windows of an earlier GrooveFast; convert again, with "
        "`groovefast-convert INPUT… DIR`"
    )


def test_another_grid(tmp_path: Path) -> None:
    played = random_played(4)
    (path,) = write_performances(tmp_path, [played, played._replace(steps_per_quarter=8)])
    assert complaint(path) == (
        f"{path}: converted with steps_per_quarter 8, but test wants 4; choose another config or "
        "convert with --steps-per-quarter 4"
    )


@pytest.mark.parametrize("position", [5, -10])
def test_a_corrupt_shard_is_named(tmp_path: Path, position: int) -> None:
    shards = write_shards(tmp_path, random_windows(50), num_shards=3)
    content = bytearray(shards[1].read_bytes())
    content[position] ^= 1
    shards[1].write_bytes(content)
    good = 0 if position > 0 else 16
    assert complaint(shards) == f"{shards[1]}: corrupt after record {good}; convert again"


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    shards = write_shards(tmp_path, random_windows(50), num_shards=3)
    shards[2].write_bytes(shards[2].read_bytes()[:-7])
    assert complaint(shards) == f"{shards[2]}: corrupt after record 15; convert again"


def test_there_is_nothing(tmp_path: Path) -> None:
    shards = write_performances(tmp_path, [], 2)
    assert complaint(shards) == f"{shards[0]}: there is no performance in the data"


def test_there_are_other_meters(tmp_path: Path) -> None:
    played = [random_played(9, quarters_per_bar=meter) for meter in (3.5, 3, 3, 5)]
    shards = write_performances(tmp_path, played, 2)
    assert complaint(shards) == (
        f"{shards[0]}: no performance has 4 quarters in a bar, as test wants, but 3 and 3.5 and 5; "
        "choose other data"
    )


def test_all_are_too_short(tmp_path: Path) -> None:
    played = [random_played(bars) for bars in (1, 3, 2)]
    played.append(random_played(9, quarters_per_bar=3))
    (shard,) = write_performances(tmp_path, played)
    config = Config("test", ConverterConfig(split_bars=4))
    assert complaint(shard, config) == (
        f"{shard}: no performance is as long as the 4 bars of test; the longest in its meter has 3"
    )


def test_folders_may_be_called_in_no_utf8(tmp_path: Path) -> None:
    write_shards(tmp_path / "cafe", random_windows(5))
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        (tmp_path / "cafe").rename(folder)
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    for cache in (True, False):
        assert open_windows(folder, CONFIG, cache=cache).count == 5
