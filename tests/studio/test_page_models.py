"""What the models do, pressed in a browser; each result is the one of `playing.play`."""

from __future__ import annotations

from pathlib import Path

import midi_bytes
import places
import pytest
import slow_midi
from browser import StudioPage
from playwright.sync_api import Route

from groovefast import playing

FLAT = places.ROOT / "docs/examples/flat.mid"
TAP = places.ROOT / "docs/examples/tap.mid"

# A kit and a sampler, as the browser shows them.
_DEVICES = """
window.sent = [];
const ports = (...all) => new Map(all.map((port) => [port.id, port]));
const kit = { id: "kit", name: "My kit", onmidimessage: null };
const send = (data, time) => window.sent.push({ data, time });
const sampler = { id: "sampler", name: "My sampler", send };
const access = { inputs: ports(kit), outputs: ports(sampler), addEventListener() {} };
navigator.requestMIDIAccess = async () => access;
window.strike = (pitch, velocity) => (
  kit.onmidimessage({ data: [0x99, pitch, velocity], timeStamp: performance.now() })
);
"""


def open_file(studio: StudioPage, path: Path, slot: int = 1) -> None:
    """Opens a file in a slot."""
    studio.slot(slot)
    studio.page.set_input_files("#file", path)
    studio.says(f"{path.stem}:")


def midi_of(studio: StudioPage) -> bytes:
    """The file of the piece that is shown."""
    return studio.downloaded("#midi")[1]


def played(mode: str, *sources: Path, **options: object) -> bytes:
    """What the command makes of files."""
    (rendition, *_) = playing.play(mode, [path.read_bytes() for path in sources], **options)
    return rendition.midi


def test_new_grooves_differ_and_a_kept_seed_repeats_them(studio):
    studio.run("New", "New groove", "New: groove-")
    first, seed = studio.hits(), studio.seed
    assert midi_of(studio) == played("sample", num=1, seed=seed)
    studio.run("New", "New groove")
    assert studio.hits() != first
    studio.page.locator("#seed").fill(str(seed))
    studio.page.locator("#seed").press("Tab")
    assert studio.page.locator("#keep-seed").is_checked()
    studio.press("New groove")
    studio.until(f"document.getElementById('name').value === 'groove-{seed}'")
    assert studio.hits() == first


def test_style_variety_temperature_and_attributes_count(studio):
    studio.choose("New")
    studio.page.get_by_label("Style").select_option("funk")
    studio.set("Variety", 1.5)
    studio.set("Temperature", 0.75)
    studio.set("Touch", 0.5)
    studio.page.get_by_text("Character").first.click()
    studio.set("Density", 1)
    studio.set("Toms", -1.5)
    studio.page.locator("#tempo").fill("96")
    studio.page.locator("#tempo").press("Enter")
    studio.run("New", "New groove")
    options = {"style": "funk", "variety": 1.5, "temperature": 0.75, "touch": 0.5}
    attributes = {"density": 1.0, "toms": -1.5}
    expected = played("sample", num=1, seed=studio.seed, qpm=96, attributes=attributes, **options)
    assert midi_of(studio) == expected
    studio.load()  # options stay
    assert studio.page.get_by_label("Style").input_value() == "funk"


@pytest.mark.parametrize(
    ("tab", "button", "mode", "path", "sliders", "options"),
    [
        (
            "Humanize",
            "Humanize",
            "humanize",
            FLAT,
            {"Dynamics": 0.3},
            {"dynamics": 0.3, "timing": 1.0, "touch": 0.5},
        ),
        (
            "Drumify",
            "Drum to this pattern",
            "tap2drum",
            TAP,
            {"Touch": 1},
            {"touch": 1.0, "timing": 1.0, "dynamics": 1.0},
        ),
        (
            "Add hi-hat",
            "Add hi-hat",
            "add-hihat",
            TAP,
            {"Timing": 0.5},
            {"touch": 0.5, "timing": 0.5, "dynamics": 1.0},
        ),
        (
            "Vary",
            "Vary",
            "vary",
            FLAT,
            {"How far": 0.8},
            {"spread": 0.8, "timing": 1.0, "dynamics": 1.0},
        ),
    ],
)
def test_modes_of_one_piece_play_as_the_command_does(
    studio, tab, button, mode, path, sliders, options
):
    open_file(studio, path)
    studio.choose(tab)
    for name, value in sliders.items():
        studio.set(name, value)
    studio.run(tab, button)
    assert midi_of(studio) == played(mode, path, seed=studio.seed, **options)
    studio.press("Undo")
    assert midi_of(studio) == path.read_bytes()


def test_an_amount_is_found_by_ear_with_the_same_seed(studio):
    open_file(studio, FLAT)
    studio.run("Humanize", "Humanize")
    seed = studio.seed
    for amount in (0.0, 0.4, 0.7):
        studio.set("Timing", amount)
        expected = played("humanize", FLAT, seed=seed, timing=amount, dynamics=1.0, touch=0.5)
        _until_midi(studio, expected)
    assert studio.seed == seed
    studio.press("Undo")  # one step for all of it
    assert midi_of(studio) == FLAT.read_bytes()


