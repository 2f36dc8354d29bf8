/** Files that are dropped, chosen and named, and what is asked about them. */

import { byId } from "./dom.js";
import { downloadWav, fileOf, takeDrops } from "./files.js";
import { emptyLike } from "./piece.js";
import { complain, say, trying } from "./say.js";
import { given } from "./server.js";
import { factsOf } from "./showing.js";
import { SLOTS } from "./studio.js";

const PARTS = ["channel", "track", "kit"];
const ABOUT_PARTS = /no drums|none of its notes|no track|pitch_classes/;

export function openFiles(studio, opener) {
  const open = async (files, number) => {
    try {
      await opener.open(files, number);
    } catch (error) {
      if (files.length === 1 && opener.refused && ABOUT_PARTS.test(error.message)) askForParts(opener, opener.refused, error);
      else complain(error);
    }
  };
  opener.addEventListener("opened", ({ detail }) => say(`${detail.name}: ${factsOf(detail)}`));
  byId("open").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async () => {
    await open([...byId("file").files]);
    byId("file").value = "";
  });
  takeDrops(byId("shade"), (files, target) => {
    const slot = target.closest?.(".slot");
    return open([...files], slot ? Number(slot.dataset.slot) : undefined);
  });
  byId("which").addEventListener("click", trying(async () => {
    const { piece, current } = studio;
    const asked = { file: await fileOf(piece), number: current, where: piece };
    askForParts(opener, asked, { message: `${piece.name}: the drums are on channel 10, or where you say` });
  }));
  byId("wav").addEventListener("click", trying(async () => {
    byId("wav").disabled = true;
    say(`${studio.piece.name}: the sound is made`);
    await downloadWav(studio.piece).finally(() => { byId("wav").disabled = false; });
  }));
  byId("duplicate").addEventListener("click", trying(async () => {
    const number = studio.firstEmpty();
    if (number < 0) throw new Error("no slot is empty; clear one first");
    studio.set(studio.piece, null, number);
    studio.select(number);
  }));
  byId("clear").addEventListener("click", () => studio.set(emptyLike(studio.piece)));
}

/** Asks which of a file's notes the drums are, and opens it so. */
function askForParts(opener, asked, { message }) {
  const dialog = byId("parts");
  byId("parts-line").textContent = message;
  for (const id of PARTS) byId(id).value = asked.where?.[id] ?? "";
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  byId("parts-cancel").onclick = () => dialog.close("");
  dialog.onclose = async () => {
    if (dialog.returnValue !== "open") return;
    const where = Object.fromEntries(PARTS.map((id) => [id, byId(id).value.trim()]));
    try {
      await opener.openOne(asked.file, asked.number, where);
    } catch (error) {
      askForParts(opener, { ...asked, where }, error);
    }
  };
}

/** Opens what groovefast-studio was started with, once. */
export async function openGiven(studio) {
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
