"""A server and a browser for all tests of a file, a page for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright", reason="the browser's driver comes with .[test]")

from browser import WIDE, StudioPage, chromium, served  # noqa: E402
from playwright.sync_api import Browser  # noqa: E402


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the studio is."""
    with served() as found:
        yield found


@pytest.fixture
def studio(browser: Browser, address: str) -> Iterator[StudioPage]:
    """A page as on a first visit; nothing may go wrong in it."""
    context = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    page = StudioPage(context, address)
    yield page
    page.check()
    context.close()
