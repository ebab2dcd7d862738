// Presets: a system prompt, a model and flags under one name. Three are given; a reader's own are kept in the browser, and
// go to files and come from them. Knows no element.

import { DRAWING } from "/page/scripts/settings/values.js";
import { newId } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const KEY = "presets";
const NUMBERS = [...DRAWING, "max_tokens", "seed", "thinking_budget", "presence_penalty", "frequency_penalty"];
export const LONGEST_NAME = 60;

export const GIVEN = [
  { id: "own", name: phrases.presetOwn, meaning: phrases.presetOwnMeaning, flags: {} },
  { id: "exact", name: phrases.presetExact, meaning: phrases.presetExactMeaning, flags: { temperature: 0 } },
  { id: "lively", name: phrases.presetLively, meaning: phrases.presetLivelyMeaning, flags: { temperature: 1, top_p: 0.95, min_p: 0.05 } },
];

export const savedPresets = () => JSON.parse(localStorage.getItem(KEY) ?? "[]");
const keep = (presets) => localStorage.setItem(KEY, JSON.stringify(presets));

export const presetOf = (chat) => [...GIVEN, ...savedPresets()].find(({ id }) => id === chat.manner) ?? GIVEN[0];

// How many figures of a chat are not as its preset has them.
export function deviations(chat) {
  const { flags } = presetOf(chat);
  return [...new Set([...Object.keys(flags), ...Object.keys(chat.settings)])].filter((name) => flags[name] !== chat.settings[name]).length;
}

// Gives a chat the preset's manner. One of the given says how words are chosen and nothing else.
export function apply(chat, preset) {
  chat.manner = preset.id;
  if (GIVEN.includes(preset)) {
    for (const name of DRAWING) delete chat.settings[name];
    Object.assign(chat.settings, preset.flags);
  } else {
    chat.settings = { ...preset.flags };
    chat.system = preset.system;
  }
}

// Keeps a chat's settings under a name; those that had it before go.
export function savePreset(chat, model, name) {
  const preset = { id: newId(), name: name.trim().slice(0, LONGEST_NAME), system: chat.system, model, flags: { ...chat.settings } };
  keep([...savedPresets().filter((other) => other.name !== preset.name), preset]);
  chat.manner = preset.id;
}

// Takes a preset away; what is returned puts it back.
export function removePreset(preset) {
  const before = savedPresets();
  keep(before.filter(({ id }) => id !== preset.id));
  return () => keep(before);
}

export const presetFile = (presets) => JSON.stringify({ causerie: 1, presets: presets.map(({ name, system, model, flags }) => ({ name, system, model, flags })) }, null, 1);

// Takes in the presets of a file, with nothing in them but what a preset has. Throws an Error with a sentence.
export function importPresets(text) {
  const { presets } = JSON.parse(text);
  if (!Array.isArray(presets) || !presets.length) throw new Error(phrases.fileWithoutPresets);
  const read = presets.map((each) => {
    const flags = Object.fromEntries(NUMBERS.filter((name) => Number.isFinite(each?.flags?.[name])).map((name) => [name, each.flags[name]]));
    const words = (value) => (typeof value === "string" ? value : "");
    if (!words(each?.name).trim()) throw new Error(phrases.presetWithoutName);
    return { id: newId(), name: each.name.trim().slice(0, LONGEST_NAME), system: words(each.system), model: words(each.model), flags };
  });
  const names = new Set(read.map(({ name }) => name));
  keep([...savedPresets().filter(({ name }) => !names.has(name)), ...read]);
  return read;
}
