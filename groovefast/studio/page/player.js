/**
 * Plays a piece: what sounds in the next moment is handed to the audio clock, sample by sample exact,
 * again and again, so that edits are heard at once.
 */

import { barAt, clockOf } from "./piece.js";

const EVERY_MS = 25;
const AHEAD = 0.12;
const AHEAD_HIDDEN = 1.6; // pages that are not seen are woken once a second
const LEAD_IN = 0.08;
const CLICK = -1;

/** Tells of "start" and "stop". */
export class Player extends EventTarget {
  /**
   * @param studio Whose piece is played.
   * @param kit What it is played on.
   * @param ports Where else it is sent.
   * @param isHeard Tells of a drum whether it is.
   */
  constructor(studio, kit, ports, isHeard) {
    super();
    Object.assign(this, { studio, kit, ports, isHeard, loops: true, metronome: false, timer: null });
    for (const what of ["change", "select"]) studio.addEventListener(what, () => this.follow());
  }

  get isPlaying() {
    return this.timer !== null;
  }

  /** Begins at a bar, once what it sounds of is there. */
  async start(bar = 0) {
    this.stop();
    const token = {};
    this.starting = token;
    const { context } = this.kit;
    await Promise.all([context.resume(), this.kit.prepare(this.studio.piece.hits)]);
    if (this.starting !== token) return;
    this.read();
    const from = this.clock.seconds(this.piece.bars[Math.min(bar, this.piece.bars.length - 1)][0]);
    const early = bar === 0 ? Math.max(0, -(this.events[0]?.time ?? 0)) : 0;
    this.origin = context.currentTime + LEAD_IN + early - from; // when the piece's second 0 is
    this.passes = 0;
    this.next = bar === 0 ? 0 : this.firstFrom(from - 0.02);
    this.timer = setInterval(() => this.schedule(), EVERY_MS);
    this.schedule();
    this.dispatchEvent(new Event("start"));
  }

  stop() {
    this.starting = null;
    if (!this.isPlaying) return;
    clearInterval(this.timer);
    this.timer = null;
    this.kit.silence();
    this.dispatchEvent(new Event("stop"));
  }

  /** Where it is played now, in quarters; null if it is not. */
  get position() {
    if (!this.isPlaying) return null;
    const { context } = this.kit;
    const heard = context.currentTime - (context.outputLatency || 0);
    let time = heard - this.origin;
    if (time < 0 && this.passes > 0) time += this.length; // the last pass still sounds
    return this.clock.quarters(Math.min(Math.max(time, 0), this.length));
  }

  /* --- What is played ---------------------------------------------------------------------- */

  /** Reads the piece as it stands: its hits and beats by time. */
  read() {
    const { piece } = this.studio;
    this.piece = piece;
    this.clock = clockOf(piece);
    this.length = Math.max(this.clock.seconds(lastBar(piece)), 0.1);
    const hits = piece.hits.map(([, drum, quarters, velocity]) => ({ time: this.clock.seconds(quarters), drum, velocity }));
    const clicks = beatsOf(piece).map(([quarters, isFirst]) => ({ time: this.clock.seconds(quarters), drum: CLICK, isFirst }));
    this.events = [...hits, ...clicks].sort((a, b) => a.time - b.time);
  }

  /** Goes on at the same place in a piece that has changed. */
  follow() {
    if (!this.isPlaying) return;
    const now = this.kit.context.currentTime;
    const quarters = this.clock.quarters(Math.max(now - this.origin, 0));
    const done = this.clock.quarters(Math.max(now + this.ahead - this.origin, 0));
    const isLoaded = this.kit.prepare(this.studio.piece.hits);
    isLoaded.catch(() => undefined);
    this.read();
    this.origin = now - Math.min(this.clock.seconds(quarters), this.length);
    this.next = this.firstFrom(this.clock.seconds(done));
  }

  firstFrom(time) {
    const index = this.events.findIndex((event) => event.time >= time);
    return index < 0 ? this.events.length : index;
  }

  get ahead() {
    return document.hidden ? AHEAD_HIDDEN : AHEAD;
  }

  schedule() {
    const until = this.kit.context.currentTime + this.ahead;
    for (;;) {
      if (this.next >= this.events.length) {
        if (!this.loops) break;
        const end = this.origin + this.length;
        if (end - Math.max(0, -(this.events[0]?.time ?? 0)) > until) break;
        this.origin = end;
        this.next = 0;
        this.passes += 1;
      }
      const event = this.events[this.next];
      const time = this.origin + (event?.time ?? 0);
      if (!event || time > until) break;
      this.sound(event, time);
      this.next += 1;
    }
    if (!this.loops && this.kit.context.currentTime > this.origin + this.length + 0.3) this.stop();
  }

  sound({ drum, velocity, isFirst }, time) {
    if (drum === CLICK) {
      if (this.metronome) this.kit.click(isFirst, time);
    } else if (this.isHeard(drum)) {
      this.kit.hit(drum, velocity, time);
      this.ports.hit(drum, velocity, time, this.kit.context);
    }
  }
}

/** Where the last bar ends: a loop is of whole bars. */
function lastBar({ bars }) {
  const [start, length] = bars.at(-1);
  return start + length;
}

/** The beats of all bars, [quarters, whether it is the first]. */
export function beatsOf({ bars }) {
  return bars.flatMap(([start, length, , denominator]) => {
    const beat = 4 / denominator;
    const beats = Math.max(1, Math.ceil(length / beat - 1e-6));
    return Array.from({ length: beats }, (_, number) => [start + number * beat, number === 0]);
  });
}

/** The bar that is played, from 0. */
export function barPlayed(player) {
  return barAt(player.studio.piece, player.position ?? 0);
}
