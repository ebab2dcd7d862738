// Figures in words: of what one waits for, and of an answer. Knows no page.

import { locale, phrases } from "/page/scripts/words.js";

const UNITS = [[1e9, phrases.gigabytes, 1], [1e6, phrases.megabytes, 0], [1e3, phrases.kilobytes, 0]];
const unitOf = (number) => UNITS.find(([least]) => number >= least) ?? UNITS.at(-1);

// By their digits; made once, for an answer has some written at each token.
const FIXED = [0, 1, 2].map((digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));

// "1,650"
export const count = (number) => number.toLocaleString(locale);

// A number with so many digits behind its point, which some languages write as a comma.
export const fixed = (number, digits) => FIXED[digits].format(number);

// With as many of them as say something, two at most: "0.7"
export const decimal = (number) => number.toLocaleString(locale, { maximumFractionDigits: 2 });

// How many bytes of how many: "0.6 of 1.0 GB".
export function amounts(done, all) {
  const [size, unit, digits] = unitOf(all);
  return phrases.amounts(fixed(done / size, digits), fixed(all / size, digits), unit);
}

// "1.0 GB"
export function bytes(number) {
  const [size, unit, digits] = unitOf(number);
  return `${fixed(number / size, size === 1e3 && number < 10_000 ? 1 : digits)} ${unit}`;
}

// Tokens as one says of a context: "32k".
export const thousands = (number) => (number < 1000 ? count(number) : `${Math.round(number / (number % 1024 ? 1000 : 1024))}k`);

// Tokens a second, as exactly as they mean something: "9.6", "21", "610", "4,400".
export function rate(number) {
  if (number < 10) return number.toLocaleString(locale, { maximumFractionDigits: 1 });
  const step = number < 100 ? 1 : number < 1000 ? 10 : 100;
  return count(Math.round(number / step) * step);
}

// Milliseconds as one says them: "0.4 s", "12 s", "3 min".
export function seconds(milliseconds) {
  const all = milliseconds / 1000;
  return all < 10 ? phrases.seconds(fixed(all, 1)) : all < 100 ? phrases.seconds(fixed(all, 0)) : phrases.minutes(Math.round(all / 60));
}

export const wholeSeconds = (milliseconds) => phrases.seconds(Math.max(1, Math.round(milliseconds / 1000)));

// How quickly the tokens of an answer come.
export class Pace {
  constructor() {
    this.begun = performance.now();
    this.tokens = this.before = this.first = this.last = 0;
    this.thinkingSince = 0;
  }

  // Milliseconds since the reasoning began.
  think() {
    this.thinkingSince ||= performance.now();
    return performance.now() - this.thinkingSince;
  }

  // So many have come by now.
  count(tokens) {
    if (tokens === this.tokens) return;
    this.last = performance.now();
    if (!this.tokens) Object.assign(this, { before: tokens, first: this.last });
    this.tokens = tokens;
  }

  // Tokens a second since the first came; "" while that says nothing.
  get speed() {
    const all = (this.last - this.first) / 1000, tokens = this.tokens - this.before;
    return all > 0.3 && tokens ? phrases.tokensPerSecond(fixed(tokens / all, 1)) : "";
  }

  // What the answer was, in the end or up to here.
  get whole() {
    if (!this.tokens) return "";
    const all = (this.last - this.begun) / 1000;
    return [phrases.tokensIn(this.tokens, phrases.seconds(fixed(all, 1))), this.speed].filter(Boolean).join(", ");
  }
}
