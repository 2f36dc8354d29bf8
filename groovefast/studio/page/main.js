/** The page: makes its parts and ties them together. */

import { byId } from "./dom.js";
import { connectPorts } from "./devices.js";
import { MidiLink, Opener } from "./files.js";
import { showTheme, takeKeys } from "./keys.js";
import { keepAll, restore } from "./memory.js";
import { kept } from "./keeping.js";
import { Kit } from "./kit.js";
import { Models } from "./models.js";
import { openFiles, openGiven } from "./opening.js";
import { Panels } from "./panels.js";
import { Pattern } from "./pattern.js";
import { Player } from "./player.js";
import { Ports } from "./ports.js";
import { complain } from "./say.js";
import { about } from "./server.js";
import { playPieces, showPieces } from "./showing.js";
import { SlotButtons } from "./slots.js";
import { Studio } from "./studio.js";
import { recordTaps } from "./tapping.js";
import { Transport } from "./transport.js";
import { runModes } from "./working.js";
import { takeZoom } from "./zooming.js";

async function begin() {
  showTheme(await kept("theme"));
  const facts = await about();
  const studio = new Studio();
  const isFirstVisit = !(await restore(studio));
  const pattern = new Pattern(byId("pattern"), facts.drums, facts.voices.tones.map(({ name }) => name));
  const kit = new Kit(facts.voices);
  const ports = new Ports(facts.pitches);
  const player = new Player(studio, kit, ports, (drum) => pattern.isHeard(drum));
  const models = new Models(studio);
  const transport = new Transport(studio, player, kit, (...pieces) => models.carry(...pieces), complain);
  const panels = new Panels(byId("tabs"), byId("panels"), facts, await kept("panel"));
  panels.settings = await kept("options");
  new SlotButtons(byId("slots"), studio);
  new MidiLink(byId("midi"), studio, complain);

  showPieces(studio, pattern, kit, ports);
  takeZoom(pattern, await kept("zoom"));
  playPieces(pattern, player, transport);
  openFiles(studio, new Opener(studio));
  const run = runModes(studio, panels, models, facts);
  recordTaps(studio, panels, player, ports, kit, () => run("drumify"));
  connectPorts(ports, kit);
  takeKeys(studio, transport);
  keepAll(studio, panels);
  await openGiven(studio);
  if (isFirstVisit && studio.slots.every((_, number) => studio.isEmpty(number))) run("new");
  document.body.dataset.ready = "";
}

begin().catch(complain);
