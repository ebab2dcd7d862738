// One turn of the chat: yours to the right in a tint, the answer without a box under its model's name. Knows no server.

import { announce } from "/page/scripts/announce.js";
import { button, dash, el, icon } from "/page/scripts/elements.js";
import { bytes } from "/page/scripts/figures.js";
import { shortName, state } from "/page/scripts/state.js";
import { goesOn, showCalls } from "/page/scripts/tools/calls.js";
import { answerCard, letGoOn, tooMany } from "/page/scripts/tools/using.js";
import { actionsOf } from "/page/scripts/turns/actions.js";
import { answerNow, goOn, reword } from "/page/scripts/turns/answering.js";
import { showFile } from "/page/scripts/turns/attached.js";
import { editor } from "/page/scripts/turns/editing.js";
import { endOf } from "/page/scripts/turns/ending.js";
import { GrowingProse, prose } from "/page/scripts/turns/prose.js";
import { Reasoning } from "/page/scripts/turns/reasoning.js";
import { Waiting } from "/page/scripts/turns/waiting.js";
import { phrases } from "/page/scripts/words.js";

export const makeTurn = (node) => (node.role === "assistant" ? new AnswerTurn(node) : new OwnTurn(node));

function fileChip(file) {
  const size = el("span", { className: "hint num", textContent: bytes(new Blob([file.text]).size) });
  const chip = el("button", { type: "button", className: "chip", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => showFile(chip, file) }, icon("file", true), file.name, size);
  return el("li", {}, chip);
}

// A message of the reader's, or what a tool gave.
class OwnTurn {
  constructor(node) {
    this.node = node;
    this.edits = false;
    this.element = el("article", { className: `turn ${node.role === "tool" ? "tool" : "you"}`, ariaLabel: node.role === "tool" ? phrases.tool : phrases.you });
    this.element.dataset.id = node.id;
  }

  update() {
    this.edits = false;
    const { node } = this;
    const chips = node.files.length ? el("ul", { className: "chips" }, ...node.files.map(fileChip)) : null;
    const text = node.text || !chips ? el("div", { className: "bubble", dir: "auto", textContent: node.text }) : null;
    this.acts = actionsOf(this);
    this.element.replaceChildren(...[chips, text, this.acts].filter(Boolean));
  }

  showActions() {
    const acts = actionsOf(this);
    this.acts.replaceWith(acts);
    this.acts = acts;
  }

  edit() {
    this.edits = true;
    const { element, focus } = editor(this.node, (text) => reword(this.node, text), () => this.update());
    this.element.replaceChildren(element);
    focus();
  }
}

// An answer. It may grow; then `update(true)` shows what has come.
class AnswerTurn {
  constructor(node) {
    this.node = node;
    this.edits = false;
    this.round = 0;  // of updates; what an earlier one waited for comes too late
    this.name = node.model ? shortName(node.model) : phrases.model;
    this.dash = dash();
    this.pace = el("small", { className: "num" });
    this.reasoning = new Reasoning(answerNow);
    this.calls = el("div", { className: "calls" });
    this.waiting = new Waiting();
    this.text = el("div", { className: "prose" });
    this.ended = el("div", { className: "ended", hidden: true });
    this.acts = el("div", { className: "acts" });
    this.growing = null;
    this.untold = "";  // to readers of screens
    this.element = el("article", { className: "turn answer", ariaLabel: this.name }, el("h2", { className: "voice" }, this.dash, this.name, this.pace),
      this.reasoning.element, this.waiting.element, this.text, this.calls, this.ended, this.acts);
    this.element.dataset.id = node.id;
    this.element.classList.toggle("more", Boolean(state.chat?.nodes[node.parent]?.calls?.length));
  }

  // The answer as it comes: what is waited for, and how quickly it is written.
  live(running) {
    this.waiting.show(running.wait);
    this.dash.classList.toggle("waits", !this.node.text);
    this.pace.textContent = running.pace.speed;
    this.element.classList.add("comes");
    this.reasoning.show(this.node, !this.node.text);
    this.showCalls();
    this.ended.hidden = true;
    this.acts.replaceChildren();
    this.growing ??= new GrowingProse(this.text, announce);
    return this.node.text ? this.growing.show(this.node.text) : null;
  }

  // The answer as it is, whole or ended early.
  async update() {
    const round = ++this.round;
    this.edits = false;
    this.waiting.show(null);
    this.dash.classList.remove("waits");
    this.pace.textContent = "";
    this.element.classList.remove("comes");
    this.reasoning.show(this.node, false);
    this.showCalls();
    await this.showText(round);
    if (round !== this.round) return;
    this.showEnd();
    this.showActions();
  }

  // What grew stays as it is, but for its end; what did not is rendered at once.
  async showText(round) {
    const { growing } = this;
    this.growing = null;
    if (growing) {
      this.untold = await growing.end(this.node.text);
      return;
    }
    const shown = await prose(this.node.text);
    if (round === this.round) this.text.replaceChildren(shown);
  }

  // What can be done now, with its calls also: another turn may have come.
  showActions() {
    this.showCalls();
    const acts = actionsOf(this);
    this.acts.replaceWith(acts);
    this.acts = acts;
  }

  showCalls() {
    if (!this.node.calls.length) return;  // as of most, in each frame
    showCalls(this.calls, this.node, { answer: answerCard, limit: tooMany(this.node) ? this.limit() : null });
    this.element.classList.toggle("handed", goesOn(state.chat, this.node));
  }

  // What stands in place of the cards after many answers in a row that called tools.
  limit() {
    const words = el("span", { textContent: phrases.manyCalls });
    return el("div", { className: "ended" }, words, button(phrases.letGoOn, () => letGoOn(this.node), "", "go"));
  }

  // Why the answer is not whole, and how it goes on.
  showEnd() {
    const { words, goesOn } = endOf(this.node);
    const more = goesOn ? button(phrases.continue, () => goOn(this.node), "", "go") : null;
    this.dash.classList.toggle("off", ["broken", "refused"].includes(this.node.ended));
    this.ended.hidden = !words && !more;
    this.ended.replaceChildren(...[words ? el("span", { textContent: words }) : null, more].filter(Boolean));
  }

  edit() {
    this.edits = true;
    const { element, focus } = editor(this.node, (text) => reword(this.node, text), () => this.update());
    this.text.replaceChildren(element);
    this.acts.replaceChildren();
    focus();
  }
}
