// Figures in words: of what one waits for, and of an answer. Knows no page.

const UNITS = [[1e9, "GB", 1], [1e6, "MB", 0], [1e3, "KB", 0]];

// How many bytes of how many: "0.6 of 1.0 GB".
export function bytes(done, all) {
  const [size, unit, digits] = UNITS.find(([least]) => all >= least) ?? UNITS.at(-1);
  return `${(done / size).toFixed(digits)} of ${(all / size).toFixed(digits)} ${unit}`;
}

// How far a model is that loads; without amounts where they are not known yet.
export const loading = (model) => (model.total_bytes ? `loading ${bytes(model.read_bytes, model.total_bytes)}` : "loading");

// How far a prompt is read, as the server's prompt_progress tells it.
export function reading({ total, cache, processed }) {
  const known = cache ? `, ${cache} of them remembered` : "";
  return processed < total ? `Reading ${processed} of ${total} tokens${known}` : `Read ${total} tokens${known}`;
}

// How quickly the tokens of an answer come.
export class Pace {
  constructor() {
    this.begun = performance.now();
    this.tokens = this.before = this.first = this.last = 0;
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
    const seconds = (this.last - this.first) / 1000, tokens = this.tokens - this.before;
    return seconds > 0.3 && tokens ? `${(tokens / seconds).toFixed(tokens / seconds < 10 ? 1 : 0)} tokens/s` : "";
  }

  // What the answer was, in the end or up to here.
  get whole() {
    if (!this.tokens) return "";
    const seconds = (this.last - this.begun) / 1000;
    return [`${this.tokens} ${this.tokens === 1 ? "token" : "tokens"} in ${seconds.toFixed(1)} s`, this.speed].filter(Boolean).join(", ");
  }
}
