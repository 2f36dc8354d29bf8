/** Records a rhythm that is tapped to clicks, after a bar of counting in. */

const BEATS_A_BAR = 4;
const TAP = 1; // a drum of some sound; the model hears only when
const HALF_STEP = 0.125;

/** Tells of "beat" ({count, bar}; bar 0 counts in) and "tap" (velocity). */
export class Taps extends EventTarget {
  constructor(kit) {
    super();
    this.kit = kit;
    this.recording = null;
  }

  /** Records so many bars; gives the hits, or null if it was cancelled. */
  async record(bars, qpm) {
    this.cancel();
    const { context } = this.kit;
    await context.resume();
    const beat = 60 / qpm;
    const begin = context.currentTime + 0.2;
    const start = begin + BEATS_A_BAR * beat;
    const recording = { hits: [], start, beat, bars, timers: [] };
    this.recording = recording;
    for (let count = 0; count < BEATS_A_BAR * (bars + 1); count += 1) {
      const time = begin + count * beat;
      this.kit.click(count % BEATS_A_BAR === 0 ? 2 : 1, time);
      const detail = { count: (count % BEATS_A_BAR) + 1, bar: Math.floor(count / BEATS_A_BAR) };
      const tell = () => this.dispatchEvent(new CustomEvent("beat", { detail }));
      recording.timers.push(setTimeout(tell, (time - context.currentTime) * 1000));
    }
    const end = start + (BEATS_A_BAR * bars - HALF_STEP) * beat;
    return new Promise((resolve) => {
      recording.done = resolve;
      recording.timers.push(setTimeout(() => this.finish(recording.hits), (end - context.currentTime) * 1000));
    });
  }

  /** A tap, now or at a time of `performance.now()`. */
  tap(velocity = 96, at = performance.now()) {
    this.dispatchEvent(new CustomEvent("tap", { detail: velocity }));
    if (!this.recording) return;
    const { context } = this.kit;
    const { hits, start, beat, bars } = this.recording;
    const heard = context.currentTime + (at - performance.now()) / 1000 - (context.outputLatency || 0);
    const quarters = (heard - start) / beat;
    if (quarters > -HALF_STEP && quarters < BEATS_A_BAR * bars - HALF_STEP) hits.push([null, TAP, quarters, velocity]);
  }

  cancel() {
    if (!this.recording) return;
    this.kit.silence();
    this.finish(null);
  }

  finish(hits) {
    const { recording } = this;
    this.recording = null;
    recording.timers.forEach(clearTimeout);
    recording.done(hits);
  }
}
