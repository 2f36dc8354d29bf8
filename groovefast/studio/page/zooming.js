/** How many bars of the pattern stand beside each other: as many as fit, or fewer, or more. */

import { byId } from "./dom.js";
import { keep } from "./keeping.js";

export function takeZoom(pattern, kept) {
  const show = () => {
    byId("zoom-out").disabled = !pattern.canZoom.out;
    byId("zoom-in").disabled = !pattern.canZoom.in;
  };
  const zoom = (step) => {
    if (!pattern.canZoom[step > 0 ? "out" : "in"]) return;
    pattern.zoomBy(step);
    keep("zoom", pattern.zoom).catch(() => undefined);
  };
  byId("zoom-out").addEventListener("click", () => zoom(1));
  byId("zoom-in").addEventListener("click", () => zoom(-1));
  pattern.addEventListener("built", show);
  pattern.element.addEventListener("keydown", ({ key }) => {
    if (key === "-") zoom(1);
    else if (key === "+" || key === "=") zoom(-1);
  });
  if (kept) pattern.zoomBy(kept);
  show();
}
