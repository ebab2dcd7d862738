// A chat in which nothing was said yet: a greeting, some beginnings, and who will answer. Knows no server.

import { dash, el, slot } from "/page/scripts/elements.js";
import { on } from "/page/scripts/state.js";
import { modelCard, starters } from "/page/scripts/models/card.js";
import { phrases } from "/page/scripts/words.js";

const DAYTIMES = [[5, phrases.goodEvening], [12, phrases.goodMorning], [18, phrases.goodAfternoon], [24, phrases.goodEvening]];

let empty = false;

function greeting() {
  const hour = new Date().getHours(), [, words] = DAYTIMES.find(([end]) => hour < end);
  return el("p", { className: "greet" }, dash(), `${words} `, el("span", { textContent: phrases.whatShallWe }));
}

export function showEmpty(isEmpty) {
  empty = isEmpty;
  document.body.classList.toggle("is-empty", empty);
  slot("below").hidden = !empty;
  if (empty) slot("log").replaceChildren(greeting());
  showBelow();
}

// What is there already stays, with the focus that is in it.
function showBelow() {
  if (!empty) return;
  const below = slot("below"), parts = [starters(), modelCard()].filter(Boolean);
  if (parts.length !== below.children.length || parts.some((part, place) => part !== below.children[place])) below.replaceChildren(...parts);
}

for (const event of ["models", "library"]) on(event, showBelow);
