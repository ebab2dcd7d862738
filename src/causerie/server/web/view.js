// What a chat looks like: elements for messages, and Markdown that the server has rendered. Knows no storage.

import { rendered } from "/page/server.js";

export function el(tag, fields = {}, ...children) {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export const button = (text, act, fields = {}) => el("button", { type: "button", textContent: text, onclick: act, ...fields });

// Where the last whole paragraph ends: what comes before will not be changed by what follows.
function settled(text) {
  let at = 0, end = 0, fenced = false;
  for (const line of text.split("\n")) {
    const next = at + line.length + 1;
    if (/^ {0,3}(```|~~~)/.test(line)) fenced = !fenced;
    else if (!fenced && line.trim() === "" && next <= text.length) end = next;
    at = next;
  }
  return end;
}

// The text of an answer as it grows. Whole paragraphs are rendered once; only the last one again and again.
class Growing {
  constructor(target) {
    this.done = el("div");
    this.tail = el("div");
    target.replaceChildren(this.done, this.tail);
    this.text = "";
    this.settled = 0;
    this.busy = false;
    this.stale = false;
  }

  async show(text) {
    this.text = text;
    if (this.busy) {
      this.stale = true;
      return;
    }
    this.busy = true;
    do {
      this.stale = false;
      const now = this.text, until = settled(now);
      try {
        const [whole, rest] = await rendered([now.slice(this.settled, until), now.slice(until)]);
        if (until > this.settled) this.done.append(fragment(whole));
        this.settled = until;
        this.tail.replaceChildren(fragment(rest));
      } catch {
        this.tail.textContent = now.slice(this.settled);  // text is better than nothing
      }
    } while (this.stale);
    this.busy = false;
  }
}

// The server has removed everything but harmless tags, and this page's policy lets no script run but its own.
function fragment(html) {
  const template = el("template");
  template.innerHTML = html;
  for (const pre of template.content.querySelectorAll("pre")) {
    pre.append(button("Copy", (event) => copy(event.target, pre.querySelector("code")?.textContent ?? ""), { ariaLabel: "Copy this code" }));
  }
  for (const link of template.content.querySelectorAll("a")) link.target = "_blank";
  return template.content;
}

export async function copy(pressed, text) {
  const said = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Not allowed";
  }
  setTimeout(() => { pressed.textContent = said; }, 1200);
}

// The line above the first message that the model has read, for an answer before which some went.
export function beginning(answer) {
  const what = answer.summary ? "only as a summary" : "no longer";
  const told = answer.summary ? el("details", {}, el("summary", { textContent: "The summary" }), el("div", { textContent: answer.summary })) : null;
  return el("div", { id: "beginning", className: "beginning" }, el("p", { textContent: `The model's memory begins here; it knows what is above ${what}.` }), told);
}

// One message. `act` has what its buttons do.
export class MessageView {
  constructor(node, act) {
    this.node = node;
    this.act = act;
    this.turn = 0;  // of updates; what an earlier one waited for comes too late
    this.body = el("div", { className: "body" });
    this.tools = el("div", { className: "tools" });
    this.fault = el("p", { className: "fault", hidden: true });
    this.waiting = el("div", { className: "waiting", role: "status", hidden: true }, el("progress", { max: 1, ariaLabel: "Progress" }), el("small"));
    const who = node.role === "user" ? "You" : node.role === "tool" ? "Tool" : "Model";
    this.element = el("article", { className: `message ${node.role}`, ariaLabel: who }, el("div", { className: "who", textContent: who }), this.body, this.waiting, this.fault, this.tools);
    this.element.dataset.id = node.id;
    if (node.role === "assistant") {
      this.reasoning = el("details", { hidden: true }, el("summary", { textContent: "Reasoning" }), el("div"));
      this.text = el("div");
      this.calls = el("div");
      this.body.append(this.reasoning, this.text, this.calls);
      this.growing = new Growing(this.text);
    }
  }

  // What is waited for before the answer begins, and which share of it is done, where that is known; nothing without a text.
  wait(text = "", share = null) {
    const [bar, words] = this.waiting.children;
    this.waiting.hidden = !text;
    words.textContent = text;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }

  // As the message is now; a `live` one may still grow.
  async update(live = false) {
    const { node } = this, turn = ++this.turn;
    this.fault.hidden = !node.fault;
    this.fault.textContent = node.fault ?? "";
    if (node.role !== "assistant") {
      const files = node.files.map((file) => el("details", {}, el("summary", { textContent: `${file.name} (${file.text.length} characters)` }), el("div", { textContent: file.text })));
      this.body.replaceChildren(el("div", { className: "plain", textContent: node.text }), ...files);
    } else {
      this.reasoning.hidden = !node.reasoning;
      this.reasoning.lastChild.textContent = node.reasoning;
      this.calls.replaceChildren(...node.calls.map((call) => el("details", { open: true }, el("summary", { textContent: `Calls ${call.name}` }), el("div", { textContent: call.arguments }))));
      if (live) return this.growing.show(node.text);
      const shown = await rendered([node.text]).then(([html]) => fragment(html), () => el("div", { className: "plain", textContent: node.text }));
      if (turn !== this.turn) return;
      this.text.replaceChildren(shown);
    }
    this.showTools();
  }

  showTools() {
    const { node, act } = this, found = [];
    const [place, count] = act.place(node);
    if (count > 1) {
      found.push(button("‹", () => act.branch(node, -1), { ariaLabel: "Earlier version", disabled: place === 0 }));
      found.push(el("small", { textContent: `${place + 1}/${count}` }));
      found.push(button("›", () => act.branch(node, 1), { ariaLabel: "Later version", disabled: place === count - 1 }));
    }
    found.push(button("Copy", (event) => copy(event.target, node.text)));
    found.push(button("Edit", () => this.edit()));
    if (node.role === "assistant") found.push(button("Retry", () => act.retry(node)));
    if (node.role === "assistant" && node.partial && node.text) found.push(button("Continue", () => act.proceed(node)));
    if (node.stats) found.push(el("small", { textContent: node.stats }));
    this.tools.replaceChildren(...found);
  }

  edit() {
    const area = el("textarea", { value: this.node.text, ariaLabel: "New wording" });
    const save = () => this.act.edit(this.node, area.value);
    const row = el("div", { className: "row" }, button(this.node.role === "user" ? "Send" : "Keep", save, { className: "main" }), button("Cancel", () => this.update()));
    area.onkeydown = (event) => {
      if (event.key === "Escape") this.update();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    };
    if (this.node.role === "assistant") {
      this.text.replaceChildren(area);
    } else {
      this.body.replaceChildren(area);
    }
    this.tools.replaceChildren(row);
    area.focus();
  }
}
