// What memory holds, as one bar with its legend: other programs, models, chats, and what is free. Knows no server.

import { el } from "/page/scripts/elements.js";
import { fixed } from "/page/scripts/figures.js";
import { phrases } from "/page/scripts/words.js";

const PARTS = [["other", phrases.otherPrograms], ["models", phrases.models], ["chats", phrases.chats], ["free", phrases.free]];

const gigabytes = (number) => fixed(number / 1e9, number >= 5e6 && number < 1e8 ? 2 : 1);

export class MemoryBar {
  constructor() {
    this.parts = new Map(PARTS.map(([name]) => [name, el("span", { "data-part": name })]));
    this.figures = new Map(PARTS.map(([name]) => [name, document.createTextNode("")]));
    const entries = PARTS.map(([name]) => el("span", {}, el("i", { className: name === "free" ? "key free" : "key", "data-part": name }), this.figures.get(name)));
    this.element = el("div", { hidden: true }, el("div", { className: "stack", ariaHidden: "true" }, ...this.parts.values()), el("p", { className: "legend num", role: "group", ariaLabel: phrases.memory }, ...entries));
  }

  // Where nobody knows what is free there is no bar.
  show(memory) {
    this.element.hidden = !memory || memory.free === null;
    if (this.element.hidden) return;
    for (const [place, [name, words]] of PARTS.entries()) {
      this.parts.get(name).style.setProperty("flex", `${memory[name] / memory.total} 0 0`);
      this.figures.get(name).data = `${words} ${gigabytes(memory[name])}${place ? "" : ` ${phrases.gigabytes}`}`;
    }
  }
}
