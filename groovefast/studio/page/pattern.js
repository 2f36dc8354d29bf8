/**
 * The pattern: nine drums by sixteenths, in rows of bars, as many as fit beside each other.
 *
 * A dot is a hit: larger and darker is louder, left of the middle is early. What lies outside the
 * window is not drawn before it is scrolled to.
 */

import { make } from "./dom.js";
import { barAt, beatOf, cellsOf, columnAt, lateness, layoutOf, notesOf } from "./piece.js";
import { newRoll, shapeOf } from "./roll.js";

const BARS_BESIDE = [16, 8, 4, 2, 1];
const USUALLY_MOST = 1; // of these
const FEWEST_PIXELS = 15.5;
const DENSEST_PIXELS = 4.2;
const NARROW = 620;
const SHORT_NAMES = ["KD", "SD", "CH", "OH", "LT", "MT", "HT", "CR", "RD", "ME", "BA"];

/**
 * Tells of "cell" (the keyboard's cell has moved), "bar" (play from here), "mute" and "solo" of a
 * drum or, after these, a tone, and "built".
 */
export class Pattern extends EventTarget {
  constructor(element, drums, tones) {
    super();
    this.element = element;
    this.drums = drums;
    this.tones = tones;
    this.zoom = 0;
    this.canZoom = { in: false, out: false };
    this.mixer = { mute: new Set(), solo: new Set() };
    this.systems = [];
    this.cursor = { drum: 0, column: 0 };
    this.watcher = new IntersectionObserver((entries) => this.draw(entries), { rootMargin: "600px" });
    this.head = make("div", { class: "playhead", hidden: "", "aria-hidden": "true" });
    new ResizeObserver(() => this.piece && this.show(this.piece)).observe(element);
  }

  /** Shows a piece; where its bars are as before only what has changed is drawn anew. */
  show(piece) {
    const before = this.piece;
    const beside = this.barsBeside(piece);
    this.piece = piece;
    const isLaidOutAlike = before && beside === this.beside && sameBars(before.bars, piece.bars);
    if (isLaidOutAlike && notesOf(before) === notesOf(piece)) {
      this.update(before);
      return;
    }
    this.beside = beside;
    this.build();
  }

  barsBeside({ bars }) {
    const width = this.element.clientWidth;
    const room = width - (width < NARROW ? 34 : 138);
    const steps = Math.max(...bars.slice(0, 64).map((bar) => bar[4]));
    const first = (pixels) => {
      const index = BARS_BESIDE.findIndex((number) => number * steps * pixels <= room);
      return index < 0 ? BARS_BESIDE.length - 1 : index;
    };
    const widest = Math.max(first(DENSEST_PIXELS), BARS_BESIDE.findIndex((number) => number < 2 * bars.length));
    const usual = Math.max(first(FEWEST_PIXELS), USUALLY_MOST);
    const last = BARS_BESIDE.length - 1;
    const index = Math.min(Math.max(usual - this.zoom, Math.min(widest, usual)), last);
    this.canZoom = { out: index > widest, in: index < last };
    this.element.classList.toggle("dense", index < first(FEWEST_PIXELS));
    return BARS_BESIDE[index];
  }

  /** Puts more bars beside each other, twice as many a step, or fewer. */
  zoomBy(steps) {
    this.zoom += steps;
    if (this.piece) this.show(this.piece);
    this.tell("built");
  }

  build() {
    const hadFocus = document.activeElement?.closest(".cell") !== null;
    this.watcher.disconnect();
    this.beats = this.piece.bars.map(([, , numerator, denominator]) => Math.max(1, 4 * beatOf(numerator, denominator)));
    this.systems = [];
    this.element.style.setProperty("--roll", `${shapeOf(this.piece)?.height ?? 0}px`);
    const columns = layoutOf(this.piece).starts.length;
    this.cursor.column = Math.min(this.cursor.column, columns - 1);
    for (let bar = 0; bar < this.piece.bars.length; bar += this.beside) this.systems.push(this.newSystem(bar));
    this.element.replaceChildren(...this.systems.map((system) => system.element), this.head);
    this.systems.forEach(({ element }) => this.watcher.observe(element));
    this.drawSystem(this.systems[0]); // so that there is something to put the focus on
    this.drawSystem(this.systemOf(this.cursor.column));
    if (hadFocus) this.moveTo(this.cursor.column, this.cursor.drum);
    this.tell("built");
  }

