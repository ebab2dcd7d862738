// The list of chats at the side: in groups, searched, walked through by keys, chosen from. Knows no message's looks.

import { remove, rename, renameFolder } from "/page/scripts/chats/changes.js";
import { beginChat, openChat } from "/page/scripts/chats/chats.js";
import { beginChoosing, choose, chooseAll, choosing, choosingBar, endChoosing, isChosen, showBar } from "/page/scripts/chats/choosing.js";
import { closeDrawer } from "/page/scripts/chats/drawer.js";
import { groups } from "/page/scripts/chats/groups.js";
import { chatMenu, filesMenu, folderMenu, languageMenu } from "/page/scripts/chats/menus.js";
import { chatRow, folderRow, nameField } from "/page/scripts/chats/rows.js";
import { hit, patterns } from "/page/scripts/chats/search.js";
import { announce } from "/page/scripts/announce.js";
import { el, icon, iconButton, slot } from "/page/scripts/elements.js";
import { key, showKeys } from "/page/scripts/keys.js";
import { on, state, tell } from "/page/scripts/state.js";
import { nameOf, path, show } from "/page/scripts/store.js";
import { nextTheme, themeWords } from "/page/scripts/theme.js";
import { phrases } from "/page/scripts/words.js";

const WAIT = 120;  // milliseconds after a key before a search begins
const search = el("input", { type: "search", placeholder: phrases.search, ariaLabel: phrases.searchChats });
const clear = iconButton("close", phrases.clearSearch, () => {
  search.value = "";
  draw();
  search.focus();
}, {}, true);
const list = el("div", { className: "chats" });
const folds = new Set(JSON.parse(localStorage.getItem("open folders") ?? "[]"));
let naming = false, shown = [], searching = null, opened = null;

// --- what the rows do ---

const acts = {
  open: (chat, event, node) => (event.ctrlKey || event.metaKey || event.shiftKey ? beginChoosing(chat) : open(chat, node)),
  choose: (chat, range) => choose(chat, range, shown),
  more: (chat, anchor) => chatMenu(chat, anchor, () => nameIt(rowOf({ chat: chat.id }), nameOf(chat), (name) => rename(chat, name))),
  fold: (name) => {
    if (!folds.delete(name)) folds.add(name);
    keepFolds();
    draw();
  },
  moreOfFolder: (name, anchor) => folderMenu(name, anchor, () => nameIt(rowOf({ folder: name }), name, (given) => renameTo(name, given))),
};

const keepFolds = () => localStorage.setItem("open folders", JSON.stringify([...folds]));

// A folder that is open is so under its new name.
function renameTo(folder, name) {
  if (folds.delete(folder)) folds.add(name);
  keepFolds();
  renameFolder(folder, name);
}

// Opens a chat; with the message that a search has found, the branch that has it.
function open(chat, node = null) {
  closeDrawer();
  if (node && !path(chat).includes(node)) show(chat, node);
  openChat(chat);
  if (node) tell("found", node);
}

function startChat() {
  closeDrawer();
  beginChat();
}

// The row of a chat's id, or of a folder's name, as it is drawn now.
const rowOf = ({ chat, folder }) => list.querySelector(chat ? `[data-chat="${chat}"]` : `[data-folder="${CSS.escape(folder)}"]`);

// The list is not drawn anew while a name is written in it.
function nameIt(row, name, use) {
  naming = true;
  made.delete(chatAt(row));  // it has a field now in place of its name
  nameField(row, name, (given) => {
    naming = false;
    if (given && given !== name) use(given);
    draw();
    rowOf({ chat: row.dataset.chat, folder: given ?? name })?.querySelector(".open")?.focus();
  });
}

// --- drawing ---

const looksOf = (chat) => ({ now: chat === state.chat, chosen: choosing() ? isChosen(chat) : null });
const made = new WeakMap();  // rows by their chats, and what they show: of a thousand few change

function asRow(chat, more = {}) {
  const looks = { ...looksOf(chat), ...more }, key = JSON.stringify([chat.title, looks]);
  if (made.get(chat)?.key !== key) made.set(chat, { key, row: chatRow(chat, acts, looks) });
  return made.get(chat).row;
}

function rowsOfFolder(folder) {
  const open = folds.has(folder.name), row = folderRow(folder, acts, { open, choosing: choosing() });
  if (!open) return [row];
  shown.push(...folder.chats);
  return [row, ...folder.chats.map((chat) => asRow(chat, { inside: true }))];
}

function group({ heading, chats, folders }) {
  if (chats) shown.push(...chats);
  const rows = chats ? chats.map((chat) => asRow(chat)) : folders.flatMap(rowsOfFolder);
  return [el("h3", { textContent: heading }), el("ul", { ariaLabel: heading }, ...rows)];
}

