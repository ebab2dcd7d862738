// A message in its author's hands: other words for it. Knows no server.

import { button, el } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

// The field and its buttons; `save` gets the new words, `cancel` is called where there are none.
export function editor(node, save, cancel) {
  const area = el("textarea", { className: "field", value: node.text, dir: "auto", ariaLabel: phrases.newWording });
  const row = el("div", { className: "row" }, button(node.role === "user" ? phrases.send : phrases.keep, () => save(area.value), "main"), button(phrases.cancel, cancel, "bare"));
  area.onkeydown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      cancel();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(area.value);
  };
  return { element: el("div", { className: "editor" }, area, row), focus: () => area.focus() };
}
