// The choice at a full context: what shall become of the oldest messages? The answer, which has not begun, is asked for again.

import { el } from "/page/scripts/elements.js";
import { showNotice } from "/page/scripts/notices/notice.js";
import { on, state, tell } from "/page/scripts/state.js";
import { respond } from "/page/scripts/turns/answering.js";

let shown = null;

function close() {
  shown?.remove();
  shown = null;
}

function choose(policy, { node, from }) {
  close();
  const { chat } = state;
  if (chat.nodes[node.id] !== node || state.running) return;
  chat.policy = policy;
  tell("settings");
  if (from) return respond(from);
  delete chat.nodes[node.id];
  chat.leaf = node.parent;
  respond();
}

const way = (title, words, act, className = "way") => el("button", { type: "button", className, onclick: act }, el("b", { textContent: title }), words);

function ask(answer) {
  close();
  shown = el("section", { className: "choice", role: "group", ariaLabel: "The model cannot hold all of this chat" },
    el("h2", { textContent: "The model cannot hold all of this chat" }), el("p", { textContent: "You keep every message here, whatever you choose." }),
    el("div", { className: "ways" },
      way("Summarise the oldest", "It reads a few sentences in their place.", () => choose("summarize", answer), "way first"),
      way("Forget the oldest", "At once. It no longer knows the first messages.", () => choose("drop_oldest", answer))));
  showNotice(shown);
}

export function begin() {
  on("full", ask);
  on("chat", close);
}
