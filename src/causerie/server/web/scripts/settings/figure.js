// One figure of the settings: its words, the model's own value or the way back to it, a number and a slider. Knows no chat.

import { el } from "/page/scripts/elements.js";
import { decimal } from "/page/scripts/figures.js";
import { phrases } from "/page/scripts/words.js";

// Hundredths at most, without zeros that say nothing.
const shown = (number) => String(Math.round(number * 100) / 100);

// `change(number or null)` is called when its reader has moved it, null for back to the model's own.
export class Figure {
  constructor({ name, words, meaning, low, high, step, most = high, rest = low, ownWords = phrases.itsOwn }, change) {
    Object.assign(this, { ownWords, rest });
    const id = `set-${name}`, label = el("label", { htmlFor: id, textContent: words, title: meaning });
    this.own = el("span", { className: "own-value" });
    this.back = el("button", { type: "button", className: "reset", hidden: true, onclick: () => this.giveBack(change) });
    this.number = el("input", { type: "number", name, min: low, max: most, step, ariaLabel: phrases.numberOf(words), placeholder: "—" });
    this.slider = el("input", { type: "range", id, min: low, max: high, step, title: meaning });
    this.number.onchange = () => {
      change(this.number.value);
      this.number.value = this.text;  // within what is possible
    };
    this.slider.oninput = () => {
      this.number.value = this.slider.value;
      this.fill();
      change(this.slider.value);
    };
    this.hint = el("span", { className: "hint", hidden: true });
    this.element = el("div", { className: "set" }, el("span", {}, label, " ", this.own, this.back), this.number, this.slider, this.hint);
  }

  giveBack(change) {
    change(null);
    this.slider.focus();  // its button goes
  }

  fill() {
    const { min, max, value } = this.slider;
    this.slider.style.setProperty("--v", `${(100 * (value - min)) / (max - min)}%`);
  }

  // `changed`: the chat's own number, or undefined; `own`: the model's, null where it is not known; `hint`: what is to be said of it.
  show(changed, own, hint = "") {
    const isChanged = changed !== undefined, number = changed ?? own;
    this.element.classList.toggle("changed", isChanged);
    this.own.hidden = isChanged;
    this.own.textContent = this.ownWords;
    this.back.hidden = !isChanged;
    this.back.textContent = phrases.backTo(own === null ? this.ownWords : decimal(own));
    this.text = number === null ? "" : shown(number);
    if (document.activeElement !== this.number) this.number.value = this.text;  // and not while somebody types
    this.slider.value = number ?? this.rest;
    this.slider.ariaValueText = number === null ? this.ownWords : decimal(number);
    this.fill();
    this.hint.textContent = hint;
    this.hint.hidden = !hint;
  }
}
