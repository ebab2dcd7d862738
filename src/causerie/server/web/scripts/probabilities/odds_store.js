// Odds of answers in a database of the browser, beside the chats and not in them: they are many times as large as the text.
// Knows no answer but by its id.

import { given } from "/page/scripts/store.js";

const NAME = "causerie-odds", STORE = "odds";
let opening = null;

function database() {
  if (opening) return opening;
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  opening = given(request);
  return opening;
}

const ask = async (mode, what) => given(what((await database()).transaction(STORE, mode).objectStore(STORE)));

export const keepOdds = (id, units) => ask("readwrite", (store) => store.put({ id, units }));

export const keptOdds = async (id) => (await ask("readonly", (store) => store.get(id)))?.units ?? null;

// Deletes the odds of answers that are in no chat any more. Of all others it reads the names alone: there may be many, and they are large.
export async function sweepOdds(chats) {
  const there = new Set(chats.flatMap((chat) => Object.keys(chat.nodes)));
  for (const id of await ask("readonly", (store) => store.getAllKeys())) if (!there.has(id)) await ask("readwrite", (store) => store.delete(id));
}
