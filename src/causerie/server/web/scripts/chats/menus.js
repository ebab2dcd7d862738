// The menus of the list: of a chat, of a folder, of several chats; where they are moved, as what they are exported. Knows no row.

import { move, pin, remove, removeFolder } from "/page/scripts/chats/changes.js";
import { chooseFiles, exportChats, importChats, KINDS } from "/page/scripts/chats/files.js";
import { folderNames } from "/page/scripts/chats/groups.js";
import { nameOf } from "/page/scripts/chats/rows.js";
import { button, el, openMenu, openPopover, slot } from "/page/scripts/elements.js";
import { state } from "/page/scripts/state.js";
import { LONGEST_NAME } from "/page/scripts/store.js";

const GAP = 4, EDGE = 8;  // pixels to the button, and to the window's edge

// Beside its button, within the window: below where there is room, else above.
function place({ box, anchor }) {
  const at = anchor.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.max(EDGE, Math.min(at.left, innerWidth - width - EDGE));
  const below = at.bottom + GAP + height <= innerHeight - EDGE;
  box.style.setProperty("--x", `${left}px`);
  box.style.setProperty("--y", `${below ? at.bottom + GAP : Math.max(EDGE, at.top - GAP - height)}px`);
}

const WAYS = { className: "beside" };

const menu = (anchor, label, entries) => place(openMenu(anchor, entries, { ...WAYS, label, into: slot("side") }));

export function chatMenu(chat, anchor, rename) {
  menu(anchor, `More for ${nameOf(chat)}`, [
    { words: "Rename", sign: "edit", act: rename },
    { words: chat.pinned ? "Unpin" : "Pin", sign: "pin", act: () => pin(chat, !chat.pinned) },
    { words: "Move to a folder", sign: "folder", act: () => moveMenu([chat], anchor) },
    { words: "Export", sign: "export", act: () => exportMenu([chat], nameOf(chat), anchor) },
    { words: "Delete", sign: "trash", kind: "bad", act: () => remove([chat]) },
  ]);
}

export function folderMenu(name, anchor, rename) {
  const chats = state.chats.filter((chat) => chat.folder === name);
  menu(anchor, `More for the folder ${name}`, [
    { words: "Rename", sign: "edit", act: rename },
    { words: "Export", sign: "export", act: () => exportMenu(chats, name, anchor) },
    { words: "Remove, keep its chats", sign: "close", act: () => removeFolder(name) },
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
  const out = chats.some((chat) => chat.folder) ? [{ words: "No folder", sign: "close", act: () => to("") }] : [];
  if (!folders.length) return newFolder(anchor, to);
  menu(anchor, "Move to a folder", [...folders, { words: "New folder", sign: "plus", act: () => newFolder(anchor, to) }, ...out]);
}

function newFolder(anchor, to) {
  const field = el("input", { className: "field", maxLength: LONGEST_NAME, dir: "auto", required: true, autofocus: true, ariaLabel: "Name of the new folder" });
  field.setAttribute("autofocus", "");
  const go = Object.assign(button("Move", null, "main"), { type: "submit" });
  const form = el("form", { className: "row" }, field, go);
  const popover = openPopover(anchor, [el("h2", { textContent: "A new folder" }), form], { label: "A new folder", className: "beside asks", into: slot("side") });
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
  menu(anchor, "Export", KINDS.map(({ words, sign, kind }) => ({ words, sign, act: () => exportChats(chats, name, kind) })));
}

// What the list's foot offers for all chats together.
export function filesMenu(anchor) {
  const all = state.chats.length ? [{ words: "Export all chats", sign: "export", act: () => exportMenu(state.chats, "Causerie chats", anchor) }] : [];
  menu(anchor, "Import or export chats", [{ words: "Import chats", sign: "fetch", act: () => chooseFiles("application/json,.json", importChats) }, ...all]);
}
