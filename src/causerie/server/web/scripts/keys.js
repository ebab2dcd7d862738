// The keys of the page, and the list of them. A module gives its own to `key`; this one knows none of their meanings.

import { el, openPopover, slot } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const keys = [];  // {name, words, act, whileWriting}

// `name` is as it is written on keys: "Alt+N", "/", "Esc". Without `act` the key is only listed, for whoever listens itself.
export function key(name, words, act = null, whileWriting = name.includes("+")) {
  keys.push({ name, words, act, whileWriting });
}

const nameOf = (event) => `${event.altKey ? "Alt+" : ""}${{ ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", Escape: "Esc" }[event.key] ?? (event.altKey ? event.code.replace(/^Key/, "") : event.key)}`;

const writing = (target) => target.matches?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");

export function showKeys(anchor) {
  const rows = keys.flatMap(({ name, words }) => [el("dt", {}, ...name.split(" ").map((one) => el("kbd", { textContent: one }))), el("dd", { textContent: words })]);
  openPopover(anchor, [el("h2", { textContent: phrases.keys }), el("dl", { className: "keys" }, ...rows)], { label: phrases.keys, className: "all-keys", into: slot("floats") });
}

export function begin() {
  key("Enter", phrases.send);
  key("Shift+Enter", phrases.newLine);
  key("?", phrases.allKeys, () => showKeys(document.activeElement));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    const pressed = keys.find(({ name, act, whileWriting }) => act && name === nameOf(event) && (whileWriting || !writing(event.target)));
    if (!pressed) return;
    event.preventDefault();
    pressed.act(event);
  });
}
