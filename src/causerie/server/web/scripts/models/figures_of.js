// What is said of one model in figures: what it takes, how it is held, how long a chat may be, how quickly it writes. Knows
// no element.

import { amounts, bytes, rate, seconds, thousands } from "/page/scripts/figures.js";
import { library } from "/page/scripts/models/library.js";
import { measured } from "/page/scripts/models/speeds.js";
import { phrases } from "/page/scripts/words.js";

export const outlookOf = (id) => library.models?.find((model) => model.id === id) ?? null;

// Tokens a second of a model so held: measured, or else as is to be expected of it.
export function speedOf(id, format, expected) {
  const here = measured(id, format);
  if (here) return { number: rate(here), words: phrases.tokensPerSecond(rate(here)) };
  if (expected) return { number: rate(expected.usual), words: phrases.aboutTokensPerSecond(rate(expected.usual)) };
  return null;
}

const context = (tokens) => (tokens ? phrases.contextOf(thousands(tokens)) : "");

// Of a model in memory, as /v1/models has it.
export const loadedFigures = (model) => [model.weight_bytes ? bytes(model.weight_bytes) : "", model.format, context(model.context), speedOf(model.id, model.format, model.expected_tokens_per_second)?.words];

export const loadingFigures = (model) => [model.total_bytes ? amounts(model.read_bytes, model.total_bytes) : "", phrases.comesRow];

// Of one of this machine, as it would be.
export function outlookFigures(model) {
  const lacks = model.fits === "too_large" ? phrases.memoryMissing(bytes(model.missing_bytes)) : "";
  const speed = speedOf(model.id, model.format, model.expected_tokens_per_second)?.words ?? (library.measuring && model.fits !== "too_large" ? phrases.tokensPerSecond("…") : "");
  return [bytes(model.needed_bytes), model.format, context(model.context), speed, lacks];
}

const parameters = (number) => (number === null ? "" : phrases.parameters(number));

// Of one of the hub: what would be fetched, and what is known of it before.
export const hubFigures = (hit) => [hit.bytes ? phrases.toDownload(bytes(hit.bytes)) : "", parameters(hit.parameters), hit.context ? context(hit.context) : "",
  hit.expected_tokens_per_second ? speedOf(hit.id, hit.format, hit.expected_tokens_per_second).words : "", hit.licence ?? "", hit.gated ? phrases.gated : "",
  hit.fits === "too_large" ? phrases.memoryMissing(bytes(hit.missing_bytes)) : ""];

export function downloadFigures({ state, bytes: done, total, note, pace }) {
  const whole = total ? amounts(done, total) : "";
  if (state === "failed") return [whole, note];
  if (state === "cancelled") return [whole, phrases.paused];
  if (note || !total) return [whole, note || phrases.askingHub];
  return [whole, pace ? phrases.bytesPerSecond(bytes(pace)) : "", pace ? phrases.timeMore(seconds((1000 * (total - done)) / pace)) : ""];
}

const FITS = {
  fits: { kind: "", sign: "check", words: phrases.fits, hint: phrases.fitsHint },
  tight: { kind: "warn", sign: "warn", words: phrases.tight, hint: phrases.tightHint },
  too_large: { kind: "bad", sign: "close", words: phrases.tooLarge, hint: phrases.tooLargeHint },
};

// Whether it fits, as a badge; null where nobody knows.
export const badgeOf = (fits, comes = false) => (FITS[fits] ? { ...FITS[fits], ...(comes && fits === "fits" ? { words: phrases.willFit } : {}) } : null);
