// The chats: opened, begun, kept, renamed, deleted. Knows the store, and no element.

import { notice } from "/page/scripts/notices/notice.js";
import { on, state, tell } from "/page/scripts/state.js";
import { allChats, deleteChat, newChat, saveChat } from "/page/scripts/store.js";

export function openChat(chat) {
  state.running?.control.abort();
  state.chat = chat;
  sessionStorage.setItem("chat", chat.id);
  if (chat.model && state.served.some((model) => model.id === chat.model)) state.model = chat.model;
  notice("");
  document.body.classList.remove("has-drawer");
  tell("chat");
  tell("chats");
  tell("models");
}

export const beginChat = () => openChat(newChat(state.model));

// Keeps the open chat, or the one that is given, as it is now.
export async function keepChat(chat = state.chat) {
  if (!chat || chat.leaf === null) return;
  chat.updated = Date.now();
  if (!state.chats.includes(chat)) {
    state.chats.unshift(chat);
    tell("chats");
  }
  try {
    await saveChat(chat);
  } catch (fault) {
    notice(`The browser could not keep this chat: ${fault.message}`);
  }
}

export async function renameChat(chat, title) {
  chat.title = title.trim() || chat.title;
  await keepChat(chat);
  tell("chats");
}

// Deletes chats; `restoreChats` puts them back as they were.
export async function removeChats(chats) {
  state.chats = state.chats.filter((chat) => !chats.includes(chat));
  if (chats.includes(state.chat)) beginChat();
  else tell("chats");
  await Promise.all(chats.map((chat) => deleteChat(chat.id)));
}

export async function restoreChats(chats) {
  state.chats = [...state.chats, ...chats].sort((a, b) => b.updated - a.updated);
  tell("chats");
  await Promise.all(chats.map(saveChat));
}

// Reads what the browser keeps, and opens the chat that this tab showed last.
export async function begin() {
  on("settings", () => keepChat());
  state.chats = await allChats().catch((fault) => {
    notice(`The browser keeps no chats here: ${fault.message}`);
    return [];
  });
  const last = state.chats.find((chat) => chat.id === sessionStorage.getItem("chat"));
  openChat(last ?? newChat(state.model));
}
