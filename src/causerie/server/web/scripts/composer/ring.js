// How full the context is: a ring beside the send button. Knows no server.

import { el, openPopover, svg } from "/page/scripts/elements.js";
import { chosenModel, on, state } from "/page/scripts/state.js";
import { path } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const WARNS = 0.9;  // of the context

const circle = () => svg("circle", { cx: 10, cy: 10, r: 7.5, pathLength: 100 });
const whole = circle(), used = circle(), words = el("span");
const ring = el("button", { type: "button", className: "ring num", hidden: true, "aria-haspopup": "dialog" }, svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, whole, used), words);

// Tokens of the chat after its last answer that has figures, and what the model holds.
export function amounts() {
  const last = state.chat ? path(state.chat).findLast((node) => node.tokens) : null;
  return { tokens: last?.tokens ?? 0, context: chosenModel()?.context ?? 0 };
}

function show() {
  const { tokens, context } = amounts();
  ring.hidden = !context || !tokens;
  if (ring.hidden) return;
  const share = Math.min(1, tokens / context), told = phrases.tokensOf(tokens, context);
  words.textContent = phrases.percent(Math.round(share * 100));
  ring.ariaLabel = phrases.contextTold(words.textContent, told);
  ring.title = told;
  ring.classList.toggle("full", share >= WARNS);
  used.setAttribute("stroke-dasharray", `${share * 100} 100`);
}

function explain() {
  const { tokens, context } = amounts(), rows = [[phrases.thisChat, tokens], [phrases.roomLeft, Math.max(0, context - tokens)], [phrases.modelHolds, context]];
  const list = el("ul", { className: "num" }, ...rows.map(([label, number]) => el("li", {}, el("b", { textContent: label }), el("span", { textContent: phrases.tokens(number) }))));
  openPopover(ring, [el("h2", { textContent: phrases.context }), list], { label: phrases.context, className: "time context", into: ring.closest(".box") });
}

export function contextRing() {
  ring.onclick = explain;
  for (const event of ["chat", "models", "grew", "answered"]) on(event, show);
  return ring;
}
