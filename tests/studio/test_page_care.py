"""What everybody can rely on: no network, no script of others, no barrier, no loss."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import NARROW, WIDE, StudioPage, served

TABS = ("New", "Humanize", "Drumify", "Add hi-hat", "Transfer", "Vary", "Interpolate", "Continue")


def violations(studio: StudioPage) -> list[str]:
    """What axe-core finds, a line each."""
    found = Axe().run(studio.page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_barrier(browser, address, size, scheme):
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    studio = StudioPage(context, address)
    for tab in TABS:
        studio.choose(tab)
        assert violations(studio) == []
    studio.page.get_by_text("Character").last.evaluate(
        "summary => summary.parentElement.open = true"
    )
    studio.press("Mute kick") if size is WIDE else studio.press("Mute / solo")
    studio.page.keyboard.press("2")
    studio.press("Help")
    assert violations(studio) == []
    studio.check()
    context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_nothing_is_wider_than_the_window(browser, address, size):
    context = browser.new_context(viewport=size, has_touch=size is NARROW)
    studio = StudioPage(context, address)
    for tab in TABS:
        studio.choose(tab)
        assert studio.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    context.close()


def test_a_finger_sets_hits_and_scrolls(browser, address):
    context = browser.new_context(viewport=NARROW, has_touch=True, is_mobile=True)
    studio = StudioPage(context, address)
    studio.empty()
    studio.cell("snare", 1, 5).scroll_into_view_if_needed()
    studio.cell("snare", 1, 5).tap()
    assert list(studio.hits()) == [("snare", 1, 5)]
    studio.cell("snare", 1, 5).tap()
    assert studio.hits() == {}
    studio.check()
    context.close()


def test_the_page_is_light_or_dark_as_one_likes(studio):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = studio.page.evaluate(paper)
    studio.page.emulate_media(color_scheme="dark")
    dark = studio.page.evaluate(paper)
    assert dark != light
    button = studio.page.get_by_role("button", name="Light or dark")
    button.click()
    assert studio.page.evaluate(paper) == light
    studio.load()
    assert studio.page.evaluate(paper) == light
    button.click()
    assert studio.page.evaluate(paper) == dark


def test_no_request_leaves_the_machine_even_where_scripts_try(studio):
    studio.expected += ["Content Security Policy", "Failed to fetch"]
    tried = studio.page.evaluate(
        "fetch('http://192.0.2.1/').then(() => 'reached', (error) => error.name)"
    )
    assert tried == "TypeError"
    assert all(url.startswith(studio.address) for url in studio.asked)


def test_everything_goes_on_when_the_server_does_not(browser):
    context = browser.new_context()
    with served() as address:
        studio = StudioPage(context, address)
        shown = studio.hits()
    studio.expected.append("ERR_CONNECTION_REFUSED")
    studio.press("New groove")
    studio.says("does not answer")
    studio.cell("crash", 1, 2).click()
    assert len(studio.hits()) == len(shown) + 1
    studio.check()
    context.close()


def test_files_named_on_the_command_line_are_there(browser, tmp_path):
    from groovefast.playing import sample

    paths = [tmp_path / "one.mid", tmp_path / "two.mid"]
    for path, groove in zip(paths, sample(num=2, seed=1), strict=True):
        groove.save(path)
    context = browser.new_context()
    with served(*map(str, paths)) as address:
        studio = StudioPage(context, address)
        labels = [each.get_attribute("aria-label") for each in studio.page.locator(".slot").all()]
        assert labels[:3] == ["Slot 1: one", "Slot 2: two", "Slot 3: empty"]
        studio.load()  # they are not opened a second time
        labels = [each.get_attribute("aria-label") for each in studio.page.locator(".slot").all()]
        assert labels[:3] == ["Slot 1: one", "Slot 2: two", "Slot 3: empty"]
        studio.check()
    context.close()


def test_two_pages_of_the_studio_see_each_other(browser, address):
    context = browser.new_context(viewport=WIDE)
    first, second = StudioPage(context, address), StudioPage(context, address)
    first.cell("crash", 1, 2).click()
    second.cell("crash", 1, 2).locator(".dot").wait_for()
    assert second.hits() == first.hits()
    context.close()


def test_a_browser_that_keeps_nothing_will_do(browser, address):
    context = browser.new_context(viewport=WIDE)
    context.add_init_script("""
        Object.defineProperty(window, "localStorage", { get() { throw new Error("denied"); } });
        Object.defineProperty(window, "indexedDB", { get() { throw new Error("denied"); } });
    """)
    page = context.new_page()
    page.goto(address)
    page.locator(".cell.hit").first.wait_for()
    context.close()


def test_sheets_fold_up(studio):
    sheet = studio.page.locator("#panel-new details")
    for close in (
        lambda: studio.page.keyboard.press("Escape"),
        lambda: studio.page.locator("#facts").click(),
    ):
        sheet.locator("summary").click()
        assert sheet.get_attribute("open") is not None
        close()
        assert sheet.get_attribute("open") is None


def test_help_and_keys(studio):
    studio.press("Help")
    dialog = studio.page.get_by_role("dialog")
    assert "Space" in dialog.inner_text()
    studio.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    studio.page.keyboard.press("4")
    assert studio.page.locator('.slot[aria-pressed="true"]').get_attribute("data-slot") == "3"
