/** The models at work: what is asked of them, how far they are, what they have made. */

import { byId } from "./dom.js";
import { MODES } from "./modes.js";
import { say, complain } from "./say.js";

const SHOWN_AFTER_MS = 250;
const STAGES = { waiting: "waiting for its turn", listening: "listening", playing: "playing" };

/** Lets modes be run; returns what runs one by its id. */
export function runModes(studio, panels, models, facts) {
  const run = (id) => {
    const { mode } = MODES.find((each) => each.id === id);
    const { slots, slot } = slotsOf(id, studio, panels);
    const silent = slots.find((number) => studio.isEmpty(number));
    if (silent !== undefined) {
      say(`slot ${silent + 1} is empty: open a MIDI file, click some hits, or make a new groove first`, true);
      return;
    }
    const sources = slots.map((number) => studio.slots[number].piece);
    models.run({ id, mode, sources, slot, from: studio.current, options: optionsOf(id, studio, panels) });
  };
  panels.addEventListener("run", ({ detail }) => run(detail));
  panels.addEventListener("revised", ({ detail }) => models.revise(detail, () => optionsOf(detail, studio, panels)));
  takeSeeds(facts.max_seed);
  tellWhatIsMade(studio, panels, models);
  showWork(studio, models);
  const showLive = () => {
    for (const [id, { live }] of panels.panels) live.hidden = !models.isLast(id);
    panels.nameSlots(studio.slots.map((_, number) => studio.nameOf(number)));
  };
  for (const what of ["change", "select"]) studio.addEventListener(what, showLive);
  models.addEventListener("made", showLive);
  showLive();
  return run;
}

function optionsOf(id, studio, panels) {
  const options = panels.optionsOf(id);
  if (id === "new") options.qpm = studio.piece.qpm;
  if (byId("keep-seed").checked && byId("seed").value !== "") options.seed = Number(byId("seed").value);
  return options;
}

/** The slots that a mode works on, and the one for what it makes. */
function slotsOf(id, studio, panels) {
  const { sources } = MODES.find((each) => each.id === id);
  const slots = sources.map((name) => (name === "current" ? studio.current : panels.slotOf(id, name)));
  const isEnd = id === "interpolate" && slots.includes(studio.current);
  const empty = studio.firstEmpty();
  return { slots, slot: isEnd && empty >= 0 ? empty : studio.current };
}

/** A seed that is typed is kept; what is none is not. */
function takeSeeds(most) {
  byId("seed").addEventListener("change", () => {
    const text = byId("seed").value;
    const isSeed = /^\d+$/.test(text) && Number(text) <= most;
    byId("keep-seed").checked = isSeed;
    if (isSeed) return;
    byId("seed").value = "";
    if (text) say(`seed: a whole number from 0 to ${most} wanted`, true);
  });
}

function tellWhatIsMade(studio, panels, models) {
  models.addEventListener("made", ({ detail: { work, slot, seed, messages, isEdited } }) => {
    if (work.isRevision) {
      if (messages.length) say(messages.join(" · "));
      return;
    }
    byId("seed").value = seed;
    if (isEdited && slot !== work.slot) {
      say(`slot ${work.slot + 1} was changed meanwhile: what the model made of it is in slot ${slot + 1}`);
      return;
    }
    if (studio.current === work.from) studio.select(slot);
    const made = `${panels.panels.get(work.id).mode.title}: ${studio.nameOf(slot)}, seed ${seed}`;
    say(messages.length ? messages.join(" · ") : made);
  });
  models.addEventListener("failed", ({ detail: { error } }) => complain(error));
}

/** Shows what takes longer than a blink: that of this slot, or else of another. */
function showWork(studio, models) {
  const stages = new Map();
  const shown = () => (stages.has(studio.current) ? studio.current : [...stages.keys()][0]);
  const show = () => {
    const number = shown();
    byId("working").hidden = number === undefined;
    if (number === undefined) return;
    const { stage, share } = stages.get(number);
    const where = number === studio.current ? "" : `slot ${number + 1}: `;
    if (share === null) byId("progress").removeAttribute("value");
    else byId("progress").value = share;
    byId("stage").textContent = stage && `${where}${STAGES[stage] ?? stage} ${Math.round(share * 100)} %`;
  };
  models.addEventListener("begin", ({ detail: { work: { slot } } }) => {
    const run = models.runs.get(slot);
    setTimeout(() => {
      if (models.runs.get(slot) !== run || stages.has(slot)) return;
      stages.set(slot, { stage: "", share: null });
      show();
    }, SHOWN_AFTER_MS);
  });
  models.addEventListener("progress", ({ detail: { work, stage, share } }) => {
    stages.set(work.slot, { stage, share });
    show();
  });
  models.addEventListener("end", ({ detail: { work } }) => {
    stages.delete(work.slot);
    show();
  });
  studio.addEventListener("select", show);
  byId("cancel").addEventListener("click", () => {
    models.cancel(shown());
    say("cancelled");
  });
}
