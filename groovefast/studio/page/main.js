/** The page: makes its parts and ties them together. */

import { MidiLink, Opener, downloadWav, fileOf, takeDrops } from "./files.js";
import { keep, kept } from "./keeping.js";
import { handle } from "./gestures.js";
import { Kit } from "./kit.js";
import { MODES } from "./modes.js";
import { Models } from "./models.js";
import { Panels } from "./panels.js";
import { Pattern } from "./pattern.js";
import { emptyPiece, withTempo, withoutAny } from "./piece.js";
import { Player } from "./player.js";
import { Ports } from "./ports.js";
import { about, given } from "./server.js";
import { SlotButtons } from "./slots.js";
import { SLOTS, Studio } from "./studio.js";
import { Taps } from "./taps.js";
import { Transport } from "./transport.js";

const MESSAGE_MS = 6000;
const SHOWN_AFTER_MS = 250;
const KEEP_AFTER_MS = 200;
const PREPARE_AFTER_MS = 300;
const STAGES = { waiting: "waiting for its turn", listening: "listening", playing: "playing" };
const THEMES = ["auto", "light", "dark"];
const byId = (id) => document.getElementById(id);

/* --- What is said -------------------------------------------------------------------------- */

let messageTimer = 0;

function say(line, isError = false) {
  const message = byId("message");
  message.textContent = line;
  message.classList.toggle("error", isError);
  message.hidden = false;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => { message.hidden = true; }, isError ? 2 * MESSAGE_MS : MESSAGE_MS);
}

const complain = (error) => say(error.message, true);

/** A listener that tells of what goes wrong in it. */
function trying(work) {
  return async (...args) => {
    try {
      await work(...args);
    } catch (error) {
      complain(error);
    }
  };
}

/* --- The parts ----------------------------------------------------------------------------- */

async function begin() {
  showTheme(localStorage.getItem("groovefast.theme") ?? "auto");
  const facts = await about();
  const studio = new Studio();
  const isFirstVisit = !(await restore(studio));
  const pattern = new Pattern(byId("pattern"), facts.drums);
  const kit = new Kit(facts.voices);
  const ports = new Ports(facts.pitches);
  const player = new Player(studio, kit, ports, (drum) => pattern.isHeard(drum));
  const transport = new Transport(studio, player, kit);
  const models = new Models(studio);
  const panels = new Panels(byId("tabs"), byId("panels"), facts, await kept("panel"));
  panels.settings = await kept("options");
  new SlotButtons(byId("slots"), studio);
  new MidiLink(byId("midi"), studio, complain);
  const opener = new Opener(studio);

  showPieces(studio, pattern, kit, ports);
  playPieces(pattern, player, transport);
  openFiles(studio, opener);
  runModes(studio, panels, models, ports, kit);
  connectPorts(ports, kit);
  takeKeys(studio, transport);
  keepAll(studio, panels);
  await openGiven(studio);
  if (isFirstVisit && studio.slots.every((_, number) => studio.isEmpty(number))) byId("run-new").click();
  document.body.dataset.ready = "";
}

function showPieces(studio, pattern, kit, ports) {
  let timer = 0;
  const show = () => {
    const { piece } = studio;
    pattern.show(piece);
    clearTimeout(timer);
    timer = setTimeout(() => kit.prepare(piece.hits).catch(() => undefined), PREPARE_AFTER_MS);
    byId("name").textContent = piece.name;
    byId("facts").textContent = factsOf(piece);
  };
  studio.addEventListener("change", ({ detail }) => detail === studio.current && show());
  studio.addEventListener("select", show);
  show();
  const hear = trying(async (drum, velocity) => {
    await kit.context.resume();
    await kit.hit(drum, velocity, kit.context.currentTime);
    ports.hit(drum, velocity, kit.context.currentTime, kit.context);
  });
  handle(studio, pattern, hear, (words) => { byId("readout").textContent = words; });
}

function factsOf({ bars, hits, others }) {
  const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
  const facts = [count(bars.length, "bar"), count(hits.length, "hit")];
  if (others) facts.push(`${count(others, "other note")}, kept as they are`);
  return facts.join(" · ");
}

function playPieces(pattern, player, transport) {
  pattern.addEventListener("bar", ({ detail }) => player.start(detail).catch(complain));
  byId("mixer").addEventListener("click", () => {
    const isOn = byId("pattern").classList.toggle("mixing");
    byId("mixer").setAttribute("aria-pressed", isOn);
  });
  const move = () => {
    pattern.playAt(player.position, true);
    if (player.isPlaying) requestAnimationFrame(move);
  };
  player.addEventListener("start", move);
  player.addEventListener("stop", () => pattern.playAt(null));
  document.addEventListener("visibilitychange", () => player.isPlaying && player.schedule());
  transport.show();
}

/* --- Files --------------------------------------------------------------------------------- */

