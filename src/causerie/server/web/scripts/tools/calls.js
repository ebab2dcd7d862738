// Calls of tools within an answer, folded. Knows no server.

import { el, icon } from "/page/scripts/elements.js";

// The elements for the calls of an answer, in their order.
export const callFolds = (node) => node.calls.map((call) =>
  el("details", { className: "fold" }, el("summary", {}, icon("tool", true), el("span", {}, "Calls ", el("b", { textContent: call.name }))), el("div", { className: "mono plain", textContent: call.arguments })));
