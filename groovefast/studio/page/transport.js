/** The bar below the models: play, loop, click, tempo, bars, undo, volume. */

import { byId } from "./dom.js";
import { MAX_BARS, doubled, withBars, withTempo } from "./piece.js";

export class Transport {
  /** @param carried Is called with a piece and the same at another tempo. */
  constructor(studio, player, kit, carried, failed) {
    Object.assign(this, { studio, player, kit, carried, failed, isTyping: false });
    const on = (id, what, does) => byId(id).addEventListener(what, does);
    on("play", "click", () => this.toggle());
    on("loop", "click", () => this.flip("loop", "loops"));
    on("metronome", "click", () => this.flip("metronome", "metronome"));
    on("tempo", "input", () => { this.isTyping = true; });
    on("tempo", "change", () => this.setTempo(Number(byId("tempo").value)));
    on("tempo", "blur", () => this.forgetTyped());
    on("tempo", "keydown", ({ key }) => key === "Escape" && this.forgetTyped());
    on("bars", "change", () => studio.set(withBars(studio.piece, Number(byId("bars").value))));
    on("double", "click", () => studio.set(doubled(studio.piece)));
    on("undo", "click", () => studio.undo());
    on("redo", "click", () => studio.redo());
    on("volume", "input", () => { kit.loudness = Number(byId("volume").value) ** 2; });
    byId("bars").append(...Array.from({ length: MAX_BARS }, (_, number) => new Option(number + 1)));
    studio.addEventListener("change", () => this.show());
    studio.addEventListener("select", () => this.forgetTyped());
    for (const what of ["load", "start", "stop"]) player.addEventListener(what, () => this.showPlaying());
    this.show();
  }

  /** Plays, or stops. */
  toggle() {
    if (this.player.isPlaying || this.player.isStarting) this.player.stop();
    else this.playFrom(0);
  }

  playFrom(bar) {
    this.player.start(bar).catch(this.failed);
  }

  flip(id, what) {
    this.player[what] = !this.player[what];
    byId(id).setAttribute("aria-pressed", this.player[what]);
  }

  setTempo(qpm) {
    const { piece } = this.studio;
    this.isTyping = false;
    if (qpm >= 20 && qpm <= 400 && qpm !== shown(piece.qpm)) {
      const faster = withTempo(piece, qpm);
      this.carried(piece, faster);
      this.studio.set(faster);
    }
    this.show();
  }

  forgetTyped() {
    this.isTyping = false;
    this.show();
  }

  show() {
    const { piece, slots, current } = this.studio;
    const number = piece.bars.length;
    if (!this.isTyping) byId("tempo").value = shown(piece.qpm);
    const bars = byId("bars");
    if (number > MAX_BARS) bars.replaceChildren(new Option(number));
    else if (bars.options.length !== MAX_BARS) {
      bars.replaceChildren(...Array.from({ length: MAX_BARS }, (_, each) => new Option(each + 1)));
    }
    bars.value = number;
    bars.disabled = !piece.plain || number > MAX_BARS;
    bars.title = bars.disabled ? "Of patterns of up to 16 bars, without other instruments, tempos or meters" : "";
    byId("double").disabled = !piece.plain || 2 * number > MAX_BARS;
    byId("undo").disabled = slots[current].past.length === 0;
    byId("redo").disabled = slots[current].future.length === 0;
  }

  showPlaying() {
    const { isPlaying, isStarting } = this.player;
    const button = byId("play");
    const isOn = isPlaying || isStarting;
    button.setAttribute("aria-pressed", isOn);
    button.querySelector(".word").textContent = isStarting ? "Loading" : isPlaying ? "Stop" : "Play";
    button.firstElementChild.textContent = isOn ? "■" : "▶";
  }
}

function shown(qpm) {
  return Math.round(qpm * 100) / 100;
}
