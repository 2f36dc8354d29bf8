"""The pattern and its playback, in a browser."""

from __future__ import annotations

import itertools
import re

import midi_bytes
import pytest
from browser import StudioPage


def drag(studio: StudioPage, cell: tuple[str, int, int], dx: float, dy: float) -> None:
    """Drags the middle of a cell by so many pixels."""
    box = studio.cell(*cell).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = studio.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + dx / 2, y + dy / 2)
    mouse.move(x + dx, y + dy)
    mouse.up()


def lateness(words: str) -> int:
    """Milliseconds of "12 ms early"; late is more than 0."""
    found = re.fullmatch(r"(\d+) ms (late|early)", words)
    return 0 if not found else int(found[1]) * (1 if found[2] == "late" else -1)


def test_the_first_visit_shows_a_new_groove_that_stays(studio):
    hits = studio.hits()
    assert len(hits) > 10
    assert studio.name == f"groove-{studio.seed}"
    studio.load()
    assert studio.hits() == hits


def test_a_click_sets_a_hit_and_clears_it(studio):
    studio.empty()
    studio.cell("snare", 2, 5).click()
    assert studio.hits() == {("snare", 2, 5): (96, "on time")}
    studio.cell("snare", 2, 5).click()
    assert studio.hits() == {}


def test_undo_and_redo_go_through_every_step(studio):
    studio.empty()
    for step in (1, 5, 9):
        studio.cell("kick", 1, step).click()
    studio.press("Undo")
    studio.page.keyboard.press("Control+z")
    assert list(studio.hits()) == [("kick", 1, 1)]
    studio.page.keyboard.press("Control+Shift+z")
    studio.press("Redo")
    assert len(studio.hits()) == 3
    assert studio.page.get_by_role("button", name="Redo").is_disabled()
    for _ in range(4):
        studio.page.keyboard.press("Control+z")
    assert studio.name.startswith("groove-")
    studio.page.keyboard.press("Control+z")  # there was nothing before the first groove
    assert studio.page.get_by_role("button", name="Undo").is_disabled()


@pytest.mark.parametrize(
    ("dx", "dy", "velocity", "late"),
    [
        (0, -30, 120, 0),
        (0, 40, 64, 0),
        (0, -500, 127, 0),
        (0, 500, 1, 0),
        (6, 0, 96, 1),
        (-6, 0, 96, -1),
    ],
)
def test_a_drag_sets_velocity_or_time(studio, dx, dy, velocity, late):
    studio.empty()
    studio.cell("snare", 3, 9).click()
    drag(studio, ("snare", 3, 9), dx, dy)
    (found,) = studio.hits().values()
    assert found[0] == velocity
    milliseconds = lateness(found[1])
    if late:
        width = studio.cell("snare", 3, 9).bounding_box()["width"]
        assert milliseconds == pytest.approx(1000 * dx / width / 8, abs=1)  # 8 16ths a second
    else:
        assert milliseconds == 0
    studio.press("Undo")  # all of the drag at once
    assert studio.hits() == {("snare", 3, 9): (96, "on time")}


def test_a_hit_does_not_leave_its_cell(studio):
    studio.empty()
    drag(studio, ("ride", 1, 4), 300, 0)
    assert list(studio.hits()) == [("ride", 1, 4)]
    assert 55 <= lateness(studio.hits()["ride", 1, 4][1]) <= 62


def test_the_keyboard_alone_does_all_of_it(studio):
    keyboard = studio.page.keyboard
    studio.empty()
    for _ in range(80):
        keyboard.press("Tab")
        if studio.page.evaluate("document.activeElement.getAttribute('role')") == "gridcell":
            break
    keyboard.press("Home")
    keyboard.press("Enter")
    for _ in range(4):
        keyboard.press("ArrowRight")
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    for key in ("Shift+ArrowUp", "Shift+ArrowUp", "Shift+ArrowRight", "Shift+ArrowRight"):
        keyboard.press(key)
    assert studio.hits()["kick", 1, 1] == (96, "on time")
    velocity, words = studio.hits()["snare", 1, 5]
    assert (velocity, lateness(words)) == (112, pytest.approx(12.5, abs=0.6))
    keyboard.press("PageDown")
    keyboard.press("Enter")
    assert ("snare", 2, 1) in studio.hits()
    keyboard.press("Delete")
    keyboard.press("m")
    assert (
        studio.page.get_by_role("button", name="Mute snare").first.get_attribute("aria-pressed")
        == "true"
    )
    assert len(studio.hits()) == 2


def test_every_control_can_be_reached_with_the_tab_key(studio):
    reached = set()
    for _ in range(120):
        studio.page.keyboard.press("Tab")
        reached.add(
            studio.page.evaluate("document.activeElement.id || document.activeElement.className")
        )
    wanted = {
        "open",
        "midi",
        "wav",
        "clear",
        "duplicate",
        "theme",
        "help-button",
        "tab-new",
        "run-new",
    }
    wanted |= {
        "seed",
        "keep-seed",
        "play",
        "loop",
        "metronome",
        "tempo",
        "bars",
        "double",
        "volume",
    }
    assert wanted <= reached


