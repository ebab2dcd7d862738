// What a model says to itself before it answers: a fold that counts its seconds, and closes when the answer begins unless
// its reader has touched it. Knows no server.

import { button, el, icon } from "/page/scripts/elements.js";
import { wholeSeconds } from "/page/scripts/figures.js";
import { phrases } from "/page/scripts/words.js";

export class Reasoning {
  constructor(end) {
    this.words = el("span", { className: "num" });
    this.text = document.createTextNode("");
    const sign = icon("right", true);
    sign.classList.add("turns");
    this.summary = el("summary", { onclick: () => { this.touched = true; } }, sign, this.words);
    this.fold = el("details", { className: "fold" }, this.summary, el("div", { className: "plain", dir: "auto" }, this.text));
    this.end = button(phrases.stopThinking, end, "bare", "go");
    this.element = el("div", { className: "reasoning", hidden: true }, this.fold, this.end);
    this.touched = false;
  }

  // `comes`: more of it may come still.
  show(node, comes) {
    this.element.hidden = !node.reasoning;
    if (this.element.hidden) return;
    if (node.reasoning.startsWith(this.text.data)) this.text.appendData(node.reasoning.slice(this.text.data.length));
    else this.text.data = node.reasoning;
    const took = node.thought ? wholeSeconds(node.thought) : "";
    this.words.textContent = comes ? phrases.thinking(took) : took ? phrases.thoughtFor(took) : phrases.thought;
    this.end.hidden = !comes;
    if (!this.touched) this.fold.open = comes;
  }
}
