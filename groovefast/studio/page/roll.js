/**
 * What is no drums, above them: a line for each pitch, time as in the rows of drums below.
 *
 * A note is [tone, pitch, begin and end in quarters, velocity]. It is shown and heard, not edited.
 */

import { make } from "./dom.js";
import { beatOf, layoutOf, notesOf, placeOf } from "./piece.js";

const HEIGHT = 132;
const FEWEST_PIXELS = 3;
const MOST_PIXELS = 8;
const MARGIN = 1; // semitones above and below
const LABEL_COLUMNS = 2; // as wide as the name of a pitch
const LABEL_PIXELS = 11;
const OCTAVE = 12;
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

const shapes = new WeakMap();

/** The pitches of a piece, its tones, and how high its roll is in pixels; null without notes. */
export function shapeOf(piece) {
  const notes = notesOf(piece);
  if (notes.length === 0) return null;
  if (!shapes.has(notes)) {
    const pitches = notes.map(([, pitch]) => pitch);
    const low = pitches.reduce((a, b) => Math.min(a, b)) - MARGIN;
    const high = pitches.reduce((a, b) => Math.max(a, b)) + MARGIN;
    const lines = high - low + 1;
    const pixels = Math.min(MOST_PIXELS, Math.max(FEWEST_PIXELS, HEIGHT / lines));
    const tones = [...new Set(notes.map(([tone]) => tone))].sort();
    const height = Math.max(Math.round(lines * pixels), 26 * tones.length);
    shapes.set(notes, { low, high, lines, tones, height });
  }
  return shapes.get(notes);
}

/** The notes of some bars, as an element. `names` are those of the tones. */
export function newRoll(piece, { first, last, start, end }, columns, names) {
  const shape = shapeOf(piece);
  const notes = notesOf(piece).filter(([, , begin, until]) => placeOf(piece, until) > start && placeOf(piece, begin) < end);
  const element = make("div", { class: "notes", role: "img", "aria-label": describe(notes, names, first, last) });
  const share = (place) => `${(100 * (place - start)) / columns}%`;
  const begun = notes.filter(([, , begin]) => placeOf(piece, begin) < start + LABEL_COLUMNS);
  element.append(...gridOf(piece, first, last, share), ...octavesOf(shape, begun.map((note) => note[1])));
  for (const [tone, pitch, begin, until, velocity] of notes) {
    const from = Math.max(placeOf(piece, begin), start);
    const note = make("span", { class: `note ${names[tone]}` });
    if (placeOf(piece, begin) < start) note.classList.add("held");
    note.style.left = share(from);
    note.style.width = `${(100 * (Math.min(placeOf(piece, until), end) - from)) / columns}%`;
    note.style.top = topOf(shape, pitch);
    note.style.setProperty("--velocity", velocity / 127);
    element.append(note);
  }
  element.style.setProperty("--lines", shape.lines);
  return element;
}

const topOf = ({ high, lines }, pitch) => `${(100 * (high - pitch)) / lines}%`;

function gridOf(piece, first, last, share) {
  const { firsts } = layoutOf(piece);
  return piece.bars.slice(first, last).flatMap(([, , numerator, denominator, steps], index) => {
    const beat = Math.max(1, 4 * beatOf(numerator, denominator));
    return Array.from({ length: Math.ceil(steps / beat) }, (_, number) => {
      const line = make("span", { class: number === 0 ? "line bar-line" : "line" });
      line.style.left = share(firsts[first + index] + number * beat);
      return line;
    });
  });
}

/** A line below each C, with its name where no note covers it. */
function octavesOf(shape, covered) {
  const lowest = Math.ceil(shape.low / OCTAVE) * OCTAVE;
  const number = Math.max(0, Math.floor((shape.high - lowest) / OCTAVE) + 1);
  return Array.from({ length: number }, (_, index) => {
    const pitch = lowest + index * OCTAVE;
    const lines = (LABEL_PIXELS * shape.lines) / shape.height;
    const isFree = covered.every((each) => each < pitch - 1 || each > pitch + lines);
    const line = make("span", { class: "octave" }, isFree && shape.high - pitch >= lines - 1 ? nameOf(pitch) : "");
    line.style.top = topOf(shape, pitch);
    return line;
  });
}

const nameOf = (pitch) => `${NAMES[pitch % OCTAVE]}${Math.floor(pitch / OCTAVE) - 1}`;

/** As in "Bars 1 to 4: melody, 12 notes from C4 to G5". */
function describe(notes, names, first, last) {
  const bars = last - first === 1 ? `Bar ${first + 1}` : `Bars ${first + 1} to ${last}`;
  const told = names.flatMap((name, tone) => {
    const pitches = notes.filter((note) => note[0] === tone).map((note) => note[1]).sort((a, b) => a - b);
    if (pitches.length === 0) return [];
    const range = pitches[0] === pitches.at(-1) ? nameOf(pitches[0]) : `from ${nameOf(pitches[0])} to ${nameOf(pitches.at(-1))}`;
    return [`${name}, ${pitches.length} ${pitches.length === 1 ? "note" : "notes"} ${range}`];
  });
  return `${bars}: ${told.join("; ") || "no notes"}`;
}