def test_bars_are_added_repeated_and_cut(studio):
    studio.empty()
    studio.cell("kick", 4, 1).click()
    bars = studio.page.locator("#bars")
    bars.select_option("1")
    assert studio.hits() == {}
    studio.press("Undo")
    studio.press("×2")
    assert list(studio.hits()) == [("kick", 4, 1), ("kick", 8, 1)]
    bars.select_option("16")
    assert studio.page.locator(".system").count() == 4
    assert studio.page.get_by_role("button", name="×2").is_disabled()
    studio.page.locator(".system").last.scroll_into_view_if_needed()
    studio.cell("kick", 16, 16).click()
    assert len(studio.hits()) == 3


def test_the_tempo_is_kept(studio):
    tempo = studio.page.get_by_label("Tempo")
    tempo.fill("93.5")
    tempo.press("Enter")
    studio.load()
    assert studio.page.get_by_label("Tempo").input_value() == "93.5"
    studio.page.get_by_label("Tempo").fill("5000")
    studio.page.get_by_label("Tempo").press("Enter")
    assert studio.page.get_by_label("Tempo").input_value() == "93.5"


def test_a_dot_that_reaches_into_the_next_cell_is_taken_there(studio):
    studio.empty()
    drag(studio, ("snare", 1, 5), 0, 0)
    drag(studio, ("snare", 1, 5), 8, 0)
    late = studio.hits()["snare", 1, 5]
    box = studio.page.locator(".dot").bounding_box()
    cell = studio.cell("snare", 1, 6).bounding_box()
    x = box["x"] + box["width"] - 3
    assert x > cell["x"] + 1
    studio.page.mouse.move(x, box["y"] + box["height"] / 2)
    studio.page.mouse.down()
    studio.page.mouse.move(x, box["y"] - 30)
    studio.page.mouse.up()
    (changed,) = studio.hits().items()
    assert changed[0] == ("snare", 1, 5)
    assert changed[1][0] > late[0]
    assert changed[1][1] == late[1]


def test_keys_while_a_hit_is_held_do_not_reach_another_slot(studio):
    studio.press("Copy")
    before = studio.hits()
    drum, bar, step = next(iter(before))
    studio.cell(drum, bar, step).hover()
    studio.page.mouse.down()
    studio.page.keyboard.press("1")
    studio.page.mouse.up()
    assert studio.hits() == before
    studio.page.keyboard.press("2")
    assert studio.hits() == before


def test_a_typed_tempo_gives_way_and_names_can_be_changed(studio):
    tempo = studio.page.locator("#tempo")
    tempo.fill("133")
    tempo.press("Enter")
    studio.press("Undo")
    assert tempo.input_value() == "120"
    tempo.fill("77")
    tempo.press("Escape")
    assert tempo.input_value() == "120"
    name = studio.page.get_by_role("textbox", name="Name", exact=True)
    name.fill("Half time")
    name.press("Enter")
    assert studio.downloaded("#midi")[0] == "Half time.mid"
    studio.load()
    assert studio.name == "Half time"


def test_beats_of_compound_meters_are_drawn_and_clearing_keeps_them(studio):
    hits = [midi_bytes.hit(240 * (number > 0), 42) for number in range(12)]
    studio.drop({"six.mid": midi_bytes.song(midi_bytes.meter(0, 6, 3), *hits)})
    studio.says("six: 2 bars")
    beats = ".rows > .row:first-child > .beat"
    assert [each.get_attribute("data-column") for each in studio.page.locator(beats).all()] == [
        "6",
        "18",
    ]
    studio.press("Clear")
    assert studio.page.locator("#facts").inner_text() == "2 bars · 0 hits"
    assert len(studio.page.locator(beats).all()) == 2


# --- Playback -------------------------------------------------------------------------------


def four_kicks(studio: StudioPage, tempo: str = "240") -> None:
    """One bar of four kicks, fast."""
    studio.empty()
    studio.page.locator("#bars").select_option("1")
    studio.page.get_by_label("Tempo").fill(tempo)
    studio.page.get_by_label("Tempo").press("Enter")
    for step in (1, 5, 9, 13):
        studio.cell("kick", 1, step).click()
    studio.page.wait_for_timeout(100)
    studio.page.evaluate("window.heard.length = 0")


def heard(studio: StudioPage) -> list[float]:
    """When what has been played begins, in seconds; what sounds at once shows what is edited."""
    return [each["time"] for each in studio.page.evaluate("window.heard") if each["ahead"]]


def test_playback_is_exact_to_the_sample_and_loops(studio):
    four_kicks(studio)
    studio.press("Play")
    studio.until("window.heard.length >= 9")
    studio.press("Stop")
    times = heard(studio)
    for before, after in itertools.pairwise(times):
        beats = (after - before) / 0.25
        assert round(beats) >= 1
        assert beats == pytest.approx(round(beats), abs=4 / 44100)
    studio.page.wait_for_timeout(400)
    assert len(heard(studio)) == len(times)  # it has stopped


