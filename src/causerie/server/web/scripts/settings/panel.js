// The settings of the open chat, a second sheet beside it. They are kept as they change, and hold from the next answer.

import { button, el, iconButton, openPopover, slot } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { Figure } from "/page/scripts/settings/figure.js";
import { Manner } from "/page/scripts/settings/manner.js";
import { LONGEST_NAME, savePreset } from "/page/scripts/settings/presets.js";
import { Room, seedField } from "/page/scripts/settings/room.js";
import { bounded, DRAWING, FIGURES, ownValue, remark, set, wish } from "/page/scripts/settings/values.js";
import { chosenModel, on, state, tell } from "/page/scripts/state.js";
import { addWish } from "/page/scripts/turns/answering.js";
import { phrases } from "/page/scripts/words.js";

const opener = iconButton("sliders", phrases.settingsOfChat, () => toggle(), { title: `${phrases.settings} (Alt+S)`, ariaExpanded: "false" });
const manner = new Manner(), room = new Room(), seed = seedField();
const figures = DRAWING.map((name) => [name, new Figure({ name, ...FIGURES[name] }, (text) => {
  set(state.chat, name, bounded(name, text ?? ""));
  tell("settings");
})]);
const unknown = el("p", { className: "hint", textContent: phrases.ownUnknown });

function show() {
  if (slot("panel").hidden || !state.chat) return;
  const { chat } = state, model = chosenModel();
  manner.show();
  for (const [name, figure] of figures) figure.show(chat.settings[name], ownValue(model, name), remark(chat, model, name));
  unknown.hidden = Boolean(model?.generation);
  seed.show();
  room.show();
}

// Asks under which name the settings are to be kept.
function askName(anchor) {
  const name = el("input", { id: "preset-name", className: "field", maxLength: LONGEST_NAME, autocomplete: "off" });
  const form = el("form", {}, el("label", { htmlFor: "preset-name", textContent: phrases.saveAs }), name, el("p", { className: "hint", textContent: phrases.whatIsSaved }), Object.assign(button(phrases.save, null, "main"), { type: "submit" }));
  const popover = openPopover(anchor, form, { label: phrases.saveAsMine, className: "naming" });
  name.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!name.value.trim()) return name.focus();
    savePreset(state.chat, state.model, name.value);
    popover.close();
    tell("settings");
  };
}

function toggle() {
  const panel = slot("panel");
  panel.hidden = !panel.hidden;
  document.querySelector(".app").classList.toggle("three", !panel.hidden);
  document.body.classList.toggle("has-panel", !panel.hidden);
  opener.ariaExpanded = String(!panel.hidden);
  if (panel.hidden) return opener.focus();
  show();
  panel.querySelector("button").focus();
}

function build() {
  const save = button(phrases.saveAsMine, () => askName(save), "bare");
  Object.assign(save, { ariaExpanded: "false" }).setAttribute("aria-haspopup", "dialog");
  slot("panel").replaceChildren(
    el("header", {}, el("h2", { textContent: phrases.settingsOfChat }), iconButton("close", phrases.closeSettings, toggle)),
    el("div", { className: "body" }, manner.element,
      el("fieldset", {}, el("legend", { textContent: phrases.howItChooses }), unknown, ...figures.map(([, figure]) => figure.element), seed.element),
      room.element,
      el("fieldset", { hidden: true, "data-slot": "tool-switches" }, el("legend", { textContent: phrases.tools }))),  // the tools' module fills and shows it
    el("footer", {}, el("span", { className: "hint grow", textContent: phrases.keptAsYouGo }), save));
}

export function begin() {
  const panel = slot("panel");
  panel.ariaLabel = phrases.settingsOfChat;
  build();
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.stopPropagation();
    toggle();
  });
  document.querySelector(".scrim").addEventListener("click", () => panel.hidden || toggle());
  slot("bar").append(opener);
  for (const event of ["chat", "settings", "models"]) on(event, show);
  addWish(wish);
  key("Alt+S", phrases.settings, toggle);
}