  newSystem(first) {
    const { firsts, starts } = layoutOf(this.piece);
    const last = Math.min(first + this.beside, this.piece.bars.length);
    const end = firsts[last] ?? starts.length;
    const name = last - first === 1 ? `Bar ${first + 1}` : `Bars ${first + 1} to ${last}`;
    const element = make("div", { class: "system" });
    // The last row is as wide as the others, so that steps are below each other.
    const width = Math.max(end - firsts[first], this.beside * this.piece.bars[first][4]);
    element.style.setProperty("--columns", width);
    element.style.setProperty("--filled", (end - firsts[first]) / width);
    return { element, name, first, last, start: firsts[first], end, columns: width, cells: null };
  }

  systemOf(column) {
    return this.systems[Math.floor(layoutOf(this.piece).bars[column] / this.beside)];
  }

  draw(entries) {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) this.drawSystem(this.systems.find(({ element }) => element === target));
    }
  }

  drawSystem(system) {
    if (!system || system.cells) return;
    system.cells = new Map();
    const rows = make("div", { class: "rows", role: "grid", "aria-label": system.name });
    rows.append(...this.drums.map((_, index) => this.row(system, this.drums.length - 1 - index)));
    system.element.replaceChildren(this.ruler(system), ...this.roll(system), rows);
  }

  ruler({ first, last }) {
    const ruler = make("div", { class: "ruler" });
    for (let bar = first; bar < last; bar += 1) {
      const [, , numerator, denominator, steps] = this.piece.bars[bar];
      const before = this.piece.bars[bar - 1];
      const isNew = before ? before[2] !== numerator || before[3] !== denominator : numerator !== 4 || denominator !== 4;
      const button = make("button", { class: "bar", type: "button", "aria-label": `Play from bar ${bar + 1}`, tabindex: -1 });
      button.style.setProperty("--steps", steps);
      button.textContent = isNew ? `${bar + 1}  ${numerator}/${denominator}` : `${bar + 1}`;
      button.addEventListener("click", () => this.tell("bar", bar));
      ruler.append(button);
    }
    return ruler;
  }

  /** What is no drums, with a switch for each tone; nothing where there is none. */
  roll(system) {
    const shape = shapeOf(this.piece);
    if (!shape) return [];
    const heads = make("div", { class: "heads" });
    heads.append(...shape.tones.map((tone) => this.header(this.drums.length + tone, system === this.systems[0])));
    const element = make("div", { class: "roll" });
    element.append(heads, newRoll(this.piece, system, system.columns, this.tones));
    return [element];
  }

  row(system, drum) {
    const row = make("div", { class: "row", role: "row" });
    const header = this.header(drum, system === this.systems[0]);
    header.setAttribute("role", "rowheader");
    row.append(header);
    const { bars, firsts, starts } = layoutOf(this.piece);
    const last = starts.length - 1;
    for (let column = system.start; column < system.end; column += 1) {
      const step = column - firsts[bars[column]];
      const cell = make("div", { class: "cell", role: "gridcell", tabindex: -1 });
      const beat = this.beats[bars[column]];
      if (step === 0) cell.classList.add("bar-line");
      else if (step % beat === 0) cell.classList.add("beat");
      if (column === last) cell.classList.add("end");
      cell.dataset.drum = drum;
      cell.dataset.column = column;
      system.cells.set(column * 9 + drum, cell);
      this.fill(cell, column, drum, cellsOf(this.piece).get(column * 9 + drum));
      row.append(cell);
    }
    return row;
  }

  /** The name of a drum with its switches, which the tab key finds in the first row of bars only. */
  header(drum, isFirst) {
    const header = make("div", { class: "drum" });
    const name = make("span", { class: "name" });
    const words = drum < this.drums.length ? this.drums[drum] : this.tones[drum - this.drums.length];
    name.textContent = words;
    const short = make("abbr", { class: "short", title: words });
    short.textContent = SHORT_NAMES[drum];
    header.append(name, short);
    for (const [what, letter] of [["mute", "M"], ["solo", "S"]]) {
      const button = make("button", { class: what, type: "button", tabindex: isFirst ? 0 : -1 });
      button.textContent = letter;
      button.dataset.drum = drum;
      button.title = `${what === "mute" ? "Mute" : "Solo"} ${words}`;
      button.setAttribute("aria-label", button.title);
      button.setAttribute("aria-pressed", this.mixer[what].has(drum));
      button.addEventListener("click", () => this.toggle(what, drum));
      header.append(button);
    }
    return header;
  }

  toggle(what, drum) {
    const chosen = this.mixer[what];
    if (!chosen.delete(drum)) chosen.add(drum);
    for (const button of this.element.querySelectorAll(`.${what}[data-drum="${drum}"]`)) {
      button.setAttribute("aria-pressed", chosen.has(drum));
    }
    this.tell(what, drum);
  }

  isHeard(drum) {
    const { mute, solo } = this.mixer;
    return !mute.has(drum) && (solo.size === 0 || solo.has(drum));
  }

  /* --- Cells ------------------------------------------------------------------------------- */

  update(before) {
    const old = cellsOf(before);
    const now = cellsOf(this.piece);
    for (const { cells } of this.systems) {
      for (const [key, cell] of cells ?? []) {
        if (!sameHits(old.get(key), now.get(key))) this.fill(cell, Math.floor(key / 9), key % 9, now.get(key));
      }
    }
  }

  fill(cell, column, drum, hits = []) {
    cell.tabIndex = drum === this.cursor.drum && column === this.cursor.column ? 0 : -1;
    cell.classList.toggle("hit", hits.length > 0);
    cell.replaceChildren(...[...hits].reverse().map((hit) => this.dot(hit)));
    cell.setAttribute("aria-label", this.describe(column, drum, hits[0]));
  }

  dot(hit) {
    const late = lateness(this.piece, hit);
    const dot = make("span", { class: late > 0.015 ? "dot late" : late < -0.015 ? "dot early" : "dot" });
    dot.style.setProperty("--velocity", hit[3] / 127);
    dot.style.setProperty("--off", Math.max(-0.6, Math.min(0.6, late)));
    return dot;
  }

  /** A cell in words, as in "Snare, bar 1, step 5: velocity 96, 12 ms late". */
  describe(column, drum, hit) {
    const { bars, firsts } = layoutOf(this.piece);
    const bar = bars[column];
    const place = `${this.drums[drum]}, bar ${bar + 1}, step ${column - firsts[bar] + 1}`;
    if (!hit) return `${place}: empty`;
    const milliseconds = Math.round((lateness(this.piece, hit) / 4) * (60000 / this.tempoAt(hit[2])));
    const time = milliseconds === 0 ? "on time" : `${Math.abs(milliseconds)} ms ${milliseconds > 0 ? "late" : "early"}`;
    return `${place}: velocity ${hit[3]}, ${time}`;
  }

  tempoAt(quarters) {
    const { tempos } = this.piece;
    return (tempos.findLast(([place]) => place <= quarters) ?? tempos[0])[1];
  }

  cellIfDrawn(column, drum) {
    return this.systemOf(column)?.cells?.get(column * 9 + drum);
  }

  cellAt(column, drum) {
    const system = this.systemOf(column);
    this.drawSystem(system);
    return system?.cells.get(column * 9 + drum);
  }

  /** Moves the keyboard's cell, and the focus if it is wanted there. */
  moveTo(column, drum, focus = true) {
    const columns = layoutOf(this.piece).starts.length;
    const before = this.cellAt(this.cursor.column, this.cursor.drum);
    if (before) before.tabIndex = -1;
    this.cursor = { column: Math.min(Math.max(column, 0), columns - 1), drum: Math.min(Math.max(drum, 0), 8) };
    const cell = this.cellAt(this.cursor.column, this.cursor.drum);
    cell.tabIndex = 0;
    if (focus) cell.focus();
    this.tell("cell", this.cursor);
  }

  /* --- The play head ----------------------------------------------------------------------- */

  /** Shows where it is played, in quarters; nowhere if null. */
  playAt(quarters, follow) {
    this.head.hidden = quarters === null;
    if (quarters === null) return;
    const column = columnAt(this.piece, quarters);
    const bar = barAt(this.piece, quarters);
    const system = this.systems[Math.floor(bar / this.beside)];
    const cell = this.cellAt(Math.min(column, system.end - 1), 8);
    const { starts } = layoutOf(this.piece);
    const width = cell.offsetWidth;
    const past = (quarters - starts[Number(cell.dataset.column)]) * 4;
    const x = system.element.offsetLeft + cell.offsetLeft - system.element.scrollLeft + width * (past + 0.5);
    this.head.style.transform = `translate(${x}px, ${system.element.offsetTop}px)`;
    this.head.style.height = `${system.element.offsetHeight}px`;
    if (follow && this.followed !== system) system.element.scrollIntoView({ block: "nearest" });
    this.followed = system;
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

function sameBars(a, b) {
  return a === b || (a.length === b.length && a.every((bar, number) => bar.every((value, part) => value === b[number][part])));
}

function sameHits(a = [], b = []) {
  return a.length === b.length && a.every((hit, index) => hit === b[index] || (hit[2] === b[index][2] && hit[3] === b[index][3]));
}
