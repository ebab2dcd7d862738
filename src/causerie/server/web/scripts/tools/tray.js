// The tools beside the message: a button in the tray with a switch for each, and the same in the settings. Knows no server.

import { offerInTray } from "/page/scripts/composer/composer.js";
import { button, el, openPopover, slot } from "/page/scripts/elements.js";
import { chosenModel, on, state } from "/page/scripts/state.js";
import { allTools, canCall, decide, isOn, ruleOf, switchTool, toolsOn } from "/page/scripts/tools/rules.js";

const RULES = { ask: "asks each time", always: "always allowed", never: "never allowed" };
const HINT = "You are asked before a tool is called. What it gives is read by the model like a message.";
const UNABLE = "The model that answers knows no tools.";

const opener = button("", () => (popover ? popover.close() : open()), "bare", "tool");
let popover = null;

// A row for each tool: its name, what holds for it, a switch.
function rows(chat, place) {
  return allTools().map((tool, number) => {
    const id = `tool-${place}-${number}`, rule = ruleOf(chat, tool.name);
    const toggle = el("input", { id, type: "checkbox", className: "sw", role: "switch", checked: isOn(chat, tool.name), onchange: () => switchTool(chat, tool.name, toggle.checked) });
    const again = rule === "ask" ? null : el("button", { type: "button", className: "reset", textContent: "ask again", onclick: () => decide(chat, tool.name, "ask") });
    return el("div", { className: "set" }, el("span", {}, el("label", { htmlFor: id, title: tool.description, textContent: tool.name }), el("br"), el("span", { className: "hint", textContent: RULES[rule] }), again), toggle);
  });
}

const content = () => [el("h2", { textContent: "Tools" }), el("div", { className: "tool-rows" }, ...rows(state.chat, "tray")), el("p", { className: "hint", textContent: canCall(chosenModel()) ? HINT : UNABLE })];

function open() {
  popover = openPopover(opener, content(), { label: "Tools", className: "time tools", into: opener.closest(".box"), onclose: () => { popover = null; } });
}

// Puts new rows in the place of the old, and the focus where it was.
function refill(box, make) {
  const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.replaceChildren(...make());
  if (focused) (document.getElementById(focused) ?? box.querySelector("input"))?.focus();
}

function show() {
  const { chat } = state, count = chat ? toolsOn(chat).length : 0, any = allTools().length > 0;
  opener.hidden = !any;
  opener.ariaLabel = canCall(chosenModel()) ? `Tools: ${count} on` : "Tools: this model knows none";
  opener.setAttribute("aria-expanded", String(Boolean(popover)));
  if (popover && chat) refill(popover.box, content);
  const switches = slot("tool-switches");
  if (!switches || !chat) return;
  switches.hidden = !any;
  refill(switches, () => [el("legend", { textContent: "Tools" }), ...rows(chat, "panel")]);
}

export function begin() {
  opener.append(el("span", { textContent: "Tools" }));
  Object.assign(opener, { title: "Tools", hidden: true }).setAttribute("aria-haspopup", "dialog");
  offerInTray(opener);
  for (const event of ["capabilities", "chat", "settings", "models"]) on(event, show);
}
