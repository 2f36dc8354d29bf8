"""Conversions whose work others do, in any order and more than once: the same bytes."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import midi_bytes as midi
import pytest
from folders import contents

from groovefast import _records
from groovefast.conversion import work
from groovefast.conversion.convert import convert
from groovefast.conversion.report import ConversionReport
from groovefast.conversion.work import Done, Work
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import JOURNAL, MANIFEST, verify
from groovefast.shards.tfds_files import TFDS_FILES

SHARDS = 3


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Songs in folders, in a zip and in one in it; two are the same, three cannot be read."""
    folder = tmp_path / "corpus"
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(6):
        place = folder / "deep" if number % 2 else folder
        (place / f"{number}.mid").write_bytes(song(4 + number, 40 + number))
    (folder / "deep" / "er" / "again.mid").write_bytes(song(4, 40))
    (folder / "damaged.mid").write_bytes(song(9, 90)[:-30])
    os.mkfifo(folder / "pipe.mid")
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("a/1.mid", song(20, 50))
        inner.writestr("2.mid", b"no MIDI at all")
        inner.writestr("3.mid", song(21, 51))
    with zipfile.ZipFile(folder / "outer.zip", "w") as outer:
        outer.writestr("0.mid", song(22, 52))
        outer.write(tmp_path / "inner.zip", "in/inner.zip")
        outer.writestr("z.mid", song(23, 53))
    return folder


@pytest.fixture
def info(tmp_path: Path) -> Path:
    """Of the songs outside the zip, in two sets and two styles."""
    rows = ("test,funk", "train,rock", "train,funk", "test,rock", "train,funk", "train,rock")
    lines = [f"{number}.mid,{row}" for number, row in enumerate(rows)]
    path = tmp_path / "info.csv"
    path.write_text("\n".join(["midi_filename,split,style", *lines]))
    return path


