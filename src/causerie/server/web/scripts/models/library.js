// What there is to choose from: models of this machine, what the hub has, downloads, and what memory holds. Knows no element.

import { announce } from "/page/scripts/announce.js";
import { lookAtModels } from "/page/scripts/models/served.js";
import * as server from "/page/scripts/server.js";
import { longName, on, state, tell } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const WINDOW = 6000;  // milliseconds over which a download's speed is told

export const library = {
  models: null,      // of this machine, each with what it would be here; null until they were looked at
  suggested: [],     // of the hub, to begin with
  hits: null,        // of the hub, by words; null until they were asked for
  downloads: [],     // {model, state, bytes, total, note, fits, pace: bytes a second, or null}
  memory: null,      // {total, other, models, chats, free}
  measuring: false,  // whether speeds to expect are still to come
  fault: "",         // what went wrong last
};

const histories = new Map();  // of downloads: [milliseconds, bytes], the newest last
let looking = null, running = new Set();

// Does what was asked for, and says whether it was done, and what went wrong with it.
export async function attempt(work) {
  library.fault = "";
  const done = await work().then(() => true, (fault) => {
    if (fault.status !== 401) library.fault = fault.message;
    return false;
  });
  tell("library");
  return done;
}

// Looks at the models of this machine, which takes the server a second or two. Who asks meanwhile waits for the same answer.
export function lookAtLibrary() {
  looking ??= attempt(async () => {
    const { models, suggested, measuring, ...allowed } = await server.library();
    Object.assign(library, { models, suggested, measuring });
    allow(allowed);
  }).then((done) => {
    looking = null;
    library.measuring &&= done;
    if (library.measuring) lookAtLibrary();  // which is answered when the machine is measured
  });
  return looking;
}

function allow({ may_choose: choosing, may_download: downloads }) {
  const { capabilities } = state;
  if (capabilities.choosing === choosing && capabilities.downloads === downloads) return;
  Object.assign(capabilities, { choosing, downloads });
  tell("capabilities");
}

export async function lookAtMemory() {
  library.memory = await server.memory().catch(() => null);
  tell("library");
}

// Looks at downloads; what has come since the last look is told.
export async function lookAtDownloads() {
  const answer = await server.downloads().catch(() => null);
  if (!answer) return;
  allow(answer);
  library.downloads = answer.downloads.map((each) => ({ ...each, pace: paceOf(each) }));
  const fresh = answer.downloads.filter(({ model, state: how }) => how !== "running" && running.has(model));
  running = new Set(answer.downloads.filter((each) => each.state === "running").map((each) => each.model));
  for (const { model, state: how } of fresh) announce(how === "done" ? phrases.modelIsHere(longName(model)) : phrases.downloadEnded(longName(model)));
  if (fresh.some((each) => each.state === "done")) lookAtLibrary();
  tell("library");
}

// Bytes a second of the last moments; null while that says nothing.
function paceOf({ model, state: how, bytes }) {
  if (how !== "running") {
    histories.delete(model);
    return null;
  }
  const now = performance.now(), history = (histories.get(model) ?? []).filter(([then]) => now - then < WINDOW);
  history.push([now, bytes]);
  histories.set(model, history);
  const [[since, before]] = history;
  return now - since > 400 && bytes > before ? ((bytes - before) * 1000) / (now - since) : null;
}

export const findModels = (words) => attempt(async () => { library.hits = await server.searchHub(words); });

export function forgetHits() {
  library.hits = null;
}

export const fetchModel = (id) => attempt(async () => {
  await server.download(id);
  await lookAtDownloads();
});

export const pauseDownload = (id) => attempt(async () => {
  await server.cancelDownload(id);
  await lookAtDownloads();
});

export const unloadModel = (id) => attempt(async () => {
  await server.unload(id);
  await Promise.all([lookAtModels(), lookAtMemory()]);
});

// Has requests name it from now on, where they may not yet. Throws Refused.
export async function serveModel(id) {
  if (state.served.some((model) => model.id === id)) return;
  await server.serve(id);
  await lookAtModels();
}

export function begin() {
  on("admitted", lookAtDownloads);
}