function openFiles(studio, opener) {
  const open = async (files, number) => {
    try {
      await opener.open(files, number);
    } catch (error) {
      if (opener.refused && /no drums|none of its notes|no track|pitch_classes/.test(error.message)) askForParts(opener, error);
      else complain(error);
    }
  };
  byId("which").addEventListener("click", trying(async () => {
    const { piece, current } = studio;
    opener.refused = { file: await fileOf(piece), number: current };
    askForParts(opener, { message: `${piece.name}: the drums are on channel 10, or where you say` });
  }));
  opener.addEventListener("opened", ({ detail }) => say(`${detail.name}: ${factsOf(detail)}`));
  byId("open").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async () => {
    await open([...byId("file").files]);
    byId("file").value = "";
  });
  takeDrops(byId("shade"), (files, target) => {
    const slot = target.closest?.(".slot");
    return open(files, slot ? Number(slot.dataset.slot) : undefined);
  });
  byId("wav").addEventListener("click", trying(async () => {
    byId("wav").disabled = true;
    await downloadWav(studio.piece).finally(() => { byId("wav").disabled = false; });
  }));
  byId("duplicate").addEventListener("click", trying(async () => {
    const number = studio.firstEmpty();
    if (number < 0) throw new Error("no slot is empty; clear one first");
    studio.set(studio.piece, null, number);
    studio.select(number);
  }));
  byId("clear").addEventListener("click", () => {
    const { piece } = studio;
    studio.set(piece.plain ? withoutAny({ ...emptyPiece(), qpm: piece.qpm, tempos: [[0, piece.qpm]] }) : emptyPiece(4, piece.qpm));
  });
}

/** Asks which of a file's notes the drums are, and opens it so. */
function askForParts(opener, { message }) {
  const dialog = byId("parts");
  const { file, number } = opener.refused;
  byId("parts-line").textContent = message;
  dialog.showModal();
  byId("parts-cancel").onclick = () => dialog.close("");
  dialog.onclose = async () => {
    if (dialog.returnValue !== "open") return;
    dialog.returnValue = "";
    try {
      const where = Object.fromEntries(["channel", "track", "kit"].map((id) => [id, byId(id).value.trim()]));
      await opener.openOne(file, number, where);
    } catch (error) {
      askForParts(opener, error);
    }
  };
}

async function openGiven(studio) {
  const pieces = await given();
  pieces.slice(0, SLOTS).forEach((piece) => {
    const empty = studio.firstEmpty();
    const number = studio.slots.findIndex(({ piece: { midi } }) => midi === piece.midi);
    if (number >= 0) studio.select(number); // the page was loaded anew
    else if (empty < 0) say(`${piece.name}: no slot is empty; clear one and load the page again`, true);
    else {
      studio.set(piece, null, empty);
      studio.select(empty);
    }
  });
}

/* --- Models -------------------------------------------------------------------------------- */

function runModes(studio, panels, models, ports, kit) {
  const run = (id) => {
    const { mode } = MODES.find((each) => each.id === id);
    const where = { ...sourcesOf(id, studio, panels), from: studio.current };
    models.run({ id, mode, ...where, options: optionsOf(id, studio, panels) });
  };
  panels.addEventListener("run", ({ detail }) => run(detail));
  panels.addEventListener("revised", ({ detail }) => models.revise(detail, optionsOf(detail, studio, panels)));
  byId("seed").addEventListener("change", () => { byId("keep-seed").checked = byId("seed").value !== ""; });
  models.addEventListener("made", ({ detail: { seed, messages, work } }) => {
    if (!work.isRevision) byId("seed").value = seed; // else it is the same, and may be typed in
    if (studio.current === work.from) studio.select(work.slot);
    if (messages.length) say(messages.join(" · "));
    else if (!work.isRevision) say(`${panels.panels.get(work.id).mode.title}: ${studio.slots[work.slot].piece.name}, seed ${seed}`);
  });
  models.addEventListener("failed", ({ detail }) => complain(detail));
  showWork(models);
  recordTaps(studio, panels, ports, kit, () => run("drumify"));
}

function optionsOf(id, studio, panels) {
  const options = panels.optionsOf(id);
  if (id === "new") options.qpm = studio.piece.qpm;
  const seed = byId("seed").value;
  if (byId("keep-seed").checked && seed !== "") options.seed = Number(seed);
  return options;
}

/** The pieces that a mode works on, and the slot for what it makes. */
function sourcesOf(id, studio, panels) {
  const { sources } = MODES.find((each) => each.id === id);
  const slots = sources.map((name) => (name === "current" ? studio.current : panels.slotOf(id, name)));
  const isEnd = id === "interpolate" && slots.includes(studio.current);
  const empty = studio.firstEmpty();
  return {
    sources: slots.map((number) => studio.slots[number].piece),
    slot: isEnd && empty >= 0 ? empty : studio.current,
  };
}

