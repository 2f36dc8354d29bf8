/** Elements: found by their id, and made. */

export const byId = (id) => document.getElementById(id);

export function make(name, attributes = {}, text = "") {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.textContent = text;
  return element;
}
