"""Zips in zips: what is read of them, what is named instead, and what is left behind."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import midi_bytes as midi
import pytest
from records import read_shards

from groovefast.conversion.convert import ConversionReport, convert
from groovefast.conversion.corpus import Corpus
from groovefast.conversion.outcomes import Outcome
from groovefast.errors import GrooveFastError

BEAT = midi.song(*(midi.hit(479 if n else 0, 36) for n in range(16)))
MIB = 1 << 20


def zipped(
    *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, **named: bytes
) -> bytes:
    """A zip of members given as pairs, or by keyword as NAME_mid and NAME_zip."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as file:
        for name, content in (*members, *((k.replace("_", "."), v) for k, v in named.items())):
            file.writestr(name, content)
    return memory.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def sources(report: ConversionReport) -> set[str]:
    return {record["source"].decode() for record in read_shards(report.output_dir)}


def test_members_of_uncommon_methods_are_named(tmp_path: Path) -> None:
    """A few bytes of them may fill the memory."""
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        write(tmp_path / "in" / f"{method}.zip", zipped(a_mid=BEAT, b_mid=BEAT, method=method))
    write(tmp_path / "in" / "good.zip", zipped(a_mid=BEAT))
    report = convert(tmp_path / "in", tmp_path / "out")
    assert sources(report) == {"good.zip/a.mid"}
    assert sum(report.failed.values()) == 4
    assert {problem.message for problem in report.problems()} == {
        "packed by an uncommon method; unpack it first"
    }


def unopened(report: ConversionReport) -> dict[str, str]:
    return {p.file: p.message for p in report.problems() if p.outcome is Outcome.UNOPENED}


def unpacked_files() -> list[str]:
    """Temporary files that this process has open."""
    places = (os.path.realpath(place) for place in Path("/proc/self/fd").iterdir())
    return sorted(place for place in places if "(deleted)" in place)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("temporary")
    before, usual = unpacked_files(), tempfile.tempdir
    tempfile.tempdir = str(folder)
    yield
    tempfile.tempdir = usual
    assert list(folder.iterdir()) == []
    assert unpacked_files() == before


def nest(depth: int, content: bytes = BEAT) -> bytes:
    """A zip in `depth` - 1 others, each with a song beside the next."""
    inner = zipped(a_mid=content)
    for _ in range(depth - 1):
        inner = zipped(a_mid=content, inner_zip=inner)
    return inner


def test_zips_in_zips(tmp_path: Path) -> None:
    archive = write(tmp_path / "in" / "x" / "outer.zip", nest(3))
    expected = {"a.mid", "inner.zip/a.mid", "inner.zip/inner.zip/a.mid"}
    report = convert(archive, tmp_path / "out")
    assert sources(report) == expected
    assert report.complete
    from_folder = convert(tmp_path / "in", tmp_path / "out", workers=5, shards=3)
    assert sources(from_folder) == {f"x/outer.zip/{name}" for name in expected}
    place = from_folder.corpus.place(2)
    assert place == f"{archive}: x/outer.zip/inner.zip/inner.zip/a.mid"


