/** The pad of Drumify: taps are heard, recorded into the slot, and drummed to. */

import { byId } from "./dom.js";
import { emptyPiece, withTempo } from "./piece.js";
import { trying } from "./say.js";
import { Taps } from "./taps.js";

const USUAL_VELOCITY = 96;
const PAD = 1;

/** @param drum Makes a beat of the slot's pattern. */
export function recordTaps(studio, panels, player, ports, kit, drum) {
  const taps = new Taps(kit);
  const tap = trying(async (at) => {
    taps.tap(USUAL_VELOCITY, at);
    await kit.context.resume();
    await kit.hit(PAD, USUAL_VELOCITY, kit.context.currentTime);
  });
  panels.addEventListener("tap", ({ detail }) => tap(detail));
  ports.addEventListener("note", ({ detail: { velocity, time } }) => taps.tap(velocity, time));
  addEventListener("keydown", (event) => {
    if (taps.recording && event.key.toLowerCase() === "t" && !event.repeat) tap(event.timeStamp);
  });
  taps.addEventListener("tap", () => {
    byId("pad").classList.remove("struck");
    requestAnimationFrame(() => byId("pad").classList.add("struck"));
  });
  taps.addEventListener("beat", ({ detail: { count, bar } }) => {
    byId("pad").textContent = bar === 0 ? `${count}` : `Tap: bar ${bar}, ${count}`;
  });
  panels.addEventListener("stop", () => taps.cancel());
  panels.addEventListener("chosen", () => taps.cancel());
  studio.addEventListener("select", () => taps.cancel());
  panels.addEventListener("record", trying(async ({ detail: bars }) => {
    player.stop();
    showRecording(true);
    const hits = await taps.record(bars, studio.piece.qpm).finally(() => showRecording(false));
    if (hits === null) return;
    if (hits.length === 0) throw new Error("no tap was heard: tap the pad, press T, or play a MIDI device, after the four clicks");
    studio.set({ ...withTempo(emptyPiece(bars), studio.piece.qpm), name: "taps", hits });
    drum();
  }));
}

function showRecording(isOn) {
  byId("record").setAttribute("aria-pressed", isOn);
  byId("record").textContent = isOn ? "Stop" : "Record taps";
  byId("pad").textContent = "Tap";
  if (isOn) byId("pad").focus();
}
