"""`groovefast-convert` as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import midi_bytes as midi
import pytest

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
    assert done.returncode == 0, done.stderr
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
        "windows written": "4",
        "notes kept": "40",
        "notes dropped": "20",
        "louder one on the same step": "0",
        "unmapped": "20",
    }
    assert re.search(r"failed: 3\.mid: .* \(at byte \d+\)", done.stderr)
    assert "hint: many notes are unmapped (pitches 60)" in done.stderr


def test_installed_entry_point() -> None:
    script = Path(sys.executable).with_name("groovefast-convert")
    if not script.exists():
        pytest.skip("the package is not installed into this environment")
    done = subprocess.run([script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "groovefast-convert verify records" in done.stdout


def test_help_imports_next_to_nothing(run_python: Callable[[str], str]) -> None:
    code = (
        "import sys, groovefast.cli.convert;"
        "print(sorted({'numpy', 'rich', 'matplotlib', 'tensorflow', 'mido'} & set(sys.modules)))"
    )
    assert run_python(code) == "[]"


def test_options(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    options = (
        "--split-bars 2 --hop-bars 2 --shards 2 --workers 3 --dedupe --min-hits 1 --name x "
        "--no-sha256"
    )
    pitches = "36 60|38|42|46|43|47|50|49|51"
    done = convert(corpus, "out", *options.split(), "--pitch-classes", pitches)
    assert done.returncode == 0, done.stderr
    rows = table(done.stdout)
    assert (rows["converted"], rows["windows written"]) == ("3", "2")
    assert rows["windows left out as duplicates"] == "4"
    assert '"sha256":null' in (tmp_path / "out" / "manifest.json").read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        "x-00000-of-00002.tfrecord",
        "x-00001-of-00002.tfrecord",
    ]


def test_metadata_report_and_plot(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    (corpus / "info.csv").write_text(
        "midi_filename,split,style\n0.mid,train,rock\n1.mid,test,jazz\n5.mid,test,jazz\n"
    )
    done = convert(
        *(corpus, "out", "--metadata", corpus / "info.csv", "--metadata-columns", "style"),
        *("--report", "report.json", "--plot", "corpus.png"),
    )
    assert done.returncode == 0, done.stderr
    rows = table(done.stdout)
    assert (rows["train"], rows["test"], rows["not in the metadata"]) == ("2", "2", "2")
    assert "1 files of the metadata are not among the inputs, such as 5.mid" in done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["windows_by_style"] == {"jazz": 2, "rock": 2}
    assert [problem["file"] for problem in report["problems"]] == ["2.mid", "3.mid"]
    assert (tmp_path / "corpus.png").read_bytes().startswith(b"\x89PNG")


def test_verify(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    done = convert(corpus, "out", "--verify", "--shards", 2)
    assert done.stdout.endswith("out: 2 shards, 4 records, 14,452 bytes: all right\n")
    for words in (("verify", "out"), ("--verify", "out")):
        done = convert(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "all right" in done.stdout
    shard = tmp_path / "out" / "data-00001-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes() + b"\0")
    done = convert("verify", "out")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "out/data-00001-of-00002.tfrecord: it was altered: ends within the length of a record, "
        "at byte 7,226",
        "groovefast-convert: out: 1 of 2 shards not as they should be; "
        "convert again, with --resume to keep the others",
    ]


def test_resume(convert: Convert, corpus: Path, tmp_path: Path) -> None:
    convert(corpus, "out", "--shards", 2)
    (tmp_path / "out" / "data-00001-of-00002.tfrecord").unlink()
    done = convert(corpus, "out", "--shards", 2, "--resume")
    assert "data-00001-of-00002.tfrecord: it is missing; making it again" in done.stderr
    assert table(done.stdout)["shards kept of an earlier run"] == "1"


MISTAKES: list[tuple[list[str], str]] = [
    (["nowhere", "out"], "nowhere: no such file or directory; check the spelling"),
    (["empty", "out"], "empty: no MIDI file there (.mid, .midi, .smf, .kar, or a .zip of them)"),
    (["corpus"], "OUTPUT_DIR is missing: name where the shards go after the inputs"),
    (["corpus", "corpus/0.mid"], "corpus/0.mid: is a file; name a folder to write to"),
    (["corpus", "out", "--config", "x"], "--config: no such config 'x'; it is one of"),
    (
        ["corpus", "out", "--split-bars", "many"],
        "--split-bars: 'many' is neither a number of bars nor",
    ),
    (["corpus", "out", "--pitch-classes", "rolland"], "no such map 'rolland'"),
    (["corpus", "out", "--pitch-classes", "36|x"], "--pitch-classes: '36|x' is no map"),
    (["corpus", "out", "--on-error", "salvge"], "no such choice 'salvge'; did you mean salvage?"),
    (["corpus", "out", "--on-error", "fail"], "corpus/3.mid: "),
    (["corpus", "out", "--metadata", "no.csv"], "no.csv: no such file or directory"),
    (["corpus", "out", "--report", "no/r.json"], "no/r.json: its folder "),
    (["corpus", "out", "--worker", "3"], "--worker: no such option; did you mean --workers?"),
    (["corpus/3.mid", "out"], "no window was written: 3.mid: "),
    (["corpus/2.mid", "out"], "no window was written: 2.mid: no drums"),
    (["verify", "nowhere"], "nowhere: no such folder"),
    (["verify", "empty"], "empty: no manifest.json, so no conversion to verify"),
    (["verify"], "verify: name the folder"),
]


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_mistakes_end_in_one_line(
    convert: Convert, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = convert(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("groovefast-convert: ")
    assert message in last


@pytest.mark.usefixtures("corpus")
def test_debug_shows_the_traceback(convert: Convert) -> None:
    done = convert("corpus", "out", "--config", "x", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


@pytest.mark.usefixtures("corpus")
def test_progress_bar_on_a_terminal(groove_dir: Path, tmp_path: Path) -> None:
    """On a terminal a bar with rate and time left is drawn, and gone at the end."""
    ours, theirs = pty.openpty()
    command = [*COMMAND, str(groove_dir), str(tmp_path / "out"), "--workers", "1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, stderr=theirs, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                drawn += chunk
        except OSError:  # how the end looks on Linux
            pass
        output = process.communicate()[0]
    os.close(ours)
    assert process.returncode == 0
    assert b"of 1,150 files" in drawn
    assert b"files/s" in drawn
    assert table(output)["windows written"] == "19,552"