@pytest.mark.parametrize("moved", [{"Density": 1.5}, {"Density": 1.5, "Toms": -1.5}])
def test_an_option_and_a_tempo_count_that_come_before_an_answer(studio, moved):
    studio.run("New", "New groove")
    seed = studio.seed
    studio.page.get_by_text("Character").first.click()
    asked: list[Route] = []

    def hold_first(route: Route) -> None:
        if asked:
            route.continue_()
        else:
            asked.append(route)

    studio.page.route("**/api/play", hold_first)
    for name, value in moved.items():
        studio.set(name, value)
    studio.page.locator("#tempo").fill("96")
    studio.page.locator("#tempo").press("Enter")
    asked[0].continue_()
    attributes = {name.lower(): value for name, value in moved.items()}
    _until_midi(studio, played("sample", num=1, seed=seed, qpm=96, attributes=attributes))


def test_pressed_again_it_starts_from_the_same_piece(studio):
    open_file(studio, FLAT)
    studio.run("Vary", "Vary")
    studio.run("Vary", "Vary")
    expected = played("vary", FLAT, seed=studio.seed, spread=0.5, timing=1.0, dynamics=1.0)
    assert midi_of(studio) == expected
    studio.press("Undo")
    studio.press("Undo")
    assert midi_of(studio) == FLAT.read_bytes()


def test_a_pattern_goes_on(studio):
    open_file(studio, FLAT)
    before = studio.hits()
    studio.choose("Continue")
    studio.set("Bars", 3)
    studio.set("Temperature", 0.7)
    studio.run("Continue", "Continue", "Continue: flat-continue")
    assert studio.page.locator("#facts").inner_text().startswith("7 bars")
    assert {cell: studio.hits()[cell] for cell in before} == before
    expected = played("continue", FLAT, seed=studio.seed, bars=3, temperature=0.7)
    assert midi_of(studio) == expected


def _until_midi(studio: StudioPage, expected: bytes) -> None:
    """Waits until the piece is as expected."""
    for _ in range(40):
        studio.page.wait_for_selector("#midi[data-ready]")
        if midi_of(studio) == expected:
            return
        studio.page.wait_for_timeout(50)
    assert midi_of(studio) == expected


def test_the_groove_of_a_slot_goes_to_another(studio):
    open_file(studio, TAP, 2)
    open_file(studio, FLAT, 1)
    studio.choose("Transfer")
    studio.page.get_by_label("Feel of slot").select_option("2")
    studio.run("Transfer", "Transfer groove")
    options = {"timing": 1.0, "dynamics": 1.0}
    expected = played(
        "groove-transfer", FLAT, groove_from=TAP.read_bytes(), seed=studio.seed, **options
    )
    assert midi_of(studio) == expected


def test_the_slider_goes_from_one_slot_to_another(studio):
    open_file(studio, FLAT, 1)
    open_file(studio, TAP, 2)
    studio.run("Interpolate", "Interpolate", "Interpolate:")
    assert studio.page.locator('.slot[aria-pressed="true"]').get_attribute("data-slot") == "2"
    seed = studio.seed
    for at in (0, 0.35, 1):
        studio.set("Between", at)
        _until_midi(studio, played("interpolate", FLAT, TAP, seed=seed, at=at))
    studio.slot(1)
    assert midi_of(studio) == FLAT.read_bytes()


# --- Taps and devices -----------------------------------------------------------------------


def record(studio: StudioPage, taps: int, tap) -> None:
    """Records two fast bars with so many taps in them."""
    studio.empty()
    studio.page.locator("#tempo").fill("160")
    studio.page.locator("#tempo").press("Enter")
    studio.choose("Drumify")
    studio.press("Record taps")
    studio.until("document.getElementById('pad').textContent.startsWith('Tap: bar 1')")
    for number in range(taps):
        tap()
        if number + 1 < taps:
            studio.page.wait_for_timeout(300)


@pytest.mark.parametrize("how", ["pointer", "key", "pad key"])
def test_a_tapped_rhythm_becomes_a_beat(studio, how):
    ways = {
        "pointer": lambda: studio.page.locator("#pad").click(),
        "key": lambda: studio.page.keyboard.press("t"),
        "pad key": lambda: studio.page.keyboard.press("Enter"),
    }
    record(studio, 3, ways[how])
    studio.says("Drumify: taps-tap2drum")
    beat = studio.hits()
    assert len(beat) >= 3
    studio.press("Undo")
    taps = studio.hits()
    assert {drum for drum, _, _ in taps} == {"snare"}
    assert len(taps) == 3
    assert studio.page.locator("#bars").input_value() == "2"


