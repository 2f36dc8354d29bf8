"""What a conversion leaves in its folder: after an end, a kill, a full disk, another conversion."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import midi_bytes as midi
import pytest
from folders import contents
from records import read_shards
from signals import run_with_signal

from groovefast import _records
from groovefast.conversion.convert import convert
from groovefast.conversion.output import OutputFolder
from groovefast.errors import GrooveFastError
from groovefast.shards.manifest import FORMAT, JOURNAL, MANIFEST, verify
from groovefast.shards.tfds_files import TFDS_FILES

SHARDS = 5


def song(bars: int, velocity: int) -> bytes:
    return midi.song(*(midi.hit(479 if n else 0, 36, velocity) for n in range(4 * bars)))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twelve songs."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02d}.mid").write_bytes(song(4 + number, 40 + number))
    return folder


@pytest.fixture
def out(corpus: Path, tmp_path: Path) -> Path:
    """A finished conversion."""
    convert(corpus, tmp_path / "out", shards=SHARDS)
    return tmp_path / "out"


def shard(number: int) -> str:
    return f"data-{number:05d}-of-{SHARDS:05d}.tfrecord"


def complaints(folder: Path) -> dict[str, str]:
    return {name: message for name, _, message in verify(folder) if message}


# The manifest


def test_manifest(out: Path, corpus: Path) -> None:
    manifest = json.loads((out / MANIFEST).read_text())
    names = b"".join(f"{number:02d}.mid\0".encode() for number in range(12))
    assert manifest["plan"]["files"] == {
        "number": 12,
        "names_sha256": hashlib.sha256(names).hexdigest(),
        "names_marks": manifest["plan"]["files"]["names_marks"],
    }
    assert len(manifest["plan"]["files"]["names_marks"]) == 4 * 12
    assert manifest["plan"]["format"] == FORMAT
    assert manifest["plan"]["options"]["steps_per_quarter"] == 4
    assert [entry["name"] for entry in manifest["shards"]] == [shard(n) for n in range(SHARDS)]
    for entry in manifest["shards"]:
        content = (out / entry["name"]).read_bytes()
        assert entry["crc32c"] == _records.crc32c(content)
        assert entry["bytes"] == len(content)
    totals = manifest["totals"]
    assert totals["files"] == len(list(corpus.iterdir()))
    assert totals["records"] == 12 == len(read_shards(out))
    assert sorted(contents(out)) == sorted([*map(shard, range(SHARDS)), MANIFEST, *TFDS_FILES])


def test_same_input_same_folder(out: Path, corpus: Path, tmp_path: Path) -> None:
    convert(corpus, tmp_path / "again", shards=SHARDS, workers=3)
    assert contents(tmp_path / "again") == contents(out)


# Verifying


def test_verify_good(out: Path) -> None:
    assert complaints(out) == {}
    assert sum(entry.records for _, entry, _ in verify(out) if entry) == 12


def test_verify_names_what_is_wrong(out: Path) -> None:
    (out / shard(0)).unlink()
    content = bytearray((out / shard(1)).read_bytes())
    content[100] ^= 1
    (out / shard(1)).write_bytes(content)
    (out / shard(2)).write_bytes((out / shard(2)).read_bytes()[:-1])
    shutil.copy(out / shard(4), out / shard(3))
    shutil.copy(out / shard(4), out / "data-00000-of-00009.tfrecord")
    shutil.copy(out / shard(4), out / "other-00000-of-00009.tfrecord")
    found = complaints(out)
    assert found.pop(shard(0)) == "it is missing"
    assert found.pop(shard(1)) == "it was altered: wrong checksum of a record, at byte 0"
    assert found.pop(shard(2)).startswith("it was altered: ends within a record, at byte ")
    assert found.pop(shard(3)).startswith("it was altered: ")
    assert found.pop("data-00000-of-00009.tfrecord").startswith("not of this conversion")
    assert found == {}


def test_verify_notices_a_swap_of_equal_size(out: Path, corpus: Path) -> None:
    """Good records in a shard of the right size, but not the right ones."""
    (corpus / "05.mid").write_bytes(song(9, 99))
    other = out.with_name("other")
    convert(corpus, other, shards=SHARDS)
    shutil.copy(other / shard(0), out / shard(0))
    assert complaints(out) == {shard(0): "it was altered: its CRC-32C differs"}


def test_verify_without_a_conversion(tmp_path: Path) -> None:
    with pytest.raises(GrooveFastError, match="nowhere: no such folder"):
        next(verify(tmp_path / "nowhere"))
    with pytest.raises(GrooveFastError, match=r"no manifest\.json, so no conversion to verify"):
        next(verify(tmp_path))


def test_verify_damaged_manifest(out: Path) -> None:
    (out / MANIFEST).write_text('{"plan": {}, "shards": [{"name')
    with pytest.raises(GrooveFastError, match=r"manifest\.json: damaged manifest"):
        next(verify(out))


# Resuming


def test_resume_of_a_finished_conversion_touches_nothing(out: Path, corpus: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    report = convert(corpus, out, shards=SHARDS, resume=True)
    assert report.reused == SHARDS
    assert report.performances == 12
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_another_conversion_tells_that_it_replaces(out: Path, corpus: Path) -> None:
    messages: list[str] = []
    convert(corpus, out, shards=2, on_message=messages.append)
    assert messages == [f"replacing the {SHARDS} shards of an earlier conversion there"]
    messages.clear()
    convert(corpus, out, shards=2, resume=True, on_message=messages.append)
    assert not any("replacing" in message for message in messages)


def test_resume_names_and_makes_again(out: Path, corpus: Path) -> None:
    good = contents(out)
    (out / shard(0)).unlink()
    (out / shard(2)).write_bytes(b"altered")
    kept = (out / shard(1)).stat().st_mtime_ns
    messages: list[str] = []
    report = convert(corpus, out, shards=SHARDS, resume=True, on_message=messages.append)
    assert messages == [
        f"{out / shard(0)}: it is missing; making it again",
        f"{out / shard(2)}: it was altered: ends within the length of a record, at byte 0; "
        "making it again",
    ]
    assert report.reused == 3
    assert contents(out) == good
    assert (out / shard(1)).stat().st_mtime_ns == kept


def test_resume_notices_a_changed_file(out: Path, corpus: Path) -> None:
    before = contents(out)
    (corpus / "03.mid").write_bytes(song(7, 99))
    later = time.time() + 5
    os.utime(corpus / "03.mid", (later, later))
    messages: list[str] = []
    report = convert(corpus, out, shards=SHARDS, resume=True, on_message=messages.append)
    assert [line.split(": ")[1] for line in messages] == [
        "a file that went into it was changed since; making it again"
    ]
    assert report.reused == SHARDS - 1
    after = contents(out)
    assert after[shard(3)] != before[shard(3)]
    assert complaints(out) == {}


OTHER_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"steps_per_quarter": 6}, "--steps-per-quarter 6 instead of 4"),
    ({"pitch_classes": "reduced"}, "--pitch-classes reduced instead of roland"),
    (
        {"pitch_classes": [[36], [38, 40], [42], [46], [43], [47], [50], [49], [51]]},
        "--pitch-classes 36|38,40|42|46|43|47|50|49|51 instead of roland",
    ),
    (
        {"dedupe": True, "magenta_compat": True},
        "--magenta-compat on instead of off, --dedupe on instead of off",
    ),
    ({"unmapped_pitches": "error"}, "--on-unmapped error instead of drop"),
    ({"shards": 7}, f"--shards 7 instead of {SHARDS}"),
    ({"name": "other"}, "--name other instead of data"),
]


@pytest.mark.parametrize(("options", "difference"), OTHER_OPTIONS)
def test_resume_with_other_options_stops_and_says_which(
    out: Path, corpus: Path, options: dict[str, Any], difference: str
) -> None:
    assert refusal(out, corpus, **options) == difference


def refusal(out: Path, inputs: Path, **options: Any) -> str:
    """What a refused resume says differs; it has to leave the folder as it was."""
    before = {path: path.stat() for path in (out, *out.iterdir())}
    good = contents(out)
    with pytest.raises(GrooveFastError) as error:
        convert(inputs, out, **{"shards": SHARDS, "resume": True, **options})
    assert contents(out) == good
    changes = {path: path.stat() for path in (out, *out.iterdir())}
    assert [s.st_mtime_ns for s in changes.values()] == [s.st_mtime_ns for s in before.values()]
    message = str(error.value)
    beginning = f"{out}: cannot resume with "
    end = "; give the same as then, leave out --resume to begin anew, or choose another folder"
    assert message.startswith(beginning)
    assert message.endswith(end)
    assert "\n" not in message
    return message[len(beginning) : -len(end)]


def test_resume_of_other_files_stops_and_names_the_first(out: Path, corpus: Path) -> None:
    (corpus / "045.mid").write_bytes(song(5, 1))
    number = "13 files instead of 12"
    assert refusal(out, corpus) == f"{number} (the first that differs is 045.mid)"
    (corpus / "12.mid").write_bytes(song(5, 1))
    (corpus / "045.mid").unlink()
    assert refusal(out, corpus) == f"{number} (the first that differs is 12.mid)"
    (corpus / "03.mid").unlink()
    assert refusal(out, corpus) == "other files (the first that differs is 04.mid)"
    (corpus / "12.mid").unlink()
    (corpus / "03.mid").write_bytes(song(5, 1))
    (corpus / "11.mid").unlink()
    (corpus / "10.mid").unlink()
    assert refusal(out, corpus) == "10 files instead of 12 (those after 09.mid are gone)"


def test_resume_with_other_metadata_stops(out: Path, corpus: Path, tmp_path: Path) -> None:
    table = tmp_path / "info.csv"
    table.write_text("midi_filename,split,mood\n00.mid,train,calm\n")
    assert refusal(out, corpus, metadata=table) == "--metadata"
    convert(corpus, out, shards=SHARDS, metadata=table)
    assert refusal(out, corpus) == "no --metadata"
    found = refusal(out, corpus, metadata=table, metadata_columns=["mood"])
    assert found == "--metadata-columns mood instead of midi_filename,mood"
    assert refusal(out, corpus, metadata=table, shards=1) == f"--shards 1 instead of {SHARDS}"
    table.write_text(table.read_text() + "01.mid,train,wild\n")
    assert refusal(out, corpus, metadata=table) == "other --metadata"


@pytest.mark.parametrize(
    ("form", "age"), [("groovefast-shards 0", "an older"), ("groovefast-shards 999", "a newer")]
)
def test_resume_of_what_another_version_wrote(out: Path, corpus: Path, form: str, age: str) -> None:
    content = json.loads((out / MANIFEST).read_text())
    content["plan"] = {"format": form, "whatever": "it had"}
    (out / MANIFEST).write_text(json.dumps(content))
    before = contents(out)
    with pytest.raises(GrooveFastError, match=f"{age} version of GrooveFast wrote what is there;"):
        convert(corpus, out, shards=SHARDS, resume=True)
    assert contents(out) == before


def test_resume_under_another_name_with_metadata_without_splits(
    corpus: Path, tmp_path: Path
) -> None:
    table = tmp_path / "info.csv"
    table.write_text("midi_filename,mood\n00.mid,calm\n01.mid,wild\n")
    out = tmp_path / "out"
    convert(corpus, out, shards=SHARDS, metadata=table, name="foo")
    assert refusal(out, corpus, metadata=table, name="bar") == "--name bar instead of foo"


def test_resume_with_dedupe_after_a_change(corpus: Path, tmp_path: Path) -> None:
    """What a shard left out may be there no more."""
    (corpus / "01.mid").write_bytes((corpus / "00.mid").read_bytes())
    out = tmp_path / "out"
    assert convert(corpus, out, shards=SHARDS, dedupe=True).duplicates == 1
    (corpus / "00.mid").write_bytes(song(9, 99))
    later = time.time() + 5
    os.utime(corpus / "00.mid", (later, later))
    assert convert(corpus, out, shards=SHARDS, dedupe=True, resume=True).duplicates == 0
    assert len(read_shards(out)) == 12


@pytest.mark.parametrize("plan", [{"format": FORMAT}, {"format": FORMAT, "sets": ["data"]}])
def test_a_manifest_that_names_no_sets(out: Path, corpus: Path, plan: dict[str, Any]) -> None:
    content = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps({**content, "plan": plan}))
    with pytest.raises(GrooveFastError, match="of its shards is damaged"):
        list(verify(out))
    with pytest.raises(GrooveFastError, match="of its shards is damaged"):
        convert(corpus, out, shards=SHARDS)


def test_verify_of_what_another_version_wrote(out: Path) -> None:
    """Its entries may have any fields."""
    content = json.loads((out / MANIFEST).read_text())
    content["plan"]["format"] = "groovefast-shards 2"
    for entry in content["shards"]:
        entry["sha256"] = entry.pop("crc32c")
    (out / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(GrooveFastError, match="another version of GrooveFast; convert again, with"):
        next(verify(out))


def test_what_another_version_wrote_is_replaced(out: Path, corpus: Path) -> None:
    good = contents(out)
    content = json.loads((out / MANIFEST).read_text())
    content["plan"]["format"] = "groovefast-shards 2"
    content["shards"] = [{"name": entry["name"]} for entry in content["shards"]]
    (out / MANIFEST).write_text(json.dumps(content))
    convert(corpus, out, shards=SHARDS)
    assert contents(out) == good


def test_resume_of_an_unfinished_conversion_with_other_options(out: Path, corpus: Path) -> None:
    shards = json.loads((out / MANIFEST).read_text())["shards"]
    leave_behind(out, "after a line", [json.dumps(entry) for entry in shards[:3]])
    assert refusal(out, corpus, dedupe=True) == "--dedupe on instead of off"


def test_killed_as_it_replaced_another_conversion(out: Path, corpus: Path) -> None:
    """The manifest of the one before is beside the journal, which counts."""
    old = (out / MANIFEST).read_bytes()
    convert(corpus, out, shards=2, steps_per_quarter=3)
    shards = json.loads((out / MANIFEST).read_text())["shards"]
    good = contents(out)
    leave_behind(out, "after a line", [json.dumps(shards[0])])
    (out / MANIFEST).write_bytes(old)
    report = convert(corpus, out, shards=2, steps_per_quarter=3, resume=True)
    assert report.reused == 1
    assert contents(out) == good


def test_resume_with_dedupe(corpus: Path, tmp_path: Path) -> None:
    """What earlier shards hold has to be known, though they are not written again."""
    for number in range(12):
        shutil.copy(corpus / f"{number:02d}.mid", corpus / f"copy{number:02d}.mid")
    out = tmp_path / "out"
    full = convert(corpus, out, shards=SHARDS, dedupe=True)
    good = contents(out)
    (out / shard(4)).unlink()
    report = convert(corpus, out, shards=SHARDS, dedupe=True, resume=True)
    assert report.reused == SHARDS - 1
    assert (report.performances, report.duplicates) == (12, 12)
    assert (report.bars, report.notes) == (full.bars, full.notes)
    assert contents(out) == good


# Another conversion in the same folder


def test_fewer_shards_leave_no_old_ones(out: Path, corpus: Path) -> None:
    convert(corpus, out, shards=2)
    assert sorted(path.name for path in out.glob("*.tfrecord")) == [
        "data-00000-of-00002.tfrecord",
        "data-00001-of-00002.tfrecord",
    ]


def test_other_set_names_leave_no_old_ones(out: Path, corpus: Path) -> None:
    convert(corpus, out, name="other", shards=1)
    assert [path.name for path in out.glob("*.tfrecord")] == ["other-00000-of-00001.tfrecord"]


def test_strange_shards_are_refused(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "data-00000-of-00003.tfrecord").write_bytes(b"precious")
    (out / "unrelated.txt").write_text("stays")
    with pytest.raises(GrooveFastError, match=r"00000-of-00003\.tfrecord: not a shard of"):
        convert(corpus, out, shards=1)
    assert (out / "data-00000-of-00003.tfrecord").read_bytes() == b"precious"
    convert(corpus, out, name="mine")
    assert (out / "unrelated.txt").read_text() == "stays"


def test_a_failed_run_does_not_touch_the_old_shards(out: Path, tmp_path: Path) -> None:
    before = contents(out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(GrooveFastError, match="no MIDI file"):
        convert(tmp_path / "empty", out)
    assert contents(out) == before


def test_one_conversion_at_a_time(out: Path, corpus: Path) -> None:
    with OutputFolder(out), pytest.raises(GrooveFastError, match="another conversion is writing"):
        convert(corpus, out)
    convert(corpus, out)


def test_a_file_in_place_of_the_folder(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GrooveFastError, match="file: is a file; name a folder"):
        convert(corpus, tmp_path / "file")


# Killed


def leave_behind(out: Path, state: str, entries: list[str]) -> None:
    """Makes of a finished conversion what a kill at some moment would have left."""
    lines = (out / MANIFEST).read_text()
    plan = json.dumps({"plan": json.loads(lines)["plan"]})
    journal = [plan, *entries]
    if state != "journal still there beside the manifest":
        (out / MANIFEST).unlink()
    if state == "within a line of the journal":
        journal[-1] = journal[-1][: len(journal[-1]) // 2]
    (out / JOURNAL).write_text("\n".join(journal) + "\n" * (state == "after a line"))
    if state == "within a shard":
        (out / shard(4)).unlink()
        (out / f".{shard(4)}.tmp").write_bytes(b"half a rec")
        (out / ".data-00007-of-00009.tfrecord.tmp").write_bytes(b"of yet another run")
        (out / f".{MANIFEST}.x1_y2z.tmp").write_text("{")


@pytest.mark.parametrize(
    "state",
    [
        "after a line",
        "within a line of the journal",
        "within a shard",
        "journal still there beside the manifest",
    ],
)
@pytest.mark.parametrize("resume", [True, False])
def test_next_run_finishes(out: Path, corpus: Path, state: str, resume: bool) -> None:
    good = contents(out)
    shards = json.loads((out / MANIFEST).read_text())["shards"]
    leave_behind(out, state, [json.dumps(entry) for entry in shards[:3]])
    report = convert(corpus, out, shards=SHARDS, resume=resume)
    expected = {"within a line of the journal": 2, "after a line": 3, "within a shard": 3}
    assert report.reused == (expected.get(state, SHARDS) if resume else 0)
    assert contents(out) == good


def test_killed_between_conversions(out: Path, corpus: Path) -> None:
    """Old shards partly removed, the new conversion not begun."""
    (out / shard(0)).unlink()
    (out / shard(3)).unlink()
    assert set(complaints(out)) == {shard(0), shard(3)}
    convert(corpus, out, shards=2)
    assert complaints(out) == {}
    assert len(list(out.glob("*.tfrecord"))) == 2


CONVERT = """
import sys
from groovefast.conversion.convert import convert
folder, out, resume = sys.argv[1:]
convert(folder, out, shards=3, workers=2, resume=resume == "resume")
"""


@pytest.mark.parametrize("before", ["nothing", "some of it", "another conversion"])
def test_killed_at_any_change(corpus: Path, tmp_path: Path, before: str) -> None:
    """Wherever it is killed, what has a shard's name is whole, and the next run finishes."""
    good = contents(convert(corpus, tmp_path / "good", shards=3).output_dir)
    old, resume = tmp_path / "old", before != "another conversion"
    old.mkdir()
    if before == "another conversion":
        convert(corpus, old, shards=2)
    words = ["-c", CONVERT, str(corpus), str(old), "anew"]
    if before == "some of it":
        assert run_with_signal(words, old, 9).returncode == -signal.SIGKILL
    seen = set()
    for change in itertools.count(1):
        out = shutil.copytree(old, tmp_path / f"out-{change}")
        words[-2:] = str(out), "resume" if resume else "anew"
        process = run_with_signal(words, out, change)
        left = contents(out)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr
        for name, content in left.items():
            if name.endswith("of-00003.tfrecord"):
                assert content == good[name], f"{name} after a kill at change {change}"
        seen.add(frozenset(left))
        convert(corpus, out, shards=3, resume=resume)
        assert contents(out) == good, f"after a kill at change {change}"
    assert left == good
    assert len(seen) > 5


