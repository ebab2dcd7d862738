// How likely each token of an answer was, as units of whole characters: {text, p, others: [[text, p], …]}, the others the
// likeliest in its place and the token itself among them. Knows no element and no server.

const ALTERNATIVES = 5;

// What a request says so that the server tells of it.
export const asking = { logprobs: true, top_logprobs: ALTERNATIVES };

const strict = new TextDecoder("utf-8", { fatal: true });

// The text of bytes; null where they are no whole characters.
function textOf(bytes) {
  try {
    return strict.decode(new Uint8Array(bytes));
  } catch {
    return null;
  }
}

// Units from tokens as they come. A character that several tokens make is one unit, as likely as all of these together; in
// its place others could be named by the first of them alone.
export class Odds {
  constructor(units = []) {
    this.units = [...units];
    this.bytes = [];
    this.p = 1;
    this.others = null;
  }

  take(tokens) {
    for (const { bytes, logprob, top_logprobs: top } of tokens) {
      if (!bytes) continue;
      this.bytes.push(...bytes);
      this.p *= Math.exp(logprob);
      this.others ??= top.map((other) => [textOf(other.bytes), Math.exp(other.logprob)]).filter(([text]) => text);
      const text = textOf(this.bytes);
      if (text === null) continue;
      if (text) this.units.push({ text, p: this.p, others: this.others });
      Object.assign(this, { bytes: [], p: 1, others: null });
    }
  }
}

// The units that are this text and nothing else: what a model says before and behind it (reasoning, marks of the end) goes.
// Null where the tokens do not make the text, as of one with calls of tools in its midst.
export function unitsOf(units, text) {
  const at = units.map((unit) => unit.text).join("").lastIndexOf(text);
  if (at < 0 || !text) return null;
  const within = [];
  let begin = -at;
  for (const unit of units) {
    const end = begin + unit.text.length;
    if (end > 0 && begin < text.length) within.push({ ...unit, text: unit.text.slice(Math.max(0, -begin), unit.text.length - Math.max(0, end - text.length)) });
    begin = end;
  }
  return within;
}

// What could stand in a unit's place, the likeliest first: {text, p, drawn}.
export function places(unit) {
  const others = unit.others.map(([text, p]) => ({ text, p, drawn: text.endsWith(unit.text) && Math.abs(p - unit.p) < 1e-6 }));
  if (!others.some(({ drawn }) => drawn)) others.push({ text: unit.text, p: unit.p, drawn: true });
  return others.sort((a, b) => b.p - a.p);
}
