// The settings of a chat: what each means, and the dialog that asks for them. Knows no chat but the one it is handed.

import { el } from "/page/view.js";

const FIELDS = [
  ["temperature", "Temperature", { min: 0, max: 2, step: 0.05 }, "0 always takes the likeliest token; higher is more varied."],
  ["top_p", "Top p", { min: 0, max: 1, step: 0.01 }, "Draw among the likeliest tokens that together have this probability."],
  ["top_k", "Top k", { min: 0, step: 1 }, "Draw among this many likeliest tokens; 0 means all."],
  ["min_p", "Min p", { min: 0, max: 1, step: 0.01 }, "Leave out tokens less likely than this share of the likeliest."],
  ["repetition_penalty", "Repetition penalty", { min: 0.5, max: 2, step: 0.05 }, "Above 1, tokens that were said already become less likely."],
  ["max_tokens", "Longest answer", { min: 1, step: 1 }, "In tokens. Empty: as long as the context allows."],
  ["seed", "Seed", { min: 0, step: 1 }, "The same seed gives the same answer again."],
];

const POLICIES = [["ask", "Ask"], ["drop_oldest", "Forget the oldest messages"], ["summarize", "Summarize the oldest messages"], ["error", "Say so and answer nothing"]];

const REPETITIONS = [["end", "End it"], ["allow", "Let it go on"]];

const choice = (label, name, options, chosen, meaning) =>
  el("label", {}, `${label} `, el("select", { name }, ...options.map(([value, words]) => el("option", { value, textContent: words, selected: value === chosen }))), el("small", { textContent: meaning }));

// Asks; resolves to whether the chat was changed.
export function ask(chat) {
  const dialog = document.getElementById("settings"), form = dialog.querySelector("form");
  form.system.value = chat.system;
  document.getElementById("setting-fields").replaceChildren(
    choice("When the chat no longer fits", "policy", POLICIES, chat.policy, "A line shows where the model's memory begins. Nothing is deleted here."),
    choice("When an answer repeats itself for ever", "repetition", REPETITIONS, chat.repetition, "One that is ended says so."),
    ...FIELDS.map(([name, label, limits, meaning]) =>
      el("label", {}, `${label} `, el("input", { name, type: "number", placeholder: "the model's own", value: chat.settings[name] ?? "", ...limits }), el("small", { textContent: meaning }))),
  );
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => {
      if (dialog.returnValue !== "save") return done(false);
      chat.system = form.system.value;
      chat.policy = form.policy.value;
      chat.repetition = form.repetition.value;
      chat.settings = Object.fromEntries(FIELDS.map(([name]) => [name, form[name].value]).filter(([, value]) => value !== "").map(([name, value]) => [name, Number(value)]));
      done(true);
    };
  });
}
