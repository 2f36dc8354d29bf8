/** The line at the bottom that tells what was done, and what went wrong. */

const MESSAGE_MS = 6000;
const MOST_LETTERS = 320;

const message = document.getElementById("message");
let timer = 0;

export function say(line, isError = false) {
  message.textContent = line.length > MOST_LETTERS ? `${line.slice(0, MOST_LETTERS)}…` : line;
  message.classList.toggle("error", isError);
  message.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { message.hidden = true; }, isError ? 2 * MESSAGE_MS : MESSAGE_MS);
}

export const complain = (error) => say(error.message, true);

/** A listener that tells of what goes wrong in it. */
export function trying(work) {
  return async (...args) => {
    try {
      await work(...args);
    } catch (error) {
      complain(error);
    }
  };
}
