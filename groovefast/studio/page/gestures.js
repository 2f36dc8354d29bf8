/** How hits are set, cleared, made louder and later: with a pointer, and with the keyboard. */

import { cellsOf, lateness, layoutOf, withChanged, withHit, withoutHits } from "./piece.js";

const THRESHOLD = 4;
const VELOCITY_PER_PIXEL = 0.8;
const VELOCITY_STEP = 8;
const LATE_STEP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * Lets a pattern be played on.
 *
 * @param studio Whose piece is edited.
 * @param pattern Where.
 * @param heard Is called with drum and velocity of what should be heard.
 * @param read Is called with words on the cell in hand.
 */
export function handle(studio, pattern, heard, read) {
  const hand = new Hand(studio, pattern, heard, read);
  const { element } = pattern;
  element.addEventListener("pointerdown", (event) => hand.press(event));
  element.addEventListener("pointermove", (event) => hand.drag(event));
  element.addEventListener("pointerup", (event) => hand.release(event));
  element.addEventListener("pointercancel", () => hand.drop());
  studio.addEventListener("select", () => hand.drop());
  element.addEventListener("pointerover", (event) => hand.tell(event));
  element.addEventListener("focusin", (event) => hand.enter(event));
  element.addEventListener("keydown", (event) => hand.type(event));
  element.addEventListener("contextmenu", (event) => event.target.closest(".cell") && event.preventDefault());
}

class Hand {
  constructor(studio, pattern, heard, read) {
    Object.assign(this, { studio, pattern, heard, read, velocity: 96, held: null, gestures: 0 });
  }

  hitAt(column, drum) {
    return cellsOf(this.studio.piece).get(column * 9 + drum)?.[0];
  }

  tell({ target }) {
    const cell = target.closest?.(".cell");
    if (cell && !this.held) this.read(cell.getAttribute("aria-label"));
  }

  /** However the focus came to a cell, it is the keyboard's. */
  enter(event) {
    const { column, drum } = event.target.dataset;
    if (event.target.matches(".cell")) this.pattern.moveTo(Number(column), Number(drum), false);
    this.tell(event);
  }

  add(column, drum, key) {
    this.studio.set(withHit(this.studio.piece, drum, column, this.velocity), key);
    this.heard(drum, this.velocity);
    return this.hitAt(column, drum);
  }

  clear(column, drum) {
    const hits = cellsOf(this.studio.piece).get(column * 9 + drum);
    if (hits) this.studio.set(withoutHits(this.studio.piece, hits));
  }

  change(hit, velocity, late, key) {
    const changed = withChanged(this.studio.piece, hit, velocity, late);
    this.studio.set(changed.piece, key);
    return changed.hit;
  }

  /* --- With a pointer ---------------------------------------------------------------------- */

