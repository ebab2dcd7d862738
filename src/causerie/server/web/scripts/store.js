// Chats in the browser's own database. Knows no page and no server.
//
// A chat: {id, title, created, updated, pinned, folder, model, system, policy, repetition, thinks (or not, or undefined: as the model does),
// settings, nodes, leaf}; `folder` is a name, "" for none; `changed` says when a reader last gave it a name, a place or settings. Its
// messages are a tree, `nodes` by id with a `parent`; the chat as it is shown is the way from `leaf` up. A node: {id, parent, role, text,
// reasoning, calls, files, partial, ended ("", "stopped", "cut", "repeated", "broken" or "refused"), fault: what the server said}.
// An answer has {model: its id, tokens: of the chat with it, stats: what it took, in words, speed: tokens a second in
// words, thought: milliseconds of its reasoning, figures: {prompt, written, reasoning (tokens), begun, read, thought, wrote (milliseconds)}} and,
// where messages went before it, {forgotten: how many, summary}.

import { phrases } from "/page/scripts/words.js";

// What can be done with the oldest messages of a chat that no longer fits, as the server calls it.
export const SHORTENINGS = ["drop_oldest", "summarize"];

// Of a chat that a server keeps too there is a note, its copy: {id, revision, folder: of the server, saves, sent: how often it had been
// saved here when the server got it, deleted: here, and not yet there}.

const NAME = "causerie", STORE = "chats", COPIES = "copies";
const VERSION = 2;  // 1: chats knew no pins and no folders, and no copies
const ID = /^[\w-]{1,64}$/;
export const LONGEST_NAME = 80;  // characters of a title or a folder's name
let opening = null;

// Gives each chat of an earlier version what it lacks.
function complete(store) {
  store.openCursor().onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    cursor.update({ pinned: false, folder: "", ...cursor.value });
    cursor.continue();
  };
}

function database() {
  opening ??= new Promise((done, fail) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = ({ oldVersion }) => {
      if (oldVersion < 1) request.result.createObjectStore(STORE, { keyPath: "id" });
      else complete(request.transaction.objectStore(STORE));
      request.result.createObjectStore(COPIES, { keyPath: "id" });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();  // a newer page waits for it
      done(request.result);
    };
    request.onerror = () => fail(request.error);
    request.onblocked = () => fail(new Error(phrases.olderTab));
  });
  return opening;
}