def test_records_are_those_of_the_files(made_up_dir: Path, tmp_path: Path) -> None:
    """Of four drummers, each in a zip of their own, packed in all ways there are."""
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as outer:
        for number, drummer in enumerate(sorted(made_up_dir.glob("drummer*/"))):
            songs = [
                (path.relative_to(drummer).as_posix(), path.read_bytes())
                for path in drummer.rglob("*.mid")
            ]
            content = zipped(*songs, method=methods[number % 2])
            outer.writestr(f"{drummer.name}.zip", content, methods[number // 2 % 2])
    found = convert(tmp_path / "all.zip", tmp_path / "out", workers=4, shards=1)
    expected = convert(made_up_dir, tmp_path / "expected", shards=1)
    assert found.bars == expected.bars > 1000
    keys = ("hits", "velocities", "offsets", "qpm", "start_step")
    ours, theirs = (
        sorted(
            (record["source"].replace(b".zip/", b"/"), *(record[key] for key in keys))
            for record in read_shards(report.output_dir)
        )
        for report in (found, expected)
    )
    assert ours == theirs


def test_what_is_hidden_or_of_macos_is_left_out(tmp_path: Path) -> None:
    inner = zipped(a_mid=BEAT)
    names = [".git/x.zip", "__MACOSX/x.zip", "a/._x.zip", "a/.b/c/x.zip", "a/x.zip", "B.ZIP"]
    archive = write(tmp_path / "outer.zip", zipped(*((name, inner) for name in names)))
    report = convert(archive, tmp_path / "out")
    assert sources(report) == {"a/x.zip/a.mid", "B.ZIP/a.mid"}
    assert report.complete


def test_bad_zips_in_zips_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = zipped(a_mid=BEAT, method=zipfile.ZIP_STORED)
    content = zipped(
        good_zip=good,
        middle_zip=zipped(
            text_zip=b"no zip", empty_zip=b"", cut_zip=good[:-9], good_zip=good, a_mid=BEAT
        ),
    )
    write(tmp_path / "in" / "outer.zip", content)
    secret = zipped(secret_zip=good, good_zip=good, method=zipfile.ZIP_STORED)
    write(tmp_path / "in" / "secrets.zip", encrypt(secret, "secret.zip"))
    write(tmp_path / "in" / "damaged.zip", zipped(x_zip=good, method=zipfile.ZIP_STORED))
    damaged = (tmp_path / "in" / "damaged.zip").read_bytes()
    (tmp_path / "in" / "damaged.zip").write_bytes(damaged.replace(BEAT, bytes(len(BEAT))))
    write(tmp_path / "in" / "odd.zip", zipped(x_zip=good, method=zipfile.ZIP_BZIP2))
    report = convert(tmp_path / "in", tmp_path / "out")
    assert sources(report) == {
        "outer.zip/good.zip/a.mid",
        "outer.zip/middle.zip/a.mid",
        "outer.zip/middle.zip/good.zip/a.mid",
        "secrets.zip/good.zip/a.mid",
    }
    place = tmp_path / "in"
    no_zip = "File is not a zip file"
    assert unopened(report) == {
        f"{place}/damaged.zip/x.zip": "Bad CRC-32 for file 'x.zip'",
        f"{place}/odd.zip/x.zip": "packed by an uncommon method; unpack it first",
        f"{place}/outer.zip/middle.zip/cut.zip": no_zip,
        f"{place}/outer.zip/middle.zip/empty.zip": no_zip,
        f"{place}/outer.zip/middle.zip/text.zip": no_zip,
        f"{place}/secrets.zip/secret.zip": "encrypted; unpack it first, with its password",
    }
    assert (report.unopened, report.failed, report.complete) == (6, {}, False)


def encrypt(content: bytes, name: str) -> bytes:
    """Marks a member as encrypted."""
    changed = bytearray(content)
    for signature, flags, head in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        place = -1
        while (place := changed.index(signature, place + 1)) >= 0:
            if changed[place + head :].startswith(name.encode()):
                changed[place + flags] |= 1
                break
    return bytes(changed)


def test_damaged_members_of_inner_zips(tmp_path: Path) -> None:
    """Of a zip in a zip whose own checksum is right."""
    inner = zipped(a_mid=BEAT, b_mid=BEAT[:-3], c_mid=BEAT, method=zipfile.ZIP_STORED)
    inner = encrypt(inner.replace(BEAT, bytes(len(BEAT)), 1), "c.mid")
    write(tmp_path / "outer.zip", zipped(inner_zip=inner, d_mid=BEAT))
    report = convert(tmp_path / "outer.zip", tmp_path / "out")
    assert sources(report) == {"d.mid"}
    assert report.failed == {"unreadable": 2, "damaged": 1}
    found = {problem.file: problem.message for problem in report.problems()}
    assert found["inner.zip/a.mid"] == "Bad CRC-32 for file 'a.mid'"
    assert found["inner.zip/c.mid"] == "encrypted; unpack it first, with its password"
    assert report.unopened == 0


def test_depth_has_an_end(tmp_path: Path) -> None:
    """As a zip that holds itself would go on for ever."""
    archive = write(tmp_path / "deep.zip", nest(8))
    report = convert(archive, tmp_path / "out")
    assert (report.converted, report.complete) == (8, True)
    write(archive, nest(30))
    report = convert(archive, tmp_path / "out")
    assert report.converted == 8
    place = f"{archive}{'/inner.zip' * 8}"
    assert unopened(report) == {place: "more than 8 zips in one another"}


def test_number_has_an_end(tmp_path: Path) -> None:
    """Ten zips in each, five deep: each is small, and so are all."""
    content = zipped()
    for _ in range(4):
        content = zipped(*((f"{number}.zip", content) for number in range(10)))
    archive = write(tmp_path / "many.zip", zipped(*((f"{n}.zip", content) for n in range(10))))
    write(tmp_path / "a.mid", BEAT)
    report = convert(tmp_path, tmp_path / "out")
    assert sources(report) == {"a.mid"}
    reason = "more than 10,000 zips in it; the others are left out"
    assert unopened(report) == {str(archive): reason}


def test_bombs_are_named(tmp_path: Path) -> None:
    """Zips of nothing but zeros, which pack well."""
    folder = tmp_path / "in"
    zeros = zipped(x_txt=bytes(30 * MIB), method=zipfile.ZIP_STORED)
    inner = zipped(a_mid=BEAT, zeros_zip=zeros)
    members = (("1.zip", inner), ("2.zip", inner), ("3.zip", inner), ("4.zip", nest(2)))
    bomb = write(folder / "bomb.zip", zipped(*members))
    assert bomb.stat().st_size < MIB
    report = convert(folder, tmp_path / "out")
    assert sources(report) == {f"bomb.zip/{n}.zip/a.mid" for n in range(1, 5)} | {
        "bomb.zip/4.zip/inner.zip/a.mid"
    }
    reason = "with it the zips in bomb.zip come to more than 10 times its size, as in a bomb"
    assert unopened(report) == {f"{bomb}/3.zip/zeros.zip": f"{reason}; unpack it first"}


def test_what_hardly_packs_may_be_large(tmp_path: Path) -> None:
    """More than what any zip may come to, but not ten times the size of the outermost."""
    noise = os.urandom(40 * MIB)
    inner = zipped(a_mid=BEAT, noise=noise, method=zipfile.ZIP_STORED)
    middle = zipped(inner_zip=inner, method=zipfile.ZIP_STORED)
    archive = write(tmp_path / "outer.zip", zipped(middle_zip=middle, method=zipfile.ZIP_STORED))
    report = convert(archive, tmp_path / "out")
    assert sources(report) == {"middle.zip/inner.zip/a.mid"}
    assert report.complete


def test_a_zip_that_claims_to_be_huge(tmp_path: Path) -> None:
    content = bytearray(zipped(a_mid=BEAT, x_zip=zipped(a_mid=BEAT)))
    entry = content.rindex(b"PK\1\2")
    struct.pack_into("<I", content, entry + 24, (1 << 30) + 1)
    archive = write(tmp_path / "outer.zip", bytes(content))
    report = convert(archive, tmp_path / "out")
    assert sources(report) == {"a.mid"}
    reason = "a zip of more than 1 GiB in another; unpack it first"
    assert unopened(report) == {f"{archive}/x.zip": reason}


def test_huge_members_of_inner_zips(tmp_path: Path) -> None:
    inner = zipped(a_mid=BEAT, b_mid=bytes(65 * MIB))
    archive = write(tmp_path / "outer.zip", zipped(inner_zip=inner))
    report = convert(archive, tmp_path / "out")
    assert sources(report) == {"inner.zip/a.mid"}
    (problem,) = report.problems()
    assert problem.file == "inner.zip/b.mid"
    assert problem.message == "larger than 64 MiB, which no performance is"


def test_thousands_of_members(tmp_path: Path) -> None:
    """In more zips than are open at a time, from several threads."""
    songs = [(f"{number}.mid", BEAT) for number in range(200)]
    folder = tmp_path / "in"
    for outer in range(3):
        inner = [(f"{number}.zip", zipped(*songs)) for number in range(7)]
        write(folder / f"{outer}.zip", zipped(*inner, *songs))
    report = convert(folder, tmp_path / "out", workers=8, shards=5)
    assert report.converted == report.performances == 3 * 8 * 200
    assert report.complete
    names = [report.corpus.name(index) for index in range(report.files)]
    assert names == sorted(names)
    assert open_files_at_once(folder) <= 6


def test_what_is_unpacked_has_no_name(tmp_path: Path) -> None:
    """So that it is gone with the process, whatever ends that."""
    before = unpacked_files()
    corpus = Corpus([write(tmp_path / "outer.zip", nest(8))])
    (unpacked,) = set(unpacked_files()) - set(before)
    assert unpacked.startswith(tempfile.gettempdir())
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    corpus.close()
    assert unpacked_files() == before


def open_files_at_once(folder: Path) -> int:
    """More than there were, while a corpus is read from its last file to its first."""
    before, most = len(os.listdir("/proc/self/fd")), 0  # noqa: PTH208
    corpus = Corpus([folder])
    for index in reversed(range(0, len(corpus), 97)):
        assert corpus.read_member(index) == BEAT
        most = max(most, len(os.listdir("/proc/self/fd")))  # noqa: PTH208
    corpus.close()
    return most - before


def test_names_that_come_twice_have_an_order(tmp_path: Path) -> None:
    """A zip twice under one name, and a member called as if it were in one."""
    other = midi.song(*(midi.hit(479 if n else 0, 36) for n in range(20)))
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(
            ("x.zip/a.mid", BEAT), ("x.zip", zipped(a_mid=other)), ("x.zip", zipped(a_mid=BEAT))
        )
    archive = write(tmp_path / "twice.zip", content)
    report = convert(archive, tmp_path / "out", shards=1)
    assert [record["steps"] for record in read_shards(report.output_dir)] == [64, 80, 64]


def test_resume_notices_a_change_of_the_outermost(tmp_path: Path) -> None:
    archive = write(tmp_path / "outer.zip", nest(3))
    convert(archive, tmp_path / "out", shards=1)
    assert convert(archive, tmp_path / "out", shards=1, resume=True).reused == 1
    later = time.time() + 5
    os.utime(archive, (later, later))
    messages: list[str] = []
    report = convert(archive, tmp_path / "out", shards=1, resume=True, on_message=messages.append)
    assert report.reused == 0
    assert "a file that went into it was changed since" in messages[0]


@pytest.mark.parametrize("cause", ["on_error", "metadata"])
def test_nothing_is_left_after_an_error(tmp_path: Path, cause: str) -> None:
    content = zipped(inner_zip=zipped(a_mid=BEAT, b_mid=b""))
    archive = write(tmp_path / "outer.zip", content)
    table = write(tmp_path / "info.csv", b"midi_filename\nother.mid\n")
    options: dict[str, Any] = {"on_error": "fail"} if cause == "on_error" else {"metadata": table}
    with pytest.raises(GrooveFastError, match=r"b\.mid: an empty file|lists none of the files"):
        convert(archive, tmp_path / "out", **options)


def test_nothing_is_left_where_there_is_no_midi(tmp_path: Path) -> None:
    archive = write(tmp_path / "outer.zip", zipped(inner_zip=zipped(a_txt=b"")))
    with pytest.raises(GrooveFastError, match=r"outer\.zip: no MIDI file there"):
        convert(archive, tmp_path / "out")
    write(archive, zipped(inner_zip=b"damaged"))
    with pytest.raises(GrooveFastError, match=r"outer\.zip/inner\.zip: File is not a zip file; no"):
        convert(archive, tmp_path / "out")


def test_on_error_fail_stops_at_an_inner_zip(tmp_path: Path) -> None:
    archive = write(tmp_path / "outer.zip", zipped(a_mid=BEAT, inner_zip=b"damaged"))
    with pytest.raises(GrooveFastError, match=r"outer\.zip/inner\.zip: File is not a zip file"):
        convert(archive, tmp_path / "out", on_error="fail")


def test_no_room_to_unpack(tmp_path: Path) -> None:
    noise = zipped(x_txt=os.urandom(100_000))
    archive = write(tmp_path / "outer.zip", zipped(a_mid=BEAT, inner_zip=noise))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "from groovefast.cli.convert import main; import sys;"
        f"sys.argv[1:] = [{str(archive)!r}, {str(tmp_path / 'out')!r}]; main()"
    )
    place = tmp_path / "temporary"
    place.mkdir()
    environment = {**os.environ, "TMPDIR": str(place)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"groovefast-convert: {place}: file too large, unpacking a zip that lies in a zip\n"
    )
    assert list(place.iterdir()) == []
