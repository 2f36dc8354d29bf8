/**
 * Plays a piece: what sounds in the next moment is handed to the audio clock, sample by sample exact,
 * again and again, so that edits are heard at once.
 */

import { beatOf, clockOf, notesOf } from "./piece.js";

const EVERY_MS = 25;
const AHEAD = 0.12;
const AHEAD_HIDDEN = 1.6; // pages that are not seen are woken once a second
const LEAD_IN = 0.08;
const CLICK = -1;
const DRUMS = 9;
const TINY = 1e-6;
const TOO_LATE = 0.1; // where the page was held up, no burst follows

/** Tells of "load" (its sounds), "start" and "stop". */
export class Player extends EventTarget {
  /**
   * @param studio Whose piece is played.
   * @param kit What it is played on.
   * @param ports Where else it is sent.
   * @param isHeard Tells of a drum whether it is, and of a tone by the numbers after the drums.
   */
  constructor(studio, kit, ports, isHeard) {
    super();
    Object.assign(this, { studio, kit, ports, isHeard, loops: true, metronome: false, timer: null, starting: null });
    for (const what of ["change", "select"]) studio.addEventListener(what, () => this.follow());
  }

  get isPlaying() {
    return this.timer !== null;
  }

  /** Whether it will play when what it sounds of is there. */
  get isStarting() {
    return this.starting !== null;
  }

  /** Begins at a bar, once what it sounds of is there. */
  async start(bar = 0) {
    this.stop();
    const token = {};
    this.starting = token;
    this.dispatchEvent(new Event("load"));
    const { context } = this.kit;
    try {
      await Promise.all([context.resume(), this.kit.prepare(this.studio.piece)]);
    } catch (error) {
      this.stop();
      throw error;
    }
    if (this.starting !== token) return;
    this.starting = null;
    this.read();
    const from = this.clock.seconds(this.piece.bars[Math.min(bar, this.piece.bars.length - 1)][0]);
    const early = bar === 0 ? Math.max(0, -(this.events[0]?.time ?? 0)) : 0;
    this.origin = context.currentTime + LEAD_IN + early - from; // when the piece's second 0 is
    this.handedOver = 0;
    this.passes = 0;
    this.next = bar === 0 ? 0 : this.firstFrom(from - 0.02);
    this.timer = setInterval(() => this.schedule(), EVERY_MS);
    this.schedule();
    this.dispatchEvent(new Event("start"));
  }

  stop() {
    if (!this.isPlaying && !this.isStarting) return;
    this.starting = null;
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
    const clicks = clicksOf(piece).map(([quarters, stress]) => ({ time: this.clock.seconds(quarters), drum: CLICK, stress }));
    const notes = notesOf(piece).map(([tone, pitch, begin, end, velocity]) => {
      const time = this.clock.seconds(begin);
      return { time, tone, pitch, velocity, seconds: this.clock.seconds(end) - time };
    });
    this.events = [...hits, ...notes, ...clicks].sort((a, b) => a.time - b.time);
  }

  /**
   * Goes on in a piece that has changed: at the same place of it, or of as many bars as it has now.
   *
   * What was handed over before is not taken back. If that is all of this round, the next begins
   * when it was to.
   */
  follow() {
    if (!this.isPlaying) return;
    const { clock, origin } = this;
    const now = this.kit.context.currentTime;
    this.kit.prepare(this.studio.piece).catch(() => undefined);
    this.read();
    const again = (time) => this.clock.seconds(clock.quarters(time));
    const here = Math.max(now - origin, 0);
    const done = again(Math.max(this.handedOver - origin, 0)) - again(here);
    const place = again(here) % this.length;
    if (now >= origin) this.origin = now - place;
    this.next = this.firstFrom(place + done + TINY);
  }

  firstFrom(time) {
    const index = this.events.findIndex((event) => event.time >= time);
    return index < 0 ? this.events.length : index;
  }

  get ahead() {
    return document.hidden ? AHEAD_HIDDEN : AHEAD;
  }

  schedule() {
    const until = Math.max(this.kit.context.currentTime + this.ahead, this.handedOver);
    this.handedOver = until;
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
      if (time > this.kit.context.currentTime - TOO_LATE) this.sound(event, time);
      this.next += 1;
    }
    if (!this.loops && this.kit.context.currentTime > this.origin + this.length + 0.3) this.stop();
  }

  sound({ drum, velocity, stress, tone, pitch, seconds }, time) {
    if (tone !== undefined) {
      if (!this.isHeard(DRUMS + tone)) return;
      this.kit.tone(tone, pitch, velocity, time, seconds).catch(() => undefined);
      this.ports.note(tone, pitch, velocity, time, seconds, this.kit.context);
    } else if (drum === CLICK) {
      if (this.metronome) this.kit.click(stress, time);
    } else if (this.isHeard(drum)) {
      this.kit.hit(drum, velocity, time).catch(() => undefined); // it was said when it was to be loaded
      this.ports.hit(drum, velocity, time, this.kit.context);
    }
  }
}

/** Where the last bar ends: a loop is of whole bars. */
function lastBar({ bars }) {
  const [start, length] = bars.at(-1);
  return start + length;
}

/** The clicks of all bars, [quarters, stress]: 2 on the first beat, 1 on others, 0 between. */
function clicksOf({ bars }) {
  return bars.flatMap(([start, length, numerator, denominator]) => {
    const click = 4 / denominator;
    const beat = beatOf(numerator, denominator);
    return Array.from({ length: Math.max(1, Math.ceil(length / click - TINY)) }, (_, number) => {
      const place = number * click;
      const isBeat = Math.abs(place / beat - Math.round(place / beat)) < TINY;
      return [start + place, number === 0 ? 2 : Number(isBeat)];
    });
  });
}
