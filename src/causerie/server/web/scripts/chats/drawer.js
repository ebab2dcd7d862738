// On a phone the list of chats is a drawer: opened by a button of the bar, closed by a press beside it. Knows no chat.

import { beginChat } from "/page/scripts/chats/chats.js";
import { iconButton, slot } from "/page/scripts/elements.js";

export function begin() {
  const open = iconButton("menu", "Chats", () => {
    document.body.classList.add("has-drawer");
    slot("side").querySelector("input").focus();
  }, { className: "ib narrow" });
  slot("drawer").append(open);
  slot("side").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("has-drawer")) return;
    event.stopPropagation();
    document.body.classList.remove("has-drawer");
    open.focus();
  });
  document.querySelector(".scrim").onclick = () => document.body.classList.remove("has-drawer");
  slot("new").append(iconButton("new", "New chat", beginChat, { className: "ib narrow" }));
}
