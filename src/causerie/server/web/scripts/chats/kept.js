// The chats that the server keeps, where it was started so: the same ones on every device. The browser's own store stays as it is,
// so that one can go on without the server; what the server lacks then is sent later. Knows no element.

import { forgetChat, takeIn } from "/page/scripts/chats/chats.js";
import { notice } from "/page/scripts/notices/notice.js";
import { keptChat, keptChats, putChat, removeKeptChat } from "/page/scripts/server.js";
import { on, state, tell } from "/page/scripts/state.js";
import { adoptChat, changeCopy, copies, dropCopy, dropSent, isDeleted, nameOf, readCopy, restoreChat } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const LOOK = 20_000;  // milliseconds between two looks at what other devices did
const WAIT = 300;  // milliseconds after something was saved before it is sent
const TRIES = 3;  // of one chat, against others who change it
const LATER = [0, 401, 404];  // the server is away, asks for a key, or does not know this
const refused = new Map();  // what the server would not keep, by id: after how many saves
let turn = Promise.resolve(), sending = null, folder = null;

// Whether there is something here that the server's folder has not.
const lacking = (copy) => copy.saves !== copy.sent || copy.folder !== folder;

const revisionOf = (copy) => (copy?.folder === folder ? copy.revision : null);

// One after the other. What fails because the server is away is tried with the next look.
function inTurn(act) {
  turn = turn.then(act).catch((fault) => {
    if (!LATER.includes(fault.status)) notice(phrases.keptApart(fault.message));
  });
  return turn;
}

// --- from the server ---

async function look() {
  const before = await copies(), { kept, chats: rows, folder: its } = await keptChats();
  folder = its;
  if (kept !== Boolean(state.capabilities.keptChats)) {
    state.capabilities.keptChats = kept;
    tell("capabilities");
  }
  if (!kept) return;
  const known = new Map(before.map((copy) => [copy.id, copy]));
  for (const { id, revision } of rows) if (!known.get(id)?.deleted && revisionOf(known.get(id)) !== revision) await receive(await keptChat(id));
  const there = new Set(rows.map(({ id }) => id));
  for (const copy of before) if (revisionOf(copy) && !copy.deleted && !there.has(copy.id)) await missing(copy.id);
  await send();
}

async function receive({ chat, revision }) {
  if (isDeleted(chat)) return;  // meanwhile
  const copy = await readCopy(chat.id), here = state.chats.some(({ id }) => id === chat.id);
  const own = copy ? lacking(copy) : here;
  await adoptChat(takeIn(chat), { revision, folder, sent: own ? -1 : (copy?.saves ?? 0) });
}

// It was deleted elsewhere: here too, unless something was said here meanwhile.
async function missing(id) {
  if (state.running?.chat.id !== id && await dropSent(id)) forgetChat(id);
}

// --- to the server ---

async function send() {
  const known = new Map((await copies()).map((copy) => [copy.id, copy]));
  for (const copy of known.values()) if (copy.deleted) await sendDeletion(copy);
  for (const chat of [...state.chats]) {
    const copy = known.get(chat.id) ?? { saves: 0, sent: -1 };
    if (lacking(copy) && refused.get(chat.id) !== copy.saves) await sendChat(chat, copy);
  }
}

async function sendChat(chat, copy) {
  let revision = revisionOf(copy) ?? null;
  for (let left = TRIES; left; left -= 1) {
    try {
      const answer = await putChat(chat, revision);
      return await changeCopy(chat.id, { revision: answer.revision, folder, sent: copy.saves });
    } catch (fault) {
      if (LATER.includes(fault.status)) throw fault;
      if (fault.status !== 409) return refuse(chat, copy, fault);
      revision = fault.said.newer?.revision ?? null;
      if (fault.said.newer) await receive(fault.said.newer);
    }
  }
}

function refuse(chat, copy, fault) {
  refused.set(chat.id, copy.saves);
  notice(phrases.keptHereOnly(nameOf(chat), fault.message));
}

// Where it was changed elsewhere meanwhile, it comes back.
async function sendDeletion(copy) {
  try {
    if (revisionOf(copy)) await removeKeptChat(copy.id, copy.revision);
    await dropCopy(copy.id);
  } catch (fault) {
    if (fault.status !== 409) throw fault;
    await dropCopy(copy.id);
    if (!fault.said.newer) return;
    restoreChat(copy.id);
    await receive(fault.said.newer);
  }
}

// --- when ---

const lookNow = () => document.visibilityState === "visible" && state.server === "here" && state.admitted && inTurn(look);

// Looks at once, and then again and again; what is saved here is sent soon.
export function begin() {
  on("saved", () => {
    if (!state.capabilities.keptChats) return;
    clearTimeout(sending);
    sending = setTimeout(() => inTurn(send), WAIT);
  });
  on("admitted", lookNow);
  on("server", lookNow);
  document.addEventListener("visibilitychange", lookNow);
  setInterval(() => state.capabilities.keptChats && lookNow(), LOOK);
  lookNow();
}
