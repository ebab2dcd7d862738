// Notices stand on the composer: what is wrong, what is kept, what can be done. Knows no chat.

import { el, icon, iconButton, slot } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

let plain = null;

// Shows what a module has to say above the composer, until it is removed.
export function showNotice(box) {
  slot("notices").append(box);
}

// One sentence about something that went wrong, in place of the one before; "" takes it away.
export function notice(text) {
  plain?.remove();
  plain = null;
  if (!text) return;
  plain = el("div", { className: "notice bad", role: "alert" }, icon("warn"), el("p", { textContent: text }), iconButton("close", phrases.closeNotice, () => notice("")));
  showNotice(plain);
}
