/** What is open: eight slots with their pieces, each with its own past and future. */

import { emptyPiece } from "./piece.js";

export const SLOTS = 8;

const MOST_STEPS_BACK = 200;

/** Tells of every change with an event "change", and of another slot with "select". */
export class Studio extends EventTarget {
  constructor() {
    super();
    this.current = 0;
    this.slots = Array.from({ length: SLOTS }, () => ({ piece: emptyPiece(), past: [], future: [], key: null }));
  }

  get piece() {
    return this.slots[this.current].piece;
  }

  /** Whether a slot holds nothing worth keeping. */
  isEmpty(number) {
    const { piece } = this.slots[number];
    return piece.hits.length === 0 && piece.others === 0;
  }

  nameOf(number) {
    return this.isEmpty(number) ? "empty" : this.slots[number].piece.name;
  }

  firstEmpty() {
    return this.slots.findIndex((_, number) => this.isEmpty(number));
  }

  /**
   * Puts another piece into a slot, one step that can be undone.
   *
   * @param key Names what is being done: what follows under the same key is the same step.
   */
  set(piece, key = null, number = this.current) {
    const slot = this.slots[number];
    if (key === null || key !== slot.key) {
      slot.past.push(slot.piece);
      if (slot.past.length > MOST_STEPS_BACK) slot.past.shift();
    }
    slot.future = [];
    Object.assign(slot, { piece, key });
    this.tell("change", number);
  }

  /** Puts what was kept into a slot; there is nothing to undo. */
  restore(piece, number) {
    Object.assign(this.slots[number], { piece, past: [], future: [], key: null });
    this.tell("change", number);
  }

  undo() {
    this.step("past", "future");
  }

  redo() {
    this.step("future", "past");
  }

  step(from, to) {
    const slot = this.slots[this.current];
    if (slot[from].length === 0) return;
    slot[to].push(slot.piece);
    Object.assign(slot, { piece: slot[from].pop(), key: null });
    this.tell("change", this.current);
  }

  select(number) {
    if (number === this.current) return;
    this.current = number;
    this.tell("select", number);
  }

  tell(what, number) {
    this.dispatchEvent(new CustomEvent(what, { detail: number }));
  }
}
