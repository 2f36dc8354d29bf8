/**
 * Plays modes on pieces, in each slot one at a time. What was made last in a slot is made again, with
 * the same seed, when an option of it is moved, so that amounts are found by ear.
 */

import { withTempo } from "./piece.js";
import { play } from "./server.js";
import { SLOTS } from "./studio.js";

/** Tells of "begin", "progress", "end", "made" and "failed", each with the work it is about. */
export class Models extends EventTarget {
  constructor(studio) {
    super();
    this.studio = studio;
    this.lasts = new Array(SLOTS).fill(null);
    this.runs = new Map();
  }

  /** Whether a piece in a slot is still as the last mode has left it. */
  isLast(id, number = this.studio.current) {
    const last = this.lasts[number];
    return last !== null && last.id === id && this.studio.slots[number].piece === last.result;
  }

  /**
   * Plays a mode into a slot. Pressed again, it starts from the same pieces.
   *
   * @param work {id, mode, sources, options, slot, from}.
   */
  run(work) {
    const last = this.isLast(work.id, work.slot) ? this.lasts[work.slot] : null;
    const source = (piece, index) => (last && piece === last.result ? last.sources[index] : piece);
    return this.start({ ...work, sources: work.sources.map(source), step: `mode ${performance.now()}` });
  }

  /**
   * Plays what is in the slot with other options; of many that come quickly only the newest.
   *
   * @param ask Gives the options; is called when they are played, as the tempo may be another by then.
   */
  revise(id, ask) {
    const slot = this.studio.current;
    const running = this.runs.get(slot);
    if (running?.work.id === id) running.revised = ask;
    else if (!running && this.isLast(id)) {
      const last = this.lasts[slot];
      this.start({ ...last, ask, options: { ...ask(), seed: last.seed }, isRevision: true });
    }
  }

  /** Lets what was made in a slot be revised although its tempo is another now. */
  carry(before, piece) {
    const { current } = this.studio;
    const last = this.lasts[current];
    if (last?.result !== before) return;
    last.result = piece;
    last.sources = last.sources.map((source) => withTempo(source, piece.qpm));
    const running = this.runs.get(current);
    if (running?.work.isRevision) running.revised ??= running.work.ask; // what it makes is at the old tempo
  }

  async start(work) {
    this.cancel(work.slot);
    const run = { work, before: this.studio.slots[work.slot].piece, abort: new AbortController(), revised: null };
    this.runs.set(work.slot, run);
    this.tell("begin", { work });
    try {
      const told = (stage, share) => this.tell("progress", { work, stage, share });
      const answer = await play(work.mode, work.sources, work.options, told, run.abort.signal);
      if (this.runs.get(work.slot) === run) this.finish(run, answer);
    } catch (error) {
      if (error.name !== "AbortError") this.tell("failed", { work, error });
    } finally {
      if (this.runs.get(work.slot) === run) {
        this.runs.delete(work.slot);
        this.tell("end", { work });
        if (run.revised && work.slot === this.studio.current) this.revise(work.id, run.revised);
      }
    }
  }

  finish({ work, before }, { pieces: [result], seed, messages }) {
    const isEdited = this.studio.slots[work.slot].piece !== before;
    if (isEdited && work.isRevision) return;
    const empty = this.studio.firstEmpty();
    const slot = isEdited && empty >= 0 ? empty : work.slot;
    this.studio.set(result, work.step, slot);
    this.lasts[slot] = { ...work, slot, result, seed };
    this.tell("made", { work, slot, seed, messages, isEdited });
  }

  /** Stops what is played into a slot. */
  cancel(slot) {
    const run = this.runs.get(slot);
    if (!run) return;
    this.runs.delete(slot);
    run.abort.abort();
    this.tell("end", { work: run.work });
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
