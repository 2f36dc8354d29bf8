/** Shows the piece of the slot, and where in it is played. */

import { byId } from "./dom.js";
import { handle } from "./gestures.js";
import { trying } from "./say.js";

const PREPARE_AFTER_MS = 300;
const HANDS_OFF_MS = 3000;

export function showPieces(studio, pattern, kit, ports) {
  let timer = 0;
  const show = () => {
    const { piece } = studio;
    pattern.show(piece);
    clearTimeout(timer);
    timer = setTimeout(() => kit.prepare(piece).catch(() => undefined), PREPARE_AFTER_MS);
    byId("name").value = piece.name;
    byId("facts").textContent = factsOf(piece);
    byId("which").hidden = piece.midi === null;
  };
  studio.addEventListener("change", ({ detail }) => detail === studio.current && show());
  studio.addEventListener("select", show);
  show();
  byId("name").addEventListener("change", () => {
    const name = byId("name").value.trim();
    if (name && name !== studio.piece.name) studio.set({ ...studio.piece, name });
    else byId("name").value = studio.piece.name;
  });
  const hear = trying(async (drum, velocity) => {
    await kit.context.resume();
    await kit.hit(drum, velocity, kit.context.currentTime);
    ports.hit(drum, velocity, kit.context.currentTime, kit.context);
  });
  handle(studio, pattern, hear, (words) => { byId("readout").textContent = words; });
}

/** What a piece is in a few words. */
export function factsOf({ bars, hits, others, notes = [] }) {
  const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
  const facts = [count(bars.length, "bar")];
  if (notes.length) facts.push(count(notes.length, "note"));
  if (hits.length || !notes.length) facts.push(count(hits.length, "hit"));
  if (others > notes.length) facts.push(`${count(others - notes.length, "other note")}, kept as they are`);
  return facts.join(" · ");
}

export function playPieces(pattern, player, transport) {
  pattern.addEventListener("bar", ({ detail }) => transport.playFrom(detail));
  byId("mixer").addEventListener("click", () => {
    const isOn = byId("pattern").classList.toggle("mixing");
    byId("mixer").setAttribute("aria-pressed", isOn);
  });
  let touched = -HANDS_OFF_MS; // the page does not move under a hand
  for (const what of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    addEventListener(what, () => { touched = performance.now(); }, { passive: true });
  }
  const move = () => {
    pattern.playAt(player.position, performance.now() - touched > HANDS_OFF_MS);
    if (player.isPlaying) requestAnimationFrame(move);
  };
  player.addEventListener("start", move);
  player.addEventListener("stop", () => pattern.playAt(null));
  document.addEventListener("visibilitychange", () => player.isPlaying && player.schedule());
}
