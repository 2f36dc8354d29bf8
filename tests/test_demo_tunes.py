from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import groovefast as gf
from groovefast import demo_tunes
from groovefast.errors import OptionError

LINES = (*demo_tunes.MOTIFS, *demo_tunes.RESTS, *demo_tunes.BASS_LINES)


@pytest.fixture(scope="module")
def tunes() -> list[demo_tunes.Tune]:
    return [demo_tunes.compose(np.random.default_rng((0, seed))) for seed in range(60)]


def test_lines_are_a_bar_long() -> None:
    hits = [line for beat in (*demo_tunes.BEATS, *demo_tunes.FILLS) for line in beat.values()]
    assert {len(line) for line in (*LINES, *hits)} == {16}


@pytest.mark.parametrize("name", ["MelodyConverter", "DrumsConverter", "TrioConverter"])
def test_a_tune_is_one_window_of_sixteen_bars(name: str, tunes_dir: Path) -> None:
    options = {"programs": range(32)} if name == "MelodyConverter" else {}
    converter = getattr(gf, name)(slice_bars=16, **options)
    for path in sorted(tunes_dir.glob("*.mid")):
        assert len(converter.to_tensors(path)) == 1


def test_all_are_in_their_keys_and_registers(tunes: list[demo_tunes.Tune]) -> None:
    for tune in tunes:
        notes = tune.arrangement.notes
        pitched = notes[~notes["is_drum"]]
        degrees = {(pitch - tune.scale.tonic) % 12 for pitch in pitched["pitch"].tolist()}
        assert degrees <= set(demo_tunes.MODES[tune.scale.mode])
        melody, bass = (pitched["pitch"][pitched["instrument"] == part] for part in (0, 1))
        assert 48 <= melody.min() <= melody.max() <= 96
        assert 28 <= bass.min() <= bass.max() < 67


def test_melodies_come_home(tunes: list[demo_tunes.Tune]) -> None:
    for tune in tunes:
        melody = tune.arrangement.notes[tune.arrangement.notes["instrument"] == 0]
        assert (int(melody["pitch"][-1]) - tune.scale.tonic) % 12 == 0


def test_sections_come_back_in_part_varied(tunes_dir: Path) -> None:
    with (tunes_dir / "info.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["form"] == "AABA"]
    converter = gf.MelodyConverter(slice_bars=16)
    same = []
    for row in rows:
        bars = converter.to_tensors(tunes_dir / row["midi_filename"]).tokens.reshape(4, 4, 16)
        again, another = (bars[0] == bars[1]).all(-1), (bars[0] == bars[2]).all(-1)
        assert again.sum() >= 2  # of the bars one is varied, and the bar before may end otherwise
        assert not another.all()
        same.append(again.all())
    assert 0 < sum(same) < len(same)


def test_no_two_are_alike(tunes: list[demo_tunes.Tune]) -> None:
    assert len({tune.arrangement.to_bytes() for tune in tunes}) == len(tunes)
    assert {tune.form for tune in tunes} == set(demo_tunes.FORMS)


def test_the_same_seed_gives_the_same_files(tunes_dir: Path, tmp_path: Path) -> None:
    paths = demo_tunes.write_tunes(tmp_path, 12)
    for path in paths:
        assert path.read_bytes() == (tunes_dir / path.name).read_bytes()
    with (tmp_path / "info.csv").open(newline="", encoding="utf-8") as file:
        splits = [row["split"] for row in csv.DictReader(file)]
    assert splits.count("train") == 10
    assert {splits[3], splits[8]} == {"validation", "test"}


def test_numbers_that_cannot_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="num: 0 is no whole number from 1 on"):
        demo_tunes.write_tunes(tmp_path / "new", 0)
    assert not (tmp_path / "new").exists()
