"""Files in and out of the page, and what stays when it is loaded anew."""

from __future__ import annotations

import io
import wave

import midi_bytes
import places
import pytest
import slow_midi

from groovefast import playing

FLAT = places.ROOT / "docs/examples/flat.mid"


def notes_of(midi: bytes, channel: int = 9) -> list[tuple[int, int, int, int]]:
    """The notes of a channel: tick, pitch, velocity and length, by an independent reader."""
    (song,) = slow_midi.songs(slow_midi.read(midi), [channel])
    return sorted((n.tick, n.pitch, n.velocity, n.end_tick - n.tick) for n in song.notes)


def test_a_stiff_file_is_dropped_humanized_and_dragged_out(studio):
    """What somebody does who knows no Python, checked note by note."""
    studio.drop({"stiff.mid": FLAT.read_bytes()})
    studio.says("stiff: 4 bars · 57 hits")
    studio.choose("Humanize")
    studio.set("Timing", 0.7)
    studio.run("Humanize", "Humanize", "Humanize: stiff-humanize")
    name, midi = studio.dragged_out()
    assert name == "stiff-humanize.mid"

    stiff, played = notes_of(FLAT.read_bytes()), notes_of(midi)
    (whole,) = playing.play(
        "humanize", [FLAT.read_bytes()], seed=studio.seed, timing=1.0, dynamics=1.0
    )
    wholly = notes_of(whole.midi)
    assert len(played) == len(stiff) == len(wholly) == 57
    by_pitch = lambda notes: sorted(notes, key=lambda note: (note[1], note[0]))  # noqa: E731
    moved = 0
    for before, now, all_the_way in zip(*map(by_pitch, (stiff, played, wholly)), strict=True):
        assert now[1] == before[1]
        assert now[3] <= before[3]  # it ends where the next of its pitch begins
        assert now[2] == all_the_way[2]
        assert abs((now[0] - before[0]) - 0.7 * (all_the_way[0] - before[0])) <= 1  # rounded twice
        moved += now[0] != before[0]
    assert moved > 40
    assert len({note[2] for note in played}) > 10 > len({note[2] for note in stiff})


def test_the_file_that_was_opened_comes_out_as_it_went_in(studio):
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    assert studio.downloaded("#midi") == ("flat.mid", FLAT.read_bytes())


def test_one_edit_changes_one_note(studio):
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    studio.cell("kick", 1, 1).focus()
    studio.page.keyboard.press("Shift+ArrowDown")
    before, after = notes_of(FLAT.read_bytes()), notes_of(studio.downloaded("#midi")[1])
    (changed,) = set(after) - set(before)
    assert len(after) == len(before)
    assert changed[:2] == (0, 36)
    studio.cell("crash", 1, 2).click()
    added = set(notes_of(studio.downloaded("#midi")[1])) - set(after)
    assert [note[:3] for note in added] == [(55, 49, 96)]  # of 220 ticks a quarter


def test_bars_that_are_repeated_keep_their_pitches(studio):
    snares = (38, 37, 40, 38)
    hits = [midi_bytes.hit(240 * (number > 0), pitch) for number, pitch in enumerate(snares)]
    studio.drop({"rims.mid": midi_bytes.song(*hits)})
    studio.says("rims: 1 bar · 4 hits")
    studio.press("×2")
    pitches = [pitch for _, pitch, *_ in notes_of(studio.downloaded("#midi")[1])]
    assert pitches == [*snares, *snares]


def test_drums_are_named_for_a_file_that_is_open(studio):
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    studio.press("Drums…")
    dialog = studio.page.get_by_role("dialog")
    dialog.get_by_label("Kit").fill("36|38||||||49|")
    dialog.get_by_role("button", name="Open").click()
    studio.says("other notes, kept as they are")
    assert {drum for drum, _, _ in studio.hits()} <= {"kick", "snare", "crash"}


def test_sound_is_downloaded(studio):
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    name, data = studio.downloaded("#wav")
    assert name == "flat.wav"
    with wave.open(io.BytesIO(data)) as sound:
        assert sound.getnchannels() == 2
        assert sound.getnframes() / sound.getframerate() > 9  # 4 bars at 100
        assert max(sound.readframes(sound.getnframes())) > 100


def song_of_band() -> bytes:
    """A bass beside drums, tempo and meter changing: 4/4, then 7/8."""
    conductor = midi_bytes.track(
        midi_bytes.meter(0, 4),
        midi_bytes.tempo(0, 500_000),
        midi_bytes.meter(1920, 7, 3),
        midi_bytes.tempo(0, 400_000),
    )
    bass = midi_bytes.track(
        midi_bytes.program(0, 33, 1), *[midi_bytes.hit(240, 40, 90, 1) for _ in range(13)]
    )
    drums = midi_bytes.track(
        *[midi_bytes.hit(0 if number == 0 else 240, 36 + 6 * (number % 2)) for number in range(15)]
    )
    return midi_bytes.header(3) + conductor + bass + drums


