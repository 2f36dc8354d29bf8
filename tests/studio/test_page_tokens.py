"""Sixteen bars, drums as tokens, melodies and trios in a browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import NARROW, WIDE, StudioPage, served
from token_models import DRUMS, MELODY, SIXTEEN, TRIO, make_token_model

from groovefast import MelodyConverter, TrioConverter, playing, read_midi
from groovefast.model.checkpoints import load_model, save_model

NAMES = {DRUMS: "my-drums", MELODY: "my-tunes", TRIO: "my-trio", SIXTEEN: "sixteen"}
TUNE = np.tile([43, 0, 47, 0, 50, 1, 0, 0], 32)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {name: save_model(make_token_model(kind), folder / name) for kind, name in NAMES.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    tokens = np.stack((TUNE, TUNE // 2, np.where(np.arange(256) % 4, 0, 5)), axis=-1)
    TrioConverter().from_tensors(tokens, 100)[0].save(folder / "band.mid")
    MelodyConverter().from_tensors(TUNE[:32], 100)[0].save(folder / "tune.mid")
    return folder


@pytest.fixture(scope="module")
def address(models):
    words = [word for folder in models.values() for word in ("--model", str(folder))]
    with served(*words) as found:
        yield found


def new(studio: StudioPage, name: str) -> bytes:
    """Makes something new with a model; gives its file."""
    studio.choose("New")
    studio.page.locator("#panel-new select[name=model]").select_option(name)
    before = studio.page.locator("#seed").input_value()
    studio.press("New groove")
    studio.until(f"document.getElementById('seed').value !== '{before}'")
    studio.page.wait_for_selector("#midi[data-ready]")
    return studio.downloaded("#midi")[1]


def open_file(studio: StudioPage, path: Path, slot: int) -> None:
    studio.slot(slot)
    studio.page.set_input_files("#file", path)
    studio.says(f"{path.stem}:")


def facts(studio: StudioPage) -> str:
    return str(studio.page.locator("#facts").inner_text())


def bars_beside(studio: StudioPage) -> int:
    return int(studio.page.locator(".system").first.locator(".ruler .bar").count())


@pytest.mark.parametrize(
    ("name", "bars"), [("my-drums", 2), ("my-tunes", 2), ("my-trio", 16), ("sixteen", 16)]
)
def test_what_is_new_is_that_of_the_command(studio, models, name, bars):
    midi = new(studio, name)
    model = load_model(models[name])
    options = {"num": 1, "seed": studio.seed, "model_name": name}
    assert midi == playing.play("sample", model=model, **options)[0].midi
    assert facts(studio).startswith(f"{bars} bars")
    assert bool(studio.page.locator(".note").count()) == (name in ("my-tunes", "my-trio"))
    assert studio.dragged_out()[1] == midi


def test_the_panel_shows_what_the_model_heeds(studio):
    studio.choose("New")
    panel = studio.page.locator("#panel-new")
    assert panel.get_by_role("slider", name="Touch").is_visible()
    assert "Four bars" in panel.inner_text()
    panel.locator("select[name=model]").select_option("my-trio")
    assert "Sixteen bars of melody, bass and drums" in panel.inner_text()
    for name in ("Touch", "Variety"):
        assert not panel.get_by_role("slider", name=name).is_visible()
    assert panel.get_by_role("slider", name="Temperature").is_visible()
    studio.load()  # what was chosen stays
    assert "Sixteen bars of melody, bass and drums" in panel.inner_text()
    panel.locator("select[name=model]").select_option("groovae_4bar")
    assert panel.get_by_role("slider", name="Touch").is_visible()


def test_files_are_varied_and_joined(studio, models, files):
    open_file(studio, files / "band.mid", 1)
    assert facts(studio) == "16 bars · 192 notes · 128 hits"
    studio.slot(2)
    new(studio, "my-trio")
    studio.choose("Interpolate")
    studio.page.locator("#panel-interpolate select[name=model]").select_option("my-trio")
    studio.slot(3)
    studio.run("Interpolate", "Interpolate", "Interpolate: band-interpolate")
    studio.slot(1)
    studio.page.locator("#tab-vary").click()
    studio.page.locator("#panel-vary select[name=model]").select_option("my-trio")
    assert not studio.page.locator("#panel-vary").get_by_role("slider", name="Timing").is_visible()
    studio.run("Vary", "Vary")
    midi = studio.downloaded("#midi")[1]
    source = (files / "band.mid").read_bytes()
    options = {"seed": studio.seed, "spread": 0.5, "model_name": "my-trio"}
    expected = playing.play("vary", [source], load_model(models["my-trio"]), **options)
    assert midi == expected[0].midi


def test_a_melody_sounds_and_takes_drums(studio, files):
    open_file(studio, files / "tune.mid", 1)
    assert facts(studio) == "2 bars · 12 notes"
    roll = studio.page.locator(".notes").first
    assert roll.get_attribute("aria-label") == "Bars 1 to 2: melody, 12 notes from D4 to A4"
    studio.cell("kick", 1, 1).click()
    assert facts(studio) == "2 bars · 12 notes · 1 hit"
    studio.until("window.heard.length === 1")  # a hit is heard when it is set
    midi = studio.downloaded("#midi")[1]
    assert read_midi(midi).notes["pitch"].tolist() == [36]
    assert len(read_midi(midi, range(1, 17)).notes) == 13
    studio.page.evaluate("window.heard.length = 0")
    studio.press("Loop")
    studio.press("Play")
    studio.until("window.heard.length >= 13")
    times = studio.page.evaluate("window.heard.slice(0, 13).map(({ time }) => time)")
    steps = np.rint((np.array(sorted(times)) - min(times)) / 0.15).astype(int)
    assert steps.tolist() == [0, 0, 2, 4, 8, 10, 12, 16, 18, 20, 24, 26, 28]
    studio.press("Stop")
    studio.press("Mute melody")
    studio.page.evaluate("window.heard.length = 0")
    studio.press("Play")
    studio.until("document.querySelector('#play').getAttribute('aria-pressed') === 'false'", 20)
    assert studio.page.evaluate("window.heard.length") == 1
    assert studio.downloaded("#wav")[1].startswith(b"RIFF")


def test_bars_are_put_beside_each_other_as_one_likes(studio):
    new(studio, "sixteen")
    assert bars_beside(studio) == 4
    studio.press("More bars in a row")
    assert bars_beside(studio) == 8
    assert studio.page.locator(".system").count() == 2
    studio.load()
    assert bars_beside(studio) == 8
    studio.cell("kick", 1, 1).focus()
    studio.page.keyboard.press("+")
    studio.page.keyboard.press("+")
    assert bars_beside(studio) == 2
    studio.page.keyboard.press("End")
    label = studio.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith("kick, bar 16, step 16")
    for _ in range(2):
        studio.press("Fewer bars in a row") if bars_beside(studio) > 1 else None
    assert studio.page.locator("#zoom-in").is_disabled()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_barrier(browser, address, files, size, scheme):
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    studio = StudioPage(context, address)
    open_file(studio, files / "band.mid", 1)
    for tab in ("New", "Vary", "Interpolate"):
        studio.choose(tab)
        panel = studio.page.locator(f"#panel-{tab.lower()} select[name=model]")
        panel.select_option("my-trio")
        studio.page.wait_for_timeout(100)
        found = Axe().run(studio.page).response["violations"]
        assert [each["id"] for each in found] == []
        assert studio.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    studio.check()
    context.close()
