/** The bar below the models: play, loop, click, tempo, bars, undo, volume. */

import { MAX_BARS, doubled, withBars, withTempo } from "./piece.js";

const byId = (id) => document.getElementById(id);

export class Transport {
  constructor(studio, player, kit) {
    Object.assign(this, { studio, player, kit });
    const on = (id, what, does) => byId(id).addEventListener(what, does);
    on("play", "click", () => this.toggle());
    on("loop", "click", () => this.flip("loop", "loops"));
    on("metronome", "click", () => this.flip("metronome", "metronome"));
    on("tempo", "change", () => this.setTempo(Number(byId("tempo").value)));
    on("bars", "change", () => studio.set(withBars(studio.piece, Number(byId("bars").value))));
    on("double", "click", () => studio.set(doubled(studio.piece)));
    on("undo", "click", () => studio.undo());
    on("redo", "click", () => studio.redo());
    on("volume", "input", () => { kit.loudness = Number(byId("volume").value) ** 2; });
    byId("bars").append(...Array.from({ length: MAX_BARS }, (_, number) => new Option(number + 1)));
    for (const what of ["change", "select"]) studio.addEventListener(what, () => this.show());
    for (const what of ["start", "stop"]) player.addEventListener(what, () => this.showPlaying());
    this.show();
  }

  /** Plays from a bar, or stops. */
  toggle(bar = 0) {
    if (this.player.isPlaying) this.player.stop();
    else this.player.start(bar);
  }

  flip(id, what) {
    this.player[what] = !this.player[what];
    byId(id).setAttribute("aria-pressed", this.player[what]);
  }

  setTempo(qpm) {
    const { piece } = this.studio;
    if (qpm >= 20 && qpm <= 400 && qpm !== shown(piece.qpm)) this.studio.set(withTempo(piece, qpm), "tempo");
    byId("tempo").value = shown(this.studio.piece.qpm);
  }

  show() {
    const { piece, slots, current } = this.studio;
    const number = piece.bars.length;
    const tempo = byId("tempo");
    if (document.activeElement !== tempo) tempo.value = shown(piece.qpm); // not while it is typed in
    const bars = byId("bars");
    if (number > MAX_BARS) bars.replaceChildren(new Option(number));
    else if (bars.options.length !== MAX_BARS) {
      bars.replaceChildren(...Array.from({ length: MAX_BARS }, (_, each) => new Option(each + 1)));
    }
    bars.value = number;
    bars.disabled = !piece.plain || number > MAX_BARS;
    byId("double").disabled = !piece.plain || 2 * number > MAX_BARS;
    byId("undo").disabled = slots[current].past.length === 0;
    byId("redo").disabled = slots[current].future.length === 0;
  }

  showPlaying() {
    const { isPlaying } = this.player;
    const button = byId("play");
    button.setAttribute("aria-pressed", isPlaying);
    button.querySelector(".word").textContent = isPlaying ? "Stop" : "Play";
    button.firstElementChild.textContent = isPlaying ? "■" : "▶";
  }
}

function shown(qpm) {
  return Math.round(qpm * 100) / 100;
}
