/** Keeps what is open, for when the page is loaded again, and for other pages of the studio. */

import { keep, kept, whenKeptElsewhere } from "./keeping.js";
import { complain } from "./say.js";
import { SLOTS } from "./studio.js";

const KEEP_AFTER_MS = 200;

/** Puts what was kept into the slots; whether there was anything. */
export async function restore(studio) {
  const pieces = await Promise.all(Array.from({ length: SLOTS }, (_, number) => kept(`slot.${number}`)));
  pieces.forEach((piece, number) => piece && studio.restore(piece, number));
  studio.current = (await kept("slot")) ?? 0;
  return pieces.some(Boolean);
}

export function keepAll(studio, panels) {
  const changed = new Set(); // a drag changes a piece at every move
  const keepChanged = () => {
    for (const number of changed) keep(`slot.${number}`, studio.slots[number].piece).catch(complain);
    changed.clear();
  };
  let isOfOther = false;
  studio.addEventListener("change", ({ detail }) => {
    if (isOfOther) return;
    if (changed.size === 0) setTimeout(keepChanged, KEEP_AFTER_MS);
    changed.add(detail);
  });
  addEventListener("pagehide", keepChanged);
  whenKeptElsewhere((name, piece) => {
    const [what, number] = name.split(".");
    if (what !== "slot" || number === undefined) return;
    isOfOther = true;
    studio.set(piece, null, Number(number));
    isOfOther = false;
  });
  const quietly = (...what) => keep(...what).catch(() => undefined);
  studio.addEventListener("select", ({ detail }) => quietly("slot", detail));
  for (const what of ["revised", "aimed"]) panels.addEventListener(what, () => quietly("options", panels.settings));
  panels.addEventListener("chosen", ({ detail }) => quietly("panel", detail));
}