  press(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.button !== 0 || this.held) return;
    const drum = Number(cell.dataset.drum);
    const column = this.columnUnder(event, Number(cell.dataset.column), drum);
    const key = `gesture ${(this.gestures += 1)}`;
    const was = this.hitAt(column, drum);
    this.pattern.moveTo(column, drum);
    // A finger that moves on from an empty cell scrolls the page.
    const mayAdd = !was && event.pointerType !== "touch";
    const hit = mayAdd ? this.add(column, drum, key) : was;
    const { clientX: x, clientY: y, pointerId } = event;
    this.held = { column, drum, key, hit, was, x, y, pointerId, width: cell.offsetWidth, axis: null, moved: false };
    if (hit) Object.assign(this.held, { velocity: hit[3], late: lateness(this.studio.piece, hit) });
    if (hit) cell.setPointerCapture(pointerId);
    this.held.piece = this.studio.piece;
  }

  /** The column whose dot is under the pointer: early and late ones reach into the next cell. */
  columnUnder({ clientX, clientY }, column, drum) {
    const near = [column, column - 1, column + 1].flatMap((each) => {
      const dots = [...(this.pattern.cellIfDrawn(each, drum)?.querySelectorAll(".dot") ?? [])];
      return dots.map((dot) => ({ column: each, box: dot.getBoundingClientRect() }));
    });
    const away = ({ box }) => Math.hypot(clientX - box.x - box.width / 2, clientY - box.y - box.height / 2);
    const under = near.filter((dot) => away(dot) <= dot.box.width / 2 + 1).sort((a, b) => away(a) - away(b));
    return under[0]?.column ?? column;
  }

  /** Follows the pointer, once for each picture that is drawn. */
  drag(event) {
    if (!this.isHeldBy(event)) return;
    const first = !this.held.last;
    this.held.last = event;
    const { held } = this;
    if (first) requestAnimationFrame(() => this.held === held && this.move());
  }

  isHeldBy({ pointerId }) {
    if (this.held && this.studio.piece !== this.held.piece) this.drop(); // something else has changed it
    return this.held?.pointerId === pointerId;
  }

  move() {
    const { held } = this;
    const { last } = held;
    held.last = null;
    if (!last) return;
    const [dx, dy] = [last.clientX - held.x, held.y - last.clientY];
    held.moved ||= Math.max(Math.abs(dx), Math.abs(dy)) >= THRESHOLD;
    if (!held.moved || !held.hit) return;
    held.axis ??= Math.abs(dx) > Math.abs(dy) ? "time" : "velocity";
    const velocity = held.axis === "velocity" ? held.velocity + dy * VELOCITY_PER_PIXEL : held.velocity;
    const late = held.axis === "time" ? held.late + dx / held.width : held.late;
    held.hit = this.change(held.hit, velocity, late, held.key);
    held.piece = this.studio.piece;
    this.read(this.pattern.describe(held.column, held.drum, held.hit));
  }

  release(event) {
    if (!this.isHeldBy(event)) return;
    this.held.last = event;
    this.move();
    const { held } = this;
    this.held = null;
    if (held.axis === "velocity") this.velocity = held.hit[3];
    if (held.axis) this.heard(held.drum, held.hit[3]);
    else if (held.was) this.clear(held.column, held.drum);
    else if (!held.hit && !held.moved) this.add(held.column, held.drum, held.key);
    this.read(this.pattern.describe(held.column, held.drum, this.hitAt(held.column, held.drum)));
  }

  drop() {
    this.held = null;
  }

  /* --- With the keyboard ------------------------------------------------------------------- */

  type(event) {
    if (!event.target.closest(".cell") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { column, drum } = this.pattern.cursor;
    const done = this.turn(event, column, drum);
    if (!done) return;
    event.preventDefault();
    const now = this.pattern.cursor;
    this.read(this.pattern.describe(now.column, now.drum, this.hitAt(now.column, now.drum)));
  }

  turn({ key: typed, shiftKey }, column, drum) {
    const key = typed.length === 1 ? typed.toLowerCase() : typed;
    const hit = this.hitAt(column, drum);
    const { bars, firsts, starts } = layoutOf(this.studio.piece);
    if (key in ARROWS && shiftKey) {
      if (hit) this.nudge(hit, ARROWS[key]);
    } else if (key in ARROWS) this.pattern.moveTo(column + ARROWS[key][0], drum + ARROWS[key][1]);
    else if (key === "Enter") {
      if (hit) this.clear(column, drum);
      else this.add(column, drum, null);
    } else if (key === "Delete" || key === "Backspace") this.clear(column, drum);
    else if (key === "Home") this.pattern.moveTo(0, drum);
    else if (key === "End") this.pattern.moveTo(starts.length - 1, drum);
    else if (key === "PageDown") this.pattern.moveTo(firsts[bars[column] + 1] ?? starts.length - 1, drum);
    else if (key === "PageUp") this.pattern.moveTo(firsts[bars[Math.max(column - 1, 0)]], drum);
    else if (key === "m") this.pattern.toggle("mute", drum);
    else if (key === "s") this.pattern.toggle("solo", drum);
    else if (key === "p") this.pattern.tell("bar", bars[column]);
    else return false;
    return true;
  }

  nudge(hit, [later, louder]) {
    const key = `keys ${hit[1]} ${this.pattern.cursor.column}`;
    const late = lateness(this.studio.piece, hit) + later * LATE_STEP;
    const changed = this.change(hit, hit[3] + louder * VELOCITY_STEP, late, key);
    this.heard(changed[1], changed[3]);
  }
}
