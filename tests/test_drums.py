from __future__ import annotations

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
    assert drums.OUTPUT_PITCHES == (36, 38, 42, 46, 45, 48, 50, 49, 51)
    table = drums.pitch_table("reduced")
    assert [table[pitch] for pitch in drums.OUTPUT_PITCHES] == list(range(9))


def test_own_classes_are_taken() -> None:
    assert drums.resolve_pitch_classes([list(pitches) for pitches in NINE]) == NINE
    assert drums.pitch_table(NINE)[44] == 4


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("rolland", "no such map 'rolland'; it is one of roland, reduced"),
        (NINE[:8], "9 classes wanted, 8 given"),
        ((*NINE[:8], (128,)), "128 is not a MIDI pitch"),
        ((*NINE[:8], (-1,)), "-1 is not a MIDI pitch"),
        ((*NINE[:8], (40,)), "pitch 40 is named twice"),
    ],
)
def test_wrong_classes_are_named(classes: drums.PitchClasses, message: str) -> None:
    with pytest.raises(GrooveFastError, match=message) as caught:
        drums.pitch_table(classes)
    assert "\n" not in str(caught.value)