def test_timing_is_heard(studio):
    four_kicks(studio, "120")
    studio.cell("kick", 1, 5).focus()
    for _ in range(4):
        studio.page.keyboard.press("Shift+ArrowRight")
    studio.page.wait_for_timeout(200)
    studio.page.evaluate("window.heard.length = 0")
    studio.page.keyboard.press(" ")
    studio.until("window.heard.length >= 4")
    first, second, third, *_ = heard(studio)
    assert second - first == pytest.approx(0.5 + 0.2 / 8, abs=1e-4)
    assert third - first == pytest.approx(1.0, abs=1e-4)


def test_without_the_loop_it_ends(studio):
    four_kicks(studio)
    studio.press("Loop")
    studio.press("Play")
    studio.page.get_by_role("button", name="Play", exact=True).wait_for()
    assert len(heard(studio)) == 4


def test_edits_are_heard_while_it_plays(studio):
    four_kicks(studio)
    studio.press("Play")
    studio.until("window.heard.filter(({ ahead }) => ahead).length >= 2")
    studio.page.get_by_label("Tempo").fill("300")
    studio.page.get_by_label("Tempo").press("Enter")
    studio.page.evaluate("window.heard.length = 0")
    studio.until("window.heard.length >= 6")
    times = heard(studio)[2:]
    for before, after in itertools.pairwise(times):
        beats = (after - before) / 0.2
        assert beats == pytest.approx(round(beats), abs=1e-3)


def test_the_loop_keeps_its_beat_under_edits_and_other_slots(studio):
    four_kicks(studio, "150")
    studio.press("Copy")
    studio.press("×2")
    studio.slot(1)
    studio.page.wait_for_timeout(400)
    studio.press("Play")
    studio.until("window.heard.filter(({ ahead }) => ahead).length >= 2")
    for _ in range(3):
        studio.cell("kick", 1, 5).focus()
        studio.page.keyboard.press("Shift+ArrowUp")
        studio.page.wait_for_timeout(230)
        studio.page.keyboard.press("2")
        studio.page.wait_for_timeout(310)
        studio.page.keyboard.press("1")
        studio.page.wait_for_timeout(170)
    times = heard(studio)
    beats = [(after - times[0]) / 0.4 for after in times]
    assert beats == pytest.approx([round(each) for each in beats], abs=1e-3)
    assert len({round(each) for each in beats}) == len(beats)  # none twice


def test_space_plays_whatever_was_clicked(studio):
    playing = studio.page.get_by_role("button", name="Stop", exact=True)
    studio.press("Loop")
    studio.page.keyboard.press(" ")
    playing.wait_for()
    assert studio.page.locator("#loop").get_attribute("aria-pressed") == "false"
    studio.press("Loop")
    studio.page.keyboard.press(" ")
    studio.page.get_by_role("button", name="Play", exact=True).wait_for()
    studio.page.keyboard.press("Tab")  # a button that was reached with the keyboard is pressed
    studio.page.keyboard.press(" ")
    assert studio.page.locator("#metronome").get_attribute("aria-pressed") == "true"


def test_mute_and_solo(studio):
    four_kicks(studio)
    studio.cell("ride", 1, 3).click()
    studio.page.wait_for_timeout(100)
    studio.press("Mute kick")
    studio.page.evaluate("window.heard.length = 0")
    studio.press("Play")
    studio.page.wait_for_timeout(2300)
    assert 2 <= len(heard(studio)) <= 3  # the ride, once in each second
    studio.press("Mute kick")
    studio.press("Solo kick")
    studio.page.wait_for_timeout(300)
    studio.page.evaluate("window.heard.length = 0")
    studio.page.wait_for_timeout(2100)
    times = heard(studio)
    assert 7 <= len(times) <= 10
    assert all(b - a == pytest.approx(0.25, abs=1e-4) for a, b in itertools.pairwise(times))


def test_the_metronome_clicks_on_beats(studio):
    four_kicks(studio)
    studio.press("Click")
    studio.press("Play")
    studio.until("window.clicks.length >= 5")
    clicks = studio.page.evaluate("window.clicks")
    assert {round(b["time"] - a["time"], 4) for a, b in itertools.pairwise(clicks)} == {0.25}
    assert [each["pitch"] for each in clicks[:5]] == [1760, 1175, 1175, 1175, 1760]
    assert clicks[0]["time"] == pytest.approx(heard(studio)[0], abs=1e-6)


def test_the_play_head_moves_and_a_bar_can_be_chosen(studio):
    studio.press("Play")
    head = studio.page.locator(".playhead")
    head.wait_for()
    first = head.bounding_box()["x"]
    studio.page.wait_for_timeout(500)
    assert head.bounding_box()["x"] > first + 20
    studio.press("Play from bar 3")
    studio.page.wait_for_timeout(400)
    assert head.bounding_box()["x"] >= studio.cell("kick", 3, 1).bounding_box()["x"]
    studio.press("Stop")
    head.wait_for(state="hidden")
