/** What the models do, as the page shows it: each mode's name, words and options. */

const percent = (value) => `${Math.round(value * 100)} %`;
const factor = (value) => Number(value).toFixed(2).replace(/\.?0+$/, "");
const signed = (value) => (Number(value) === 0 ? "0" : `${value > 0 ? "+" : "−"}${Math.abs(value)}`);

function slider(name, label, hint, value, max = 1, show = percent, min = 0, step = 0.05) {
  return { kind: "slider", name, label, hint, value, min, max, step, show };
}

const TIMING = slider("timing", "Timing", "How far hits move from where they are to where the model plays them", 1);
const DYNAMICS = slider("dynamics", "Dynamics", "How far velocities go from what they are to what the model plays", 1);
const TOUCH = slider("touch", "Touch", "How much of a player's scatter there is", 0.5);
const slot = (name, label) => ({ kind: "slot", name, label });

/** The modes of the page: `mode` as the server has it, and what it takes beside `seed`; `fixed` options are not shown. */
export const MODES = [
  {
    id: "new", mode: "sample", title: "New", button: "New groove", sources: [], fixed: { num: 1 },
    text: newText,
    options: [
      { kind: "style", name: "style", label: "Style" },
      slider("variety", "Variety", "How far from what is typical", 1, 2, factor),
      slider("temperature", "Temperature", "How boldly hits are drawn", 0.5, 2, factor),
      slider("touch", "Touch", "How much of a player's scatter there is", 1),
      { kind: "attributes", name: "attributes", label: "Character" },
    ],
  },
  {
    id: "humanize", mode: "humanize", title: "Humanize", button: "Humanize", sources: ["current"],
    text: "Gives these hits a drummer's timing and dynamics.",
    options: [TIMING, DYNAMICS, TOUCH],
  },
  {
    id: "drumify", mode: "tap2drum", title: "Drumify", button: "Drum to this pattern", sources: ["current"],
    text: "Makes a beat of a rhythm: of this pattern, or of one that you tap.",
    options: [{ kind: "taps" }, TIMING, DYNAMICS, TOUCH],
  },
  {
    id: "hihat", mode: "add-hihat", title: "Add hi-hat", button: "Add hi-hat", sources: ["current"],
    text: "Plays the closed hi-hat to a pattern that has none.",
    options: [TIMING, DYNAMICS, TOUCH, { kind: "check", name: "replace", label: "Play it anew where there is one" }],
  },
  {
    id: "transfer", mode: "groove-transfer", title: "Transfer", button: "Transfer groove", sources: ["current", "groove"],
    text: "Plays this slot's hits with the feel of another slot.",
    options: [slot("groove", "Feel of slot"), TIMING, DYNAMICS],
  },
  {
    id: "vary", mode: "vary", title: "Vary", button: "Vary", sources: ["current"],
    text: "Plays something like this pattern.",
    options: [
      slider("spread", "How far", "How far a variation goes", 0.5, 2, factor),
      TIMING, DYNAMICS,
      { kind: "attributes", name: "attributes", label: "Character" },
    ],
  },
  {
    id: "interpolate", mode: "interpolate", title: "Interpolate", button: "Interpolate", sources: ["a", "b"],
    text: "Plays what lies between two slots.",
    options: [slot("a", "From slot"), slot("b", "To slot"), slider("at", "Between", "From the first, 0 %, to the second, 100 %, as the model hears them", 0.5)],
  },
  {
    id: "continue", mode: "continue", title: "Continue", button: "Continue", sources: ["current"],
    text: "Plays on after the last bar.",
    options: [
      slider("bars", "Bars", "How many bars more", 4, 16, String, 1, 1),
      slider("temperature", "Temperature", "How boldly what follows is drawn", 0.75, 2, factor),
    ],
  },
];

/** What is made anew by a model of so many bars. */
function newText({ bars, tokens }) {
  const number = { 1: "One bar", 2: "Two bars", 4: "Four bars", 8: "Eight bars", 16: "Sixteen bars" }[bars] ?? `${bars} bars`;
  const what = { drums: " of drums, on the grid,", melody: " of melody", trio: " of melody, bass and drums" }[tokens] ?? "";
  return `${number}${what} that nobody played, in this slot's tempo.`;
}

/** One attribute of Character, in standard deviations. */
export function attributeSlider(name) {
  const label = name[0].toUpperCase() + name.slice(1);
  return slider(name, label, "By so many standard deviations more or less", 0, 3, signed, -3, 0.25);
}