def test_a_band_stays_as_it_is_and_odd_meters_are_shown(studio):
    song = song_of_band()
    studio.drop({"band.mid": song})
    studio.says("13 other notes, kept as they are")
    assert studio.page.get_by_role("button", name="Play from bar 2").inner_text().split() == [
        "2",
        "7/8",
    ]
    assert studio.page.locator("#bars").is_disabled()
    studio.run("Humanize", "Humanize")
    midi = studio.downloaded("#midi")[1]
    assert notes_of(midi, 1) == notes_of(song, 1)
    assert notes_of(midi) != notes_of(song)
    before, after = slow_midi.read(song), slow_midi.read(midi)
    assert [event for event in after.tracks[0] if event.data[:1] != b"\x01"][:-1] == before.tracks[
        0
    ]


def test_drums_on_another_channel_are_asked_for(studio):
    studio.expected.append("400 (Bad Request)")
    hits = [
        midi_bytes.hit(0 if number == 0 else 480, pitch, 90, 2)
        for number, pitch in enumerate((36, 42, 38, 42))
    ]
    studio.drop({"other.mid": midi_bytes.song(*hits)})
    dialog = studio.page.get_by_role("dialog")
    dialog.wait_for()
    assert "channel 3" in dialog.inner_text()
    dialog.get_by_label("Channel").fill("17")
    dialog.get_by_role("button", name="Open").click()
    studio.page.locator("#parts-line", has_text="17").wait_for()
    dialog.get_by_label("Channel").fill("3")
    dialog.get_by_role("button", name="Open").click()
    studio.says("other: 1 bar · 4 hits")
    studio.run("Humanize", "Humanize")
    assert len(notes_of(studio.downloaded("#midi")[1], 2)) == 4


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("notes.txt", b"no music", "notes"),
        ("empty.mid", b"", "empty"),
        ("cut.mid", FLAT.read_bytes()[:200], "cut"),
        ("silent.mid", midi_bytes.song(), "no notes"),
    ],
)
def test_a_wrong_file_is_told_in_a_line_and_changes_nothing(studio, name, data, part):
    studio.expected.append("400 (Bad Request)")
    before = studio.hits()
    studio.drop({name: data})
    studio.page.locator("#message.error, #parts[open]").first.wait_for()
    shown = studio.page.locator("#message.error, #parts[open] #parts-line").first.inner_text()
    assert part in shown
    assert "\n" not in shown
    assert studio.hits() == before


def test_a_file_over_20_mb_is_refused(studio):
    studio.drop({"huge.mid": FLAT.read_bytes() + bytes(20_000_001)})
    assert "20 MB" in studio.says("20 MB")


def test_one_wrong_file_does_not_keep_others_out(studio):
    studio.expected.append("400 (Bad Request)")
    flat = FLAT.read_bytes()
    studio.drop({"a.mid": flat, "b.mid": b"MThd", "c.txt": b"no", "d.mid": flat})
    line = studio.says("c.txt")
    assert "b: the file ends" in line
    labels = [each.get_attribute("aria-label") for each in studio.page.locator(".slot").all()]
    assert labels[:3] == ["Slot 1: a", "Slot 2: d", "Slot 3: empty"]


def test_files_go_into_slots_where_they_fall(studio):
    flat = FLAT.read_bytes()
    studio.drop({"fifth.mid": flat}, '.slot[data-slot="4"]')
    studio.says("fifth:")
    assert (
        studio.page.locator('.slot[aria-pressed="true"]').get_attribute("aria-label")
        == "Slot 5: fifth"
    )
    studio.drop({"a.mid": flat, "b.mid": flat})
    studio.says("b:")
    labels = [each.get_attribute("aria-label") for each in studio.page.locator(".slot").all()]
    assert labels[1:5] == ["Slot 2: b", "Slot 3: empty", "Slot 4: empty", "Slot 5: a"]


def test_slots_stay_when_the_page_is_loaded_anew(studio):
    studio.slot(3)
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    studio.run("Humanize", "Humanize")
    studio.press("Copy")
    studio.cell("ride", 1, 1).click()
    shown, name = studio.hits(), studio.name
    midi = studio.downloaded("#midi")
    studio.load()
    assert studio.page.locator('.slot[aria-pressed="true"]').get_attribute("data-slot") == "1"
    assert (studio.hits(), studio.name) == (shown, name)
    assert studio.downloaded("#midi") == midi
    studio.slot(3)
    assert len(studio.hits()) == len(shown) - 1


def test_what_is_too_large_for_local_storage_stays_too(studio):
    text = bytes(4_000_000)  # a song with a long text
    song = midi_bytes.song(
        midi_bytes.meta(0, 1, text), *[midi_bytes.hit(240, 36) for _ in range(8)]
    )
    studio.drop({"large.mid": song})
    studio.says("large:")
    shown = studio.hits()
    studio.page.wait_for_timeout(800)
    studio.load()
    assert (studio.name, studio.hits()) == ("large", shown)
    assert studio.downloaded("#midi")[1] == song


def test_a_slot_is_emptied_and_had_back(studio):
    before = studio.hits()
    studio.press("Clear")
    assert studio.hits() == {}
    assert studio.page.locator(".slot").first.get_attribute("aria-label") == "Slot 1: empty"
    studio.press("Undo")
    assert studio.hits() == before
