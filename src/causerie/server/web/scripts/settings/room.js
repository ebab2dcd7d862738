// Length and memory in the settings: how long an answer may be, how long it may think, and what goes when the chat no longer
// fits.

import { el } from "/page/scripts/elements.js";
import { Figure } from "/page/scripts/settings/figure.js";
import { segments } from "/page/scripts/settings/segments.js";
import { ownValue, set } from "/page/scripts/settings/values.js";
import { chosenModel, state, tell } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const POLICIES = {
  ask: [phrases.policyAsk, phrases.policyAskMeaning],
  summarize: [phrases.policySummarise, phrases.policySummariseMeaning],
  drop_oldest: [phrases.policyForget, phrases.policyForgetMeaning],
  error: [phrases.policyStop, phrases.policyStopMeaning],
};
const THINKS = { name: "thinking_budget", words: phrases.thinksAtMost, meaning: phrases.thinksAtMostMeaning, low: 0, high: 8192, step: 128, most: 1_000_000, rest: 8192, ownWords: phrases.noLimit };

const whole = (text, least) => (String(text ?? "").trim() === "" || Number.isNaN(Number(text)) ? null : Math.max(least, Math.round(Number(text))));

function change(name, text, least) {
  set(state.chat, name, whole(text, least));
  tell("settings");
}

// A number without a slider, which may be left empty.
function plainNumber(name, words, placeholder, meaning, least) {
  const id = `set-${name}`, field = el("input", { id, name, type: "number", min: least, step: 1, placeholder, title: meaning }), own = el("span", { className: "own-value" });
  field.onchange = () => {
    change(name, field.value, least);
    field.value = state.chat.settings[name] ?? "";
  };
  const element = el("div", { className: "set" }, el("span", {}, el("label", { htmlFor: id, textContent: words, title: meaning }), " ", own), field);
  return { element, field, own };
}

export function seedField() {
  const { element, field, own } = plainNumber("seed", phrases.seed, phrases.anySeed, phrases.seedMeaning, 0);
  return { element, show: () => showNumber("seed", { element, field, own }, "") };
}

function showNumber(name, { element, field, own }, words) {
  const changed = state.chat.settings[name];
  if (document.activeElement !== field) field.value = changed ?? "";
  element.classList.toggle("changed", changed !== undefined);
  own.textContent = changed === undefined ? words : "";
}

export class Room {
  constructor() {
    this.longest = plainNumber("max_tokens", phrases.longestAnswer, "—", phrases.longestAnswerMeaning, 1);
    this.thinks = new Figure(THINKS, (text) => change("thinking_budget", text, 0));
    this.policy = segments("policy", phrases.whenFull, Object.entries(POLICIES).map(([value, [words]]) => [value, words]), (value) => {
      state.chat.policy = value;
      tell("settings");
    });
    this.meaning = el("p", { className: "hint after" });
    this.ends = el("input", { id: "set-repetition", className: "sw", type: "checkbox", role: "switch" });
    this.ends.onchange = () => {
      state.chat.repetition = this.ends.checked ? "end" : "allow";
      tell("settings");
    };
    const repeats = el("div", { className: "set" }, el("label", { htmlFor: "set-repetition", textContent: phrases.endsRepetition }), this.ends);
    this.element = el("fieldset", {}, el("legend", { textContent: phrases.lengthAndMemory }), this.longest.element, this.thinks.element, repeats,
      el("p", { className: "name", textContent: phrases.whenFull }), this.policy.element, this.meaning);
  }

  show() {
    const { chat } = state, model = chosenModel(), policy = chat.policy ?? "ask", longest = ownValue(model, "max_tokens");
    showNumber("max_tokens", this.longest, longest === null ? phrases.noLimit : phrases.itsOwnIs(longest));
    this.thinks.element.hidden = !model?.thinking_budget;
    this.thinks.show(chat.settings.thinking_budget, null);
    this.policy.show(policy);
    this.meaning.textContent = POLICIES[policy][1];
    this.ends.checked = chat.repetition !== "allow";
  }
}
