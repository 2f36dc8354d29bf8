/** The sounds of `--render wav`: samples that the server makes once, played as it mixes them. */

import { notesOf } from "./piece.js";
import { toneSound, voice } from "./server.js";

const FADE = 0.02;
const OPEN_HAT = 3;
const HI_HATS = [2, 3];
const SAMPLE_RATE = 44100;
const CLICK_HERTZ = [880, 1175, 1760];
const LOADS_AT_ONCE = 2; // of the few that a browser has, others are for what is waited for

export class Kit {
  /** @param facts Of the voices, as the server tells them. */
  constructor(facts) {
    this.facts = facts;
    this.samples = new Map();
    this.queue = Array.from({ length: LOADS_AT_ONCE }, () => Promise.resolve());
    this.decoder = new OfflineAudioContext(2, 1, SAMPLE_RATE); // asks for no press of a button
    this.takes = new Array(facts.levels.length).fill(0);
    this.ringing = [];
    this.sounding = new Set();
  }

  /** The audio context, which browsers give only to who has pressed something. */
  get context() {
    if (!this.audio) {
      this.audio = new AudioContext({ latencyHint: "interactive" });
      this.volume = this.audio.createGain();
      this.volume.gain.value = this.level ?? 1;
      const limiter = new DynamicsCompressorNode(this.audio, { threshold: -2, knee: 0, ratio: 20, attack: 0.001, release: 0.06 });
      this.volume.connect(limiter).connect(this.audio.destination);
    }
    return this.audio;
  }

  set loudness(level) {
    this.level = level;
    if (this.volume) this.volume.gain.value = level;
  }

  layerOf(velocity) {
    return Math.min(Math.floor((velocity / 127) * this.facts.layers), this.facts.layers - 1);
  }

  load(drum, layer, take) {
    return this.loaded(`${drum}-${layer}-${take}`, () => voice(drum, layer, take));
  }

  loadTone(tone, pitch) {
    return this.loaded(`tone-${tone}-${pitch}`, () => toneSound(tone, pitch));
  }

  async loaded(name, fetched) {
    if (!this.samples.has(name)) {
      const loading = this.inTurn(async () => this.decoder.decodeAudioData(await fetched()));
      this.samples.set(name, loading);
      loading.then((buffer) => this.samples.set(name, buffer), () => this.samples.delete(name));
    }
    return this.samples.get(name);
  }

  /** Does something when few enough others are being done. */
  inTurn(work) {
    const before = this.queue.shift();
    const done = before.then(work);
    this.queue.push(done.catch(() => undefined));
    return done;
  }

  /** Loads what a piece sounds of. */
  async prepare(piece) {
    const wanted = new Set(piece.hits.map(([, drum, , velocity]) => `${drum}-${this.layerOf(velocity)}`));
    const tones = new Map(notesOf(piece).map(([tone, pitch]) => [`${tone}-${pitch}`, [tone, pitch]]));
    const loads = [...tones.values()].map(([tone, pitch]) => this.loadTone(tone, pitch));
    for (const name of wanted) {
      const [drum, layer] = name.split("-").map(Number);
      for (let take = 0; take < this.facts.takes; take += 1) loads.push(this.load(drum, layer, take));
    }
    await Promise.all(loads);
  }

  /** Plays a hit at a time of the context; what is not loaded yet is heard a moment late. */
  async hit(drum, velocity, time) {
    const take = this.takes[drum];
    this.takes[drum] = (take + 1) % this.facts.takes;
    const sample = this.samples.get(`${drum}-${this.layerOf(velocity)}-${take}`);
    const buffer = sample instanceof AudioBuffer ? sample : await this.load(drum, this.layerOf(velocity), take);
    const { loudness, levels, curve } = this.facts;
    const gain = new GainNode(this.context, { gain: loudness * levels[drum] * (velocity / 127) ** curve });
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(gain).connect(this.volume);
    if (HI_HATS.includes(drum)) this.choke(time);
    source.start(time); // or at once, if that is past
    const sound = { source, gain };
    this.sounding.add(sound);
    source.onended = () => this.sounding.delete(sound);
    if (drum === OPEN_HAT) this.ringing.push(sound);
  }

  /** Plays a note of so many seconds at a time of the context, likewise. */
  async tone(tone, pitch, velocity, time, seconds) {
    const sample = this.samples.get(`tone-${tone}-${pitch}`);
    const buffer = sample instanceof AudioBuffer ? sample : await this.loadTone(tone, pitch);
    const { loudness, tones, curve, release } = this.facts;
    const level = loudness * tones[tone].level * (velocity / 127) ** curve;
    const gain = new GainNode(this.context, { gain: level });
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(gain).connect(this.volume);
    const end = Math.max(time, this.context.currentTime) + seconds;
    gain.gain.setValueAtTime(level, end);
    gain.gain.linearRampToValueAtTime(0, end + release);
    source.start(time);
    source.stop(end + release);
    const sound = { source, gain };
    this.sounding.add(sound);
    source.onended = () => this.sounding.delete(sound);
  }

  /** A hi-hat, opened or closed, silences the open one that still rings. */
  choke(time) {
    for (const { source, gain } of this.ringing) {
      gain.gain.setTargetAtTime(0, time, FADE / 3);
      source.stop(time + 2 * FADE);
    }
    this.ringing = [];
  }

  /** A click at a time of the context: 2 for the first beat of a bar, 1 for others, 0 between. */
  click(stress, time) {
    const tone = new OscillatorNode(this.context, { frequency: CLICK_HERTZ[stress], type: "triangle" });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(stress ? 0.5 : 0.2, time);
    gain.gain.exponentialRampToValueAtTime(0.001, time + 0.05);
    tone.connect(gain).connect(this.volume);
    tone.start(time);
    tone.stop(time + 0.06);
    const sound = { source: tone, gain };
    this.sounding.add(sound);
    tone.onended = () => this.sounding.delete(sound);
  }

  /** Lets nothing sound that was asked for. */
  silence() {
    for (const { source } of this.sounding) source.stop();
    this.sounding.clear();
    this.ringing = [];
  }
}
