// The menus of the list: of a chat, of a folder, of several chats; where they are moved, as what they are exported. Knows no row.

import { move, pin, remove, removeFolder } from "/page/scripts/chats/changes.js";
import { chooseFiles, exportChats, importChats, KINDS } from "/page/scripts/chats/files.js";
import { folderNames } from "/page/scripts/chats/groups.js";
import { button, el, openMenu, openPopover, slot } from "/page/scripts/elements.js";
import { languageEntries } from "/page/scripts/language.js";
import { state } from "/page/scripts/state.js";
import { LONGEST_NAME, nameOf } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const GAP = 4, EDGE = 8;  // pixels to the button, and to the window's edge

// Beside its button, within the window: below where there is room, else above.
function place({ box, anchor }) {
  const at = anchor.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.max(EDGE, Math.min(at.left, innerWidth - width - EDGE));
  const below = at.bottom + GAP + height <= innerHeight - EDGE;
  box.style.setProperty("--x", `${left}px`);
  box.style.setProperty("--y", `${below ? at.bottom + GAP : Math.max(EDGE, at.top - GAP - height)}px`);
}

const menu = (anchor, label, entries) => place(openMenu(anchor, entries, { className: "beside", label, into: slot("side") }));

export function chatMenu(chat, anchor, rename) {
  menu(anchor, phrases.moreFor(nameOf(chat)), [
    { words: phrases.rename, sign: "edit", act: rename },
    { words: chat.pinned ? phrases.unpin : phrases.pin, sign: "pin", act: () => pin(chat, !chat.pinned) },
    { words: phrases.moveToFolder, sign: "folder", act: () => moveMenu([chat], anchor) },
    { words: phrases.export, sign: "export", act: () => exportMenu([chat], nameOf(chat), anchor) },
    { words: phrases.delete, sign: "trash", kind: "bad", act: () => remove([chat]) },
  ]);
}

export function folderMenu(name, anchor, rename) {
  const chats = state.chats.filter((chat) => chat.folder === name);
  menu(anchor, phrases.moreForFolder(name), [
    { words: phrases.rename, sign: "edit", act: rename },
    { words: phrases.export, sign: "export", act: () => exportMenu(chats, name, anchor) },
    { words: phrases.removeFolder, sign: "close", act: () => removeFolder(name) },
  ]);
}

// `then` is called when the chats are where they were to go.
export function moveMenu(chats, anchor, then = () => {}) {
  const now = chats.every((chat) => chat.folder === chats[0].folder) ? chats[0].folder : null;
  const to = (folder) => {
    move(chats, folder);
    then();
  };
  const folders = folderNames(state.chats).map((name) => ({ words: name, sign: name === now ? "check" : "folder", act: () => to(name) }));
  const out = chats.some((chat) => chat.folder) ? [{ words: phrases.noFolder, sign: "close", act: () => to("") }] : [];
  if (!folders.length) return newFolder(anchor, to);
  menu(anchor, phrases.moveToFolder, [...folders, { words: phrases.newFolder, sign: "plus", act: () => newFolder(anchor, to) }, ...out]);
}

function newFolder(anchor, to) {
  const field = el("input", { className: "field", maxLength: LONGEST_NAME, dir: "auto", required: true, autofocus: true, ariaLabel: phrases.nameOfNewFolder });
  field.setAttribute("autofocus", "");
  const go = Object.assign(button(phrases.move, null, "main"), { type: "submit" });
  const form = el("form", { className: "row" }, field, go);
  const popover = openPopover(anchor, [el("h2", { textContent: phrases.aNewFolder }), form], { label: phrases.aNewFolder, className: "beside asks", into: slot("side") });
  form.onsubmit = (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (!name) return;
    popover.close();
    to(name);
  };
  place(popover);
}

export function exportMenu(chats, name, anchor) {
  menu(anchor, phrases.export, KINDS.map(({ words, sign, kind }) => ({ words, sign, act: () => exportChats(chats, name, kind) })));
}

export const languageMenu = (anchor) => menu(anchor, phrases.language, languageEntries());

// What the list's foot offers for all chats together.
export function filesMenu(anchor) {
  const all = state.chats.length ? [{ words: phrases.exportAll, sign: "export", act: () => exportMenu(state.chats, phrases.fileOfChats, anchor) }] : [];
  menu(anchor, phrases.importOrExport, [{ words: phrases.importChats, sign: "fetch", act: () => chooseFiles("application/json,.json", importChats) }, ...all]);
}
