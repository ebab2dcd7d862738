// The figures by which an answer is drawn: the model's own, those that a chat has changed, and what a request says of
// them. Knows no element.

import { phrases } from "/page/scripts/words.js";

// Each: its words, its meaning, the ends and steps of its slider, where numbers must end, and where the
// slider rests while nothing is known.
export const FIGURES = {
  temperature: { words: phrases.temperature, meaning: phrases.temperatureMeaning, low: 0, high: 2, step: 0.05, most: 2, rest: 1 },
  top_p: { words: phrases.topP, meaning: phrases.topPMeaning, low: 0, high: 1, step: 0.01, most: 1, rest: 1 },
  top_k: { words: phrases.topK, meaning: phrases.topKMeaning, low: 0, high: 100, step: 1, most: 1_000_000 },
  min_p: { words: phrases.minP, meaning: phrases.minPMeaning, low: 0, high: 1, step: 0.01, most: 1 },
  repetition_penalty: { words: phrases.repetition, meaning: phrases.repetitionMeaning, low: 0.5, high: 2, step: 0.05, most: 2, rest: 1 },
};
export const DRAWING = Object.keys(FIGURES);
const AMONG = ["top_p", "top_k", "min_p"];  // without effect where the likeliest is always taken
const SEEDS = 1_000_000;  // short enough to be read out

// What the model does by itself; null where that is not known, because it is not loaded.
export const ownValue = (model, name) => model?.generation?.[name === "max_tokens" ? "max_new_tokens" : name] ?? null;

const value = (chat, model, name) => chat.settings[name] ?? ownValue(model, name);

// What is to be said of a figure as it stands.
export const remark = (chat, model, name) => (name === "temperature" && value(chat, model, name) === 0 ? phrases.likeliestAlways : "");

// A number within what a figure can be; null for what is none.
export function bounded(name, text) {
  const { low, most, step } = FIGURES[name], number = Number(text);
  if (String(text).trim() === "" || Number.isNaN(number)) return null;
  const within = Math.min(most, Math.max(low, number));
  return step === 1 ? Math.round(within) : within;
}

export function set(chat, name, number) {
  if (number === null) delete chat.settings[name];
  else chat.settings[name] = number;
}

// What a request for an answer says of all this. The seed is drawn here, so that one can be told it. A model that takes the
// likeliest word by itself would draw as soon as it is told among which; it keeps what its slider says.
export function wish(chat, model) {
  const asked = { ...chat.settings, seed: chat.settings.seed ?? Math.floor(Math.random() * SEEDS), repetition_detection: chat.repetition !== "allow" };
  if (asked.temperature === undefined && ownValue(model, "temperature") === 0 && AMONG.some((name) => name in asked)) asked.temperature = 0;
  if (model?.thinking_budget === false) delete asked.thinking_budget;
  return asked;
}
