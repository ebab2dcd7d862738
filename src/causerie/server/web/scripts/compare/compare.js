// The button that has two models answer, and the choice of the second. Knows no chat.

import * as columns from "/page/scripts/compare/columns.js";
import * as pairing from "/page/scripts/compare/pairing.js";
import { button, el, iconButton, openPopover, slot } from "/page/scripts/elements.js";
import { attempt, library, lookAtLibrary, serveModel } from "/page/scripts/models/library.js";
import { offerBelow } from "/page/scripts/models/picker.js";
import { otherRows } from "/page/scripts/models/listing.js";
import { showRows } from "/page/scripts/models/rows.js";
import { longName, on, state } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const list = el("div", { className: "list num" }), rest = el("p", { className: "hint" });
const open = iconButton("compare", phrases.compareTwo, toggle, { ariaPressed: "false", "aria-haspopup": "dialog", "aria-expanded": "false" });
let popover = null;

function toggle() {
  if (state.pair) return pairing.goOnWith(0);
  if (popover) return popover.close();
  const heading = el("h2", { textContent: phrases.compareWith(longName(state.model)) });
  popover = openPopover(open, [el("div", { className: "top" }, heading), el("div", { className: "list" }, list, rest)], {
    label: phrases.compareTwo, className: "models second", into: slot("floats"), onclose: () => { popover = null; } });
  show();
  lookAtLibrary();
}

function show() {
  if (!popover) return;
  const rows = otherRows(choose);
  showRows(list, rows);
  rest.textContent = library.fault || restWords(rows);
  rest.hidden = !rest.textContent;
}

function restWords(rows) {
  if (!library.models) return phrases.lookingAtModels;
  if (rows.length) return "";
  if (state.capabilities.choosing) return phrases.noSecondFits;
  return phrases.oneModelOnly;
}

const choose = (id) => attempt(async () => {
  await serveModel(id);
  popover?.close();
  pairing.beginPair(id);
});

export function begin() {
  slot("bar").prepend(open);
  open.classList.add("wide-only");
  offerBelow(button(phrases.compareTwo, toggle, "bare narrow", "compare"));
  for (const event of ["library", "models"]) on(event, show);
  on("pair", () => { open.ariaPressed = String(Boolean(state.pair)); });
  columns.begin();
}