/** Shows what takes longer than a blink. */
function showWork(models) {
  let timer = 0;
  models.addEventListener("begin", () => {
    clearTimeout(timer);
    byId("progress").removeAttribute("value");
    byId("stage").textContent = "";
    timer = setTimeout(() => { byId("working").hidden = false; }, SHOWN_AFTER_MS);
  });
  models.addEventListener("progress", ({ detail: { stage, share } }) => {
    byId("progress").value = share;
    byId("stage").textContent = `${STAGES[stage] ?? stage} ${Math.round(share * 100)} %`;
  });
  models.addEventListener("end", () => {
    clearTimeout(timer);
    byId("working").hidden = true;
  });
  byId("cancel").addEventListener("click", () => {
    models.cancel();
    say("cancelled");
  });
}

function recordTaps(studio, panels, ports, kit, drum) {
  const taps = new Taps(kit);
  const record = byId("record");
  const tap = (velocity, at) => taps.tap(velocity, at);
  panels.addEventListener("tap", ({ detail }) => tap(96, detail));
  ports.addEventListener("note", ({ detail: { velocity, time } }) => tap(velocity, time));
  addEventListener("keydown", (event) => {
    if (taps.recording && event.key === "t" && !event.repeat) tap(96, event.timeStamp);
  });
  taps.addEventListener("tap", () => {
    byId("pad").classList.remove("struck");
    requestAnimationFrame(() => byId("pad").classList.add("struck"));
  });
  taps.addEventListener("beat", ({ detail: { count, bar } }) => {
    byId("pad").textContent = bar === 0 ? `${count}` : `Tap: bar ${bar}, ${count}`;
  });
  panels.addEventListener("stop", () => taps.cancel());
  panels.addEventListener("record", trying(async ({ detail: bars }) => {
    const { qpm } = studio.piece;
    record.setAttribute("aria-pressed", "true");
    record.textContent = "Stop";
    byId("pad").focus();
    const hits = await taps.record(bars, qpm).finally(() => {
      record.setAttribute("aria-pressed", "false");
      record.textContent = "Record taps";
      byId("pad").textContent = "Tap";
    });
    if (hits === null) return;
    if (hits.length === 0) throw new Error("no tap was heard: tap the pad, press T, or play a MIDI device, after the four clicks");
    studio.set({ ...withTempo(emptyPiece(bars), qpm), name: "taps", hits });
    drum();
  }));
}

/* --- Devices, keys, and what is kept ------------------------------------------------------- */

function connectPorts(ports, kit) {
  const list = (id, none, devices) => {
    const select = byId(id);
    const { value } = select;
    select.replaceChildren(new Option(none, ""), ...devices.map((device) => new Option(device.name, device.id)));
    select.value = devices.some((device) => device.id === value) ? value : "";
  };
  ports.addEventListener("ports", () => {
    list("output", "this page only", ports.outputs);
    list("input", "none", ports.inputs);
  });
  byId("connect").addEventListener("click", trying(async () => {
    await ports.connect();
    if (!ports.outputs.length && !ports.inputs.length) say("no MIDI device is connected");
  }));
  byId("output").addEventListener("change", () => ports.sendTo(byId("output").value));
  byId("input").addEventListener("change", () => ports.listenTo(byId("input").value));
  ports.addEventListener("note", trying(async ({ detail: { drum, velocity } }) => {
    await kit.hit(drum, velocity, kit.context.currentTime);
  }));
}

function takeKeys(studio, transport) {
  addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (document.querySelector("dialog[open]")) return;
    const isWord = target.matches?.("input:not([type=range]):not([type=checkbox]), select, textarea");
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !isWord && "zZyY".includes(key)) {
      event.preventDefault();
      if (key === "y" || key === "Y" || event.shiftKey) studio.redo();
      else studio.undo();
    } else if (event.ctrlKey || event.metaKey || event.altKey || isWord) return;
    else if (key === " " && !target.matches?.("button, summary, a, input")) {
      event.preventDefault();
      transport.toggle();
    } else if (key >= "1" && key <= String(SLOTS)) studio.select(Number(key) - 1);
  });
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  byId("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "auto";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    localStorage.setItem("groovefast.theme", next);
    showTheme(next);
    say(next === "auto" ? "as light or dark as your system" : next);
  });
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("theme"));
}

/** Puts what was kept into the slots; whether there was anything. */
async function restore(studio) {
  const pieces = await Promise.all(Array.from({ length: SLOTS }, (_, number) => kept(`slot.${number}`)));
  pieces.forEach((piece, number) => piece && studio.restore(piece, number));
  studio.current = (await kept("slot")) ?? 0;
  return pieces.some(Boolean);
}

function keepAll(studio, panels) {
  const changed = new Set(); // a drag changes a piece at every move
  const keepChanged = () => {
    for (const number of changed) keep(`slot.${number}`, studio.slots[number].piece).catch(complain);
    changed.clear();
  };
  studio.addEventListener("change", ({ detail }) => {
    if (changed.size === 0) setTimeout(keepChanged, KEEP_AFTER_MS);
    changed.add(detail);
  });
  addEventListener("pagehide", keepChanged);
  studio.addEventListener("select", ({ detail }) => keep("slot", detail));
  for (const what of ["revised", "aimed"]) panels.addEventListener(what, () => keep("options", panels.settings));
  panels.addEventListener("chosen", ({ detail }) => keep("panel", detail));
}

begin().catch(complain);
