// Several chats chosen at once, and the bar at the list's foot that says what can be done with them. Knows no row.

import { remove } from "/page/scripts/chats/changes.js";
import { exportMenu, moveMenu } from "/page/scripts/chats/menus.js";
import { button, el } from "/page/scripts/elements.js";
import { state } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

let chosen = null, last = null, redraw = null;  // ids, or null while none are being chosen; the id pressed last

export const choosing = () => chosen !== null;
export const isChosen = (chat) => chosen?.has(chat.id) ?? false;

const chats = () => state.chats.filter(isChosen);

export function beginChoosing(chat = null) {
  chosen = new Set(chat ? [chat.id] : []);
  last = chat?.id ?? null;
  redraw();
}

export function endChoosing() {
  if (!chosen) return;
  chosen = last = null;
  redraw();
}

// Ticks a chat or takes its tick away; with `range`, all that stand between it and the one before get the same.
export function choose(chat, range, shown) {
  const ids = shown.map(({ id }) => id), tick = !chosen.has(chat.id), from = ids.indexOf(last), to = ids.indexOf(chat.id);
  const some = range && from >= 0 ? ids.slice(Math.min(from, to), Math.max(from, to) + 1) : [chat.id];
  for (const id of some) tick ? chosen.add(id) : chosen.delete(id);
  last = chat.id;
  redraw();
}

export function chooseAll(shown) {
  const all = shown.every(isChosen);
  for (const { id } of shown) all ? chosen.delete(id) : chosen.add(id);
  redraw();
}

const count = el("b", { className: "grow" });
const moving = button(phrases.move, () => moveMenu(chats(), moving, endChoosing));
const exporting = button(phrases.export, () => exportMenu(chats(), phrases.fileOfChats, exporting));
const deleting = button(phrases.delete, () => {
  const some = chats();
  endChoosing();
  remove(some);
}, "bad");
const bar = el("div", { className: "many", role: "group", hidden: true },
  el("div", {}, count, button(phrases.done, endChoosing, "bare")),
  el("div", {}, moving, exporting, deleting));

// The bar, shown while chats are chosen. `draw` draws the list again.
export function choosingBar(draw) {
  redraw = draw;
  return bar;
}

export function showBar() {
  const many = chats().length;
  bar.hidden = !chosen;
  count.textContent = phrases.chosen(many);
  bar.ariaLabel = phrases.chatsChosen(many);
  for (const each of [moving, exporting, deleting]) each.disabled = !many;
}
