/**
 * A piece: a MIDI file and the hits of its drums as they stand now.
 *
 * Pieces are never changed, only replaced, so that every earlier one can be had back. A hit is
 * [id, drum, quarters, velocity, pitch]: its number in the file, or null for one that is new; 0..8;
 * quarter notes from the beginning; 1..127; and the pitch it has in a file, if it came from one. A
 * column is a 16th of a bar, counted through all bars. What else is to be shown and heard of the file
 * are its notes, [tone, pitch, begin and end in quarters, velocity].
 */

export const STEPS_PER_QUARTER = 4;
export const MAX_BARS = 16;

const HALF_STEP = 0.49;
const TINY = 1e-6;

/** A piece of nothing, to begin with. */
export function emptyPiece(bars = 4, qpm = 120, meter = [4, 4]) {
  const piece = {
    name: "pattern", midi: null, qpm, tempos: [[0, qpm]], bars: [], end: 0, hits: [], others: 0, notes: [],
    plain: true, channel: null, track: null, kit: "reduced", edited: true,
  };
  return laidOut(piece, bars, meter);
}

/** A piece as the server has sent it, with the pitches beside its hits. */
export function received({ pitches, ...piece }) {
  return { ...piece, hits: piece.hits.map((hit, index) => [...hit, pitches[index]]) };
}

/** The notes of a piece, of one that was kept before there were any too. */
const NONE = [];
export const notesOf = ({ notes }) => notes ?? NONE;

/** What the server is told of a piece. */
export function sent({ name, midi, qpm, hits, channel, track, kit, bars, notes }) {
  const pitched = Boolean(notes?.length);
  return { name, midi, qpm, hits, channel, track, kit, pitched, bars: bars.length, meter: bars[0].slice(2, 4) };
}

function laidOut(piece, number, [numerator, denominator]) {
  const length = (4 * numerator) / denominator;
  const bars = Array.from({ length: number }, (_, bar) => (
    [bar * length, length, numerator, denominator, Math.max(1, Math.round(length * STEPS_PER_QUARTER))]
  ));
  return { ...piece, bars, end: number * length };
}

/* --- Columns ------------------------------------------------------------------------------- */

const layouts = new WeakMap();

/** Where columns are: `starts` in quarters and `bars` by column, `firsts` by bar. */
export function layoutOf({ bars }) {
  if (!layouts.has(bars)) {
    const firsts = [];
    const starts = [];
    const ofColumn = [];
    bars.forEach(([start, , , , steps], bar) => {
      firsts.push(starts.length);
      for (let step = 0; step < steps; step += 1) {
        starts.push(start + step / STEPS_PER_QUARTER);
        ofColumn.push(bar);
      }
    });
    layouts.set(bars, { starts, firsts, bars: ofColumn });
  }
  return layouts.get(bars);
}

/** The number of the last of `values`, which rise, that is not above `value`; 0 if there is none. */
function lastAt(values, value) {
  let first = 0;
  let end = values.length;
  while (end - first > 1) {
    const middle = (first + end) >> 1;
    if (values[middle] <= value) first = middle;
    else end = middle;
  }
  return first;
}

const barStarts = new WeakMap();

/** The bar that a place in quarters lies in. */
export function barAt({ bars }, quarters) {
  if (!barStarts.has(bars)) barStarts.set(bars, bars.map((bar) => bar[0]));
  return lastAt(barStarts.get(bars), quarters + TINY);
}

/** The column a hit belongs to: the nearest 16th of its bar, or the next bar line. */
export function columnAt(piece, quarters) {
  const { firsts, starts } = layoutOf(piece);
  const bar = barAt(piece, quarters);
  const [start, , , , steps] = piece.bars[bar];
  const step = Math.max(0, Math.floor((quarters - start) * STEPS_PER_QUARTER + 0.5 + TINY));
  return Math.min(firsts[bar] + Math.min(step, steps), starts.length - 1);
}

/** Where in the columns a place in quarters is, with its fraction. */
export function placeOf(piece, quarters) {
  const bar = barAt(piece, quarters);
  const [start, , , , steps] = piece.bars[bar];
  return layoutOf(piece).firsts[bar] + Math.min(Math.max(0, (quarters - start) * STEPS_PER_QUARTER), steps);
}

/** How late a hit is on its column, in 16ths. */
export function lateness(piece, hit) {
  return (hit[2] - layoutOf(piece).starts[columnAt(piece, hit[2])]) * STEPS_PER_QUARTER;
}

const grids = new WeakMap();

