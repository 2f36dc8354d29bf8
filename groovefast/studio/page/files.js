/** MIDI files in and out of the page: dropped, chosen, downloaded, dragged to another program. */

import { open, wav, write } from "./server.js";

const MIDI_TYPE = "audio/midi";
const WRITE_AFTER_MS = 80;
const MOST_BYTES_DRAGGED = 1.5e6;
const MOST_BYTES = 20e6; // the server takes no more

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** The MIDI file of a piece, base64. */
async function midiOf(piece, signal) {
  return piece.midi && !piece.edited ? piece.midi : (await write(piece, signal)).midi;
}

/** The MIDI file of a piece, as if it were dropped again. */
export async function fileOf(piece) {
  return new File([bytesOf(await midiOf(piece))], `${piece.name}.mid`, { type: MIDI_TYPE });
}

/** Hands a file to the user under a name. */
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

export async function downloadWav(piece) {
  download(await wav(piece), `${piece.name}.wav`);
}

/** A link to the piece's MIDI file, always up to date: to be pressed, or dragged out of the page. */
export class MidiLink {
  constructor(link, studio, failed) {
    Object.assign(this, { link, studio, failed, timer: 0, piece: null });
    for (const what of ["change", "select"]) studio.addEventListener(what, () => this.wait());
    link.addEventListener("dragstart", (event) => this.drag(event));
    link.addEventListener("click", (event) => this.press(event));
    this.wait();
  }

  get isReady() {
    return this.piece === this.studio.piece;
  }

  wait() {
    clearTimeout(this.timer);
    this.link.removeAttribute("data-ready");
    this.timer = setTimeout(() => this.refresh().catch(() => undefined), WRITE_AFTER_MS);
  }

  async refresh() {
    this.abort?.abort();
    this.abort = new AbortController();
    const { piece } = this.studio;
    const midi = await midiOf(piece, this.abort.signal);
    if (piece !== this.studio.piece) return;
    URL.revokeObjectURL(this.link.href);
    Object.assign(this, { piece, midi });
    this.link.href = URL.createObjectURL(new Blob([bytesOf(midi)], { type: MIDI_TYPE }));
    this.link.download = `${piece.name}.mid`;
    this.link.dataset.ready = "";
  }

  async press(event) {
    if (this.isReady) return;
    event.preventDefault();
    try {
      const { piece } = this.studio;
      download(await fileOf(piece), `${piece.name}.mid`);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Programs take the file as a download from the browser; other pages take it as a file. */
  drag(event) {
    if (!this.isReady || this.midi.length > MOST_BYTES_DRAGGED) {
      event.preventDefault();
      return;
    }
    const name = `${this.piece.name}.mid`;
    const url = `data:${MIDI_TYPE};base64,${this.midi}`;
    event.dataTransfer.effectAllowed = "copy";
    event.dataTransfer.setData("DownloadURL", `${MIDI_TYPE}:${name}:${url}`);
    event.dataTransfer.items.add(new File([bytesOf(this.midi)], name, { type: MIDI_TYPE }));
  }
}

/** Opens files: into the slot they are dropped on or the current one, more of them into empty ones. */
export class Opener extends EventTarget {
  constructor(studio) {
    super();
    this.studio = studio;
    this.refused = null;
  }

  /** Opens all that can be; what cannot is told at the end. */
  async open(files, first = this.studio.current) {
    const wrong = [];
    let number = first;
    for (const file of files) {
      if (number < 0) {
        wrong.push(new Error(`${file.name}: no slot is empty; clear one first`));
        continue;
      }
      try {
        await this.openOne(file, number);
        number = this.studio.firstEmpty();
      } catch (error) {
        wrong.push(error);
      }
    }
    if (wrong.length === 1) throw wrong[0];
    if (wrong.length) throw new Error(wrong.map(({ message }) => message).join(" · "));
  }

  /** Opens one file; `where` says what of it the drums are. What is refused can be tried again. */
  async openOne(file, number, where = {}) {
    if (file.size > MOST_BYTES) throw new Error(`${file.name}: larger than 20 MB`);
    this.refused = { file, number };
    const piece = await open(await file.arrayBuffer(), file.name, where);
    this.refused = null;
    this.studio.set(piece, null, number);
    this.studio.select(number);
    this.dispatchEvent(new CustomEvent("opened", { detail: piece }));
  }
}

/** Lets files be dropped anywhere on the page; `taken` gets them and the element they fell on. */
export function takeDrops(shade, taken) {
  let depth = 0;
  const holdsFiles = ({ dataTransfer }) => [...(dataTransfer?.types ?? [])].includes("Files");
  const shadeIf = (is) => { shade.hidden = !is; };
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    shadeIf(true);
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    shadeIf(depth > 0);
  });
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    shadeIf(false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    taken(event.dataTransfer.files, event.target);
  });
}
