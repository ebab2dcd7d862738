// Words sought in titles and texts. Pure; knows no page.

const BEFORE = 24, LENGTH = 140;  // characters of an excerpt: before the hit, and of all

// The words of a search as one pattern each; none for an empty one.
export const patterns = (sought) => sought.trim().split(/\s+/).filter(Boolean).map((word) => new RegExp(word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "iu"));

function excerpt(text, at) {
  const begin = Math.max(0, at - BEFORE), first = begin ? text.indexOf(" ", begin) + 1 : 0;
  const from = first > 0 && first <= at ? first : begin;
  return (from ? "… " : "") + text.slice(from, from + LENGTH).replace(/\s+/g, " ");
}

// Whether the chat has all words, in its title or in its messages: {node, text} of the message that has what the title lacks,
// with nulls where the title has all; null where a word is missing.
export function hit(chat, sought) {
  const nodes = Object.values(chat.nodes), lacking = sought.filter((pattern) => !pattern.test(chat.title));
  if (!lacking.every((pattern) => nodes.some((node) => pattern.test(node.text)))) return null;
  if (!lacking.length) return { node: null, text: null };
  const has = (node) => lacking.filter((pattern) => pattern.test(node.text)).length;
  const node = nodes.reduce((best, each) => (has(each) > has(best) ? each : best));
  const first = Math.min(...lacking.map((pattern) => node.text.search(pattern)).filter((at) => at >= 0));
  return { node, text: excerpt(node.text, first) };
}

// The text in pieces: [text, whether it is a hit].
export function pieces(text, sought) {
  const all = new RegExp(`(${sought.map((pattern) => pattern.source).join("|")})`, "giu");
  return text.split(all).map((piece, place) => [piece, place % 2 === 1]).filter(([piece]) => piece);
}
