/** Asks the server. What it refuses becomes an Error with its one line. */

import { received, sent } from "./piece.js";

const UNREACHABLE = "GrooveFast does not answer: is groovefast-studio still running?";

async function answerOf(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(UNREACHABLE);
  }
  if (response.ok) return response;
  let line;
  try {
    line = (await response.json()).error;
  } catch {
    line = `${response.status} ${response.statusText}`;
  }
  throw new Error(line);
}

function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return answerOf(path, { method: "POST", body: JSON.stringify(body), headers, signal });
}

/** What there is: modes, styles, attributes, drums. */
export const about = async () => (await answerOf("api/studio")).json();

/** The pieces of the files that groovefast-studio was started with. */
export const given = async () => (await (await answerOf("api/pieces")).json()).map(received);

/** One hit of a drum, a WAV file. */
export const voice = async (drum, layer, take) => (
  (await answerOf(`voices/${drum}-${layer}-${take}.wav`)).arrayBuffer()
);

/** A tone that nobody ends, a WAV file. */
export const toneSound = async (tone, pitch) => (
  (await answerOf(`voices/tone-${tone}-${pitch}.wav`)).arrayBuffer()
);

/** The piece in a MIDI file; `where` says what of it the drums are: channel, track, kit. */
export async function open(bytes, name, where = {}, signal = undefined) {
  const words = Object.entries({ name, ...where }).filter(([, value]) => value);
  const path = `api/open?${new URLSearchParams(words)}`;
  return received(await (await answerOf(path, { method: "POST", body: bytes, signal })).json());
}

/** A piece as the file it makes. */
export const write = async (piece, signal) => (
  received(await (await post("api/write", { piece: sent(piece) }, signal)).json())
);

/** A piece as a WAV file, a Blob. */
export const wav = async (piece, signal) => (
  (await post("api/wav", { piece: sent(piece) }, signal)).blob()
);

/**
 * What a mode makes of pieces: {pieces, seed, messages}.
 *
 * @param told Is called with stage and share, 0 to 1, while it takes long.
 */
export async function play(mode, pieces, options, told, signal) {
  const response = await post("api/play", { mode, pieces: pieces.map(sent), options }, signal);
  const isLong = response.headers.get("Content-Type").includes("ndjson");
  const result = isLong ? await longResult(response, told) : await response.json();
  return { ...result, pieces: result.pieces.map(received) };
}

async function longResult(response, told) {
  const result = await lastLine(response.body, told).catch((error) => {
    if (error.name === "AbortError") throw error;
  });
  if (result === undefined || result.stage !== undefined) throw new Error(UNREACHABLE); // it was cut off
  if (result.error !== undefined) throw new Error(result.error);
  return result;
}

async function lastLine(body, told) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let last;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return last;
    const lines = (text + value).split("\n");
    text = lines.pop();
    for (const line of lines.filter(Boolean)) {
      last = JSON.parse(line);
      if (last.stage !== undefined) told(last.stage, last.share);
    }
  }
}
