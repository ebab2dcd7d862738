// Chats in the browser's own database. Knows no page and no server.
//
// A chat: {id, title, created, updated, model, system, policy, repetition, thinks (or not, or undefined: as the model does), settings, nodes, leaf}. Its messages are a tree, `nodes` by
// id with a `parent`; the chat as it is shown is the way from `leaf` up. A node: {id, parent, role, text, reasoning, calls,
// files, partial, ended ("", "stopped", "cut", "repeated", "broken" or "refused"), fault: what the server said}. An answer has {model: its id, tokens: of the chat with it, stats: what it took, in words, speed: tokens a second in
// words, thought: milliseconds of its reasoning, figures: {prompt, written, reasoning (tokens), begun, read, thought, wrote (milliseconds)}} and,
// where messages went before it, {forgotten: how many, summary}.

// What can be done with the oldest messages of a chat that no longer fits, as the server calls it.
export const SHORTENINGS = ["drop_oldest", "summarize"];

const NAME = "causerie", STORE = "chats";
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

export const allChats = async () => (await ask("readonly", (store) => store.getAll())).sort((a, b) => b.updated - a.updated);
export const saveChat = (chat) => ask("readwrite", (store) => store.put(chat));
export const deleteChat = (id) => ask("readwrite", (store) => store.delete(id));

export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export function newChat(model) {
  const now = Date.now();
  return { id: newId(), title: "", created: now, updated: now, model, system: "", policy: "ask", repetition: "end", settings: {}, nodes: {}, leaf: null };
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

// A chat from a file somebody chose, with nothing in it but what a chat has. Throws an Error with a sentence.
export function checked(value) {
  const text = (found) => (typeof found === "string" ? found : "");
  if (typeof value !== "object" || value === null || typeof value.nodes !== "object" || value.nodes === null) {
    throw new Error("The file holds no chats of this page.");
  }
  const chat = { ...newChat(text(value.model)), title: text(value.title), system: text(value.system) };
  if ([...SHORTENINGS, "error"].includes(value.policy)) chat.policy = value.policy;
  if (value.repetition === "allow") chat.repetition = "allow";
  if (typeof value.thinks === "boolean") chat.thinks = value.thinks;
  chat.created = Number(value.created) || chat.created;
  for (const [name, setting] of Object.entries(value.settings ?? {})) if (typeof setting === "number") chat.settings[name] = setting;
  for (const [id, node] of Object.entries(value.nodes)) {
    if (!["user", "assistant", "tool"].includes(node?.role)) throw new Error("The file holds a message of no known role.");
    const files = (Array.isArray(node.files) ? node.files : []).map((file) => ({ name: text(file?.name), text: text(file?.text) }));
    const calls = (Array.isArray(node.calls) ? node.calls : []).map((call) => ({ id: text(call?.id), name: text(call?.name), arguments: text(call?.arguments) }));
    const parent = typeof node.parent === "string" ? node.parent : null;
    chat.nodes[id] = { id, parent, role: node.role, text: text(node.text), reasoning: text(node.reasoning), calls, files, partial: Boolean(node.partial), ended: text(node.ended), fault: text(node.fault), model: text(node.model), thought: Number(node.thought) || 0, call: text(node.call), forgotten: Number(node.forgotten) || 0, summary: text(node.summary), tokens: Number(node.tokens) || 0, stats: text(node.stats), speed: text(node.speed) };
  }
  for (const node of Object.values(chat.nodes)) {
    if (node.parent !== null && !chat.nodes[node.parent]) throw new Error("The file holds a message without the one before it.");
    const seen = new Set([node.id]);
    for (let up = node.parent; up !== null; up = chat.nodes[up].parent) {
      if (seen.has(up)) throw new Error("The file's messages follow each other in a circle.");
      seen.add(up);
    }
  }
  chat.leaf = chat.nodes[value.leaf] ? value.leaf : Object.keys(chat.nodes).at(-1) ?? null;
  return chat;
}
