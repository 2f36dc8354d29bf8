/** Keys that hold everywhere, help, and light or dark. */

import { byId } from "./dom.js";
import { keep } from "./keeping.js";
import { say } from "./say.js";
import { SLOTS } from "./studio.js";

const THEMES = ["auto", "light", "dark"];
const WORDS = "input:not([type=range], [type=checkbox], [type=number]), select, textarea";
const NUMBERS = "input[type=number]";
const PRESSED_BY_SPACE = "button, summary, a, input[type=checkbox]";

let isByKeyboard = false; // how the focus came to where it is

export function takeKeys(studio, transport) {
  addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.key === "Tab" || event.key.startsWith("Arrow")) isByKeyboard = true;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (document.querySelector("dialog[open]")) return;
    const isWord = target.matches?.(WORDS);
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !isWord && "zy".includes(key)) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) studio.redo();
      else studio.undo();
    } else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (key === "Escape") closeSheets();
    else if (key === " " && !isWord && !isForButton(target)) {
      event.preventDefault();
      if (!event.repeat) transport.toggle();
    } else if (!isWord && !target.matches?.(NUMBERS) && key >= "1" && key <= String(SLOTS)) studio.select(Number(key) - 1);
  });
  addEventListener("keyup", (event) => { // buttons that were clicked would be pressed now
    if (event.key === " " && !event.target.matches?.(WORDS) && !isForButton(event.target)) event.preventDefault();
  });
  addEventListener("pointerdown", ({ target }) => {
    isByKeyboard = false;
    closeSheets(target);
  });
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  byId("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme;
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    keep("theme", next).catch(() => undefined);
    showTheme(next);
    say(next === "auto" ? "as light or dark as your system" : next);
  });
}

/** Whether the space bar presses what has the focus, as it was reached with the keyboard. */
function isForButton(target) {
  return isByKeyboard && Boolean(target.matches?.(PRESSED_BY_SPACE));
}

/** Folds sheets up, but for that of what is pressed. */
function closeSheets(target = null) {
  for (const sheet of document.querySelectorAll("details[open]")) {
    if (!sheet.contains(target)) {
      if (sheet.contains(document.activeElement)) sheet.querySelector("summary").focus();
      sheet.open = false;
    }
  }
}

export function showTheme(theme = "auto") {
  document.documentElement.dataset.theme = THEMES.includes(theme) ? theme : "auto";
  document.dispatchEvent(new Event("theme"));
}