function hits(sought) {
  const some = state.chats.map((chat) => ({ chat, ...(hit(chat, sought) ?? { text: undefined }) })).filter(({ text }) => text !== undefined);
  some.sort((a, b) => (a.text !== null) - (b.text !== null));  // titles first
  shown = some.map(({ chat }) => chat);
  const words = some.length ? phrases.chatsFound(some.length) : phrases.noChatFound;
  announce(words);
  return [el("h3", { textContent: words }), el("ul", {}, ...some.map(({ chat, text, node }) => chatRow(chat, acts, { ...looksOf(chat), sought, excerpt: text, node })))];
}

// The folder of a chat that has been opened is open too.
function unfold() {
  if (state.chat === opened) return;
  opened = state.chat;
  if (opened?.folder && !opened.pinned) folds.add(opened.folder);
}

function draw() {
  if (naming) return;
  unfold();
  const back = focused(), sought = patterns(search.value);
  shown = [];
  clear.hidden = !search.value;
  list.replaceChildren(...(sought.length ? hits(sought) : groups(state.chats).flatMap(group)));
  list.classList.toggle("choosing", choosing());
  foot.hidden = choosing();
  showBar();
  back();
}

// Gives the focus to the same control of the same row again, when the list is drawn anew.
function focused() {
  const at = document.activeElement, row = at?.closest?.(".chats li");
  if (!row) return () => {};
  const kind = at.matches(".more") ? ".more" : ".open, input";
  return () => rowOf(row.dataset)?.querySelector(kind)?.focus({ preventScroll: true });
}

// --- keys ---

const stops = () => [...list.querySelectorAll(".open:not(label), [type=checkbox]")];

function walk(by) {
  const all = stops(), at = all.indexOf(document.activeElement.closest("li")?.querySelector(".open:not(label), [type=checkbox]"));
  if (at + by < 0) return search.focus();
  all[Math.min(all.length - 1, at + by)]?.focus();
}

const chatAt = (target) => state.chats.find((chat) => chat.id === target.closest("li")?.dataset.chat);

function removeAt(target) {
  const chat = chatAt(target), at = stops().indexOf(target);
  if (!chat || choosing()) return;
  remove([chat]);
  (stops()[at] ?? stops().at(-1) ?? search).focus();
}

function renameAt(target) {
  const row = target.closest("li"), more = row?.querySelector(".more");
  if (!more || choosing()) return;
  const chat = chatAt(target);
  nameIt(row, chat ? nameOf(chat) : row.dataset.folder, (name) => (chat ? rename(chat, name) : renameTo(row.dataset.folder, name)));
}

function press(event) {
  if (event.target.matches(".name")) return;
  const act = {
    ArrowDown: () => walk(1), ArrowUp: () => walk(-1), Home: () => stops()[0]?.focus(), End: () => stops().at(-1)?.focus(),
    F2: () => renameAt(event.target), Delete: () => removeAt(event.target),
    ...(choosing() ? { a: event.ctrlKey || event.metaKey ? () => chooseAll(shown) : undefined } : {}),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function pressInSearch(event) {
  if (event.isComposing) return;
  if (event.key === "ArrowDown") walk(1);
  else if (event.key === "Enter" && shown.length && search.value.trim()) open(shown[0]);
  else if (event.key === "Escape" && search.value) {
    search.value = "";
    draw();
  } else return;
  event.preventDefault();
}

// --- the side ---

const foot = el("div", { className: "foot" });

function makeFoot() {
  const theme = iconButton("theme", themeWords(), () => {
    nextTheme();
    theme.ariaLabel = theme.title = themeWords();
  });
  const files = iconButton("export", phrases.importOrExport, () => filesMenu(files), { title: phrases.importExport, ariaHasPopup: "menu" });
  const language = iconButton("language", phrases.language, () => languageMenu(language), { ariaHasPopup: "menu" });
  const keys = iconButton("help", phrases.keys, () => showKeys(keys), { title: `${phrases.keys} (?)` });
  foot.append(iconButton("many", phrases.chooseSeveralChats, () => beginChoosing(), { title: phrases.chooseSeveral }), files, keys, el("span", { className: "grow" }), language, theme);
  return foot;
}

export function begin() {
  const close = iconButton("close", phrases.closeList, closeDrawer, { className: "ib narrow" });
  slot("side").append(
    el("div", { className: "head" }, el("span", { className: "brand grow" }, icon("mark"), "Causerie"), iconButton("new", `${phrases.newChat} (Alt+N)`, startChat), close),
    el("div", { className: "find", role: "search" }, icon("search", true), search, el("kbd", { className: "wide-only", textContent: "/" }), clear),
    list, choosingBar(draw), makeFoot());
  slot("side").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !choosing() || event.defaultPrevented) return;
    event.preventDefault();
    endChoosing();
  });
  list.onkeydown = press;
  search.onkeydown = pressInSearch;
  search.oninput = () => {
    clearTimeout(searching);
    searching = setTimeout(draw, WAIT);
  };
  on("chats", draw);
  key("Alt+N", phrases.newChat, startChat);
  key("/", phrases.searchChats, () => search.focus());
  key("F2", phrases.renameKey);
  key("Delete", phrases.deleteKey);
  draw();
}
