// A choice among a few, side by side. Knows no chat.

import { el } from "/page/scripts/elements.js";

// `options`: [[value, words], …]; `choose(value)` is called when another one is pressed.
export function segments(name, label, options, choose) {
  const inputs = options.map(([value]) => el("input", { type: "radio", name, value, onchange: () => choose(value) }));
  const element = el("div", { className: "seg", role: "radiogroup", ariaLabel: label }, ...options.map(([, words], place) => el("label", {}, inputs[place], el("span", { textContent: words }))));
  return { element, show: (chosen) => inputs.forEach((input) => { input.checked = input.value === chosen; }) };
}
