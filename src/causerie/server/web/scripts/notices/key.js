// The key that a server asks for.

import { useKey } from "/page/scripts/access.js";
import { button, el, icon } from "/page/scripts/elements.js";
import { showNotice } from "/page/scripts/notices/notice.js";
import { tell } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

let shown = null;

// Asks once, and tells when there is a key.
export function askKey() {
  if (shown) return;
  const field = el("input", { className: "field", type: "password", autocomplete: "off", required: true, ariaLabel: phrases.apiKey });
  const use = button(phrases.useKey, null, "main");
  use.type = "submit";
  shown = el("form", { className: "notice", ariaLabel: phrases.apiKey }, icon("lock"), el("b", { textContent: phrases.keyAsked }), el("p", { className: "row" }, field, use));
  shown.onsubmit = (event) => {
    event.preventDefault();
    useKey(field.value.trim());
    shown.remove();
    shown = null;
    tell("key");
  };
  showNotice(shown);
  field.focus();
}
