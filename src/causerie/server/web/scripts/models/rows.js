// A row for each model: its name, what it takes and gives, whether it fits, what can be done with it. Knows no server.

import { button, el, icon } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const shapes = new WeakMap();  // of rows: what must be equal for a row to stay

// A row is described by {key, name, title, sign, facts, badge: {kind, sign, words, hint}, acts: [{words, label, act, kind,
// disabled}], share}: `sign` is a dot ("on", "off") or the name of an icon, `share` what has come of all.
const shapeOf = ({ name, sign, badge, acts, share }) => JSON.stringify([name, sign, badge, acts.map(({ act, ...rest }) => rest), share === undefined]);

function make(told) {
  const { key, name, title, sign, badge, acts, share } = told;
  const mark = sign === "on" || sign === "off" ? el("span", { className: sign === "on" ? "dot" : "dot off" }) : el("span", { className: "mark" }, icon(sign, true));
  const row = el("div", { className: "model", role: "group", ariaLabel: name, title: title ?? "" }, mark, el("span", {}, el("b", { textContent: name }), el("small")),
    badge ? el("span", { className: `badge ${badge.kind}`.trim(), title: badge.hint ?? "" }, icon(badge.sign, true), badge.words) : null,
    ...acts.map(({ words, label, act, kind = "", disabled = false }) => Object.assign(button(words, act, kind), { ariaLabel: label, disabled })),
    share === undefined ? null : track(name));
  row.dataset.key = key;
  shapes.set(row, shapeOf(told));
  return row;
}

const track = (name) => el("div", { className: "track", role: "progressbar", ariaLabel: phrases.modelComes(name), "aria-valuemin": "0", "aria-valuemax": "100" }, el("span"));

function refresh(row, { facts, share }) {
  row.querySelector("small").textContent = facts.filter(Boolean).join(" · ");
  if (share === undefined) return;
  const bar = row.querySelector(".track"), hundredths = Math.round((share ?? 0) * 100);
  bar.setAttribute("aria-valuenow", String(hundredths));
  bar.firstChild.style.setProperty("width", `${hundredths}%`);
}

// Shows these rows, in this order. One that is as it was stays, with the focus that is in it.
export function showRows(list, every) {
  const before = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const focused = list.contains(document.activeElement) ? document.activeElement.closest(".model").dataset.key : null;
  const rows = every.map((told) => {
    const old = before.get(told.key), row = old && shapes.get(old) === shapeOf(told) ? old : make(told);
    refresh(row, told);
    return row;
  });
  rows.forEach((row, place) => {
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
  if (focused && !list.contains(document.activeElement)) rows.find((row) => row.dataset.key === focused)?.querySelector("button:not([disabled])")?.focus();
}
