// Whether the next answer begins with reasoning: a button in the tray, for models that let one choose. Kept with the chat.

import { el, icon } from "/page/scripts/elements.js";
import { chosenModel, on, state, tell } from "/page/scripts/state.js";
import { addWish } from "/page/scripts/turns/answering.js";
import { phrases } from "/page/scripts/words.js";

const thinks = () => state.chat?.thinks ?? chosenModel()?.thinks_by_default;

export function thinkingButton() {
  const words = el("span", { textContent: phrases.think });
  const button = el("button", { type: "button", className: "b bare", title: phrases.letItThink, hidden: true }, icon("think", true), words);
  const show = () => {
    button.hidden = chosenModel()?.thinks_by_default === undefined;
    button.ariaPressed = String(Boolean(thinks()));
  };
  button.onclick = () => {
    state.chat.thinks = !thinks();
    show();
    tell("settings");
  };
  addWish((chat) => (chosenModel()?.thinks_by_default === undefined || chat.thinks === undefined ? {} : { chat_template_kwargs: { enable_thinking: chat.thinks } }));
  on("chat", show);
  on("models", show);
  return button;
}