def told(report: ConversionReport, tmp_path: Path) -> dict[str, Any]:
    """All that a report says but where and how fast."""
    report.save(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    where_and_when = {"output_dir", "seconds", "files_per_second"}
    return {name: value for name, value in content.items() if name not in where_and_when}


def sent(works: Iterable[Any]) -> list[Any]:
    """As they come out of the wire."""
    return [pickle.loads(pickle.dumps(each)) for each in works]


def one_after_another(works: Iterable[Work], attempts: Path) -> None:
    for each in sent(works):
        work.note(work.do(each), attempts)


def backwards_and_twice(works: Iterable[Work], attempts: Path) -> None:
    for each in reversed(sent(works)):
        first, second = work.do(each), work.do(each)
        work.note(second, attempts)
        work.note(first, attempts)


@pytest.mark.parametrize("runner", [one_after_another, backwards_and_twice])
@pytest.mark.parametrize(
    "options",
    [
        {"shards": SHARDS},
        {"shards": SHARDS, "dedupe": True},
        {"shards": 1, "on_error": "salvage"},
        {"representation": "drums"},
    ],
    ids=lambda options: ",".join(options),
)
def test_bytes_and_report_are_those_of_one_machine(
    corpus: Path, tmp_path: Path, runner: Callable[..., None], options: dict
) -> None:
    here = convert(corpus, tmp_path / "here", **options)
    there = convert(corpus, tmp_path / "there", runner=runner, **options)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert told(there, tmp_path) == told(here, tmp_path)
    assert len(list(there.problems())) > 2
    assert not any(message for _, _, message in verify(tmp_path / "there"))


def from_store(works: Iterable[Work], attempts: Path) -> None:
    for each in reversed(sent(work.store(works, attempts))):
        work.note(work.do(work.fetch(each)), attempts)


def test_work_may_wait_in_a_file(corpus: Path, info: Path, tmp_path: Path) -> None:
    for name, options in {"plain": {}, "told": {"metadata": info}}.items():
        here, there = tmp_path / name, tmp_path / f"{name} of others"
        convert(corpus, here, shards=SHARDS, **options)
        convert(corpus, there, shards=SHARDS, runner=from_store, **options)
        assert contents(there) == contents(here)


def test_elements_are_small_however_many_files_they_are_about(corpus: Path, tmp_path: Path) -> None:
    def run(works: Iterable[Work], attempts: Path) -> None:
        (stored,) = work.store(works, attempts)
        assert len(pickle.dumps(stored)) < 200 + len(str(attempts)) < stored.size

    with pytest.raises(GrooveFastError, match="missing"):
        convert(corpus, tmp_path / "out", runner=run)


def test_other_work_than_was_left_is_not_taken_up(corpus: Path, tmp_path: Path) -> None:
    def run(works: Iterable[Work], attempts: Path) -> None:
        first, second = work.store(works, attempts)[:2]
        with pytest.raises(GrooveFastError, match="not the work that was left there"):
            work.fetch(first._replace(start=second.start, size=second.size))
        shutil.rmtree(attempts)
        with pytest.raises(FileNotFoundError):
            work.fetch(first)

    with pytest.raises(GrooveFastError, match="missing"):
        convert(corpus, tmp_path / "out", shards=SHARDS, runner=run)


def test_with_metadata(corpus: Path, info: Path, tmp_path: Path) -> None:
    here = convert(corpus, tmp_path / "here", metadata=info, shards=2)
    there = convert(corpus, tmp_path / "there", metadata=info, shards=2, runner=one_after_another)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert there.bars_by_style == here.bars_by_style
    assert set(there.bars_by_style) == {"funk", "rock"}


def test_under_dedupe_a_set_is_one_piece_of_work(corpus: Path, tmp_path: Path) -> None:
    given: list[Work] = []

    def run(works: Iterable[Work], attempts: Path) -> None:
        given.extend(works)
        one_after_another(given, attempts)

    report = convert(corpus, tmp_path / "out", shards=SHARDS, dedupe=True, runner=run)
    assert [len(each.shards) for each in given] == [SHARDS]
    assert report.duplicates == 1


def test_a_worker_need_not_stand_where_we_do(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Work] = []

    def run(works: Iterable[Work], attempts: Path) -> None:
        given.extend(works)
        one_after_another(given, attempts)

    monkeypatch.chdir(corpus)
    convert([".", "0.mid"], "../out", runner=run)
    for each in given:
        assert Path(each.attempts).is_absolute()
        for file in each.shards[0].files:
            assert (file.archive or file.folder).startswith(b"/")


def test_who_comes_late_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    late: list[tuple[Work, Done, Path]] = []

    def run(works: Iterable[Work], attempts: Path) -> None:
        for each in works:
            late.append((each, work.do(each), attempts))
            work.note(work.do(each), attempts)

    convert(corpus, tmp_path / "out", shards=SHARDS, runner=run)
    before = contents(tmp_path / "out")
    for each, done, attempts in late:
        with pytest.raises(FileNotFoundError):
            work.do(each)
        with pytest.raises(FileNotFoundError):
            work.note(done, attempts)
    assert contents(tmp_path / "out") == before


def test_the_first_file_that_failed_ends_it(corpus: Path, tmp_path: Path) -> None:
    errors = []
    for runner in (None, backwards_and_twice):
        with pytest.raises(GrooveFastError) as error:
            convert(corpus, tmp_path / "out", shards=SHARDS, on_error="fail", runner=runner)
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert str(corpus) in errors[0]


class LostError(Exception):
    pass


@pytest.mark.parametrize("by", [None, one_after_another])
@pytest.mark.parametrize("ends_with_an_error", [False, True])
def test_resume_goes_on(
    corpus: Path, tmp_path: Path, by: Callable[..., None] | None, ends_with_an_error: bool
) -> None:
    """What workers have left is taken up, whether or not somebody was there to name it."""

    def run(works: Iterable[Work], attempts: Path) -> None:
        for each in list(works)[:2]:
            work.note(work.do(each), attempts)
        if ends_with_an_error:
            raise LostError

    out = tmp_path / "out"
    expected = LostError if ends_with_an_error else GrooveFastError
    with pytest.raises(expected) as error:
        convert(corpus, out, shards=SHARDS, runner=run)
    if not ends_with_an_error:
        assert "1 of 3 shards are missing, data-00002-of-00003.tfrecord first" in str(error.value)
    assert (out / JOURNAL).exists()
    report = convert(corpus, out, shards=SHARDS, resume=True, runner=by)
    assert report.reused == 2
    convert(corpus, tmp_path / "here", shards=SHARDS)
    assert contents(out) == contents(tmp_path / "here")


def test_nothing_is_left_of_attempts(corpus: Path, tmp_path: Path) -> None:
    def run(works: Iterable[Work], attempts: Path) -> None:
        assert (attempts / work.do(next(iter(works))).attempt).is_dir()

    out = tmp_path / "out"
    with pytest.raises(GrooveFastError, match="3 of 3 shards are missing"):
        convert(corpus, out, shards=SHARDS, runner=run)
    convert(corpus, out, shards=SHARDS)
    assert {name.partition("-")[0] for name in contents(out)} == {"data", MANIFEST, *TFDS_FILES}


def test_damage_that_came_while_it_waited_is_named(corpus: Path, tmp_path: Path) -> None:
    """Where a zip in a zip cannot be read any more, its files are named; the rest goes on."""

    def run(works: Iterable[Work], attempts: Path) -> None:
        with zipfile.ZipFile(corpus / "outer.zip", "w") as outer:
            outer.writestr("0.mid", song(22, 52))
            outer.writestr("in/inner.zip", b"no zip any more")
            outer.writestr("z.mid", song(23, 53))
        one_after_another(works, attempts)

    report = convert(corpus, tmp_path / "out", runner=run)
    named = {problem.file: problem.message for problem in report.problems()}
    assert named["outer.zip/in/inner.zip/3.mid"] == "File is not a zip file"
    assert "outer.zip/z.mid" not in named


def test_an_attempt_that_fails_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    def run(works: Iterable[Work], attempts: Path) -> None:
        each = next(iter(works))
        name = "there-is-no-such-folder/data.tfrecord"
        with pytest.raises(OSError, match="there-is-no-such-folder"):
            work.do(Work(**{**vars(each), "shards": [each.shards[0]._replace(name=name)]}))
        assert not list(attempts.iterdir())
        shutil.rmtree(attempts)

    with pytest.raises(GrooveFastError, match="missing"):
        convert(corpus, tmp_path / "out", runner=run)


def test_named_files_are_not_looked_for() -> None:
    files = _records.FileList()
    files.add_named(b"/no/such/", b"b.mid")
    files.add_named(b"s3://bucket/", b"deep/a.mid", True)
    assert [files.path(index) for index in range(2)] == [
        b"/no/such/b.mid",
        b"s3://bucket/deep/a.mid",
    ]
    assert [files.name(index) for index in range(2)] == [b"b.mid", b"deep/a.mid"]
    assert [files.member(index) for index in range(2)] == [None, None]
    with pytest.raises(GrooveFastError, match="a zero byte"):
        files.add_named(b"/", b"a\0.mid")
