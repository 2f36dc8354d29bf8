"""Records of a conversion against the converter, and what decides which records there are."""

from __future__ import annotations

import csv
import dataclasses
import filecmp
import json
import os
import re
import shutil
import socket
import struct
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import midi_bytes as midi
import numpy as np
import pytest
from model_families import GROOVAE
from records import cut_windows, grid_of, read_shard, read_shards

from groovefast import _midi, _records
from groovefast.config import CONFIGS, ConverterConfig
from groovefast.conversion.convert import convert
from groovefast.conversion.job import Progress
from groovefast.conversion.outcomes import Outcome, explain
from groovefast.conversion.report import ConversionReport
from groovefast.drum_part import DrumPart
from groovefast.drums import ROLAND, pitch_table
from groovefast.errors import GrooveFastError, MidiError

QUARTER = 480
BAR = 4 * QUARTER


def beat(bars: int, velocity: int = 100, pitch: int = 36, division: int = QUARTER) -> bytes:
    """A hit on each quarter."""
    return midi.song(
        *(midi.hit(division - 1 if index else 0, pitch, velocity) for index in range(4 * bars)),
        division=division,
    )


def hits_on_quarters(count: int) -> list[bytes]:
    return [midi.hit(QUARTER - 1 if index else 0, 36) for index in range(count)]


