"""Two hundred songs of many tracks: whatever a mode does, all but the chosen drums stays as it was.

They are compared event by event with the slow reader, which shares nothing with the package.
"""

from __future__ import annotations

from collections import Counter

import pytest
import slow_midi
from small_models import MODES, make_rnn
from songs import Song, chosen_notes, is_chosen_note, make_song

from groovefast.playing import continue_groove


def assert_all_else_stays(song: Song, mode: str, midi: bytes) -> None:
    before, after = slow_midi.read(song.data), slow_midi.read(midi)
    factor = after.division // before.division
    assert after.division == factor * before.division
    assert (after.format, len(after.tracks)) == (before.format, len(before.tracks))
    assert midi.count(b"XFIH") == song.data.count(b"XFIH")
    drummed = {track for track, _ in song.drums}
    for index, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=True)):
        scaled = [event._replace(tick=event.tick * factor) for event in old]
        kept = [event for event in scaled if not is_chosen_note(event, index, song.drums)]
        found = [event for event in new if not is_chosen_note(event, index, song.drums)]
        if index in drummed:
            assert_ends_well(song, kept, found, new, after.division)
            kept, found = kept[:-1], found[:-1]
        if mode == "tap2drum" and index in drummed:
            rest = iter(found)
            assert all(event in rest for event in kept), "in their order"
            added = Counter(found) - Counter(kept)
            assert all(event.status & 0xE0 == 0x80 for event in added)
            assert {event.status & 15 for event in added} <= {9}
        else:
            assert found == kept
        if mode == "add-hihat":
            lanes = [
                [
                    event
                    for event in events
                    if is_chosen_note(event, index, song.drums) and event.data[0] != 42
                ]
                for events in (scaled, new)
            ]
            assert lanes[0] == lanes[1]


def assert_ends_well(
    song: Song,
    kept: list[slow_midi.Event],
    found: list[slow_midi.Event],
    new: list[slow_midi.Event],
    division: int,
) -> None:
    """A track of drums ends where it did, but that of a clip, or where its last drum is later."""
    assert found[-1].data == kept[-1].data == b"\x2f"
    struck = [event.tick for event in new if event.status & 0xF0 == 0x90 and event.data[1] > 0]
    is_clip = not any(
        event.status & 0xE0 == 0x80 and not is_chosen_note(event, track, song.drums)
        for track, events in enumerate(slow_midi.read(song.data).tracks)
        for event in events
    )
    if is_clip:  # less than a bar is cut off
        assert kept[-1].tick - found[-1].tick < 6 * division
        assert all(event.tick <= found[-1].tick for event in new)
    elif max(struck, default=-1) < kept[-1].tick:
        assert found[-1].tick == kept[-1].tick
    else:
        assert found[-1].tick >= max(struck)


@pytest.mark.parametrize("mode", MODES)
def test_all_but_the_chosen_drums_stays_as_it_was(mode: str) -> None:
    first = list(MODES).index(mode)
    changed = 0
    for seed in range(first, 200 + first, len(MODES)):
        song = make_song(seed)
        rendition = MODES[mode](song.data, seed=seed, temperature=0.5, **song.options)
        assert_all_else_stays(song, mode, rendition.midi)
        if mode in ("humanize", "groove-transfer"):
            assert chosen_notes(rendition.midi, song) == chosen_notes(song.data, song)
        changed += rendition.midi != song.data
    assert changed >= 20


def test_going_on_leaves_all_there_was() -> None:
    model, changed = make_rnn(), 0
    for seed in range(40):
        song = make_song(seed)
        rendition = continue_groove(song.data, 2, model, seed=seed, **song.options)
        assert_all_else_stays(song, "continue", rendition.midi)
        before, after = chosen_notes(song.data, song), chosen_notes(rendition.midi, song)
        assert len(after) >= len(before)
        changed += rendition.midi != song.data
    assert changed >= 30
