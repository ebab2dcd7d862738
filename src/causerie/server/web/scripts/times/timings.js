// Where the time of an answer went, as a row of parts. What the server told is kept with the answer; where it told nothing,
// as of one that was stopped, the page's own clock stands in. Knows no element.

import { fixed } from "/page/scripts/figures.js";
import { phrases } from "/page/scripts/words.js";

const SUMS = ["loading_ms", "shortening_ms", "template_ms", "waiting_ms", "prompt_ms", "predicted_ms", "reasoning_ms", "prompt_n", "predicted_n", "reasoning_n"];
const NOTABLE = 50;  // milliseconds that somebody may notice

// Those of an answer in several pieces, as one that was gone on with: all together. What it remembered is what it knew first.
export function together(before, after) {
  if (!before) return after;
  const sums = Object.fromEntries(SUMS.map((name) => [name, (before[name] ?? 0) + (after[name] ?? 0)]));
  return { ...after, cache_n: before.cache_n, ...sums };
}

// By the page's clock: until the first token, and from there to the last.
export function clocked(pace) {
  if (!pace.tokens) return null;
  return { prompt_ms: pace.first - pace.begun, predicted_ms: pace.last - pace.first, predicted_n: pace.tokens };
}

function reading({ prompt_n: read, cache_n: remembered }) {
  if (read === undefined) return phrases.untilFirstWord;
  return remembered ? phrases.readAndRemembered(read, remembered) : phrases.tokens(read);
}

const pace = (count, milliseconds) => (count > 1 && milliseconds > 0 ? fixed((1000 * (count - 1)) / milliseconds, 1) : "");

// "21.4 tokens/s", of all that it said; "" where that says nothing.
export function speed({ predicted_n: count, predicted_ms: milliseconds }) {
  const perSecond = pace(count, milliseconds);
  return perSecond && phrases.tokensPerSecond(perSecond);
}

function writing(count, milliseconds) {
  const perSecond = pace(count, milliseconds);
  return perSecond ? phrases.tokensWrittenAt(count, perSecond) : phrases.tokens(count);
}

// The parts of an answer's time, in the order in which they went: {name, kind, detail, time}. `calls` are of tools:
// {name, took}, in milliseconds.
export function parts(timings, calls = []) {
  const thought = timings.reasoning_ms ?? 0, wrote = (timings.predicted_ms ?? 0) - thought, written = (timings.predicted_n ?? 0) - (timings.reasoning_n ?? 0);
  const all = [
    { name: phrases.partLoaded, kind: "rest", detail: phrases.partLoadedDetail, time: timings.loading_ms ?? 0 },
    { name: phrases.partShortened, kind: "rest", detail: phrases.partShortenedDetail, time: timings.shortening_ms ?? 0 },
    { name: phrases.partWaited, kind: "wait", detail: phrases.partWaitedDetail, time: (timings.waiting_ms ?? 0) + (timings.template_ms ?? 0) },
  ].filter(({ time }) => time >= NOTABLE);
  all.push({ name: phrases.partRead, kind: "read", detail: reading(timings), time: timings.prompt_ms ?? 0 });
  if (thought > 0) all.push({ name: phrases.thought, kind: "think", detail: phrases.tokens(timings.reasoning_n ?? 0), time: thought });
  for (const { name, took } of calls) if (took) all.push({ name: phrases.tool, kind: "tool", detail: name, time: took });
  all.push({ name: phrases.partWrote, kind: "write", detail: writing(written, wrote), time: wrote });
  return all;
}
