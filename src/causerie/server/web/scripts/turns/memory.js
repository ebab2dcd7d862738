// The line above the first message that the model has read, for an answer before which some went. Knows no server.

import { dash, el, icon } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

export function memoryLine(answer) {
  const words = answer.summary ? phrases.remembersSummary(answer.forgotten) : phrases.remembersFromHere;
  return el("div", { className: "memory", role: "note" }, dash(), el("span", { textContent: words }), answer.summary ? summaryFold(answer.summary) : null);
}

function summaryFold(summary) {
  const sign = icon("right", true);
  sign.classList.add("turns");
  return el("details", { className: "fold" }, el("summary", {}, sign, phrases.whatItKeeps), el("div", { className: "plain", dir: "auto", textContent: summary }));
}
