// The text of an attached file, to be looked at. Knows no chat.

import { el, iconButton, openPopover, slot } from "/page/scripts/elements.js";
import { copyText } from "/page/scripts/turns/copying.js";
import { phrases } from "/page/scripts/words.js";

export function showFile(anchor, file) {
  const copy = iconButton("copy", phrases.copyFile, () => copyText(copy, file.text), {}, true);
  const head = el("header", {}, el("h2", { className: "grow cut", textContent: file.name }), copy, iconButton("close", phrases.close, () => popover.close(), {}, true));
  const popover = openPopover(anchor, [head, el("pre", { className: "mono plain", tabIndex: 0, textContent: file.text })], { label: file.name, className: "file", into: slot("floats") });
}