def write(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = folder / f"{name}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def records(report: ConversionReport, name: str = "data") -> list[dict[str, Any]]:
    return read_shards(report.output_dir, name)


def sources(report: ConversionReport, name: str = "data") -> set[str]:
    return {record["source"].decode() for record in records(report, name)}


def problems(report: ConversionReport) -> dict[str, tuple[Outcome, str]]:
    return {problem.file: (problem.outcome, problem.message) for problem in report.problems()}


def windows_of(path: Path, steps: int = 64, hop: int = 16, **options: Any) -> tuple[Any, ...]:
    """What the converter makes of a file."""
    settings = {
        "pitch_table": pitch_table("roland"),
        "steps_per_quarter": 4,
        "quarters_per_bar": 4,
        "split_steps": steps,
        "hop_steps": hop,
        "part": DrumPart().for_core(),
        "magenta_compat": False,
        "error_on_unmapped": False,
        **options,
    }
    found = _midi.grid_windows(path.read_bytes(), *settings.values())
    return found.rows, found.velocities, found.start_steps, found.qpms


def assert_cut_into_windows(
    found: Iterable[dict[str, Any]], path: Path, bars: int = 4, hop: int = 1, **options: Any
) -> None:
    """The windows cut from a file's records are those that the converter makes of the file."""
    bar = 4 * options.get("steps_per_quarter", 4)
    rows, velocities, start_steps, qpms = windows_of(path, bars * bar, hop * bar, **options)
    windows = list(cut_windows(found, bars, hop))
    assert [window.start_step for window in windows] == start_steps.tolist()
    for window, row, velocity, qpm in zip(windows, rows, velocities, qpms, strict=True):
        np.testing.assert_array_equal(window.hits, row[:, :9])
        np.testing.assert_array_equal(window.velocities, velocity)
        np.testing.assert_array_equal(window.offsets, row[:, 18:])
        assert window.qpm == np.float32(qpm)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Five small songs in two folders."""
    folder = tmp_path / "corpus"
    return write(
        folder,
        **{
            "a/one": beat(5),
            "a/two": beat(6, velocity=90),
            "b/deep/three": beat(4, pitch=38),
            "b/four": beat(9, velocity=20),
            "five": beat(4, pitch=42),
        },
    )


@pytest.fixture(scope="module")
def groove_report(groove_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    output = tmp_path_factory.mktemp("groove") / "out"
    return convert(groove_dir, output, metadata=groove_dir / "info.csv")


def test_window_counts_are_magentas(
    dataset_golden_dir: Path, groove_dir: Path, tmp_path: Path
) -> None:
    golden = json.loads((dataset_golden_dir / "window_counts.json").read_text())
    table = groove_dir / "info.csv"
    report = convert(groove_dir, tmp_path / "out", metadata=table, magenta_compat=True)
    for name, expected in golden.items():
        bars, hop = map(int, re.fullmatch(r"(\d)bar_hop(\d)", name).groups())
        sets = {each: records(report, each) for each in report.listing.sets}
        found = {each: sum(1 for _ in cut_windows(sets[each], bars, hop)) for each in sets}
        assert found == expected
        config = dataclasses.replace(
            CONFIGS["groovae_4bar"], converter=ConverterConfig(split_bars=bars)
        )
        assert report.windows(config, hop_bars=hop) == sum(expected.values())
    assert report.windows_by_length == {2: 20_676, 4: 19_552, 8: 17_885, 16: 15_002}
    assert list(report.windows_by_config) == GROOVAE


def test_every_record_of_the_dataset(groove_report: ConversionReport, groove_dir: Path) -> None:
    by_source: dict[str, list[dict[str, Any]]] = {}
    for name in groove_report.listing.sets:
        for record in records(groove_report, name):
            by_source.setdefault(record["source"].decode(), []).append(record)
    assert len(by_source) == groove_report.converted == groove_report.files == 1_150
    for source, found in by_source.items():
        assert_cut_into_windows(found, groove_dir / source)
        assert sum(record["steps"] for record in found) > 0


def test_all_meters_are_converted(groove_report: ConversionReport) -> None:
    """The dataset has twelve performances in others than 4/4, which no config asks for yet."""
    others = 0
    for name in groove_report.listing.sets:
        for record in records(groove_report, name):
            numerator, denominator = map(int, record["time_signature"].split(b"-"))
            assert record["quarters_per_bar"] == 4 * numerator / denominator
            others += record["quarters_per_bar"] != 4
    assert others == 12


def test_metadata_of_the_dataset(groove_report: ConversionReport, groove_dir: Path) -> None:
    with (groove_dir / "info.csv").open(encoding="utf-8") as file:
        rows = {row["midi_filename"]: row for row in csv.DictReader(file)}
    for name in ("train", "validation", "test"):
        for record in records(groove_report, name):
            row = dict(rows[record["source"].decode()])
            assert row.pop("split") == name
            assert "split" not in record
            assert {column: record[column].decode() for column in row} == row
    styles = groove_report.bars_by_style
    assert sum(styles.values()) == groove_report.bars
    assert styles["punk"] == sum(
        record["steps"] // 16 * record["style"].startswith(b"punk")
        for name in groove_report.listing.sets
        for record in records(groove_report, name)
    )


def test_report_adds_up(groove_report: ConversionReport, groove_files: list[Path]) -> None:
    report = groove_report
    assert report.files == len(groove_files) == report.converted + sum(report.skipped.values())
    assert report.failed == {}
    assert len(list(report.problems())) == sum(report.skipped.values())
    statistics = report.statistics()
    assert sum(statistics["hits"]) == report.notes
    assert sum(map(sum, statistics["offsets"])) == report.notes
    assert sum(statistics["tempos"].values()) == report.bars
    assert sum(statistics["bars"].values()) == report.bars
    assert report.unmapped == {}


def test_statistics_count_each_hit_of_a_song_once(corpus: Path, tmp_path: Path) -> None:
    report = convert(corpus, tmp_path / "out")
    statistics = report.statistics()
    assert statistics["hits"] == [4 * (5 + 6 + 9), 16, 16, 0, 0, 0, 0, 0, 0]
    assert statistics["velocities"][0][90] == 24
    assert statistics["offsets"][0][50] == 80  # exactly on the grid
    assert statistics["tempos"] == {120: 5 + 6 + 4 + 9 + 4}


def same_files(a: Path, b: Path) -> bool:
    names, others = (sorted(path.name for path in folder.iterdir()) for folder in (a, b))
    return names == others and not any(filecmp.cmpfiles(a, b, names, shallow=False)[1:])


@pytest.mark.parametrize("shards", [1, 3, None])
@pytest.mark.parametrize("dedupe", [False, True])
def test_workers_do_not_show(
    made_up_dir: Path, tmp_path: Path, shards: int | None, dedupe: bool
) -> None:
    inputs = [made_up_dir / "drummer1", made_up_dir / "drummer2"]
    for workers in (1, 2, 7):
        convert(inputs, tmp_path / str(workers), workers=workers, shards=shards, dedupe=dedupe)
    assert same_files(tmp_path / "1", tmp_path / "2")
    assert same_files(tmp_path / "1", tmp_path / "7")


def test_shards_hold_the_same_records(corpus: Path, tmp_path: Path) -> None:
    def key(record: dict[str, Any]) -> tuple[bytes, int]:
        return record["source"], record["start_step"]

    one = convert(corpus, tmp_path / "one", shards=1)
    four = convert(corpus, tmp_path / "four", shards=4)
    assert [shard.name for shard in four.shards] == [
        f"data-{index:05d}-of-00004.tfrecord" for index in range(4)
    ]
    assert sorted(records(one), key=key) == sorted(records(four), key=key)
    assert [shard.files for shard in four.shards] == [2, 1, 1, 1]


def test_more_shards_than_files(tmp_path: Path) -> None:
    report = convert(write(tmp_path / "in", a=beat(4)), tmp_path / "out", shards=3)
    assert [shard.records for shard in report.shards] == [1, 0, 0]
    assert (tmp_path / "out" / "data-00002-of-00003.tfrecord").read_bytes() == b""


def test_sources_are_relative_and_sorted(corpus: Path, tmp_path: Path) -> None:
    report = convert(corpus, tmp_path / "out", shards=1)
    found = list(dict.fromkeys(record["source"].decode() for record in records(report)))
    assert found == ["a/one.mid", "a/two.mid", "b/deep/three.mid", "b/four.mid", "five.mid"]


def test_a_file_and_a_folder_as_inputs(corpus: Path, tmp_path: Path) -> None:
    report = convert([corpus / "five.mid", corpus / "a"], tmp_path / "out", shards=1)
    found = list(dict.fromkeys(record["source"].decode() for record in records(report)))
    assert found == ["five.mid", "one.mid", "two.mid"]


def test_which_names_are_midi(tmp_path: Path) -> None:
    names = ["a.mid", "b.MIDI", "c.Smf", "d.kar", "e.MID", "no.txt", "mid", "a.mid.bak", "._a.mid"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(beat(4))
    report = convert(folder, tmp_path / "out")
    assert sources(report) == set(names[:5])


def test_hidden_folders_are_left_out(corpus: Path, tmp_path: Path) -> None:
    """One that is named itself is meant."""
    shown = sources(convert(corpus, tmp_path / "out"))
    hidden = corpus / "a" / ".git"
    write(hidden, x=beat(4), **{"deep/y": beat(4), ".deeper/z": beat(4)})
    (corpus / "b" / ".link").symlink_to(corpus / "a")
    with zipfile.ZipFile(hidden / "songs.zip", "w") as file:
        file.writestr("x.mid", beat(4))
    assert sources(convert(corpus, tmp_path / "out")) == shown
    found = convert(hidden, tmp_path / "out")
    assert sources(found) == {"x.mid", "deep/y.mid", "songs.zip/x.mid"}
    write(corpus, **{".hidden-file": beat(4), "..odd/x": beat(4)})
    assert sources(convert(corpus, tmp_path / "out")) == {*shown, ".hidden-file.mid"}


def test_hidden_folders_in_zips_are_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "songs.zip"
    names = ["a.mid", "./b.mid", "x/../c.mid", ".mid/d.mid", "x/.git/e.mid", "x/.git/y/f.mid"]
    names += ["__MACOSX/g.mid", "x/__MACOSX/h.mid", "x/.i.mid", "__MACOSX.mid"]
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, beat(4))
    expected = {"a.mid", "./b.mid", "x/../c.mid", "x/.i.mid", "__MACOSX.mid"}
    assert sources(convert(archive, tmp_path / "out")) == expected


def test_what_lies_in_the_output_folder_is_no_input(corpus: Path, tmp_path: Path) -> None:
    """By whatever links one comes there; but an input that lies there itself is meant."""
    expected = sources(convert(corpus, tmp_path / "elsewhere"))
    out = corpus / "b" / "out"
    write(out, made=beat(4), **{"below/more": beat(4)})
    with zipfile.ZipFile(out / "songs.zip", "w") as file:
        file.writestr("x.mid", beat(4))
    (corpus / "link").symlink_to(out)
    (corpus / "link-below").symlink_to(out / "below")
    (corpus / "link.mid").symlink_to(out / "made.mid")
    (corpus / "link.zip").symlink_to(out / "songs.zip")
    (tmp_path / "same").symlink_to(corpus)
    for place in (out, tmp_path / "same" / "b" / "out", corpus / "link", corpus / "a/../b/out/."):
        assert sources(convert(corpus, place)) == expected
        assert sources(convert(tmp_path / "same", place)) == expected
    assert sources(convert(out / "below", out)) == {"more.mid"}
    assert sources(convert([corpus, out / "made.mid"], out)) == {*expected, "made.mid"}
    write(tmp_path / "in-place", x=beat(4), **{"below/y": beat(4)})
    in_place = convert(tmp_path / "in-place", tmp_path / "in-place")
    assert sources(in_place) == {"x.mid", "below/y.mid"}


@contextmanager
def other_than_files(folder: Path) -> Iterator[list[str]]:
    """Things that no one should wait for, under the names of files."""
    (folder / "pipes").mkdir()
    os.mkfifo(folder / "pipe.mid")
    os.mkfifo(folder / "pipes" / "pipe.zip")
    (folder / "zero.mid").symlink_to("/dev/zero")
    (folder / "zero.zip").symlink_to("/dev/zero")
    (folder / "terminal.mid").symlink_to("/dev/tty")
    (folder / "pipe-link.mid").symlink_to("pipe.mid")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket is short
        listening.bind("socket.mid")
        os.chdir(here)
        yield ["pipe.mid", "zero.mid", "terminal.mid", "pipe-link.mid", "socket.mid"]


def test_what_is_no_regular_file_is_named(corpus: Path, tmp_path: Path) -> None:
    with other_than_files(corpus) as files:
        report = convert(corpus, tmp_path / "out")
        assert report.converted == 5
        found = problems(report)
        zips = [str(corpus / "pipes" / "pipe.zip"), str(corpus / "zero.zip")]
        assert found == {
            **dict.fromkeys(files, (Outcome.UNREADABLE, "not a regular file")),
            **dict.fromkeys(zips, (Outcome.UNOPENED, "not a regular file")),
        }
        for name in files:
            report = convert(corpus / name, tmp_path / "out")
            assert problems(report) == {name: (Outcome.UNREADABLE, "not a regular file")}
        for name in zips:
            with pytest.raises(GrooveFastError, match="zip: not a regular file; no MIDI file"):
                convert(name, tmp_path / "out")


def bytes_read() -> int:
    """By this process so far."""
    counts = Path("/proc/self/io")
    if not counts.exists():
        pytest.skip("this system does not count what is read")
    return int(re.findall(r"rchar: (\d+)", counts.read_text())[0])


def test_large_files_are_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a=beat(4))
    for number in range(4):
        with (folder / f"huge{number}.mid").open("wb") as file:
            file.truncate(1 << 32)
    before = bytes_read()
    report = convert(folder, tmp_path / "out")
    assert report.failed == {"unreadable": 4}
    assert bytes_read() - before < 1 << 24


def test_links_are_followed_but_not_in_circles(corpus: Path, tmp_path: Path) -> None:
    (corpus / "a" / "circle").symlink_to(corpus)
    (corpus / "more").symlink_to(corpus / "b")
    (corpus / "nowhere.mid").symlink_to(tmp_path / "gone.mid")
    report = convert(corpus, tmp_path / "out")
    assert "more/four.mid" in sources(report)
    assert report.converted == 7
    assert problems(report)["nowhere.mid"] == (
        Outcome.UNREADABLE,
        "No such file or directory",
    )


@pytest.mark.parametrize("steps_per_quarter", [1, 3, 4, 24])
def test_records_of_any_grid(tmp_path: Path, steps_per_quarter: int) -> None:
    folder = write(tmp_path / "in", a=beat(7))
    report = convert(folder, tmp_path / "out", steps_per_quarter=steps_per_quarter)
    (found,) = records(report)
    assert found["steps_per_quarter"] == steps_per_quarter
    assert found["steps"] == 7 * 4 * steps_per_quarter
    for bars, hop in ((1, 1), (2, 3), (7, 1), (8, 1)):
        assert_cut_into_windows(
            [found], folder / "a.mid", bars, hop, steps_per_quarter=steps_per_quarter
        )


def test_a_record_is_a_stretch_in_one_meter(tmp_path: Path) -> None:
    """4/4, cut short by 7/8, then 3/4; the last bar of each counts if it is whole."""
    song = midi.song(
        *(midi.hit(QUARTER - 1 if n else 0, 36) for n in range(10)),
        midi.meter(QUARTER - 1, 7, 3),
        *(midi.hit(QUARTER // 2 - 1 if n else 0, 38) for n in range(14)),
        midi.meter(QUARTER // 2 - 1, 3, 2),
        midi.hit(0, 42),
    )
    report = convert(write(tmp_path / "in", a=song), tmp_path / "out")
    found = records(report)
    assert [(r["start_step"], r["steps"], r["quarters_per_bar"]) for r in found] == [
        (0, 32, 4),
        (40, 28, 3.5),
        (68, 12, 3),
    ]
    assert (report.performances, report.bars, report.outside) == (3, 5, 2)
    assert report.notes == 8 + 14 + 1
    assert_cut_into_windows(found, tmp_path / "in" / "a.mid", 1)


def test_bars_of_no_whole_number_of_steps_are_left_out(tmp_path: Path) -> None:
    song = midi.song(midi.meter(0, 7, 5), midi.hit(0, 36), midi.hit(2 * BAR, 36))
    report = convert(write(tmp_path / "in", a=song), tmp_path / "out")
    assert report.outcomes == {Outcome.METER: 1}
    assert convert(tmp_path / "in", tmp_path / "out", steps_per_quarter=8).performances == 1


def test_tempos_stand_at_the_steps_that_have_them(tmp_path: Path) -> None:
    """Two within a step: the last; one within a bar: for the windows that begin later."""
    song = midi.song(
        midi.hit(0, 36),
        midi.tempo(QUARTER + 30 - 1, 400_000),
        midi.tempo(20, 300_000),
        midi.tempo(BAR - QUARTER - 50, 600_000),
        *(midi.hit(QUARTER - 1, 36) for _ in range(16)),
    )
    folder = write(tmp_path / "in", a=song)
    report = convert(folder, tmp_path / "out")
    (found,) = records(report)
    assert found["qpm"] == 120
    assert found["tempo_change_steps"] == [5, 16]
    assert found["tempo_change_qpms"] == [200, 100]
    assert_cut_into_windows([found], folder / "a.mid", 1)


def test_pitch_classes(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a=beat(4, pitch=35), b=beat(4, pitch=36))
    report = convert(folder, tmp_path / "out")
    assert (report.performances, report.unmapped, report.notes) == (1, {35: 16}, 16)
    report = convert(folder, tmp_path / "out", pitch_classes="reduced")
    assert (report.performances, report.unmapped, report.notes) == (2, {}, 32)
    others = [(99,), *ROLAND[1:]]
    report = convert(folder, tmp_path / "out", pitch_classes=others)
    assert (report.performances, report.unmapped) == (0, {35: 16, 36: 16})


def test_channels(tmp_path: Path) -> None:
    song = midi.song(*(midi.hit(QUARTER - 1 if n else 0, 36, channel=0) for n in range(16)))
    folder = write(tmp_path / "in", a=song)
    assert convert(folder, tmp_path / "out").skipped == {"no drums": 1}
    assert convert(folder, tmp_path / "out", channel=1).performances == 1


def test_magenta_compat_drops_tempo_changes(tmp_path: Path) -> None:
    changes = midi.song(
        *(midi.hit(QUARTER - 1 if n else 0, 36) for n in range(16)),
        midi.tempo(0, 400_000),
        *(midi.hit(QUARTER - 1, 36) for n in range(16)),
    )
    folder = write(tmp_path / "in", a=changes)
    (found,) = records(convert(folder, tmp_path / "out"))
    assert found["tempo_change_qpms"] == [150]
    report = convert(folder, tmp_path / "out", magenta_compat=True)
    assert report.skipped == {"tempo changes": 1}


def test_unmapped_pitches_as_errors(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", bad=beat(4, pitch=27), good=beat(4))
    report = convert(folder, tmp_path / "out", unmapped_pitches="error")
    assert report.failed == {"unmapped pitch": 1}
    assert problems(report)["bad.mid"][1].startswith("pitch 27 belongs to no drum class")
    assert sources(report) == {"good.mid"}
    with pytest.raises(GrooveFastError, match=r"in/bad\.mid: pitch 27 belongs") as error:
        convert(folder, tmp_path / "out", unmapped_pitches="error", on_error="fail")
    assert not isinstance(error.value, MidiError)


def test_format_2_tracks_are_songs(tmp_path: Path) -> None:
    tracks = [midi.track(beat(bars)[22:-4], midi.END) for bars in (4, 5)]
    folder = write(tmp_path / "in", a=midi.header(2, 2) + b"".join(tracks))
    found = records(convert(folder, tmp_path / "out"))
    assert [(record["track"], record["steps"]) for record in found] == [(0, 64), (1, 80)]
    assert {record["source"] for record in found} == {b"a.mid"}


def test_offsets_stay_within_half_a_step(tmp_path: Path) -> None:
    """Where seconds are so many that they tell less than a tick of what is fast."""
    song = midi.song(
        midi.tempo(0, (1 << 24) - 1),
        midi.tempo(20_000 * QUARTER, 2),
        *(midi.hit(60 if index == 0 else 119, 36) for index in range(3000)),
    )
    found = records(convert(write(tmp_path / "in", a=song), tmp_path / "out"))
    offsets = np.concatenate([grid_of(record)[2] for record in found])
    assert len(found) == 1
    assert np.abs(offsets).max() <= 1


def test_windows_are_told_of_grids_that_configs_can_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a=beat(20))
    fine = convert(folder, tmp_path / "fine", steps_per_quarter=8)
    assert (fine.performances, fine.windows_by_length) == (1, {})
    assert set(fine.windows_by_config.values()) == {0}
    report = convert(folder, tmp_path / "out")
    assert report.windows_by_length == {2: 19, 4: 17, 8: 13, 16: 5}
    assert report.windows("groovae_4bar", hop_bars=4) == 5
    with pytest.raises(GrooveFastError, match="hop_bars: 0 is no whole number"):
        report.windows("groovae_4bar", hop_bars=0)


def test_unmapped_pitches_are_errors_in_salvaged_files_too(tmp_path: Path) -> None:
    cut = beat(4, pitch=27)[:-6]
    folder = write(tmp_path / "in", cut=cut, good=beat(4))
    report = convert(folder, tmp_path / "out", unmapped_pitches="error", on_error="salvage")
    assert report.outcomes == {Outcome.UNMAPPED: 1}


def test_progress_ends_at_all_files(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(corpus, out, shards=3, dedupe=True)
    (out / "data-00002-of-00003.tfrecord").unlink()
    seen: list[Progress] = []
    convert(corpus, out, shards=3, dedupe=True, resume=True, on_progress=seen.append)
    assert seen[-1].files <= seen[-1].total


def test_a_zero_byte_ends_no_path(corpus: Path, tmp_path: Path) -> None:
    for inputs, output in ((f"{corpus}\0x", tmp_path / "out"), (corpus, f"{tmp_path}/out\0x")):
        with pytest.raises(GrooveFastError, match="zero byte"):
            convert(inputs, output)


def test_the_report_is_written_whole_or_not_at_all(corpus: Path, tmp_path: Path) -> None:
    report = convert(corpus, tmp_path / "out")
    path = tmp_path / "report.json"
    path.write_text("old")
    path.with_name("no").mkdir()
    with pytest.raises(OSError, match="no"):
        report.save(tmp_path / "no")
    report.save(path)
    assert json.loads(path.read_text())["performances"] == 5
    assert not list(tmp_path.glob(".*.tmp"))


def test_dedupe_leaves_out_equal_grids_of_a_set(tmp_path: Path) -> None:
    late = midi.song(*(midi.hit(479 if n else 5, 36) for n in range(16)))
    songs = {"a": beat(4), "b": beat(4), "c": beat(4, velocity=99), "d": late, "e": beat(5)}
    folder = write(tmp_path / "in", **songs)
    table = tmp_path / "info.csv"
    table.write_text("midi_filename,split\na.mid,train\nb.mid,test\nc.mid,train\ne.mid,train\n")
    report = convert(folder, tmp_path / "out", dedupe=True)
    assert (report.performances, report.duplicates, report.bars) == (4, 1, 17)
    assert sum(report.statistics()["tempos"].values()) == 17
    assert report.notes == report.statistics()["hits"][0] == 4 * 17
    assert [r["source"] for r in records(report)] == [b"a.mid", b"c.mid", b"d.mid", b"e.mid"]
    report = convert(folder, tmp_path / "out", dedupe=True, metadata=table)
    assert report.performances_by_set == {"train": 3, "test": 1}


def test_dedupe_tells_meters_apart(tmp_path: Path) -> None:
    three = midi.song(midi.meter(0, 3, 2), *hits_on_quarters(12))
    folder = write(tmp_path / "in", four=midi.song(*hits_on_quarters(12)), three=three)
    assert convert(folder, tmp_path / "out", dedupe=True).performances == 2


def test_dedupe_on_real_music_drops_only_copies(groove_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    shutil.copytree(groove_dir / "drummer3", folder / "once")
    plain = convert(folder, tmp_path / "plain")
    grids = {(r["hits"], r["velocities"], r["offsets"]) for r in records(plain)}
    shutil.copytree(groove_dir / "drummer3", folder / "twice")
    deduped = convert(folder, tmp_path / "deduped", dedupe=True)
    assert deduped.performances == len(grids)
    assert deduped.performances + deduped.duplicates == 2 * plain.performances


def test_zips(corpus: Path, tmp_path: Path) -> None:
    archive = tmp_path / "songs.ZIP"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(corpus.rglob("*.mid"), reverse=True):
            file.write(path, path.relative_to(corpus))
        file.writestr("__MACOSX/._x.mid", b"no MIDI")
        file.writestr("notes.txt", b"no MIDI")
    from_folder = convert(corpus, tmp_path / "folder", shards=1)
    from_zip = convert(archive, tmp_path / "zip", shards=1, workers=4)
    assert records(from_folder) == records(from_zip)
    nested = tmp_path / "nested"
    (nested / "x").mkdir(parents=True)
    archive.rename(nested / "x" / "songs.zip")
    assert sources(convert(nested, tmp_path / "out")) == {
        f"x/songs.zip/{name}" for name in sources(from_folder)
    }


def test_damaged_zips_are_named(corpus: Path, tmp_path: Path) -> None:
    (corpus / "bad.zip").write_bytes(b"PK no zip")
    with zipfile.ZipFile(corpus / "member.zip", "w") as file:
        file.writestr("x.mid", beat(4))
        file.writestr("y.mid", beat(4))
    content = (corpus / "member.zip").read_bytes()
    (corpus / "member.zip").write_bytes(content.replace(beat(4), bytes(len(beat(4))), 1))
    report = convert(corpus, tmp_path / "out")
    assert report.failed == {"unreadable": 1}
    assert report.unopened == 1
    assert report.converted == 6
    messages = problems(report)
    assert messages[str(corpus / "bad.zip")][1] == "File is not a zip file"
    assert "CRC-32" in messages["member.zip/x.mid"][1]


def test_a_zip_may_hold_a_name_twice(tmp_path: Path) -> None:
    archive = tmp_path / "twice.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.mid", beat(4))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x.mid", beat(5))
    found = records(convert(archive, tmp_path / "out", shards=1))
    assert [record["steps"] for record in found] == [64, 80]


def test_encrypted_members_are_named(tmp_path: Path) -> None:
    archive = tmp_path / "secret.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.mid", beat(4))
        file.writestr("y.mid", beat(4))
    content = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + flags] |= 1
    archive.write_bytes(content)
    report = convert(archive, tmp_path / "out")
    assert sources(report) == {"y.mid"}
    assert "password" in problems(report)["x.mid"][1]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.fsencode(folder) + b"/caf\xe9 \xe2\x82\xac.mid"
    try:
        Path(os.fsdecode(name)).write_bytes(beat(4))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    report = convert(folder, tmp_path / "out")
    assert sources(report) == {"caf\\xe9 €.mid"}


NOT_UTF8 = [
    *(b"\xff", b"\xc3", b"\x80abc", b"a\xe2\x82", b"\xe2\x82a", b"\xf0\x9f\xa5\x81\xf0\x9f\xa5"),
    *(b"\xc0\xaf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf"),  # overlong
    *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"),  # surrogate, too large
]


@pytest.mark.parametrize("name", [b"plain", "grün €𝄞".encode(), *NOT_UTF8])
def test_escapes_are_pythons(name: bytes) -> None:
    assert _records.as_utf8(name).decode() == name.decode("utf-8", "backslashreplace")


def test_a_bad_file_is_named_and_the_rest_goes_on(corpus: Path, tmp_path: Path) -> None:
    good = convert(corpus, tmp_path / "good", shards=1)
    write(corpus, **{"a/bad": beat(5)[:40], "b/empty": b"", "b/text": b"not a MIDI file"})
    report = convert(corpus, tmp_path / "out", shards=1)
    assert records(report) == records(good)
    assert report.failed == {"damaged": 3}
    with pytest.raises(MidiError) as damage:
        windows_of(corpus / "a/bad.mid")
    assert problems(report)["a/bad.mid"][1] == str(damage.value)
    assert "(at byte 0)" in problems(report)["b/text.mid"][1]


def test_on_error_fail_stops_at_the_first(corpus: Path, tmp_path: Path) -> None:
    write(corpus, **{"b/bad": beat(5)[:40], "zbad": b""})
    for workers in (1, 4):
        with pytest.raises(MidiError, match=r"b/bad\.mid: .* \(at byte \d+\)") as error:
            convert(corpus, tmp_path / "out", on_error="fail", workers=workers)
        assert error.value.offset > 0
    assert not list((tmp_path / "out").glob("*.tfrecord"))
    assert not list((tmp_path / "out").glob(".*.tmp"))


def test_on_error_salvage_keeps_what_came_before(tmp_path: Path) -> None:
    whole = beat(9)
    folder = write(tmp_path / "in", cut=whole[: len(whole) * 2 // 3], good=beat(4), none=b"x")
    report = convert(folder, tmp_path / "out", on_error="salvage")
    assert (report.converted, report.salvaged, report.failed) == (2, 1, {"damaged": 1})
    assert report.skipped == {}
    assert problems(report)["cut.mid"][0] is Outcome.SALVAGED
    (salvaged,) = (r for r in records(report) if r["source"] == b"cut.mid")
    undamaged = write(tmp_path / "whole", cut=whole)
    (expected,) = records(convert(undamaged, tmp_path / "expected"))
    assert salvaged["steps"] == 6 * 16
    undamaged_bytes = 5 * 16 * 9  # in the last bar is the damage
    assert salvaged["velocities"][:undamaged_bytes] == expected["velocities"][:undamaged_bytes]
    assert any(salvaged["velocities"][undamaged_bytes:])


def test_a_file_that_is_gone_or_no_file_any_more(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", gone=beat(4), pipe=beat(4), stays=beat(4))
    files = _records.FileList()
    files.add(os.fsencode(folder))
    files.sort()
    (folder / "gone.mid").unlink()
    (folder / "pipe.mid").unlink()
    os.mkfifo(folder / "pipe.mid")
    result = run_core(files, tmp_path / "shard.tfrecord")
    _, _, counts, told = result
    assert counts["converted"] == 1
    assert {each["outcome"] for each in told} == {"unreadable"}
    assert [explain(each) for each in told] == ["No such file or directory", "not a regular file"]


def run_core(files: _records.FileList, shard: Path, **options: Any) -> tuple[int, int, Any, Any]:
    """Converts all files to one shard, by the extension alone."""
    plan = _records.ShardPlan()
    plan.add_range(range(len(files)))
    plan.end_shard(os.fsencode(shard), 0)
    settings: dict[str, Any] = {
        "pitch_table": pitch_table("roland"),
        "read_member": bytes,
        "steps_per_quarter": 4,
        "part": DrumPart().for_core(),
        "on_error": "skip",
        "magenta_compat": False,
        "unmapped_is_error": False,
        "dedupe": False,
        "workers": 2,
        **options,
    }
    with _records.Conversion(files, plan, **settings) as conversion:
        while (index := conversion.wait(10_000)) is None:
            assert not conversion.done()
        return conversion.take_result(index)


def test_a_file_that_changes_while_it_is_read(corpus: Path, tmp_path: Path) -> None:
    whole = beat(300)
    changing = corpus / "a" / "changing.mid"
    changing.write_bytes(whole)
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            with changing.open("r+b") as file:
                for size in (100, 1000, len(whole)):
                    file.truncate(size)
                file.write(whole)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        reports = [convert(corpus, tmp_path / str(number), shards=1) for number in range(20)]
    finally:
        stop.set()
        writer.join()
    for report in reports:
        others = [r for r in records(report) if r["source"] != b"a/changing.mid"]
        assert len(others) == 5


def test_large_files(tmp_path: Path) -> None:
    """Longer than one read, than one flush of the records, and than what is accepted."""
    padding = midi.sysex(0, bytes(700_000))
    long = beat(2000)
    folder = write(
        tmp_path / "in",
        padded=midi.header(1, 0) + midi.track(padding, beat(4)[22:-4], midi.END),
        long=long,
    )
    with (folder / "huge.mid").open("wb") as file:
        file.truncate((1 << 26) + 1)
    report = convert(folder, tmp_path / "out", shards=1, workers=3)
    assert problems(report) == {
        "huge.mid": (Outcome.UNREADABLE, "larger than 64 MiB, which no performance is")
    }
    assert (report.performances, report.bars) == (2, 2004)
    found = records(report)
    assert_cut_into_windows(found[:1], folder / "long.mid")


def test_format_2_without_tracks(tmp_path: Path) -> None:
    report = convert(write(tmp_path / "in", a=midi.header(0, 2)), tmp_path / "out")
    assert {**report.skipped, **report.failed} in ({"no drums": 1}, {"damaged": 1})


def test_a_few_bytes_that_claim_a_silence_of_years(tmp_path: Path) -> None:
    song = midi.song(midi.hit(0, 36), midi.hit((1 << 28) - 1, 36), division=1)
    report = convert(write(tmp_path / "in", a=song), tmp_path / "out")
    assert report.skipped == {"too long": 1}


def test_many_names_in_one_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", song=beat(1))
    for number in range(20_000):
        os.link(folder / "song.mid", folder / f"{number:05d}.mid")
    report = convert(folder, tmp_path / "out", shards=2, dedupe=True)
    assert (report.files, report.converted) == (20_001, 20_001)
    assert (report.performances, report.duplicates) == (1, 20_000)


def test_deep_folders(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    deep = folder.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    (deep / "a.mid").write_bytes(beat(4))
    assert sources(convert(folder, tmp_path / "out")) == {"d/" * 400 + "a.mid"}


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    """One whose path is longer than the system takes."""
    folder = write(tmp_path / "in", a=beat(4))
    place = os.open(folder, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("x" * 200, dir_fd=place)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    report = convert(folder, tmp_path / "out")
    (place_and_reason,) = problems(report).items()
    assert place_and_reason[0].startswith(f"{folder}/xxx")
    assert place_and_reason[1] == (Outcome.UNOPENED, "file name too long")
    assert sources(report) == {"a.mid"}
    with pytest.raises(GrooveFastError, match="file name too long"):
        convert(folder, tmp_path / "out", on_error="fail")


def test_default_number_of_shards(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", song=beat(1))
    for number in range(300):
        os.link(folder / "song.mid", folder / f"{number:05d}.mid")
    assert len(convert(folder, tmp_path / "out").shards) == 3


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"steps_per_quarter": 0}, "steps_per_quarter: 0 is no whole number from 1 to 65,536"),
    (
        {"steps_per_quarter": 1 << 20},
        "steps_per_quarter: 1048576 is no whole number from 1",
    ),
    ({"steps_per_quarter": float("nan")}, "steps_per_quarter: nan is no whole number from 1 to"),
    ({"pitch_classes": "rolnad"}, "pitch_classes: no such map 'rolnad'"),
    ({"channel": 17}, "channel: 17 is no MIDI channel; they are 1 to 16"),
    ({"on_error": "ignore"}, "on_error: no such choice 'ignore'"),
    ({"unmapped_pitches": "keep"}, "unmapped_pitches: no such choice 'keep'"),
    ({"shards": 0}, "shards: 0 is no whole number from 1 to 99,999"),
    ({"shards": 100_000}, "shards: 100000 is no whole number from 1 to 99,999"),
    ({"workers": 0}, "workers: 0 is no whole number from 1 to 1,024"),
    ({"workers": True}, "workers: True is no whole number from 1 to 1,024"),
    ({"name": "a/b"}, "name: 'a/b' cannot be part of a file name"),
    ({"metadata_columns": ["mood"]}, "metadata_columns: there is no `metadata` to take them from"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_mistakes(corpus: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(GrooveFastError) as error:
        convert(corpus, tmp_path / "out", **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_no_midi(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(GrooveFastError, match="in: no MIDI file there"):
        convert(tmp_path / "in", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        convert(tmp_path / "nowhere", tmp_path / "out")


CSVS: list[tuple[str, str]] = [
    ("", "no column midi_filename, it is empty"),
    ("file,split\na.mid,train\n", "no column midi_filename, only file, split"),
    ("midi_filename,split\nx.mid,train\n", "lists none of the files, such as a/one.mid"),
    ("midi_filename,split\nfive.mid,\n", "names no split for any of the files, such as five.mid"),
    ("midi_filename,split\nfive.mid\n", "row 2 has 1 cells, the header 2"),
    ("midi_filename,split\nfive.mid,a/b\n", "row 2: split 'a/b' cannot be part of a file name"),
    ("midi_filename,split\nfive.mid,a\nfive.mid,b\n", "row 3: five.mid is there twice"),
    ("midi_filename,x,x\nfive.mid,a,b\n", "two columns are called 'x'"),
    ("midi_filename,qpm\nfive.mid,120\n", "column 'qpm' has the name of what each record has"),
    ('midi_filename\n"five.mid\n', "unexpected end of data"),
]


@pytest.mark.parametrize(("content", "message"), CSVS)
def test_mistakes_in_metadata(corpus: Path, tmp_path: Path, content: str, message: str) -> None:
    table = tmp_path / "info.csv"
    table.write_text(content)
    with pytest.raises(GrooveFastError) as error:
        convert(corpus, tmp_path / "out", metadata=table)
    assert str(table) in str(error.value)
    assert message in str(error.value)


def test_metadata_rules(corpus: Path, tmp_path: Path) -> None:
    """The longest tail of the path counts; what is not listed is left out and named."""
    table = tmp_path / "info.csv"
    table.write_text(
        "\ufeffmidi_filename,split,style,mood\n"
        "three.mid,train,rock/x,\n"
        "deep/three.mid,test,jazz/swing,größer\n"
        "five.mid,train,,plain\n"
        "four.mid,,rock,nowhere\n"
        "gone.mid,train,rock,there is none\n",
        encoding="utf-8",
    )
    report = convert(corpus, tmp_path / "out", metadata=table, metadata_columns=["mood"])
    assert report.performances_by_set == {"train": 1, "test": 1}
    (train,), (test,) = records(report, "train"), records(report, "test")
    assert (train["source"], train["mood"]) == (b"five.mid", b"plain")
    assert (test["source"], test["mood"].decode()) == (b"b/deep/three.mid", "größer")
    assert "style" not in train
    assert report.skipped == {"not in the metadata": 2, "no split in the metadata": 1}
    assert problems(report)["b/four.mid"] == (Outcome.WITHOUT_SPLIT, "")
    report.save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["skipped"] == report.skipped
    assert report.listing.missing == ["three.mid", "gone.mid"]
    assert report.bars_by_style == {"jazz": 4, "rock": 0}


def test_metadata_without_splits(corpus: Path, tmp_path: Path) -> None:
    table = tmp_path / "info.csv"
    table.write_text("midi_filename,mood\nfive.mid,calm\n")
    report = convert(corpus, tmp_path / "out", metadata=table, name="all")
    assert [record["mood"] for record in records(report, "all")] == [b"calm"]


def test_report_file(groove_report: ConversionReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    groove_report.save(path)
    content = json.loads(path.read_text())
    assert content["performances"] == 1_150
    assert content["bars"] == groove_report.bars
    assert content["windows_by_config"]["groovae_4bar"] == 19_552
    assert content["windows_by_config"]["groovae_2bar_humanize"] == 20_676
    assert content["skipped"] == dict(groove_report.skipped)
    assert content["shards"]["validation-00000-of-00001.tfrecord"]["records"] == 124


def test_problems_in_the_report_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", bad=beat(4)[:40], good=beat(4), none=beat(4, pitch=27))
    report = convert(folder, tmp_path / "out")
    report.save(tmp_path / "report.json")
    bad, none = json.loads((tmp_path / "report.json").read_text())["problems"]
    assert bad.pop("message").endswith("(at byte 40)")
    assert bad == {"file": "bad.mid", "outcome": "damaged", "reason": "damaged", "failed": True}
    assert (none["outcome"], none["reason"], none["failed"]) == ("no_drums", "no drums", False)


def test_picture(groove_report: ConversionReport, tmp_path: Path) -> None:
    path = tmp_path / "corpus.png"
    groove_report.plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    assert min(width, height) > 400


def test_conversion_imports_no_tensorflow(run_python: Callable[[str], str]) -> None:
    code = "import sys, groovefast.conversion.convert; print('tensorflow' in sys.modules)"
    assert run_python(code) == "False"


def test_one_shard_reads_alone(groove_report: ConversionReport) -> None:
    shard = groove_report.shards[0]
    assert len(read_shard(groove_report.output_dir / shard.name)) == shard.records
