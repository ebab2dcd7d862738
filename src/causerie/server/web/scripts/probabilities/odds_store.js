// Odds of answers in a database of the browser, beside the chats and not in them: they are many times as large as the text.
// Knows no answer but by its id.

const NAME = "causerie-odds", STORE = "odds";
let opening = null;

function database() {
  opening ??= new Promise((done, fail) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
  return opening;
}

async function ask(mode, what) {
  const store = (await database()).transaction(STORE, mode).objectStore(STORE);
  return new Promise((done, fail) => {
    const request = what(store);
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

export const keepOdds = (id, chat, units) => ask("readwrite", (store) => store.put({ id, chat, units }));

export const keptOdds = async (id) => (await ask("readonly", (store) => store.get(id)))?.units ?? null;

// Deletes the odds of chats that there are no more.
export async function sweepOdds(chats) {
  const ids = new Set(chats.map((chat) => chat.id)), store = (await database()).transaction(STORE, "readwrite").objectStore(STORE);
  store.openCursor().onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    if (!ids.has(cursor.value.chat)) cursor.delete();
    cursor.continue();
  };
}