/** The hits by cell, a Map from `column * 9 + drum`; the loudest of a cell first. */
export function cellsOf(piece) {
  const known = grids.get(piece.hits);
  if (known && known.bars === piece.bars) return known.cells;
  const cells = new Map();
  for (const hit of piece.hits) {
    const key = columnAt(piece, hit[2]) * 9 + hit[1];
    if (cells.has(key)) cells.get(key).push(hit);
    else cells.set(key, [hit]);
  }
  for (const hits of cells.values()) hits.sort((a, b) => b[3] - a[3]);
  grids.set(piece.hits, { bars: piece.bars, cells });
  return cells;
}

/** Quarters in a beat of a meter, which is dotted in compound ones such as 6/8 and 12/8. */
export function beatOf(numerator, denominator) {
  const isCompound = denominator >= 8 && numerator > 3 && numerator % 3 === 0;
  return ((isCompound ? 3 : 1) * 4) / denominator;
}

/* --- Changes ------------------------------------------------------------------------------- */

function withHits(piece, hits) {
  return { ...piece, hits, edited: true };
}

/** The piece with one hit more, on the grid. */
export function withHit(piece, drum, column, velocity) {
  return withHits(piece, [...piece.hits, [null, drum, layoutOf(piece).starts[column], velocity]]);
}

export function withoutHits(piece, gone) {
  return withHits(piece, piece.hits.filter((hit) => !gone.includes(hit)));
}

/** The piece with a hit at another velocity, and so many 16ths late on the same column. */
export function withChanged(piece, hit, velocity, late) {
  const loudness = Math.min(127, Math.max(1, Math.round(velocity)));
  const held = Math.min(HALF_STEP, Math.max(-HALF_STEP, late));
  const start = layoutOf(piece).starts[columnAt(piece, hit[2])];
  const stays = Math.abs(late - lateness(piece, hit)) < TINY;
  const changed = [hit[0], hit[1], stays ? hit[2] : start + held / STEPS_PER_QUARTER, loudness, hit[4]];
  return { piece: withHits(piece, piece.hits.map((each) => (each === hit ? changed : each))), hit: changed };
}

/** A pattern of nothing, as long as a piece and in its meter and tempo. */
export function emptyLike({ bars, qpm }) {
  const [, , numerator, denominator] = bars[0];
  return emptyPiece(Math.min(bars.length, MAX_BARS), qpm, [numerator, denominator]);
}

/** The piece at another tempo; where it changes on the way, all of it goes so much faster. */
export function withTempo(piece, qpm) {
  const faster = qpm / piece.qpm;
  const tempos = piece.tempos.map(([quarters, tempo]) => [quarters, tempo * faster]);
  return { ...piece, qpm, tempos, edited: true };
}

/** A plain piece as a file of its own, which its hits alone make. */
function rewritten(piece, hits) {
  return { ...withHits(piece, hits.map(([, ...where]) => [null, ...where])), midi: null };
}

/** A plain piece with so many bars: hits after them go, bars that are new are empty. */
export function withBars(piece, number) {
  const [, length, numerator, denominator] = piece.bars[0];
  const end = number * length - 0.5 / STEPS_PER_QUARTER;
  const kept = piece.hits.filter((hit) => hit[2] < end);
  return laidOut(rewritten(piece, kept), number, [numerator, denominator]);
}

/** A plain piece played twice. */
export function doubled(piece) {
  const again = piece.hits.map(([, drum, quarters, ...how]) => [null, drum, quarters + piece.end, ...how]);
  const longer = withBars(piece, 2 * piece.bars.length);
  return withHits(longer, [...longer.hits, ...again]);
}

/* --- Time ---------------------------------------------------------------------------------- */

const clocks = new WeakMap();

/** From quarters to seconds and back, over all tempos. */
export function clockOf({ tempos }) {
  if (!clocks.has(tempos)) {
    const places = tempos.map(([quarters]) => quarters);
    const seconds = [0];
    for (let index = 1; index < tempos.length; index += 1) {
      seconds.push(seconds[index - 1] + ((places[index] - places[index - 1]) * 60) / tempos[index - 1][1]);
    }
    clocks.set(tempos, {
      seconds: (quarters) => {
        const index = lastAt(places, quarters);
        return seconds[index] + ((quarters - places[index]) * 60) / tempos[index][1];
      },
      quarters: (time) => {
        const index = lastAt(seconds, time);
        return places[index] + ((time - seconds[index]) * tempos[index][1]) / 60;
      },
    });
  }
  return clocks.get(tempos);
}
