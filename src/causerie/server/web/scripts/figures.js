// Figures in words: of what one waits for, and of an answer. Knows no page.

const UNITS = [[1e9, "GB", 1], [1e6, "MB", 0], [1e3, "KB", 0]];
const unitOf = (number) => UNITS.find(([least]) => number >= least) ?? UNITS.at(-1);

// "1,650"
export const count = (number) => number.toLocaleString("en");

// How many bytes of how many: "0.6 of 1.0 GB".
export function amounts(done, all) {
  const [size, unit, digits] = unitOf(all);
  return `${(done / size).toFixed(digits)} of ${(all / size).toFixed(digits)} ${unit}`;
}

// "1.0 GB"
export function bytes(number) {
  const [size, unit, digits] = unitOf(number);
  return `${(number / size).toFixed(unit === "KB" && number < 10_000 ? 1 : digits)} ${unit}`;
}

// Tokens as one says of a context: "32k".
export const thousands = (number) => (number < 1000 ? count(number) : `${Math.round(number / (number % 1024 ? 1000 : 1024))}k`);

// Tokens a second, as exactly as they mean something: "9.6", "21", "610", "4,400".
export function rate(number) {
  if (number < 10) return String(Number(number.toFixed(1)));
  const step = number < 100 ? 1 : number < 1000 ? 10 : 100;
  return count(Math.round(number / step) * step);
}

// Milliseconds as one says them: "0.4 s", "12 s", "3 min".
export function seconds(milliseconds) {
  const all = milliseconds / 1000;
  return all < 10 ? `${all.toFixed(1)} s` : all < 100 ? `${all.toFixed(0)} s` : `${Math.round(all / 60)} min`;
}

export const wholeSeconds = (milliseconds) => `${Math.max(1, Math.round(milliseconds / 1000))} s`;

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
    return all > 0.3 && tokens ? `${(tokens / all).toFixed(1)} tokens/s` : "";
  }

  // What the answer was, in the end or up to here.
  get whole() {
    if (!this.tokens) return "";
    const all = (this.last - this.begun) / 1000;
    return [`${this.tokens} ${this.tokens === 1 ? "token" : "tokens"} in ${all.toFixed(1)} s`, this.speed].filter(Boolean).join(", ");
  }
}
