// What a model says to itself before it answers: a fold that counts its seconds, and closes when the answer begins unless
// its reader has touched it. Knows no server.

import { el, icon } from "/page/scripts/elements.js";
import { wholeSeconds } from "/page/scripts/figures.js";

export class Reasoning {
  constructor() {
    this.words = el("span");
    this.body = el("div", { className: "plain", dir: "auto" });
    this.summary = el("summary", {}, icon("right", true), this.words);
    this.summary.firstChild.classList.add("turns");
    this.element = el("details", { className: "fold", hidden: true }, this.summary, this.body);
    this.summary.onclick = () => { this.touched = true; };
    this.touched = false;
    this.begun = null;
  }

  // `comes`: more of it may come still.
  show(node, comes) {
    this.element.hidden = !node.reasoning;
    if (!node.reasoning) return;
    if (comes) {
      this.begun ??= performance.now();
      node.thought = performance.now() - this.begun;
    }
    const text = this.body.firstChild;
    if (text && node.reasoning.startsWith(text.data)) text.appendData(node.reasoning.slice(text.data.length));
    else this.body.textContent = node.reasoning;
    this.words.textContent = !comes ? (node.thought ? `Thought for ${wholeSeconds(node.thought)}` : "Thought") : `Thinking, ${wholeSeconds(node.thought)}`;
    if (!this.touched) this.element.open = comes;
  }
}