def test_what_was_complete_before_a_failure_is_kept(corpus: Path, tmp_path: Path) -> None:
    (corpus / "11.mid").write_bytes(b"")
    out = tmp_path / "out"
    with pytest.raises(GrooveFastError, match=r"11\.mid: an empty file"):
        convert(corpus, out, shards=12, on_error="fail", workers=1)
    complete = len(list(out.glob("*.tfrecord")))
    (corpus / "11.mid").write_bytes(song(4, 1))
    report = convert(corpus, out, shards=12, on_error="fail", resume=True)
    assert report.reused == complete > 0


@pytest.mark.parametrize("change", [1, 2], ids=["within a shard", "before it has its name"])
def test_interrupted_by_ctrl_c(corpus: Path, tmp_path: Path, change: int) -> None:
    out = tmp_path / "out"
    words = ["-c", CONVERT, str(corpus), str(out), "anew"]
    process = run_with_signal(words, out, change, name="data-00001", number=signal.SIGINT)
    assert process.stderr.endswith("KeyboardInterrupt\n")
    assert not list(out.glob(".*.tmp"))
    report = convert(corpus, out, shards=3, resume=True)
    assert report.files == 12
    assert complaints(out) == {}


# A disk that is full, a folder that cannot be written to


def run_limited(corpus: Path, out: Path, limit: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import resource; resource.setrlimit({limit});"
        "from groovefast.cli.convert import main; import sys;"
        f"sys.argv[1:] = [{str(corpus)!r}, {str(out)!r}, '--shards', '3']; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_shard_that_cannot_be_written(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run_limited(corpus, out, "resource.RLIMIT_FSIZE, (32_000, 32_000)")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"groovefast-convert: {out}/data-0000")
    assert "file too large" in line
    for path in out.glob("*.tfrecord"):
        assert _records.check_shard(os.fsencode(path))[3] is None
    assert not list(out.glob(".*.tmp"))
    left = len(list(out.glob("*.tfrecord")))
    report = convert(corpus, out, shards=3, resume=True)
    assert report.reused == left
    assert report.performances == 12
    assert complaints(out) == {}


def test_full_disk(made_up_dir: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small disk")
    try:
        with pytest.raises(OSError, match=r"No space left on device: .*(tfrecord|jsonl)"):
            convert(made_up_dir, disk / "out")
        assert not list((disk / "out").glob(".*.tfrecord.tmp"))
        for path in (disk / "out").glob("*.tfrecord"):
            assert _records.check_shard(os.fsencode(path))[3] is None
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _convert_as_anybody(*words: object) -> subprocess.CompletedProcess[str]:
    """Runs the command; by root without root's right to read and write everything."""
    rights = "-dac_override,-dac_read_search"
    without_rights = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
    if os.geteuid() != 0:
        without_rights = []
    elif not shutil.which("setpriv"):
        pytest.skip("root may read and write everything, and there is no setpriv")
    code = "from groovefast.cli.convert import main; main()"
    command = [*without_rights, sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_unwritable_folder(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    done = _convert_as_anybody(corpus, out)
    assert done.returncode == 2
    assert re.fullmatch(rf"groovefast-convert: {out}/.*: permission denied; .*\n", done.stderr)
    assert not list(out.iterdir())


def test_an_unreadable_file_is_named_and_the_others_are_converted(
    corpus: Path, tmp_path: Path
) -> None:
    (corpus / "03.mid").chmod(0)
    report = tmp_path / "report.json"
    done = _convert_as_anybody(corpus, tmp_path / "out", "--report", report)
    assert done.returncode == 3, done.stderr
    assert "03.mid: Permission denied" in done.stdout + done.stderr
    found = json.loads(report.read_text())
    assert (found["converted"], found["failed"]) == (11, {"unreadable": 1})


def test_no_folder_can_be_made_there(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        convert(corpus, tmp_path / "file" / "out")
    with pytest.raises(OSError, match="/proc"):
        convert(corpus, "/proc/groovefast")