def test_recording_can_be_stopped_and_needs_taps(studio):
    before = studio.hits()
    studio.choose("Drumify")
    studio.press("Record taps")
    studio.page.locator("#record", has_text="Stop").click()
    studio.page.locator("#record", has_text="Record taps").wait_for()
    assert studio.hits() == before
    studio.page.locator("#tempo").fill("400")
    studio.page.locator("#tempo").press("Enter")
    studio.page.get_by_label("Bars to record").select_option("1")
    studio.press("Record taps")
    assert "no tap was heard" in studio.says("no tap was heard")


def test_a_midi_kit_is_heard_and_tapped_on_and_a_sampler_is_played(browser, address):
    context = browser.new_context()
    context.add_init_script(_DEVICES)
    studio = StudioPage(context, address)
    page = studio.page
    page.get_by_text("MIDI devices").click()
    studio.press("Find devices")
    page.get_by_label("Listen to").select_option("kit")
    page.get_by_label("Play to").select_option("sampler")
    page.get_by_text("MIDI devices").click()
    record(studio, 3, lambda: page.evaluate("strike(38, 80)"))
    studio.says("Drumify: taps-tap2drum")
    studio.press("Undo")
    assert [velocity for velocity, _ in studio.hits().values()] == [80, 80, 80]
    page.evaluate("sent.length = 0")
    studio.press("Play")
    studio.until("sent.length >= 4")
    on, off, *_ = page.evaluate("sent.map(({ data, time }) => [...data, time])")
    assert on[:3] == [0x99, 38, 80]
    assert off[:3] == [0x89, 38, 64]
    assert off[3] - on[3] == pytest.approx(80, abs=0.01)
    studio.check()
    context.close()


def test_without_web_midi_the_page_says_so(studio):
    studio.page.evaluate("delete Navigator.prototype.requestMIDIAccess")
    studio.page.get_by_text("MIDI devices").click()
    studio.press("Find devices")
    studio.says("no Web MIDI")


# --- Long work ------------------------------------------------------------------------------


def long_song(bars: int) -> bytes:
    """A beat of many bars."""
    beat = b"".join(midi_bytes.hit(0 if first else 120, pitch) for first, pitch in _BEAT)
    return midi_bytes.song(*[beat] * bars)


_BEAT = [(True, 36), *((False, pitch) for pitch in (42, 38, 42, 36, 42, 38, 46))]


def test_long_work_shows_how_far_it_is_and_can_be_cancelled(studio):
    studio.drop({"long.mid": long_song(10_000)})
    studio.says("long:")
    before = studio.name
    studio.choose("Humanize")
    studio.press("Humanize")
    studio.page.locator("#working").wait_for()
    studio.until("/(listening|playing) \\d+ %/.test(document.getElementById('stage').textContent)")
    studio.press("Cancel")
    studio.says("cancelled")
    studio.page.locator("#working").wait_for(state="hidden")
    assert studio.name == before
    studio.slot(2)
    studio.page.set_input_files("#file", FLAT)
    studio.says("flat:")
    studio.run("Humanize", "Humanize")  # and the next one is answered


def test_slots_work_apart_and_edits_are_not_overruled(studio):
    studio.drop({"long.mid": long_song(800)})
    studio.says("long:")
    studio.choose("Humanize")
    studio.press("Humanize")
    studio.set("Timing", 0)  # counts, though it is not made yet
    studio.set("Dynamics", 0)
    studio.slot(2)
    studio.run("New", "New groove")
    studio.slot(1)
    studio.until("document.getElementById('name').value === 'long-humanize'", 60)
    studio.choose("Humanize")
    studio.page.locator("#panel-humanize .live").wait_for()
    asked: list[Route] = []
    studio.page.route("**/api/play", lambda route: asked.append(route))  # no answer yet
    with studio.page.expect_request("**/api/play"):
        studio.press("Humanize")
    studio.cell("crash", 1, 2).click()
    asked[0].continue_()
    studio.says("what the model made of it is in slot 3")
    assert ("crash", 1, 2) in studio.hits()


def test_long_work_ends_with_its_result(studio):
    studio.drop({"long.mid": long_song(400)})
    studio.says("long:")
    studio.choose("Humanize")
    studio.press("Humanize")
    studio.says("Humanize: long-humanize")
    expected = played_bytes("humanize", long_song(400), seed=studio.seed)
    assert _notes(midi_of(studio)) == _notes(expected)


def played_bytes(mode: str, midi: bytes, **options: object) -> bytes:
    return playing.play(mode, [midi], timing=1.0, dynamics=1.0, touch=0.5, **options)[0].midi


def _notes(midi: bytes) -> list[tuple[int, ...]]:
    (song,) = slow_midi.songs(slow_midi.read(midi), [9])
    return sorted((note.tick, note.pitch, note.velocity) for note in song.notes)


def test_modes_tell_their_mistakes(studio):
    studio.empty()
    studio.choose("Humanize")
    studio.press("Humanize")
    assert "slot 1 is empty" in studio.says("empty")
