/** MIDI devices, by Web MIDI: a kit or pads to play on, a sampler or a DAW to play to. */

const DRUM_CHANNEL = 9;
const NOTE_ON = 0x90;
const NOTE_OFF = 0x80;
const LENGTH_MS = 80;

/** Tells of "ports" (devices come and go) and "note" ({drum, velocity, time}). */
export class Ports extends EventTarget {
  /** @param pitches The pitches of each drum; the first is the one that is sent. */
  constructor(pitches) {
    super();
    this.pitches = pitches;
    this.drumOf = new Map(pitches.flatMap((own, drum) => own.map((pitch) => [pitch, drum])));
    this.output = null;
    this.input = null;
  }

  /** Asks for the devices. Browsers without Web MIDI, and pages from afar, have none. */
  async connect() {
    if (this.access) return;
    if (!navigator.requestMIDIAccess) throw new Error("this browser has no Web MIDI: Chrome and Edge have, on this computer's own address");
    try {
      this.access = await navigator.requestMIDIAccess();
    } catch {
      throw new Error("the browser was not allowed to use MIDI devices");
    }
    this.access.addEventListener("statechange", () => this.dispatchEvent(new Event("ports")));
    this.dispatchEvent(new Event("ports"));
  }

  get outputs() {
    return [...(this.access?.outputs.values() ?? [])];
  }

  get inputs() {
    return [...(this.access?.inputs.values() ?? [])];
  }

  sendTo(id) {
    this.output = this.access?.outputs.get(id) ?? null;
  }

  listenTo(id) {
    if (this.input) this.input.onmidimessage = null;
    this.input = this.access?.inputs.get(id) ?? null;
    if (this.input) this.input.onmidimessage = (message) => this.receive(message);
  }

  receive({ data, timeStamp }) {
    const [status, pitch, velocity] = data;
    if ((status & 0xf0) !== NOTE_ON || velocity === 0) return;
    const detail = { drum: this.drumOf.get(pitch) ?? 1, velocity, time: timeStamp };
    this.dispatchEvent(new CustomEvent("note", { detail }));
  }

  /** Sends a note of a tone, on the channel of its number, likewise. */
  note(tone, pitch, velocity, time, seconds, context) {
    if (!this.output) return;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const at = performanceTime + (time - contextTime) * 1000;
    this.output.send([NOTE_ON | tone, pitch, velocity], at);
    this.output.send([NOTE_OFF | tone, pitch, 64], at + seconds * 1000);
  }

  /** Sends a hit, to sound when the audio context's clock shows a time. */
  hit(drum, velocity, time, context) {
    if (!this.output) return;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const at = performanceTime + (time - contextTime) * 1000;
    const pitch = this.pitches[drum][0];
    this.output.send([NOTE_ON | DRUM_CHANNEL, pitch, velocity], at);
    this.output.send([NOTE_OFF | DRUM_CHANNEL, pitch, 64], at + LENGTH_MS);
  }
}
