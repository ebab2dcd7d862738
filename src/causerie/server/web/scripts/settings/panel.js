// The settings of the open chat, a second sheet beside it. They are kept as they change, and hold from the next answer.

import { el, iconButton, slot } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { on, state, tell } from "/page/scripts/state.js";

const FIELDS = [
  ["temperature", "Temperature", { min: 0, max: 2, step: 0.05 }, "0 always takes the likeliest token; higher is more varied."],
  ["top_p", "Top p", { min: 0, max: 1, step: 0.01 }, "Draw among the likeliest tokens that together have this probability."],
  ["top_k", "Top k", { min: 0, step: 1 }, "Draw among this many likeliest tokens; 0 means all."],
  ["min_p", "Min p", { min: 0, max: 1, step: 0.01 }, "Leave out tokens less likely than this share of the likeliest."],
  ["repetition_penalty", "Repetition penalty", { min: 0.5, max: 2, step: 0.05 }, "Above 1, tokens that were said already become less likely."],
  ["max_tokens", "Longest answer", { min: 1, step: 1 }, "In tokens. Empty: as long as the context allows."],
  ["seed", "Seed", { min: 0, step: 1 }, "The same seed gives the same answer again."],
];
const POLICIES = [["ask", "Ask"], ["drop_oldest", "Forget the oldest messages"], ["summarize", "Summarize the oldest messages"], ["error", "Say so and answer nothing"]];
const REPETITIONS = [["end", "End it"], ["allow", "Let it go on"]];

const open = iconButton("sliders", "Settings of this chat", () => toggle(), { title: "Settings (Alt+S)", ariaExpanded: "false" });

function changed(act) {
  return (event) => {
    act(event.target.value);
    tell("settings");
  };
}

function choice(label, name, options, meaning) {
  const { chat } = state;
  const menu = el("select", { name, onchange: changed((value) => { chat[name] = value; }) }, ...options.map(([value, words]) => el("option", { value, textContent: words, selected: value === chat[name] })));
  return el("div", { className: "set" }, el("label", {}, label, menu), el("span", { className: "hint", textContent: meaning }));
}

function figure([name, label, limits, meaning]) {
  const { chat } = state;
  const field = el("input", { name, type: "number", placeholder: "its own", ...limits, value: chat.settings[name] ?? "", ariaLabel: label });
  field.onchange = changed((value) => {
    if (value === "") delete chat.settings[name];
    else chat.settings[name] = Number(value);
  });
  return el("div", { className: "set" }, el("label", { textContent: label }), field, el("span", { className: "hint", textContent: meaning }));
}

function show() {
  const { chat } = state;
  const system = el("textarea", { name: "system", rows: 3, value: chat.system, oninput: changed((value) => { chat.system = value; }), ariaLabel: "What it is told first" });
  slot("panel").replaceChildren(
    el("header", {}, el("h2", { textContent: "Settings of this chat" }), iconButton("close", "Close the settings", () => toggle())),
    el("div", { className: "body" }, el("fieldset", {}, el("legend", { textContent: "What it is told first" }), system),
      el("fieldset", {}, choice("When the chat no longer fits", "policy", POLICIES, "A line shows where the model's memory begins. Nothing is deleted here."),
        choice("When an answer repeats itself for ever", "repetition", REPETITIONS, "One that is ended says so."), ...FIELDS.map(figure))),
    el("footer", {}, el("span", { className: "hint grow", textContent: "Kept as you go; from the next answer on." })));
}

function toggle() {
  const panel = slot("panel");
  panel.hidden = !panel.hidden;
  document.querySelector(".app").classList.toggle("three", !panel.hidden);
  document.body.classList.toggle("has-panel", !panel.hidden);
  open.ariaExpanded = String(!panel.hidden);
  if (panel.hidden) return open.focus();
  show();
  panel.querySelector("button").focus();
}

export function begin() {
  Object.assign(slot("panel"), { ariaLabel: "Settings of this chat" });
  slot("panel").onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    toggle();
  };
  slot("bar").append(open);
  on("chat", () => slot("panel").hidden || show());
  key("Alt+S", "Settings", toggle);
}
