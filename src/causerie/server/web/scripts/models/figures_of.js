// What is said of one model in figures: what it takes, how it is held, how long a chat may be, how quickly it writes. Knows
// no element.

import { amounts, bytes, rate, seconds, thousands } from "/page/scripts/figures.js";
import { library } from "/page/scripts/models/library.js";
import { measured } from "/page/scripts/models/speeds.js";

export const outlookOf = (id) => library.models?.find((model) => model.id === id) ?? null;

// Tokens a second of a model so held: measured, or else as is to be expected of it.
export function speedOf(id, format, expected) {
  const here = measured(id, format);
  if (here) return { number: rate(here), words: `${rate(here)} tokens/s` };
  if (expected) return { number: rate(expected.usual), words: `about ${rate(expected.usual)} tokens/s` };
  return null;
}

const context = (tokens) => (tokens ? `${thousands(tokens)} context` : "");

// Of a model in memory, as /v1/models has it.
export const loadedFigures = (model) => [model.weight_bytes ? bytes(model.weight_bytes) : "", model.format, context(model.context), speedOf(model.id, model.format, model.expected_tokens_per_second)?.words];

export const loadingFigures = (model) => [model.total_bytes ? amounts(model.read_bytes, model.total_bytes) : "", "comes into memory"];

// Of one of this machine, as it would be.
export function outlookFigures(model) {
  const lacks = model.fits === "too_large" ? `${bytes(model.missing_bytes)} of memory missing` : "";
  const speed = speedOf(model.id, model.format, model.expected_tokens_per_second)?.words ?? (library.measuring && model.fits !== "too_large" ? "… tokens/s" : "");
  return [bytes(model.needed_bytes), model.format, context(model.context), speed, lacks];
}

const parameters = (number) => (number === null ? "" : `${(number / (number >= 1e9 ? 1e9 : 1e6)).toPrecision(number >= 1e9 ? 2 : 3)}${number >= 1e9 ? " billion" : " million"} parameters`);

// Of one of the hub: what would be fetched, and what is known of it before.
export const hubFigures = (hit) => [hit.bytes ? `${bytes(hit.bytes)} to download` : "", parameters(hit.parameters), hit.context ? context(hit.context) : "",
  hit.expected_tokens_per_second ? speedOf(hit.id, hit.format, hit.expected_tokens_per_second).words : "", hit.licence ?? "", hit.gated ? "its makers ask for consent on the Hub" : "",
  hit.fits === "too_large" ? `${bytes(hit.missing_bytes)} of memory missing` : ""];

export function downloadFigures({ state, bytes: done, total, note, pace }) {
  const whole = total ? amounts(done, total) : "";
  if (state === "failed") return [whole, note];
  if (state === "cancelled") return [whole, "paused"];
  if (note || !total) return [whole, note || "asking the Hub"];
  return [whole, pace ? `${bytes(pace)}/s` : "", pace ? `${seconds((1000 * (total - done)) / pace)} more` : ""];
}

const FITS = {
  fits: { kind: "", sign: "check", words: "fits", hint: "There is room for it in memory" },
  tight: { kind: "warn", sign: "warn", words: "tight", hint: "There is room with little to spare, or after models that are loaded were unloaded" },
  too_large: { kind: "bad", sign: "close", words: "too large", hint: "There is not enough memory for it" },
};

// Whether it fits, as a badge; null where nobody knows.
export const badgeOf = (fits, comes = false) => (FITS[fits] ? { ...FITS[fits], ...(comes && fits === "fits" ? { words: "will fit" } : {}) } : null);
