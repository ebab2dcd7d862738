// What stands below the box of a new chat: beginnings that suit the model, and the model's card. Knows no chat.

import { el, icon } from "/page/scripts/elements.js";
import { count } from "/page/scripts/figures.js";
import { chosenModel, shortName, tell } from "/page/scripts/state.js";

const STARTERS = [
  ["file", "Read a file with me", "Drop a text, ask about it", "Read the file that I attach, and tell me what is in it."],
  ["edit", "Find a better wording", "For a letter or a message", "Find a better wording for this: "],
  ["code", "Explain this error", "Paste what the program said", "Explain this error: "],
  ["think", "Think something through", "Step by step, aloud", "Think this through with me, step by step: "],
];

// The beginnings; one that is chosen stands in the box.
export const starters = () => el("ul", { className: "starts" }, ...STARTERS.map(([sign, words, hint, text]) =>
  el("li", {}, el("button", { type: "button", onclick: () => tell("draft", text) }, icon(sign), el("span", {}, words, el("small", { textContent: hint }))))));

export function modelCard() {
  const model = chosenModel();
  if (!model?.context) return null;
  return el("section", { className: "card", ariaLabel: "The model" }, el("header", {}, el("span", { className: "dot" }), shortName(model.id)),
    el("dl", {}, el("div", {}, el("dt", { textContent: "Holds" }), el("dd", {}, count(model.context), " ", el("small", { textContent: "tokens" })))));
}
