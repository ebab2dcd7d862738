// The choice at a full context: what shall become of the oldest messages? The answer is then asked for again.

import { el } from "/page/scripts/elements.js";
import { openChat } from "/page/scripts/chats/chats.js";
import { notice, showNotice } from "/page/scripts/notices/notice.js";
import { answer } from "/page/scripts/server.js";
import { on, state, tell } from "/page/scripts/state.js";
import { newChat, path } from "/page/scripts/store.js";
import { requestOf, respond, send } from "/page/scripts/turns/answering.js";
import { phrases } from "/page/scripts/words.js";

let shown = null;

function close() {
  shown?.remove();
  shown = null;
}

function choose(policy, from) {
  close();
  state.chat.policy = policy;
  tell("settings");
  respond(from);
}

// The question in a new chat, after a summary of this one that the model writes.
async function beginAnew() {
  const { chat } = state, nodes = path(chat), asked = nodes.findLast((node) => node.role === "user");
  const working = shown.querySelector("p");
  working.textContent = phrases.summaryComes;
  for (const each of shown.querySelectorAll("button")) each.disabled = true;
  let summary;
  try {
    summary = await summaryOf(chat, nodes.slice(0, nodes.indexOf(asked)));
  } catch (fault) {
    close();
    return notice(phrases.noSummary(fault.message));
  }
  close();
  const fresh = { ...newChat(state.model), title: chat.title, system: chat.system, settings: { ...chat.settings }, policy: chat.policy };
  openChat(fresh);
  await send(`${phrases.talkedSoFar}\n\n${summary}\n\n${asked.text}`, asked.files);
}

async function summaryOf(chat, nodes) {
  const wish = { role: "user", text: phrases.summarise, files: [], calls: [] };
  const request = { ...requestOf(chat, [...nodes, wish]), context_policy: "summarize", chat_template_kwargs: { enable_thinking: false } };
  let summary = "";
  for await (const chunk of answer(request, null)) summary += chunk.choices[0]?.delta.content ?? "";
  return summary.trim();
}

const way = (title, words, act, className = "way") => el("button", { type: "button", className, onclick: act }, el("b", { textContent: title }), words);

// With `from`, it is the rest of that answer which finds no room.
function ask(from) {
  close();
  shown = el("section", { className: "choice", role: "group", ariaLabel: phrases.chatTooLong },
    el("h2", { textContent: phrases.chatTooLong }), el("p", { textContent: phrases.youKeepAll }),
    el("div", { className: "ways" },
      way(phrases.summariseOldest, phrases.summariseOldestMeaning, () => choose("summarize", from), "way first"),
      way(phrases.forgetOldest, phrases.forgetOldestMeaning, () => choose("drop_oldest", from)),
      way(phrases.beginNew, phrases.beginNewMeaning, beginAnew)));
  showNotice(shown);
}

export function begin() {
  on("full", ask);
  on("chat", close);
}
