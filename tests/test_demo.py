from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest

from groovefast import GrooveConverter, demo
from groovefast.drums import ROLAND, UNMAPPED, pitch_table
from groovefast.errors import OptionError


@pytest.fixture(scope="module")
def corpus(made_up_dir: Path) -> Path:
    return made_up_dir


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "info.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("style", demo.STYLES, ids=lambda style: style.name)
def test_patterns_are_as_long_as_their_bar(style: demo.Style) -> None:
    for bar in style.bars:
        for line in bar.values():
            assert len(line) == 4 * style.beats_per_bar
            assert set(line) <= set("Xxogf.")


def test_fills_are_a_bar_of_four() -> None:
    assert {len(line) for fill in demo.FILLS for line in fill.values()} == {16}


def test_two_hundred_performances_in_a_dozen_styles(
    corpus: Path, rows: list[dict[str, str]]
) -> None:
    assert len(rows) == len(list(corpus.rglob("*.mid"))) == 200
    assert len({row["style"] for row in rows}) >= 12
    assert {row["time_signature"] for row in rows} == {"4-4", "3-4"}
    assert {row["beat_type"] for row in rows} == {"beat", "fill"}


def test_every_style_is_in_every_split(rows: list[dict[str, str]]) -> None:
    by_split = {
        split: {row["style"] for row in rows if row["split"] == split}
        for split in ("train", "validation", "test")
    }
    styles = {style.name for style in demo.STYLES}
    assert by_split["train"] == by_split["validation"] == by_split["test"] == styles


def test_info_describes_the_files_as_the_dataset_does(
    corpus: Path, rows: list[dict[str, str]], groove_dir: Path
) -> None:
    with (groove_dir / "info.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == list(rows[0])
    for row in rows:
        midi = mido.MidiFile(corpus / row["midi_filename"])
        tempo = next(message for message in midi.tracks[0] if message.type == "set_tempo")
        meter = next(message for message in midi.tracks[0] if message.type == "time_signature")
        assert round(mido.tempo2bpm(tempo.tempo)) == int(row["bpm"])
        assert f"{meter.numerator}-{meter.denominator}" == row["time_signature"]
        assert midi.length == pytest.approx(float(row["duration"]), abs=0.01)


def test_every_pitch_is_one_the_training_map_knows(corpus: Path) -> None:
    table = pitch_table(ROLAND)
    pitches = {
        message.note
        for path in corpus.rglob("*.mid")
        for message in mido.MidiFile(path).tracks[0]
        if message.type == "note_on"
    }
    assert {table[pitch] for pitch in pitches} == set(range(9))
    assert UNMAPPED not in {table[pitch] for pitch in pitches}


def test_the_same_seed_gives_the_same_files(corpus: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    demo.write_corpus(again, num=30)
    demo.write_corpus(other, num=30, seed=1)
    full, first = contents(corpus), contents(again)
    midi = {name for name in first if name.endswith(".mid")}
    assert {name: full[name] for name in midi} == {name: first[name] for name in midi}
    assert not set(contents(other).values()) & set(first.values())


def test_every_file_in_four_gives_windows(corpus: Path, rows: list[dict[str, str]]) -> None:
    converter = GrooveConverter(split_bars=2, hop_bars=1, unmapped_pitches="error")
    windows = {
        row["midi_filename"]: len(converter.to_tensors(corpus / row["midi_filename"]))
        for row in rows
    }
    for row in rows:
        assert (windows[row["midi_filename"]] > 0) == (row["time_signature"] == "4-4")
    assert sum(windows.values()) > 1500


def test_timing_and_dynamics_are_a_drummers() -> None:
    rng = np.random.default_rng(0)
    styles = {style.name: style for style in demo.STYLES}
    drummer = demo.DRUMMERS[1]
    lateness, snares = [], []
    for _ in range(20):
        groove = demo.perform(styles["hiphop"], drummer, rng, is_fill=False)
        step = 15 / groove.qpm
        snare = groove.notes[groove.notes["pitch"] == 38]
        backbeats = snare[np.rint(snare["time"] / step) % 8 == 4]
        lateness += (backbeats["time"] - np.rint(backbeats["time"] / step) * step).tolist()
        snares += snare["velocity"].tolist()
    lateness = np.array(lateness)
    # Laid back by style (16 ms) and by this drummer (5 ms), and never twice the same.
    assert 0.014 < lateness.mean() < 0.028
    assert 0.005 < lateness.std() < 0.020
    assert len(np.unique(lateness)) == len(lateness)
    assert np.percentile(snares, 95) > 100 > 50 > np.percentile(snares, 5)


def test_drift_is_shared_by_neighbouring_strokes() -> None:
    walk = demo.wander(20_000, 8.0, np.random.default_rng(0))
    assert walk.std() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(walk[:-1], walk[1:])[0, 1] == pytest.approx(np.exp(-1 / 8), abs=0.02)


def test_swung_offbeats_are_late() -> None:
    shuffle = next(style for style in demo.STYLES if style.name == "blues/shuffle")
    assert [shuffle.swing_of(step) for step in range(5)] == [0, 0, 0.66, 0.66, 0]
    hiphop = next(style for style in demo.STYLES if style.name == "hiphop")
    assert [hiphop.swing_of(step) for step in range(5)] == [0, 0.4, 0, 0.4, 0]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num": 0}, "num: 0 is no whole number from 1 on"),
        ({"num": 1.5}, "num: 1.5 is no whole number from 1 on"),
        ({"seed": -1}, "seed: -1 is no whole number from 0 on"),
    ],
)
def test_numbers_that_cannot_be_are_named(
    tmp_path: Path, options: dict[str, int], line: str
) -> None:
    with pytest.raises(OptionError) as error:
        demo.write_corpus(tmp_path / "new", **options)
    assert str(error.value) == line
    assert not (tmp_path / "new").exists()


def test_command(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "groovefast.demo"]
    done = subprocess.run(
        [*words, str(tmp_path / "new" / "folder"), "--num", "3"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"3 performances in {tmp_path / 'new' / 'folder'}\n"
    assert len(list(tmp_path.rglob("*.mid"))) == 3


def test_command_writes_tunes(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "groovefast.demo", "--melodies", "--num", "3"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "3 tunes in tunes\n", done.stderr
    assert len(list((tmp_path / "tunes").glob("*.mid"))) == 3


def test_command_wants_a_folder_for_performances() -> None:
    words = [sys.executable, "-m", "groovefast.demo"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "missing argument 'FOLDER'" in done.stderr


def test_command_tells_of_a_folder_it_cannot_make(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "groovefast.demo", str(tmp_path / "file" / "folder")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "file") in done.stderr
