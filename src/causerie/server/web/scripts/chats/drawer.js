// On a phone the list of chats is a drawer: opened by a button of the bar, closed by a press beside it. While it is open the sheet under
// it takes no focus. Knows no row.

import { beginChat } from "/page/scripts/chats/chats.js";
import { iconButton, narrow, slot } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const opener = iconButton("menu", phrases.chats, openDrawer, { className: "ib narrow", ariaExpanded: "false" });

// Of the sheet, all but the toast, which takes back what was done in the drawer.
const UNDER = ".sheet > :not(.dock), .dock > :not([data-slot=toast])";

const isOpen = () => document.body.classList.contains("has-drawer");

function show(open) {
  document.body.classList.toggle("has-drawer", open);
  opener.ariaExpanded = String(open);
  for (const part of document.querySelectorAll(UNDER)) part.inert = open;
}

function openDrawer() {
  show(true);
  slot("side").querySelector(".narrow").focus();
}

export function closeDrawer() {
  if (!isOpen()) return;
  const inside = slot("side").contains(document.activeElement);
  show(false);
  if (inside) opener.focus();
}

export function begin() {
  slot("drawer").append(opener);
  slot("new").append(iconButton("new", phrases.newChat, beginChat, { className: "ib narrow" }));
  document.querySelector(".scrim").addEventListener("click", closeDrawer);
  slot("side").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || !isOpen()) return;
    event.preventDefault();
    closeDrawer();
  });
  narrow.addEventListener("change", closeDrawer);
}
