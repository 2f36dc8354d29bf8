from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from groovefast import drums
from groovefast.errors import GrooveFastError

NINE = tuple((pitch,) for pitch in range(40, 49))


@pytest.mark.parametrize("name", ["roland", "reduced"])
def test_maps_name_each_pitch_once(name: str) -> None:
    classes = drums.resolve_pitch_classes(name)
    assert len(classes) == len(drums.DRUM_CLASSES) == 9
    pitches = [pitch for pitches in classes for pitch in pitches]
    assert len(set(pitches)) == len(pitches)


def test_table_gives_the_class_of_every_pitch() -> None:
    table = drums.pitch_table("roland")
    assert len(table) == 128
    # The second snare, a hi-hat's edge and a tom that General MIDI calls lower.
    assert [table[pitch] for pitch in (36, 40, 22, 26, 58, 45, 48, 57, 59)] == list(range(9))
    assert table[35] == table[0] == table[127] == drums.UNMAPPED
    assert sum(drum != drums.UNMAPPED for drum in table) == 22


def test_output_is_the_first_pitch_of_each_reduced_class() -> None:
    assert drums.output_pitches("reduced") == (36, 38, 42, 46, 45, 48, 50, 49, 51)
    table = drums.pitch_table("reduced")
    assert [table[pitch] for pitch in drums.output_pitches("reduced")] == list(range(9))


@pytest.mark.parametrize(
    ("alias", "name"), [("general-midi", "reduced"), ("roland-td", "roland"), ("roland", "roland")]
)
def test_maps_have_plain_names_too(alias: str, name: str) -> None:
    assert drums.resolve_pitch_classes(alias) == drums.PITCH_CLASSES[name]
    assert drums.plain_pitch_classes(alias) == name


@pytest.mark.parametrize(
    "form",
    [
        "40|41|42|43|44|45|46|47|48",
        " 40 |41|42,|43|44|45|46|47|48",
        [list(pitches) for pitches in NINE],
        np.arange(40, 49).reshape(9, 1),
    ],
)
def test_own_classes_are_taken(form: drums.PitchClasses) -> None:
    assert drums.resolve_pitch_classes(form) == NINE
    assert drums.plain_pitch_classes(form) == NINE
    assert drums.pitch_table(form)[44] == 4
    assert json.loads(json.dumps(drums.plain_pitch_classes(form))) == [list(each) for each in NINE]


def test_every_pitch_may_be_mapped_in_text() -> None:
    groups = "|".join(",".join(map(str, range(drum, 128, 9))) for drum in range(9))
    assert drums.UNMAPPED not in drums.pitch_table(groups)


def test_a_kit_may_lack_drums() -> None:
    kit = "36|38,40|42||||||51"
    assert drums.output_pitches(kit) == (36, 38, 42, None, None, None, None, None, 51)
    assert drums.resolve_pitch_classes(kit)[3] == ()


MAP = """\ufeff# my kit
Ride: 51 59  # bell last

 closed  hi-hat : 42, 22 , 44
kick: 35
snare: 40, 38
crash:
"""


@pytest.mark.parametrize("as_path", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_map_may_be_a_file(
    as_path: Callable[[Path], drums.PitchClasses], newline: str, tmp_path: Path
) -> None:
    path = tmp_path / "kit.txt"
    path.write_bytes(MAP.replace("\n", newline).encode())
    classes = ((35,), (40, 38), (42, 22, 44), (), (), (), (), (), (51, 59))
    assert drums.resolve_pitch_classes(as_path(path)) == classes
    assert drums.plain_pitch_classes(as_path(path)) == classes


def test_a_name_is_never_taken_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roland").write_text("kick: 1")
    monkeypatch.chdir(tmp_path)
    assert drums.resolve_pitch_classes("roland") == drums.ROLAND
    assert drums.resolve_pitch_classes(Path("roland"))[0] == (1,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"kick: 36\nclosed hihat: 42\n", "line 2: no such drum 'closed hihat'; did you mean clos"),
        (b"cowbell: 56", "line 1: no such drum 'cowbell'; it is one of kick, snare, closed hi-hat"),
        (b"kick: 36\n\nKick: 35", "line 3: the kick a second time"),
        (b"kick: 36\nsnare: 38 128", "line 2: 128 is not a MIDI pitch"),
        (b"kick: -1", "line 1: -1 is not a MIDI pitch"),
        (b"kick: 36 36", "line 1: pitch 36 is named twice"),
        (b"kick: 36\nsnare: 38, 36", "line 2: pitch 36 is named twice, as kick and snare"),
        (b"kick: C1", "line 1: 'C1' is no MIDI pitch"),
        (b"kick: 3_6", "line 1: '3_6' is no MIDI pitch"),
        (b"kick: " + b"9" * 5000, "is no MIDI pitch"),
        (b"kick 36", "line 1: no colon in 'kick 36'"),
        (b"kick: 36\n\xff\xfe", "line 2: is no text in UTF-8"),
        ("kick: 36".encode("utf-16"), "line 1: is no text in UTF-8"),
        (b"MThd\0\0\0\6\0\0", "line 1: no colon in 'MThd"),
        (b"", "no pitch in it"),
        (b"# nothing\nkick:\n", "no pitch in it"),
        (b"#" * 70_000, "too large for a drum map"),
    ],
)
def test_wrong_files_are_named_with_the_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "kit.txt"
    path.write_bytes(content)
    with pytest.raises(GrooveFastError, match=re.escape(message)) as caught:
        drums.resolve_pitch_classes(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        drums.resolve_pitch_classes(tmp_path / "kit.txt")
    with pytest.raises(GrooveFastError, match="a folder, not a drum map"):
        drums.resolve_pitch_classes(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(GrooveFastError, match=r"pipe\.txt: not a file but a pipe"):
        drums.resolve_pitch_classes(tmp_path / "pipe.txt")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("rolland", "no such map 'rolland' and no such file; did you mean roland or roland-td?"),
        (NINE[:8], "9 classes wanted, 8 given"),
        ((*NINE[:8], (128,)), "128 is not a MIDI pitch"),
        ((*NINE[:8], (-1,)), "-1 is not a MIDI pitch"),
        ((*NINE[:8], (40,)), "pitch 40 is named twice, as kick and ride"),
        ((*NINE[:8], (60, 60)), "pitch 60 is named twice"),
        (((),) * 9, "no pitch in any class"),
        ("||||||||", "no pitch in any class"),
        ("36|38", "9 classes wanted, 2 given"),
        ("36|x", "'36|x': 'x' is no MIDI pitch"),
        ("", "no such map '' and no such file; it is one of roland, reduced, roland-td, general-m"),
        ("\0", "no such map"),
        ((36.5,) * 9, "nine sequences of whole numbers wanted"),
        ((("36",),) * 9, "nine sequences of whole numbers wanted"),
        (36, "nine sequences of whole numbers wanted"),
        (None, "nine sequences of whole numbers wanted"),
    ],
)
def test_wrong_classes_are_named(classes: drums.PitchClasses, message: str) -> None:
    with pytest.raises(GrooveFastError, match=re.escape(message)) as caught:
        drums.pitch_table(classes)
    assert "\n" not in str(caught.value)
