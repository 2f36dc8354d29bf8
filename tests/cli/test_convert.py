"""`groovefast-convert` as a user runs it."""

from __future__ import annotations

import collections
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import midi_bytes as midi
import pytest
from terminal import drawn_by

COMMAND = [sys.executable, "-c", "from groovefast.cli.convert import main; main()"]
Convert = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    return run


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number, pitch in enumerate((36, 38, 60, 36)):
        hits = (midi.hit(479 if n else 0, pitch) for n in range(20))
        (folder / f"{number}.mid").write_bytes(midi.song(*hits))
    (folder / "3.mid").write_bytes(midi.header(1) + b"MTrk\0\0")
    return folder


def table(output: str) -> dict[str, str]:
    rows = (re.split(r"\s{2,}", line.strip()) for line in output.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_closing_table(convert: Convert, corpus: Path) -> None:
    done = convert(corpus, "out")
    assert done.returncode == 3, done.stderr
    rows = table(done.stdout)
    assert float(rows.pop("seconds")) > 0
    assert float(rows.pop("files/s").replace(",", "")) > 0
    assert rows == {
        "files read": "3",
        "converted": "2",
        "skipped": "1",
        "no drums": "1",
        "failed": "1",
        "damaged": "1",
        "performances written": "2",
        "bars": "10",
        "windows of 2 bars in 4/4": "8",
        "windows of 4 bars in 4/4": "4",
        "windows of 8 bars in 4/4": "0",
        "windows of 16 bars in 4/4": "0",
        "notes kept": "40",
        "notes dropped": "20",
        "louder one on the same step": "0",
        "unmapped": "20",
    }
    assert re.search(r"failed: 3\.mid: .* \(at byte \d+\)", done.stderr)
    assert "hint: many notes are unmapped (pitches 60)" in done.stderr


def test_representations(convert: Convert, corpus: Path) -> None:
    done = convert(corpus, "out", "--representation", "drums")
    assert done.returncode == 3, done.stderr
    rows = table(done.stdout)
    assert (rows["files written"], rows["bars"]) == ("3", "15")
    assert rows["windows of 2 bars in 4/4, equal ones too"] == "12"
    assert "notes kept" not in rows
    assert convert("out", "--verify").returncode == 0
    done = convert(corpus, "out", "--resume")
    assert "--representation" in done.stderr
    done = convert(corpus / "0.mid", "none", "--representation", "melody")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith("no record was written: 0.mid: no melody\n")
    done = convert(corpus, "none", "--representation", "trio", "--channel", "1")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--channel: is of performances" in done.stderr
    done = convert(corpus, "none", "--representation", "drums", "--plot", "a.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--plot: is of performances" in done.stderr


def test_drums_elsewhere_are_listed(convert: Convert, tmp_path: Path) -> None:
    name = midi.meta(0, 3, b"Kit")
    hits = [midi.hit(119, pitch, channel=0) for pitch in (36, 42, 38, 42) * 16]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "a.mid").write_bytes(midi.song(name, *hits))
    found = (
        f"{folder / 'a.mid'}: no drums on channel 10, but channel 1 'Kit' (track 1): 64 notes of "
        "36, 38, 42. Name the drums with --channel or --track: --channel 1 looks like it\n"
    )
    done = convert(folder, "out")
    assert (done.returncode, done.stderr) == (2, f"groovefast-convert: {found}")
    (folder / "b.mid").write_bytes((folder / "a.mid").read_bytes())
    done = convert(folder, "out")
    assert f"hint: 2 files have no drums, such as {found}" in done.stderr
    for part in (("--channel", "1"), ("--track", "kit"), ("--track", "1")):
        done = convert(folder, "out", *part)
        assert table(done.stdout)["performances written"] == "2"


@pytest.fixture
def bad_corpus(corpus: Path) -> Path:
    """Every way in which files, folders and zips come to nothing, more than once."""
    song = (corpus / "0.mid").read_bytes()
    for name, content in {
        "damaged.mid": song[:30],
        "cut.mid": song[:-1],
        "short.mid": song[:40],
        "text.midi": b"no MIDI",
        "no zip.zip": b"no zip",
        "skipped.mid": (corpus / "2.mid").read_bytes(),
        "not listed.mid": song,
        "listed.mid": song,
    }.items():
        (corpus / name).write_bytes(content)
    odd_bars = midi.meter(0, 7, 5)
    (corpus / "short.mid").write_bytes(midi.song(odd_bars, midi.hit(0, 36)))
    os.mkfifo(corpus / "pipe.mid")
    (corpus / "below").mkdir()
    place = os.open(corpus / "below", os.O_RDONLY)
    for _ in range(30):  # until the path is longer than the system takes
        os.mkdir("x" * 200, dir_fd=place)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    with zipfile.ZipFile(corpus / "outer.zip", "w") as file:
        file.writestr("inner.zip", b"no zip")
        file.writestr("a.mid", song)
        file.writestr("b.mid", song)
    content = (corpus / "outer.zip").read_bytes()
    (corpus / "outer.zip").write_bytes(content.replace(song, bytes(len(song)), 1))
    (corpus / "info.csv").write_text(
        "midi_filename,split\n0.mid,train\n1.mid,test\n2.mid,test\n3.mid,test\nlisted.mid,\n"
        "damaged.mid,train\nshort.mid,train\ntext.midi,train\nskipped.mid,train\n"
        "cut.mid,test\npipe.mid,test\na.mid,train\nb.mid,test\n"
    )
    return corpus


def printed_sums(output: str) -> dict[str, tuple[int, int]]:
    """Each printed number that has others printed below it, further to the right, and their sum."""
    rows = [
        (len(line) - len(line.lstrip()), line.strip().rsplit(maxsplit=1))
        for line in output.splitlines()
    ]
    sums = {}
    for index, (indent, (label, count)) in enumerate(rows):
        end = next((n for n, row in enumerate(rows) if n > index and row[0] <= indent), len(rows))
        below = [(depth, int(each.replace(",", ""))) for depth, (_, each) in rows[index + 1 : end]]
        total = sum(each for depth, each in below if depth == below[0][0])
        if below and not rows[index + 1][1][0].startswith("of these"):
            sums[label] = int(count.replace(",", "")), total
    return sums


@pytest.mark.parametrize("on_error", ["skip", "salvage"])
@pytest.mark.parametrize("with_metadata", [False, True])
def test_every_sum_adds_up(
    convert: Convert, bad_corpus: Path, tmp_path: Path, on_error: str, with_metadata: bool
) -> None:
    words = ["--on-error", on_error, "--report", "report.json"]
    if with_metadata:
        words += ["--metadata", bad_corpus / "info.csv"]
    done = convert(bad_corpus, "out", *words)
    assert done.returncode == 3, done.stderr
    sums = printed_sums(done.stdout)
    labels = {"files read", "skipped", "failed", "notes dropped"}
    assert sums.keys() == labels | ({"performances written", "bars"} if with_metadata else set())
    assert all(printed == total for printed, total in sums.values()), done.stdout

    rows = table(done.stdout)
    report = json.loads((tmp_path / "report.json").read_text())
    salvaged = 2 * (on_error == "salvage")
    assert report["files"] == int(rows["files read"]) + int(rows["failed"]) == 14
    assert sum(report["failed"].values()) == int(rows["failed"]) == 6 - salvaged
    assert sum(report["skipped"].values()) == int(rows["skipped"])
    converted = (3 if with_metadata else 5) + salvaged
    assert report["converted"] == int(rows["converted"]) == converted
    assert report["salvaged"] == int(rows.get("of these salvaged", 0)) == salvaged
    unopened = report["folders_and_zips_not_looked_into"]
    assert unopened == int(rows["folders and zips not looked into"]) == 3
    assert report["performances"] == sum(report["performances_by_set"].values())
    assert report["performances"] == sum(shard["records"] for shard in report["shards"].values())
    assert report["bars"] == sum(report["bars_by_set"].values())

    counted = collections.Counter(problem["reason"] for problem in report["problems"])
    assert counted.pop("salvaged", 0) == salvaged
    assert counted == {**report["failed"], **report["skipped"], "not looked into": unopened}
    failed = sum(problem["failed"] for problem in report["problems"])
    assert failed == int(rows["failed"]) + unopened
    assert len(re.findall("^failed: ", done.stderr, re.MULTILINE)) == failed


def test_installed_entry_point() -> None:
    script = Path(sys.executable).with_name("groovefast-convert")
    if not script.exists():
        pytest.skip("the package is not installed into this environment")
    done = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "groovefast-convert --verify records" in done.stdout


def test_help_imports_next_to_nothing(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys, groovefast.cli.convert;"
        "print(sorted({'numpy', 'rich', 'matplotlib', 'tensorflow', 'mido'} & set(sys.modules)))"
    )
    assert run_python(code) == "[]"


def test_options(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    options = "--steps-per-quarter 3 --shards 2 --workers 3 --dedupe --name x"
    pitches = "36 60|38|42|46|43|47|50|49|51"
    done = convert(corpus, "out", *options.split(), "--pitch-classes", pitches)
    assert done.returncode == 3, done.stderr
    rows = table(done.stdout)
    assert (rows["converted"], rows["performances written"]) == ("3", "2")
    assert rows["performances left out as duplicates"] == "1"
    assert '"steps_per_quarter": 3' in (tmp_path / "out" / "manifest.json").read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset_info.json",
        "features.json",
        "manifest.json",
        "x-00000-of-00002.tfrecord",
        "x-00001-of-00002.tfrecord",
    ]


@pytest.mark.parametrize("form", ["general-midi", "36|38|||||||", "kit.txt"])
def test_every_form_of_a_drum_map(
    convert: Convert, corpus: Path, tmp_path: Path, form: str
) -> None:
    (tmp_path / "kit.txt").write_text("snare: 38\nkick: 36\n")
    done = convert(corpus, "out", "--pitch-classes", form)
    assert done.returncode == 3, done.stderr
    assert table(done.stdout)["notes kept"] == ("60" if form == "general-midi" else "40")


def test_metadata_report_and_plot(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    (corpus / "info.csv").write_text(
        "midi_filename,split,style\n0.mid,train,rock\n1.mid,test,jazz\n5.mid,test,jazz\n3.mid,,\n"
    )
    done = convert(
        *(corpus, "out", "--metadata", corpus / "info.csv", "--metadata-columns", "style"),
        *("--report", "report.json", "--plot", "corpus.png"),
    )
    assert done.returncode == 0, done.stderr
    rows = table(done.stdout)
    assert re.findall(r"(train|test) +(\d+)", done.stdout) == [
        *(("train", "1"), ("test", "1")),  # performances
        *(("train", "5"), ("test", "5")),  # bars
    ]
    assert (rows["not in the metadata"], rows["no split in the metadata"]) == ("1", "1")
    assert "1 files of the metadata are not among the inputs, such as 5.mid" in done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["bars_by_style"] == {"jazz": 5, "rock": 5}
    assert [problem["file"] for problem in report["problems"]] == ["2.mid", "3.mid"]
    assert (tmp_path / "corpus.png").read_bytes().startswith(b"\x89PNG")


def test_exit_status_says_whether_files_failed(convert: Convert, corpus: Path) -> None:
    """Files with nothing to convert, and those salvaged, are no failures."""
    assert convert(corpus, "out").returncode == 3
    assert convert(corpus, "out", "--verify", "--report", "r.json").returncode == 3
    (corpus / "3.mid").unlink()
    done = convert(corpus, "out")
    assert (done.returncode, table(done.stdout)["skipped"]) == (0, "1")
    whole = (corpus / "0.mid").read_bytes()
    (corpus / "0.mid").write_bytes(whole[:-1])
    assert convert(corpus, "out").returncode == 3
    done = convert(corpus, "out", "--on-error", "salvage")
    assert (done.returncode, table(done.stdout)["of these salvaged"]) == (0, "1")
    (corpus / "0.mid").write_bytes(whole)
    (corpus / "bad.zip").write_bytes(b"no zip")
    done = convert(corpus, "out")
    assert (done.returncode, table(done.stdout)["folders and zips not looked into"]) == (3, "1")
    assert "Exit status: 0 if every file" in " ".join(convert("--help").stdout.split())


def test_verify(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    done = convert(corpus, "out", "--verify", "--shards", 2)
    line = re.search(r"out: 2 shards, 2 records, [\d,]+ bytes: all right\n$", done.stdout)
    assert line
    for words in (("--verify", "out"), ("out", "--verify")):
        done = convert(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == line[0]
    shard = tmp_path / "out" / "data-00001-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes() + b"\0")
    done = convert("--verify", "out")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "out/data-00001-of-00002.tfrecord: it was altered: ends within the length of a record, "
        f"at byte {shard.stat().st_size - 1:,}",
        "groovefast-convert: out: 1 of 2 shards not as they should be; "
        "convert again, with --resume to keep the others",
    ]


def test_a_folder_called_verify_is_converted(
    convert: Convert, corpus: Path, tmp_path: Path
) -> None:
    corpus.rename(tmp_path / "verify")
    done = convert("verify", "out")
    assert table(done.stdout)["performances written"] == "2"
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_resume(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    convert(corpus, "out", "--shards", 2)
    (tmp_path / "out" / "data-00001-of-00002.tfrecord").unlink()
    done = convert(corpus, "out", "--shards", 2, "--resume")
    assert "data-00001-of-00002.tfrecord: it is missing; making it again" in done.stderr
    assert table(done.stdout)["shards kept of an earlier run"] == "1"
    done = convert(corpus, "out", "--shards", 2, "--resume", "--steps-per-quarter", 3)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "groovefast-convert: out: cannot resume with --steps-per-quarter 3 instead of 4; give the "
        "same as then, leave out --resume to begin anew, or choose another folder\n"
    )


CUT_LATER = "windows are now cut while training, so that one conversion serves every config"
MISTAKES: list[tuple[list[str], str]] = [
    (["nowhere", "out"], "nowhere: no such file or directory; check the spelling"),
    (["empty", "out"], "empty: no MIDI file there (.mid, .midi, .smf, .kar, or a .zip of them)"),
    (["corpus"], "OUTPUT_DIR is missing: name where the shards go after the inputs"),
    (["corpus", "corpus/0.mid"], "corpus/0.mid: is a file; name a folder to write to"),
    (["corpus", "out", "--config", "groovae_4bar"], f"--config: {CUT_LATER}; leave it out"),
    (["corpus", "out", "--split-bars", "all"], f"--split-bars: {CUT_LATER}; leave it out"),
    (["corpus", "out", "--quarters-per-bar", "3"], f"--quarters-per-bar: {CUT_LATER}; leave it"),
    (["corpus", "out", "--hop-bars", "2"], f"--hop-bars: {CUT_LATER}; give it to groovefast-tr"),
    (["corpus", "out", "--min-hits", "2"], f"--min-hits: {CUT_LATER}; give it to groovefast-tr"),
    (
        ["corpus", "out", "--steps-per-quarter", "0"],
        "--steps-per-quarter: 0 is no whole number from 1 to 65,536",
    ),
    (["corpus", "out", "--pitch-classes", "rolland"], "no such map 'rolland'"),
    (["corpus", "out", "--pitch-classes", "36|x"], "--pitch-classes: '36|x': 'x' is no MIDI pitch"),
    (
        ["corpus", "out", "--pitch-classes", "kit.txt"],
        "--pitch-classes: kit.txt, line 2: no such d",
    ),
    (
        ["corpus", "out", "--pitch-classes", "corpus"],
        "--pitch-classes: corpus: a folder, not a drum map",
    ),
    (["corpus", "out", "--on-error", "salvge"], "no such choice 'salvge'; did you mean salvage?"),
    (["corpus", "out", "--on-error", "fail"], "corpus/3.mid: "),
    (["corpus", "out", "--metadata", "no.csv"], "no.csv: no such file or directory"),
    (["corpus", "out", "--report", "no/r.json"], "no/r.json: its folder "),
    (
        ["corpus", "out", "--worker", "3"],
        "--worker: no such option; did you mean --workers or --runner?",
    ),
    (["corpus/3.mid", "out"], "no record was written: 3.mid: "),
    (
        ["corpus/2.mid", "out"],
        "corpus/2.mid: none of its notes on channel 10 (pitches 60) is one of the drums",
    ),
    (["--verify", "nowhere"], "nowhere: no such folder"),
    (["--verify", "empty"], "empty: no manifest.json, so no conversion to verify"),
    (["--verify"], "INPUT... OUTPUT_DIR is missing"),
    (["verify", "out"], "verify: no such file or folder; groovefast-convert --verify DIR checks a"),
    (["verify"], "verify: no such file or folder; groovefast-convert --verify DIR checks a"),
]


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_mistakes_end_in_one_line(
    convert: Convert, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "kit.txt").write_text("kick: 36\nsnair: 38\n")
    done = convert(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("groovefast-convert: ")
    assert message in last


@pytest.mark.usefixtures("corpus")
def test_debug_shows_the_traceback(convert: Convert) -> None:
    done = convert("corpus", "out", "--metadata", "no.csv", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


@pytest.mark.usefixtures("corpus")
def test_progress_bar_on_a_terminal(groove_dir: Path, tmp_path: Path) -> None:
    """On a terminal a bar with rate and time left is drawn, and gone at the end."""
    command = [*COMMAND, str(groove_dir), str(tmp_path / "out"), "--workers", "1"]
    drawn, done = drawn_by(command, "stderr", stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0
    assert b"of 1,150 files" in drawn
    assert b"files/s" in drawn
    assert table(done.stdout)["windows of 4 bars in 4/4"] == "19,552"


def test_words_after_two_dashes_are_the_runners(
    convert: Convert, corpus: Path, tmp_path: Path
) -> None:
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed (the extra beam)")
    words = [corpus, tmp_path / "there", "--runner", "DirectRunner", "--verify"]
    there = convert(*words, "--", "--direct_num_workers", "1")
    assert there.returncode == 3, there.stderr
    assert "1 shards" in there.stdout.splitlines()[-1]
    refused = convert(*words, "--", "--direct_number", "1")
    assert refused.stderr.splitlines()[-1].endswith("has an option --direct_number")


def test_without_a_runner_two_dashes_end_the_options(
    convert: Convert, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "--odd").symlink_to(corpus)
    done = convert("--name", "x", "--", "--odd", "out")
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "out" / "x-00000-of-00001.tfrecord").exists()
