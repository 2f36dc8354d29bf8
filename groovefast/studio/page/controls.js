/** The controls of the modes' options; each tells what it is set to. */

import { make } from "./dom.js";
import { SLOTS } from "./studio.js";
import { attributeSlider } from "./modes.js";

/** A control: {element, value, set(value)}. `changed` is called when a user has moved it. */
export function controlFor(option, facts, changed) {
  return BUILDERS[option.kind](option, facts, changed);
}

const BUILDERS = { slider, model, style, slot, check, attributes };

function slider({ name, label, hint, value, min, max, step, show }, _, changed) {
  const input = make("input", { type: "range", name, min, max, step, "aria-label": label }); // without its value
  const output = make("output");
  const element = labelled(label, input, output);
  element.title = hint;
  element.classList.add("slider");
  const set = (number) => {
    input.value = number;
    output.value = show(input.value);
    input.setAttribute("aria-valuetext", output.value);
    input.style.setProperty("--share", (input.value - min) / (max - min));
  };
  set(value);
  input.addEventListener("input", () => {
    set(input.value);
    changed();
  });
  return { element, set, get value() { return Number(input.value); } };
}

function choice(name, label, choices, changed) {
  const select = make("select", { name });
  select.append(...choices.map(([value, text]) => new Option(text, value)));
  select.addEventListener("change", changed);
  return { element: labelled(label, select), select, set: (value) => { select.value = value; } };
}

/** Which of several models plays; the first, which is the usual one, is not named. */
function model({ name, label, models }, _, changed) {
  const texts = models.map(({ name: each, bars, tokens }) => [each, `${each} (${tokens ? `${tokens}, ` : ""}${bars} bars)`]);
  const { element, select } = choice(name, label, texts, changed);
  return {
    element,
    set: (chosen) => {
      select.value = chosen;
      if (select.selectedIndex < 0) select.selectedIndex = 0;
    },
    get chosen() { return models[select.selectedIndex]; },
    get value() { return select.selectedIndex > 0 ? select.value : null; },
  };
}

/** The styles that a model knows. */
function style({ name, label }, { styles }, changed) {
  const control = choice(name, label, [], changed);
  const fit = (model) => {
    const before = control.select.value;
    control.select.replaceChildren(...[["", "any"], ...model.styles.map((each) => [each, each])].map(([value, text]) => new Option(text, value)));
    control.set(model.styles.includes(before) ? before : "");
  };
  fit({ styles });
  return { ...control, fit, get value() { return control.select.value || null; } };
}

/** Slots are counted from 1 where they are shown, from 0 elsewhere. */
function slot({ name, label }, _, changed) {
  const numbers = Array.from({ length: SLOTS }, (__, number) => [number + 1, number + 1]);
  const { element, select } = choice(name, label, numbers, changed);
  select.value = name === "a" ? 1 : 2;
  return {
    element,
    nameSlots: (names) => names.forEach((text, number) => { select.options[number].text = `${number + 1}: ${text}`; }),
    set: (number) => { select.value = number + 1; },
    get value() { return Number(select.value) - 1; },
  };
}

function check({ name, label }, _, changed) {
  const input = make("input", { type: "checkbox", name });
  input.addEventListener("change", changed);
  const element = make("label", { class: "check" });
  element.append(input, label);
  return { element, set: (value) => { input.checked = value; }, get value() { return input.checked; } };
}

/** Sliders of all attributes, folded up until they are wanted; what is 0 is left as it comes. */
function attributes({ label }, facts, changed) {
  let controls = [];
  const element = make("details", { class: "attributes" });
  const summary = make("summary");
  summary.textContent = label;
  const sheet = make("div", { class: "sheet" });
  const reset = make("button", { type: "button" });
  reset.textContent = "All to 0";
  reset.addEventListener("click", () => {
    controls.forEach(([, control]) => control.set(0));
    changed();
  });
  element.append(summary, sheet);
  const fit = (model) => {
    const before = new Map(controls.map(([name, control]) => [name, control.value]));
    controls = model.attributes.map((name) => [name, slider(attributeSlider(name), facts, changed)]);
    controls.forEach(([name, control]) => control.set(before.get(name) ?? 0));
    sheet.replaceChildren(...controls.map(([, control]) => control.element), reset);
  };
  fit(facts);
  return {
    element,
    fit,
    set: (amounts) => controls.forEach(([name, control]) => control.set(amounts?.[name] ?? 0)),
    get value() {
      const set = controls.map(([name, control]) => [name, control.value]).filter(([, amount]) => amount !== 0);
      return set.length ? Object.fromEntries(set) : null;
    },
  };
}

function labelled(text, ...controls) {
  const label = make("label", { class: "control" });
  const name = make("span");
  name.textContent = text;
  label.append(name, ...controls);
  return label;
}
