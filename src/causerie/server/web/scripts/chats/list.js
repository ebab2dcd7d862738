// The list of chats at the side: found, opened, renamed, exported, deleted with a way back. Knows no message's looks.

import { beginChat, openChat, removeChats, renameChat, restoreChats } from "/page/scripts/chats/chats.js";
import { chooseFiles, downloadChats, importChats } from "/page/scripts/chats/files.js";
import { dash, el, icon, iconButton, openMenu, slot } from "/page/scripts/elements.js";
import { key, showKeys } from "/page/scripts/keys.js";
import { on, state } from "/page/scripts/state.js";
import { nextTheme, themeWords } from "/page/scripts/theme.js";
import { toast } from "/page/scripts/toast.js";

const search = el("input", { type: "search", placeholder: "Search" });
const list = el("div", { className: "chats" });

const titleOf = (chat) => chat.title || "New chat";

function holds(chat, sought) {
  return !sought || chat.title.toLowerCase().includes(sought) || Object.values(chat.nodes).some((node) => node.text.toLowerCase().includes(sought));
}

function show() {
  const sought = search.value.trim().toLowerCase();
  list.replaceChildren(el("ul", {}, ...state.chats.filter((chat) => holds(chat, sought)).map(row)));
}

function row(chat) {
  const title = titleOf(chat);
  const open = el("button", { type: "button", className: "open cut", dir: "auto", textContent: title, title, onclick: () => openChat(chat) });
  const more = iconButton("more", `More for ${title}`, () => showMore(chat, item, open, more), { className: "ib more" });
  const item = el("li", {}, dash(), open, more);
  if (chat === state.chat) {
    item.className = "now";
    item.setAttribute("aria-current", "page");
  }
  return item;
}

function showMore(chat, item, open, more) {
  openMenu(more, [
    { words: "Rename", sign: "edit", act: () => rename(chat, item, open) },
    { words: "Export", sign: "export", act: () => downloadChats([chat], titleOf(chat)) },
    { words: "Delete", sign: "trash", kind: "bad", act: () => remove([chat]) },
  ], { label: `More for ${titleOf(chat)}`, into: item });
}

function rename(chat, item, open) {
  const field = el("input", { className: "open", value: chat.title, ariaLabel: "Name of this chat" });
  field.onkeydown = (event) => {
    if (event.key === "Enter") renameChat(chat, field.value);
    if (event.key === "Escape") show();
  };
  field.onblur = () => field.isConnected && renameChat(chat, field.value);
  item.replaceChild(field, open);
  field.select();
}

function remove(chats) {
  removeChats(chats);
  toast(`“${titleOf(chats[0])}” is deleted`, () => restoreChats(chats));
}

export function begin() {
  const theme = iconButton("theme", themeWords(), () => {
    nextTheme();
    theme.ariaLabel = theme.title = themeWords();
  });
  const keysButton = iconButton("help", "Keys", () => showKeys(keysButton), { title: "Keys (?)" });
  const close = iconButton("close", "Close the list of chats", () => document.body.classList.remove("has-drawer"), { className: "ib narrow" });
  slot("side").append(
    el("div", { className: "head" }, el("span", { className: "brand grow" }, icon("mark"), "Causerie"), iconButton("new", "New chat (Alt+N)", beginChat), close),
    el("label", { className: "find" }, icon("search", true), el("span", { className: "said", textContent: "Search chats" }), search, el("kbd", { className: "wide-only", textContent: "/" })),
    list,
    el("div", { className: "foot" },
      iconButton("fetch", "Import chats", () => chooseFiles("application/json,.json", (files) => files.forEach(importChats))),
      iconButton("export", "Export all chats", () => downloadChats(state.chats, "causerie chats")),
      keysButton, el("span", { className: "grow" }), theme));
  search.oninput = show;
  on("chats", show);
  key("Alt+N", "New chat", beginChat);
  key("/", "Search chats", () => search.focus());
}
