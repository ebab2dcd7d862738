// Where the time of an answer went, in a popover at its speed: a bar, what each part was, and what made it slow.

import { el, openPopover, slot } from "/page/scripts/elements.js";
import { decimal, fixed } from "/page/scripts/figures.js";
import { on, shortName, state } from "/page/scripts/state.js";
import { clocked, parts, speed, together } from "/page/scripts/times/timings.js";
import { phrases } from "/page/scripts/words.js";

const seconds = (milliseconds) => phrases.seconds(fixed(milliseconds / 1000, milliseconds < 100 ? 2 : 1));

function bar(all) {
  return el("div", { className: "stack", ariaHidden: "true" }, ...all.map(({ kind, time }) => {
    const part = el("span", { className: `d-${kind}` });
    part.style.setProperty("flex", String(time));
    return part;
  }));
}

const row = ({ name, kind, detail, time }) => el("li", {}, el("i", { className: `key d-${kind}`, ariaHidden: "true" }), el("b", { textContent: name }), " ", el("span", { className: "hint", textContent: detail }), " ", el("span", { textContent: seconds(time) }));

// With which model and which dice.
function origin({ model, asked = {} }) {
  const figures = [asked.temperature === undefined ? "" : phrases.temperatureIs(decimal(asked.temperature)), asked.temperature === 0 || asked.seed === undefined ? "" : phrases.seedIs(asked.seed)];
  return [shortName(model ?? ""), asked.format ?? "", ...figures].filter(Boolean).join(" · ");
}

// The pieces of an answer: those that called tools, and what came of that.
function pieces(node) {
  const before = state.chat.nodes[node.parent];
  return before?.role === "assistant" ? [...pieces(before), node] : [node];
}

function show({ node, anchor }) {
  const answer = pieces(node).filter(({ timings }) => timings);
  if (!answer.length) return;
  const timings = answer.map((piece) => piece.timings).reduce(together);
  const calls = answer.flatMap((piece) => piece.calls).map(({ name, result }) => ({ name, took: 1000 * (result?.seconds ?? 0) }));
  const all = parts(timings, calls), whole = all.reduce((sum, { time }) => sum + time, 0);
  const rest = origin(node) ? el("li", { className: "rest" }, el("span", { className: "hint", textContent: origin(node) })) : null;
  const { box } = openPopover(anchor, [
    el("h2", {}, `${phrases.thisAnswer} `, el("span", { className: "num", textContent: seconds(whole) })),
    bar(all),
    el("ul", { className: "num" }, ...all.map(row), rest),
    ...(timings.reasons ?? []).map((sentence) => el("p", { className: "hint why", textContent: sentence })),
  ], { label: phrases.whereTimeWent, className: "time" });
  if (box.getBoundingClientRect().top < slot("log").getBoundingClientRect().top) box.classList.add("below");  // there is no room above
}

function take({ node, chunk, running }) {
  const timings = chunk.choices[0]?.timings;
  if (!timings) return;
  node.timings = together(node.timings, timings);
  running.timed = true;
}

// What an answer was asked with; and its time by the clock here, where the server could not tell any more.
function close({ node, pace, request, timed }) {
  const model = state.served.find(({ id }) => id === request.model), own = model?.generation?.temperature;
  node.asked = { format: model?.format, temperature: request.temperature ?? own, seed: request.seed };
  const here = timed ? null : clocked(pace);
  if (here) node.timings = together(node.timings, here);
  if (timed) node.speed = speed(node.timings) || node.speed;
}

export function begin() {
  on("times", show);
  on("chunk", take);
  on("ended", close);
}
