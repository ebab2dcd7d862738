// The chats: opened, begun, kept. Knows the store, and no element.

import { latest } from "/page/scripts/chats/groups.js";
import { merge } from "/page/scripts/chats/merging.js";
import { notice } from "/page/scripts/notices/notice.js";
import { on, state, tell } from "/page/scripts/state.js";
import { allChats, isDeleted, newChat, onOtherTab, path, readChat, saveChat, whole } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

export function openChat(chat) {
  state.running?.control.abort();
  state.chat = chat;
  sessionStorage.setItem("chat", chat.id);
  if (chat.model && state.served.some((model) => model.id === chat.model)) state.model = chat.model;
  notice("");
  tell("chat");
  tell("chats");
  tell("models");
}

export const beginChat = () => openChat(newChat(state.model));

// Keeps chats without making them the latest.
export async function keepAsIs(chats) {
  try {
    await Promise.all(chats.filter((chat) => chat.leaf !== null).map(saveChat));  // all at once: the page may be closed
    tell("saved");
  } catch (fault) {
    notice(phrases.notKept(fault.message));
  }
}

// Keeps the open chat, or the one that is given, as it is now: the latest of all.
export async function keepChat(chat = state.chat) {
  if (!chat || chat.leaf === null || isDeleted(chat)) return;
  chat.updated = Date.now();
  if (state.chats[0] !== chat) {
    state.chats = [chat, ...state.chats.filter((other) => other !== chat)];
    tell("chats");
  }
  await keepAsIs([chat]);
}

// Takes in what another device or tab has of a chat. Returns the chat as it is here now.
export function takeIn(theirs) {
  const mine = state.chats.find(({ id }) => id === theirs.id);
  if (!mine) {
    const chat = whole(theirs);
    state.chats = latest([...state.chats, chat]);
    tell("chats");
    return chat;
  }
  const before = JSON.stringify(path(mine)), { leaf } = mine;
  const writes = state.running?.chat === mine;
  merge(mine, whole(theirs), writes ? state.running.node : null);
  if (writes) mine.leaf = leaf;  // what is being written stays in sight
  state.chats = latest(state.chats);
  tell("chats");
  if (mine === state.chat && JSON.stringify(path(mine)) !== before && !writes) tell("chat");
  return mine;
}

// Takes a chat out of the list that was deleted elsewhere.
export function forgetChat(id) {
  state.chats = state.chats.filter((chat) => chat.id !== id);
  if (state.chat?.id === id) beginChat();
  else tell("chats");
}

async function hear(id) {
  const chat = await readChat(id).catch(() => null);
  if (chat) takeIn(chat);
  else if (state.chats.some((each) => each.id === id)) forgetChat(id);
}

// Reads what the browser keeps, and opens the chat that this tab showed last.
export async function begin() {
  on("settings", () => {
    state.chat.changed = Date.now();
    keepChat();
  });
  onOtherTab(hear);
  state.chats = await allChats().catch((fault) => {
    notice(phrases.keepsNone(fault.message));
    return [];
  });
  openChat(state.chats.find((chat) => chat.id === sessionStorage.getItem("chat")) ?? newChat(state.model));
}
