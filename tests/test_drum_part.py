"""Which notes are the drums: every way to name them, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from groovefast import GrooveFastError
from groovefast.drum_part import ALL_CHANNELS, CHANNEL_10, DrumPart


def test_channels_and_tracks_are_given_in_any_form() -> None:
    assert DrumPart.of() == CHANNEL_10
    assert CHANNEL_10.channels == (10,)
    assert DrumPart.of(track="Kit").channels == ALL_CHANNELS
    for channel in (3, np.int64(3), [3], (3, 3), np.array([3]), {3}, range(3, 4)):
        assert DrumPart.of(channel) == DrumPart((3,))
    assert DrumPart.of(None, np.int32(2)) == DrumPart(None, 2)


@pytest.mark.parametrize(
    "channel", [0, 17, 1.5, "10", "drums", True, [1, "2"], (), b"a", [None], float("nan")]
)
def test_what_is_no_channel_is_named(channel: object) -> None:
    with pytest.raises(GrooveFastError, match=r"^channel: "):
        DrumPart.of(channel)  # type: ignore[arg-type]


@pytest.mark.parametrize("track", [0, -1, 70_000, 1.5, "", " ", True, b"Kit", [1]])
def test_what_is_no_track_is_named(track: object) -> None:
    with pytest.raises(GrooveFastError, match=r"^track: "):
        DrumPart.of(None, track)  # type: ignore[arg-type]


def test_names_go_to_the_core_in_both_encodings() -> None:
    mask, track, names = DrumPart.of(10, "Bü").for_core()
    assert (mask, track) == (1 << 9, 0)
    found = {name.lower() for name in names}
    assert found == {b"b\xc3\xbc", b"b\xfc", b"b\xc3\x9c", b"bu\xcc\x88", b"b\xdc"}
    assert DrumPart.of([1, 16], 7).for_core() == (1 << 15 | 1, 7, ())
    assert DrumPart.of(track="♫").for_core()[2] == ("♫".encode(),)
    assert DrumPart.of(10) == DrumPart.of([10]) == CHANNEL_10
    assert DrumPart.of(track="\ud800").for_core()[2]
