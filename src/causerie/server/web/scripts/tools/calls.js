// The calls of an answer: a card for each that its reader is asked about, and folds for what came of the others.
//
// A call has {id, name, arguments, result: {text, failed, cut, seconds}}; one without a result waits, or is being made.
// Knows no server.

import { button, dash, el, icon } from "/page/scripts/elements.js";
import { seconds } from "/page/scripts/figures.js";
import { state } from "/page/scripts/state.js";
import { path } from "/page/scripts/store.js";
import { toolOf } from "/page/scripts/tools/rules.js";
import { phrases } from "/page/scripts/words.js";

const LONG = 600;  // characters of arguments, of which more may have to be scrolled
const MOST_SHOWN = 2000;  // characters of a result

function argumentsOf(call) {
  try {
    return Object.entries(JSON.parse(call.arguments || "{}"));
  } catch {
    return [[phrases.argumentsName, call.arguments]];
  }
}

// A card that asks. `answer` takes "once", "always" or "never".
function card(node, call, tool, answer) {
  const id = `call-${node.id}-${call.id}`, pairs = argumentsOf(call);
  const list = el("dl", call.arguments.length > LONG ? { tabIndex: 0, ariaLabel: phrases.arguments } : {}, ...pairs.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { dir: "auto", textContent: typeof value === "string" ? `"${value}"` : JSON.stringify(value) })]));
  const purpose = [tool.purpose, tool.reads_only ? phrases.readsOnly : ""].filter(Boolean).join(" ");
  const ways = [button(phrases.allowOnce, () => answer("once"), "main"), button(phrases.alwaysInChat, () => answer("always")), button(phrases.never, () => answer("never"), "bare")];
  return el("section", { className: "call", "aria-labelledby": id },
    el("header", {}, icon("tool"), el("span", { id, textContent: call.name }), el("span", { className: "badge warn", textContent: phrases.waitsForYou })),
    el("p", { className: "why", dir: "auto", textContent: purpose }), pairs.length ? list : null, el("div", { className: "ask" }, ...ways));
}

function summaryOf(call, runs) {
  const name = el("b", { textContent: call.name });
  if (runs) return el("span", {}, ...phrases.callRuns(name));
  if (!call.result) return el("span", {}, ...phrases.callRests(name));
  if (call.result.seconds === null) return el("span", {}, ...phrases.callRefused(name));
  const took = seconds(call.result.seconds * 1000);
  return call.result.failed ? el("span", {}, ...phrases.callFailed(name, took)) : el("span", { className: "num" }, ...phrases.callDone(name, took));
}

// A fold: the call, and what came of it.
function fold(call, runs) {
  const text = call.result?.text ?? "", shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} …` : text;
  const said = [call.arguments, shown].filter(Boolean).join(" → ");
  return el("details", { className: "fold" }, el("summary", {}, runs ? dash("waits") : icon("tool", true), summaryOf(call, runs)), el("div", { className: "mono plain", dir: "auto", textContent: said }));
}

// Whether the answer is the last of its chat, so that its calls can still be made.
export const isLast = (chat, node) => chat.leaf === node.id;

// Whether the model has gone on after the calls of this answer.
export const goesOn = (chat, node) => path(chat).some(({ parent, role }) => parent === node.id && role === "assistant");

const open = new WeakMap();  // the state of what is shown, by the element

// Shows the calls of an answer in `box`. `answer(node, call, word)` is told what the reader says; `limit` is a row that
// stands in place of the cards, or null.
export function showCalls(box, node, { answer, limit }) {
  const { chat, running } = state, asks = !running && isLast(chat, node) && !node.partial && !node.ended;
  const kinds = node.calls.map((call) => (call.result ? "done" : running?.call === call ? "runs" : asks && !limit && toolOf(call.name) ? "asks" : "rests"));
  const now = JSON.stringify([kinds, asks, Boolean(limit), node.calls.map((call) => call.arguments)]);
  if (open.get(box) === now) return;
  open.set(box, now);
  const shown = node.calls.map((call, place) => (kinds[place] === "asks" ? card(node, call, toolOf(call.name), (word) => answer(node, call, word)) : fold(call, kinds[place] === "runs")));
  box.replaceChildren(...shown, ...(limit && asks && kinds.includes("rests") ? [limit] : []));
}
