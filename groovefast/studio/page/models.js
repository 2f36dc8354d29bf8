/**
 * Plays modes on pieces. What was made last is made again, with the same seed, when an option of it
 * is moved, so that amounts are found by ear.
 */

import { sent } from "./piece.js";
import { play } from "./server.js";

/** Tells of "begin", "progress" ({stage, share}), "end", "made" ({seed, messages}) and "failed". */
export class Models extends EventTarget {
  constructor(studio) {
    super();
    this.studio = studio;
    this.last = null;
    this.running = null;
    this.waiting = null;
  }

  /** Whether a piece in a slot is still as the last mode has left it. */
  isLast(id, number) {
    return this.last !== null && this.last.id === id && this.last.slot === number
      && this.studio.slots[number].piece === this.last.result;
  }

  /**
   * Plays a mode into a slot. Pressed again, it starts from the same pieces.
   *
   * @param work {id, mode, sources, options, slot}.
   */
  run(work) {
    const again = this.isLast(work.id, work.slot);
    const source = (piece, index) => (again && piece === this.last.result ? this.last.sources[index] : piece);
    return this.start({ ...work, sources: work.sources.map(source), key: null });
  }

  /** Plays what was played last with other options; only the newest of many is waited for. */
  revise(id, options) {
    if (!this.isLast(id, this.studio.current)) return;
    const { sources, mode, slot, seed, step } = this.last;
    const work = { id, mode, sources, slot, options: { ...options, seed }, key: step, isRevision: true };
    if (this.running) this.waiting = work;
    else this.start(work);
  }

  async start(work) {
    this.cancel();
    const running = { abort: new AbortController() };
    this.running = running;
    this.dispatchEvent(new CustomEvent("begin", { detail: work }));
    try {
      const told = (stage, share) => this.dispatchEvent(new CustomEvent("progress", { detail: { stage, share } }));
      const answer = await play(work.mode, work.sources.map(sent), work.options, told, running.abort.signal);
      const isOvertaken = work.isRevision && !this.isLast(work.id, work.slot); // by an edit
      if (this.running === running && !isOvertaken) this.finish(work, answer);
    } catch (error) {
      if (error.name !== "AbortError") this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      if (this.running === running) {
        this.running = null;
        this.dispatchEvent(new Event("end"));
        this.next();
      }
    }
  }

  finish(work, { pieces: [result], seed, messages }) {
    const step = work.key ?? `mode ${performance.now()}`;
    this.studio.set(result, step, work.slot);
    this.last = { ...work, result, seed, step };
    this.dispatchEvent(new CustomEvent("made", { detail: { seed, messages, work } }));
  }

  next() {
    const work = this.waiting;
    this.waiting = null;
    if (work && this.last) this.revise(work.id, work.options);
  }

  cancel() {
    this.waiting = null;
    this.running?.abort.abort();
    if (this.running) {
      this.running = null;
      this.dispatchEvent(new Event("end"));
    }
  }
}
