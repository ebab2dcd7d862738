// What is done to chats of the list: named, pinned, put into folders, deleted. Each is kept at once, and can be taken back where
// something would be lost. Knows no element.

import { beginChat, keepAsIs } from "/page/scripts/chats/chats.js";
import { latest } from "/page/scripts/chats/groups.js";
import { notice } from "/page/scripts/notices/notice.js";
import { state, tell } from "/page/scripts/state.js";
import { deleteChat, nameOf, restoreChat } from "/page/scripts/store.js";
import { toast } from "/page/scripts/toast.js";
import { phrases } from "/page/scripts/words.js";

async function change(chats, fields) {
  for (const chat of chats) Object.assign(chat, fields, { changed: Date.now() });
  tell("chats");
  await keepAsIs(chats);
}

export const rename = (chat, title) => change([chat], { title });
export const pin = (chat, pinned) => change([chat], { pinned });
export const move = (chats, folder) => change(chats, { folder });

const within = (folder) => state.chats.filter((chat) => chat.folder === folder);

export const renameFolder = (folder, name) => move(within(folder), name);

// The folder goes, its chats stay.
export function removeFolder(folder) {
  const chats = within(folder);
  move(chats, "");
  toast(phrases.folderRemoved(folder), () => move(chats, folder));
}

const deleted = (chats) => (chats.length === 1 ? phrases.chatDeleted(nameOf(chats[0])) : phrases.chatsDeleted(chats.length));

export async function remove(chats) {
  const open = chats.includes(state.chat) ? state.chat : null;
  state.chats = state.chats.filter((chat) => !chats.includes(chat));
  if (open) beginChat();
  else tell("chats");
  toast(deleted(chats), () => restore(chats));
  try {
    await Promise.all(chats.map((chat) => deleteChat(chat.id)));
    tell("saved");
  } catch (fault) {
    notice(phrases.notDeleted(fault.message));
  }
}

async function restore(chats) {
  state.chats = latest([...state.chats, ...chats]);
  tell("chats");
  for (const chat of chats) restoreChat(chat.id);
  await keepAsIs(chats);
}
