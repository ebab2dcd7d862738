// Chats as files: written by the browser's download, read with every field checked. Knows no list.

import { openChat } from "/page/scripts/chats/chats.js";
import { el } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";
import { state } from "/page/scripts/state.js";
import { allChats, checked, saveChat } from "/page/scripts/store.js";

export function downloadChats(chats, name) {
  const file = new Blob([JSON.stringify({ causerie: 1, chats }, null, 1)], { type: "application/json" });
  const link = el("a", { href: URL.createObjectURL(file), download: `${name.replace(/[^\p{L}\p{N} _-]/gu, "").slice(0, 60) || "chats"}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export async function importChats(file) {
  try {
    const value = JSON.parse(await file.text());
    const read = (Array.isArray(value.chats) ? value.chats : [value]).map(checked);
    for (const chat of read) await saveChat(chat);
    state.chats = await allChats();
    if (read.length) openChat(state.chats.find((chat) => chat.id === read[0].id));
  } catch (fault) {
    notice(`${file.name} was not imported: ${fault.message}`);
  }
}

// Lets the reader choose files; `accept` is what they may be.
export function chooseFiles(accept, use) {
  const picker = el("input", { type: "file", multiple: true, accept });
  picker.onchange = () => use([...picker.files]);
  picker.click();
}