// What a request to a database gives.
export const given = (request) => new Promise((done, fail) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

const ask = async (name, what) => given(what((await database()).transaction(name).objectStore(name)));

// Changes a chat and its copy together, and tells other tabs.
async function change(id, what) {
  const transaction = (await database()).transaction([STORE, COPIES], "readwrite"), copies = transaction.objectStore(COPIES);
  what(transaction.objectStore(STORE), copies, (use) => {
    copies.get(id).onsuccess = ({ target: { result } }) => use(result);
  });
  await new Promise((done, fail) => {
    transaction.oncomplete = done;
    transaction.onerror = transaction.onabort = () => fail(transaction.error);
  });
  tabs.postMessage(id);
}

const tabs = new BroadcastChannel(NAME);

// What another tab has changed: `act` gets the id of the chat.
export function onOtherTab(act) {
  tabs.onmessage = ({ data }) => act(data);
}

export const allChats = async () => (await ask(STORE, (store) => store.getAll())).sort((a, b) => b.updated - a.updated);
export const readChat = (id) => ask(STORE, (store) => store.get(id));

// What is deleted stays so, even where an answer to it still comes and is kept.
const gone = new Set();

export const isDeleted = (chat) => gone.has(chat.id);

const fresh = (id) => ({ id, revision: null, saves: 0, sent: 0 });

export const saveChat = async (chat) => isDeleted(chat) || change(chat.id, (store, copies, copyOf) => {
  store.put(chat);
  copyOf((copy = fresh(chat.id)) => copies.put({ ...copy, deleted: false, saves: copy.saves + 1 }));
});

export function deleteChat(id) {
  gone.add(id);
  return change(id, (store, copies, copyOf) => {
    store.delete(id);
    copyOf((copy) => (copy?.revision ? copies.put({ ...copy, deleted: true }) : copies.delete(id)));
  });
}

// Lets a deleted chat be saved again.
export const restoreChat = (id) => gone.delete(id);

export const copies = () => ask(COPIES, (store) => store.getAll());
export const readCopy = (id) => ask(COPIES, (store) => store.get(id));

// Puts a chat that the server gave, or a part of it; `fields` are those of its copy that change.
export const adoptChat = (chat, fields) => change(chat.id, (store, copies, copyOf) => {
  store.put(chat);
  copyOf((copy = fresh(chat.id)) => copies.put({ ...copy, ...fields }));
});

export const changeCopy = (id, fields) => change(id, (store, copies, copyOf) => copyOf((copy = fresh(id)) => copies.put({ ...copy, ...fields })));

export const dropCopy = (id) => change(id, (store, copies) => copies.delete(id));

// Deletes a chat that the server had and has no more; one that was saved since it had it stays. Returns whether it is gone.
export async function dropSent(id) {
  let dropped = false;
  await change(id, (store, copies, copyOf) => copyOf((copy) => {
    dropped = copy?.saves === copy?.sent;
    if (!dropped) return copies.put({ ...copy, revision: null });
    copies.delete(id);
    store.delete(id);
  }));
  return dropped;
}

// What a chat is called, also before it has a title.
export const nameOf = (chat) => chat.title || phrases.newChat;

export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export function newChat(model) {
  const now = Date.now();
  return { id: newId(), title: "", created: now, updated: now, pinned: false, folder: "", model, system: "", policy: "ask", repetition: "end", settings: {}, nodes: {}, leaf: null };
}

// The messages from the first to the one shown last.
export function path(chat) {
  const upwards = [];
  for (let id = chat.leaf; id !== null && chat.nodes[id]; id = chat.nodes[id].parent) upwards.push(chat.nodes[id]);
  return upwards.reverse();
}

export function add(chat, parent, role, fields) {
  const node = { id: newId(), parent, role, text: "", reasoning: "", calls: [], files: [], ...fields };
  chat.nodes[node.id] = node;
  chat.leaf = node.id;
  return node;
}

// The other answers to the same message, or the other wordings of it, in the order they were made.
export const siblings = (chat, node) => Object.values(chat.nodes).filter((other) => other.parent === node.parent && other.role === node.role);

// Shows a branch to its last message: the newest child, again and again.
export function show(chat, node) {
  let last = node;
  for (;;) {
    const children = Object.values(chat.nodes).filter((other) => other.parent === last.id);
    if (!children.length) break;
    last = children[children.length - 1];
  }
  chat.leaf = last.id;
}

// A chat of another program, or of an earlier page, with all fields that a chat has here.
export function whole(value) {
  const nodes = Object.entries(value.nodes).map(([id, node]) => [id, { parent: null, text: "", reasoning: "", calls: [], files: [], ...node }]);
  return { ...newChat(""), ...value, nodes: Object.fromEntries(nodes) };
}

const resultOf = (result, text) => ({ text: text(result.text), failed: Boolean(result.failed), cut: Boolean(result.cut), seconds: typeof result.seconds === "number" ? result.seconds : null });

// A chat from a file somebody chose, with nothing in it but what a chat has. Throws an Error with a sentence.
export function checked(value) {
  const text = (found) => (typeof found === "string" ? found : "");
  if (typeof value !== "object" || value === null || typeof value.nodes !== "object" || value.nodes === null) {
    throw new Error(phrases.fileWithoutChats);
  }
  const chat = { ...newChat(text(value.model)), title: text(value.title), system: text(value.system), pinned: value.pinned === true, folder: text(value.folder).slice(0, LONGEST_NAME) };
  if ([...SHORTENINGS, "error"].includes(value.policy)) chat.policy = value.policy;
  if (value.repetition === "allow") chat.repetition = "allow";
  if (typeof value.manner === "string") chat.manner = value.manner;
  if (typeof value.thinks === "boolean") chat.thinks = value.thinks;
  chat.created = Number(value.created) || chat.created;
  chat.updated = Number(value.updated) || chat.updated;
  for (const [name, setting] of Object.entries(value.settings ?? {})) if (typeof setting === "number") chat.settings[name] = setting;
  for (const [id, node] of Object.entries(value.nodes)) {
    if (!["user", "assistant", "tool"].includes(node?.role)) throw new Error(phrases.fileWithoutRole);
    if (!ID.test(id)) throw new Error(phrases.fileWithoutId);
    const files = (Array.isArray(node.files) ? node.files : []).map((file) => ({ name: text(file?.name), text: text(file?.text) }));
    const calls = (Array.isArray(node.calls) ? node.calls : []).map((call) => ({ id: text(call?.id), name: text(call?.name), arguments: text(call?.arguments), ...(call?.result ? { result: resultOf(call.result, text) } : {}) }));
    const parent = typeof node.parent === "string" ? node.parent : null;
    chat.nodes[id] = { id, parent, role: node.role, text: text(node.text), reasoning: text(node.reasoning), calls, files, partial: Boolean(node.partial), ended: text(node.ended), fault: text(node.fault), model: text(node.model), thought: Number(node.thought) || 0, call: text(node.call), forgotten: Number(node.forgotten) || 0, summary: text(node.summary), tokens: Number(node.tokens) || 0, stats: text(node.stats), speed: text(node.speed) };
  }
  for (const node of Object.values(chat.nodes)) {
    if (node.parent !== null && !chat.nodes[node.parent]) throw new Error(phrases.fileWithGap);
    const seen = new Set([node.id]);
    for (let up = node.parent; up !== null; up = chat.nodes[up].parent) {
      if (seen.has(up)) throw new Error(phrases.fileWithCircle);
      seen.add(up);
    }
  }
  chat.leaf = chat.nodes[value.leaf] ? value.leaf : Object.keys(chat.nodes).at(-1) ?? null;
  return chat;
}
