/** The eight slots as buttons with a small picture of what they hold. */

import { notesOf } from "./piece.js";
import { shapeOf } from "./roll.js";
import { SLOTS } from "./studio.js";

const WIDTH = 88;
const HEIGHT = 27;
const DRUMS_BELOW = 13;

export class SlotButtons {
  constructor(element, studio) {
    this.studio = studio;
    this.frames = new Array(SLOTS).fill(0);
    this.buttons = Array.from({ length: SLOTS }, (_, number) => this.newButton(number));
    element.append(...this.buttons);
    studio.addEventListener("change", ({ detail }) => this.draw(detail));
    studio.addEventListener("select", () => this.drawAll());
    document.addEventListener("theme", () => this.drawAll());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawAll());
    this.drawAll();
  }

  newButton(number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "slot";
    button.dataset.slot = number;
    const label = document.createElement("span");
    label.textContent = number + 1;
    const picture = document.createElement("canvas");
    picture.setAttribute("aria-hidden", "true");
    button.append(label, picture);
    button.addEventListener("click", () => this.studio.select(number));
    return button;
  }

  drawAll() {
    this.buttons.forEach((_, number) => this.draw(number));
  }

  draw(number) {
    const button = this.buttons[number];
    const { piece } = this.studio.slots[number];
    const what = this.studio.nameOf(number);
    button.setAttribute("aria-label", `Slot ${number + 1}: ${what}`);
    button.setAttribute("aria-pressed", number === this.studio.current);
    button.title = what;
    cancelAnimationFrame(this.frames[number]); // of a drag only the last
    this.frames[number] = requestAnimationFrame(() => drawPiece(button.querySelector("canvas"), piece));
  }
}

/** Draws the hits of a piece as points, the lowest drum at the bottom, and above them its notes. */
function drawPiece(canvas, piece) {
  const { hits, end } = piece;
  const scale = devicePixelRatio || 1;
  canvas.width = WIDTH * scale;
  canvas.height = HEIGHT * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = getComputedStyle(canvas).color;
  const place = (quarters) => 2 + ((WIDTH - 4) * Math.max(quarters, 0)) / (end || 1);
  const shape = shapeOf(piece);
  const drums = shape ? DRUMS_BELOW : HEIGHT; // how high these are
  const room = hits.length ? HEIGHT - DRUMS_BELOW : HEIGHT;
  context.globalAlpha = 0.85;
  for (const [, pitch, begin, until] of notesOf(piece)) {
    const y = 1 + ((room - 4) * (shape.high - pitch)) / shape.lines;
    context.fillRect(place(begin), y, Math.max(1, place(until) - place(begin) - 0.4), 1.4);
  }
  for (const [, drum, quarters, velocity] of hits) {
    const size = 0.7 + (1.4 * velocity) / 127;
    context.globalAlpha = 0.35 + (0.65 * velocity) / 127;
    context.beginPath();
    context.arc(place(quarters), HEIGHT - 2.5 - (drum * (drums - 2.25)) / 9, shape ? size * 0.6 : size, 0, 7);
    context.fill();
  }
}
