"""The studio in a real browser: a server of its own, Chromium, and what a user does in the page."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

WIDE, NARROW = {"width": 1280, "height": 720}, {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_LABEL = re.compile(r"(.+), bar (\d+), step (\d+): (?:velocity (\d+), (.+)|empty)")

# What is handed to the sound card and when, as the page asks for it.
_LISTEN = """
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (time, ...rest) {
  window.heard.push({ time, ahead: time > this.context.currentTime + 0.001 });
  return start.call(this, time, ...rest);
};
window.clicks = [];
const click = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (time) {
  window.clicks.push({ time, pitch: this.frequency.value });
  return click.call(this, time);
};
"""


@contextlib.contextmanager
def served(*words: str) -> Iterator[str]:
    """Runs `groovefast-studio` on a free port; gives its address."""
    command = [sys.executable, "-c", "from groovefast.cli.studio import main; main()"]
    process = subprocess.Popen(
        [*command, "--no-browser", "--port", "0", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        address = re.search(r"http://\S+", line)
        assert address, line
        yield address.group()
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Starts Chromium, or skips the test where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        assert not os.environ.get("CI"), "CI has to bring Chromium"
        pytest.skip("Chromium is not installed (Debian, Ubuntu: apt-get install chromium)")
    options = ["--no-sandbox", "--autoplay-policy=user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


class StudioPage:
    """A page of the studio as somebody uses it, who sees what goes wrong in it."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.expected: list[str] = []
        """Parts of the lines that the console may show."""
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page: Page = context.new_page()
        self.page.add_init_script(_LISTEN)
        self.page.on("console", lambda line: self._note(line.type, line.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        context.on("request", lambda request: self.asked.append(request.url))
        self.load()

    def _note(self, kind: str, line: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(line)

    def load(self) -> None:
        """Loads the page, or loads it anew; its first groove, if it makes one, is there."""
        self.page.goto(self.address)
        self.page.wait_for_selector("body[data-ready]")
        self.until(
            "document.querySelector('.cell.hit') || localStorage.getItem('groovefast.slot.0')"
        )

    def until(self, condition: str, seconds: float = 20) -> None:
        """Waits for a condition in the page, whose policy lets nobody wait inside it."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never came: {condition}"
            self.page.wait_for_timeout(20)

    def check(self) -> None:
        """Raises if something went wrong that was not expected, or the page asked elsewhere."""
        for line in self.wrong:
            assert any(part in line for part in self.expected), line
        own = self.address.partition("?")[0]
        for url in self.asked:
            assert url.startswith((own, "blob:", "data:")), url

    # --- What is seen -----------------------------------------------------------------------

    def cell(self, drum: str, bar: int, step: int) -> Locator:
        """A cell of the pattern; bars and steps from 1."""
        name = f"{drum}, bar {bar}, step {step}:"
        return self.page.locator(f'.cell[aria-label^="{name}"]')

    def label(self, drum: str, bar: int, step: int) -> str:
        """What a cell says of itself after its place."""
        return str(self.cell(drum, bar, step).get_attribute("aria-label")).partition(": ")[2]

    def hits(self) -> dict[tuple[str, int, int], tuple[int, str]]:
        """The loudest hit of each cell that has one: velocity and time in words."""
        labels = self.page.eval_on_selector_all(
            ".cell.hit", "cells => cells.map(cell => cell.getAttribute('aria-label'))"
        )
        found = {}
        for label in labels:
            parts = _LABEL.fullmatch(label)
            assert parts, label
            found[parts[1], int(parts[2]), int(parts[3])] = int(parts[4]), parts[5]
        return found

    @property
    def message(self) -> str:
        """The line that the page has last said."""
        return self.page.locator("#message").inner_text()

    def says(self, part: str) -> str:
        """Waits for a line with these words, and returns it."""
        self.page.locator("#message", has_text=part).wait_for()
        return self.message

    @property
    def name(self) -> str:
        """What the piece is called."""
        return self.page.locator("#name").input_value()

    @property
    def seed(self) -> int:
        """The seed that is shown."""
        return int(self.page.locator("#seed").input_value())

    # --- What is done -----------------------------------------------------------------------

    def choose(self, mode: str) -> None:
        """Shows the panel of a mode."""
        self.page.get_by_role("tab", name=mode, exact=True).click()

    def set(self, option: str, value: float) -> None:
        """Moves a slider of the panel that is shown."""
        self.page.get_by_role("slider", name=option, exact=True).fill(str(value))

    def press(self, button: str) -> None:
        """Presses a button by its name."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def run(self, mode: str, button: str, said: str | None = None) -> None:
        """Plays a mode with the options that are set, and waits for what it makes."""
        self.choose(mode)
        before = self.page.locator("#seed").input_value()
        self.press(button)
        self.until(f"document.getElementById('seed').value !== '{before}'")
        if said is not None:
            self.says(said)

    def slot(self, number: int) -> None:
        """Chooses a slot."""
        self.page.locator(f'.slot[data-slot="{number - 1}"]').click()

    def empty(self) -> None:
        """Empties the slot."""
        self.press("Clear")
        self.until("!document.querySelector('.cell.hit')")

    def drop(self, files: dict[str, bytes], target: str = "#pattern") -> None:
        """Drops files on the page, as from a file manager."""
        contents = {name: base64.b64encode(data).decode() for name, data in files.items()}
        transfer = self.page.evaluate_handle(
            """files => {
              const transfer = new DataTransfer();
              for (const [name, data] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "audio/midi" }));
              }
              return transfer;
            }""",
            contents,
        )
        for what in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(target, what, {"dataTransfer": transfer})

    def dragged_out(self) -> tuple[str, bytes]:
        """Drags the MIDI file out of the page; what another program gets: its name and bytes."""
        self.page.wait_for_selector("#midi[data-ready]")
        given: Any = self.page.evaluate(
            """async () => {
              const transfer = new DataTransfer();
              const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
              const event = new DragEvent("dragstart", options);
              if (!document.getElementById("midi").dispatchEvent(event)) return null;
              const file = [...transfer.files][0];
              const bytes = [...new Uint8Array(await file.arrayBuffer())];
              return { url: transfer.getData("DownloadURL"), name: file.name, bytes };
            }"""
        )
        kind, name, url = given["url"].split(":", 2)
        data = base64.b64decode(url.partition("base64,")[2])
        assert (kind, name, data) == ("audio/midi", given["name"], bytes(given["bytes"]))
        return name, data

    def downloaded(self, button: str) -> tuple[str, bytes]:
        """What a button or link downloads: its name and bytes."""
        with self.page.expect_download() as download:
            self.page.locator(button).click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()
