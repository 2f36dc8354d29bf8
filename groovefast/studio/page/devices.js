/** The choice of MIDI devices. */

import { byId } from "./dom.js";
import { say, trying } from "./say.js";

export function connectPorts(ports, kit) {
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
