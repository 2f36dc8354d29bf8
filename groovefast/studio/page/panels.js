/** A panel for each mode: a tab, what it does in a line, its options and its button. */

import { make } from "./dom.js";
import { controlFor } from "./controls.js";
import { MODES } from "./modes.js";

/** Tells of "run" (id), "revised" (id), "record" (bars), "stop" and "tap"; panels are by mode's id. */
export class Panels extends EventTarget {
  constructor(tabs, panels, facts, chosen) {
    super();
    this.panels = new Map();
    for (const mode of MODES.filter((each) => each.mode in facts.modes)) {
      const panel = this.newPanel(mode, facts);
      this.panels.set(mode.id, panel);
      tabs.append(panel.tab);
      panels.append(panel.element);
    }
    tabs.addEventListener("keydown", (event) => this.turn(event));
    this.choose(this.panels.has(chosen) ? chosen : MODES[0].id);
  }

  newPanel(mode, facts) {
    const tab = make("button", { type: "button", role: "tab", id: `tab-${mode.id}`, "aria-controls": `panel-${mode.id}` }, mode.title);
    tab.addEventListener("click", () => this.choose(mode.id));
    const element = make("div", { role: "tabpanel", id: `panel-${mode.id}`, "aria-labelledby": `tab-${mode.id}`, class: "panel" });
    const controls = new Map();
    const fields = make("div", { class: "options" });
    const { models } = facts.modes[mode.mode];
    const choice = { kind: "model", name: "model", label: "Model", models };
    for (const option of models.length > 1 ? [choice, ...mode.options] : mode.options) {
      if (option.kind === "taps") {
        fields.append(this.tapPad());
        continue;
      }
      const changed = () => {
        if (option.kind === "model") this.fit(mode.id);
        this.tell(option.kind === "slot" ? "aimed" : "revised", mode.id);
      };
      const control = controlFor(option, facts, changed);
      controls.set(option.name, { ...option, control });
      fields.append(control.element);
    }
    const button = make("button", { type: "button", class: "primary", id: `run-${mode.id}` }, mode.button);
    button.addEventListener("click", () => this.tell("run", mode.id));
    const live = make("span", { class: "live", hidden: "", title: "Moving an option plays it again, with the same seed" }, "live");
    const runs = make("div", { class: "runs" });
    runs.append(live, button);
    const text = make("p", {}, typeof mode.text === "string" ? mode.text : mode.text(models[0]));
    element.append(text, fields, runs);
    return { mode, tab, element, controls, button, live, text };
  }

  /** Shows of a panel's options those that the model heeds, and what it knows. */
  fit(id) {
    const { mode, controls, text } = this.panels.get(id);
    const model = controls.get("model")?.control.chosen;
    if (!model) return;
    if (typeof mode.text !== "string") text.textContent = mode.text(model);
    for (const [name, { kind, control }] of controls) {
      if (kind === "model" || kind === "slot") continue;
      control.element.hidden = !model.options.includes(name);
      if (!control.element.hidden) control.fit?.(model);
    }
  }

  tapPad() {
    const pad = make("button", { type: "button", class: "pad", id: "pad" }, "Tap");
    pad.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      pad.focus();
      this.tell("tap", event.timeStamp);
    });
    pad.addEventListener("keydown", (event) => {
      if ((event.key !== "Enter" && event.key !== " ") || event.repeat) return;
      event.preventDefault();
      event.stopPropagation();
      this.tell("tap", event.timeStamp);
    });
    const bars = make("select", { id: "tap-bars", "aria-label": "Bars to record" });
    bars.append(...[1, 2, 4].map((number) => new Option(number === 1 ? "1 bar" : `${number} bars`, number, number === 2, number === 2)));
    const record = make("button", { type: "button", id: "record", "aria-pressed": "false" }, "Record taps");
    record.addEventListener("click", () => {
      const isOn = record.getAttribute("aria-pressed") === "true";
      this.tell(isOn ? "stop" : "record", Number(bars.value));
    });
    const box = make("div", { class: "taps", role: "group", "aria-label": "Tap a rhythm" });
    box.append(record, bars, pad);
    return box;
  }

  choose(id) {
    this.chosen = id;
    for (const [name, { tab, element }] of this.panels) {
      tab.setAttribute("aria-selected", name === id);
      tab.tabIndex = name === id ? 0 : -1;
      element.hidden = name !== id;
    }
    this.tell("chosen", id);
  }

  turn({ key }) {
    const ids = [...this.panels.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    this.choose(ids[(ids.indexOf(this.chosen) + step + ids.length) % ids.length]);
    this.panels.get(this.chosen).tab.focus();
  }

  /** Names the slots in all choices of one. */
  nameSlots(names) {
    for (const { controls } of this.panels.values()) {
      for (const { kind, control } of controls.values()) if (kind === "slot") control.nameSlots(names);
    }
  }

  /** What a mode is to be played with, slots apart: the options that the server takes. */
  optionsOf(id) {
    const { mode, controls } = this.panels.get(id);
    const found = { ...mode.fixed };
    for (const [name, { kind, control }] of controls) {
      const counts = kind !== "slot" && !control.element.hidden;
      if (counts && control.value !== null && control.value !== false) found[name] = control.value;
    }
    return found;
  }

  slotOf(id, name) {
    return this.panels.get(id).controls.get(name).control.value;
  }

  /** All that is set, to be kept; and set again. */
  get settings() {
    return Object.fromEntries([...this.panels].map(([id, { controls }]) => (
      [id, Object.fromEntries([...controls].map(([name, { control }]) => [name, control.value]))]
    )));
  }

  set settings(all) {
    for (const [id, { controls }] of this.panels) {
      for (const [name, { control }] of controls) {
        if (all?.[id]?.[name] === undefined) continue;
        control.set(all[id][name] ?? "");
        if (name === "model") this.fit(id); // before what it knows is set
      }
    }
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
