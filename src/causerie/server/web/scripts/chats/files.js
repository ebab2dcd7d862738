// Chats as files: written by the browser's download, read with every field checked. Knows no list.

import { openChat } from "/page/scripts/chats/chats.js";
import { asDocument } from "/page/scripts/chats/document.js";
import { allAsMarkdown } from "/page/scripts/chats/markdown.js";
import { el } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";
import { state } from "/page/scripts/state.js";
import { allChats, checked, saveChat } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const asJson = (chats) => JSON.stringify({ causerie: 1, chats }, null, 1);

export const KINDS = [
  { kind: "md", words: phrases.asMarkdown, sign: "file", type: "text/markdown", write: allAsMarkdown },
  { kind: "html", words: phrases.asPage, sign: "code", type: "text/html", write: asDocument },
  { kind: "json", words: phrases.asJson, sign: "undo", type: "application/json", write: asJson },
];

const LONGEST_NAME = 60;  // characters of a file's name
const READ = 60_000;  // milliseconds in which a browser has read what it downloads

const fileName = (name, kind, unnamed) => `${name.replace(/[^\p{L}\p{M}\p{N} _-]/gu, "").replace(/ +/g, " ").trim().slice(0, LONGEST_NAME) || unnamed}.${kind}`;

// Gives the reader a text as a file, which is called like what it holds; `unnamed` where no letter of that can be in a file's name.
export function saveFile(text, name, { kind, type, unnamed = "chats" }) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: fileName(name, kind, unnamed) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ);
}

export async function exportChats(chats, name, kind) {
  const as = KINDS.find((each) => each.kind === kind);
  try {
    saveFile(await as.write(chats), name, as);
  } catch (fault) {
    notice(phrases.notExported(name, fault.message));
  }
}

// The chats of the files that can be read; the first of them is opened.
export async function importChats(files) {
  const faults = [];
  let first = null;
  for (const file of files) {
    try {
      const value = JSON.parse(await file.text());
      for (const chat of (Array.isArray(value?.chats) ? value.chats : [value]).map(checked)) {
        await saveChat(chat);
        first ??= chat.id;
      }
    } catch (fault) {
      faults.push(phrases.notImported(file.name, fault.message));
    }
  }
  if (first) {
    state.chats = await allChats();
    openChat(state.chats.find((chat) => chat.id === first));
  }
  if (faults.length) notice(faults.join(" "));
}

// Lets the reader choose files; `accept` is what they may be.
export function chooseFiles(accept, use) {
  const picker = el("input", { type: "file", multiple: true, accept });
  picker.onchange = () => use([...picker.files]);
  picker.click();
}
