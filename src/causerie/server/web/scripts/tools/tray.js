// The tools beside the message: a button in the tray with a switch for each, and the same in the settings. Knows no server.

import { offerInTray } from "/page/scripts/composer/composer.js";
import { button, el, openPopover, slot } from "/page/scripts/elements.js";
import { chosenModel, on, state } from "/page/scripts/state.js";
import { allTools, canCall, decide, isOn, ruleOf, switchTool, toolsOn } from "/page/scripts/tools/rules.js";
import { phrases } from "/page/scripts/words.js";

const RULES = { ask: phrases.asksEachTime, always: phrases.alwaysAllowed, never: phrases.neverAllowed };

const opener = button("", () => (popover ? popover.close() : open()), "bare", "tool");
let popover = null;

// A row for each tool: its name, what holds for it, a switch.
function rows(chat, place) {
  return allTools().map((tool, number) => {
    const id = `tool-${place}-${number}`, rule = ruleOf(chat, tool.name);
    const toggle = el("input", { id, type: "checkbox", className: "sw", role: "switch", checked: isOn(chat, tool.name), onchange: () => switchTool(chat, tool.name, toggle.checked) });
    const again = rule === "ask" ? null : el("button", { type: "button", className: "reset", textContent: phrases.askAgain, onclick: () => decide(chat, tool.name, "ask") });
    return el("div", { className: "set" }, el("span", {}, el("label", { htmlFor: id, title: tool.description, textContent: tool.name }), el("br"), el("span", { className: "hint", textContent: RULES[rule] }), again), toggle);
  });
}

const content = () => [el("h2", { textContent: phrases.tools }), el("div", { className: "tool-rows" }, ...rows(state.chat, "tray")), el("p", { className: "hint", textContent: canCall(chosenModel()) ? phrases.toolsHint : phrases.knowsNoTools })];

function open() {
  popover = openPopover(opener, content(), { label: phrases.tools, className: "time tools", into: opener.closest(".box"), onclose: () => { popover = null; } });
}

// Puts new rows in the place of the old, and the focus where it was.
function refill(box, make) {
  const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.replaceChildren(...make());
  if (focused) (document.getElementById(focused) ?? box.querySelector("input"))?.focus();
}

function show() {
  const { chat } = state, count = chat ? toolsOn(chat).length : 0, any = allTools().length > 0;
  opener.hidden = !any || Boolean(state.pair);
  opener.ariaLabel = canCall(chosenModel()) ? phrases.toolsOn(count) : phrases.toolsUnknown;
  opener.setAttribute("aria-expanded", String(Boolean(popover)));
  if (popover && chat) refill(popover.box, content);
  const switches = slot("tool-switches");
  if (!switches || !chat) return;
  switches.hidden = !any;
  refill(switches, () => [el("legend", { textContent: phrases.tools }), ...rows(chat, "panel")]);
}

export function begin() {
  opener.append(el("span", { textContent: phrases.tools }));
  Object.assign(opener, { title: phrases.tools, hidden: true }).setAttribute("aria-haspopup", "dialog");
  offerInTray(opener);
  for (const event of ["capabilities", "chat", "settings", "models", "pair"]) on(event, show);
}
