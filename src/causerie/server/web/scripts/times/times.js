// Where the time of an answer went. Knows no server.

import { el, openPopover } from "/page/scripts/elements.js";
import { on, shortName } from "/page/scripts/state.js";

function show({ node, anchor }) {
  openPopover(anchor, [el("h2", { textContent: "This answer" }), el("p", { className: "hint", textContent: node.stats }), el("p", { className: "hint", textContent: shortName(node.model ?? "") })], { label: "Where the time went", className: "time" });
}

export const begin = () => on("times", show);
