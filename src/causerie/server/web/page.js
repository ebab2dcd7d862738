// The page: the list of chats, the chat that is open, and the answer that comes. Elements are made in view.js.

import { loading, Pace, reading } from "/page/figures.js";
import { offerLibrary } from "/page/library.js";
import { answer, load, models, useKey } from "/page/server.js";
import { ask } from "/page/settings.js";
import { add, allChats, checked, deleteChat, newChat, path, saveChat, show, SHORTENINGS, siblings } from "/page/store.js";
import { beginning, button, el, MessageView } from "/page/view.js";

const at = (id) => document.getElementById(id);
const FILE_LIMIT = 1 << 20;  // characters of an attached file
const LOOK = 500;  // milliseconds between two looks at a model that loads
let chats = [], chat = null, served = [], attached = [], running = null, views = new Map(), looking = null, preparing = 0;

// --- the list of chats ---

function listChats() {
  const sought = at("search").value.trim().toLowerCase();
  const holds = (each) => !sought || each.title.toLowerCase().includes(sought) || Object.values(each.nodes).some((node) => node.text.toLowerCase().includes(sought));
  at("chats").replaceChildren(...chats.filter(holds).map((each) => {
    const title = each.title || "New chat";
    const item = el("li", {}, button(title, () => open(each), { className: "open", title }),
      button("✎", () => rename(each), { className: "act", ariaLabel: `Rename ${title}` }),
      button("⤓", () => download([each], title), { className: "act", ariaLabel: `Export ${title}` }),
      button("✕", () => remove(each), { className: "act", ariaLabel: `Delete ${title}` }));
    if (each === chat) item.setAttribute("aria-current", "true");
    return item;
  }));
}

async function keep() {
  if (!chat || chat.leaf === null) return;
  chat.updated = Date.now();
  if (!chats.includes(chat)) chats.unshift(chat);
  try {
    await saveChat(chat);
  } catch (fault) {
    notice(`The browser could not keep this chat: ${fault.message}`);
  }
}

function open(each) {
  stop();
  chat = each;
  sessionStorage.setItem("chat", chat.id);
  if (chat.model && served.some((model) => model.id === chat.model)) at("model").value = chat.model;
  notice("");
  at("side").classList.remove("open");
  listChats();
  showMessages();
  at("text").focus();
}

const begin = () => open(newChat(at("model").value));

async function rename(each) {
  const title = prompt("Name of this chat", each.title);
  if (title === null) return;
  each.title = title.trim() || each.title;
  await saveChat(each);
  listChats();
}

async function remove(each) {
  if (!confirm(`Delete “${each.title || "New chat"}”? This cannot be undone.`)) return;
  if (each === chat) stop();
  await deleteChat(each.id);
  chats = chats.filter((other) => other !== each);
  if (each === chat) begin();
  else listChats();
}

function download(which, name) {
  const file = new Blob([JSON.stringify({ causerie: 1, chats: which }, null, 1)], { type: "application/json" });
  const link = el("a", { href: URL.createObjectURL(file), download: `${name.replace(/[^\p{L}\p{N} _-]/gu, "").slice(0, 60) || "chats"}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function importChats(file) {
  try {
    const value = JSON.parse(await file.text());
    const found = (Array.isArray(value.chats) ? value.chats : [value]).map(checked);
    for (const each of found) await saveChat(each);
    chats = await allChats();
    if (found.length) open(chats.find((each) => each.id === found[0].id));
  } catch (fault) {
    notice(`${file.name} was not imported: ${fault.message}`);
  }
}

// --- the chat that is open ---

const act = {
  place: (node) => {
    const all = siblings(chat, node);
    return [all.indexOf(node), all.length];
  },
  branch: async (node, by) => {
    stop();
    const all = siblings(chat, node);
    show(chat, all[all.indexOf(node) + by]);
    await keep();
    showMessages();
  },
  retry: (node) => {
    stop();
    chat.leaf = node.parent;
    respond();
  },
  proceed: (node) => {
    stop();
    chat.leaf = node.id;
    respond(node);
  },
  edit: async (node, text) => {
    stop();
    const made = add(chat, node.parent, node.role, { text, files: node.files });
    await keep();
    if (node.role === "user") respond();
    else showMessages();
    return made;
  },
};

// Shows the chat; `live` is the message that still grows.
function showMessages(live = null) {
  views = new Map();
  const nodes = chat ? path(chat) : [], log = at("log"), updates = [];
  const shown = nodes.map((node) => {
    const view = new MessageView(node, act);
    views.set(node.id, view);
    updates.push(view.update(node === live));
    return view.element;
  });
  if (!shown.length) shown.push(el("p", { className: "empty", textContent: "Nothing leaves this machine but what you send to its server. Say something." }));
  log.replaceChildren(...shown);
  log.scrollTop = log.scrollHeight;
  const end = log.scrollTop;
  // The end moves when the Markdown has come; who scrolled meanwhile is left where they are.
  Promise.all(updates).then(() => {
    if (log.scrollTop === end) log.scrollTop = log.scrollHeight;
  });
  showBeginning();
  showGauge();
}

// The line where the context of the last answer begins.
function showBeginning() {
  at("beginning")?.remove();
  const nodes = path(chat), last = nodes.findLast((node) => node.role === "assistant");
  if (last?.forgotten && nodes[last.forgotten]) views.get(nodes[last.forgotten].id).element.before(beginning(last));
}

const chosenModel = () => served.find((model) => model.id === at("model").value);

// How full the context is after the last answer that has figures.
function showGauge() {
  const context = chosenModel()?.context, tokens = chat ? path(chat).findLast((node) => node.tokens)?.tokens ?? 0 : 0;
  at("gauge").hidden = at("gauge-text").hidden = !context;
  if (!context) return;
  at("gauge").value = Math.min(1, tokens / context);
  at("gauge-text").textContent = `${tokens} of ${context} tokens`;
  at("gauge").title = `${tokens} of the ${context} tokens that this model can hold`;
}

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

// --- sending and answers ---

const contentOf = (node) => [...node.files.map((file) => `${file.name}:\n\`\`\`\n${file.text}\n\`\`\`\n`), node.text].join("\n");

function messages(nodes) {
  const found = chat.system ? [{ role: "system", content: chat.system }] : [];
  for (const node of nodes) {
    const calls = node.calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
    found.push({ role: node.role, content: contentOf(node), ...(calls.length ? { tool_calls: calls } : {}) });
  }
  return found;
}

async function send() {
  const text = at("text").value;
  if (running || (!text.trim() && !attached.length)) return;
  add(chat, chat.leaf, "user", { text, files: attached });
  chat.title ||= (text.trim() || attached[0].name).split("\n")[0].slice(0, 60);
  chat.model = at("model").value;
  at("text").value = "";
  attached = [];
  showFiles();
  grow();
  await keep();
  listChats();
  await respond();
}

// What a chat asks of the server beside its messages.
const asking = (asked) => ({ ...asked.settings, repetition_detection: asked.repetition !== "allow", ...(SHORTENINGS.includes(asked.policy) ? { context_policy: asked.policy } : {}) });

// Takes one chunk of an answer: into the message, and what is waited for into its view.
function take(chunk, node, pace, view) {
  if (chunk.usage) {
    pace.count(chunk.usage.completion_tokens);
    Object.assign(node, { tokens: chunk.usage.total_tokens, stats: pace.whole });
  }
  if (chunk.context) Object.assign(node, { forgotten: chunk.context.dropped, summary: chunk.context.summary ?? "" });
  if (chunk.prompt_progress) view.wait(reading(chunk.prompt_progress), chunk.prompt_progress.processed / chunk.prompt_progress.total);
  else if (pace.tokens) view.wait();
  else if (chunk.usage) view.wait(`Reading ${chunk.usage.prompt_tokens} tokens`);
  const [choice] = chunk.choices;
  if (!choice) return;
  node.text += choice.delta.content ?? "";
  node.reasoning += choice.delta.reasoning_content ?? "";
  for (const call of choice.delta.tool_calls ?? []) node.calls.push({ id: call.id, name: call.function.name, arguments: call.function.arguments });
  if (!choice.finish_reason) return;
  node.partial = choice.finish_reason === "length";
  if (node.partial) node.fault = "The answer was cut at its longest; Continue goes on.";
  if (choice.stop_reason === "repetition_detected") node.fault = "The answer repeated itself and was ended; the settings can let it go on.";
}

// Asks for an answer to the chat as it is shown; with `from`, for the rest of that one.
async function respond(from = null) {
  const before = path(chat).filter((node) => node !== from);
  const asked = chat, node = from ?? add(chat, chat.leaf, "assistant", {});
  Object.assign(node, { partial: true, fault: "", forgotten: 0, summary: "" });
  showMessages(node);
  notice("");
  const control = new AbortController(), view = views.get(node.id);
  const mine = (running = { control, node, begun: false });
  at("send").hidden = true;
  at("stop").hidden = false;
  const body = { model: at("model").value, messages: messages(from ? [...before, node] : before), ...asking(asked), ...(from ? { continue_final_message: true } : {}) };
  const pace = new Pace();
  let saved = pace.begun;
  look();
  try {
    for await (const chunk of answer(body, control.signal)) {
      mine.begun = true;
      take(chunk, node, pace, view);
      if (chat === asked) {
        if (chunk.context) showBeginning();
        if (chunk.usage) showGauge();
        at("speed").textContent = pace.speed;
        follow(() => view.update(true));
      }
      if (performance.now() - saved > 1000) {
        saved = performance.now();
        saveChat(asked).catch(() => {});
      }
    }
  } catch (fault) {
    if (fault.name !== "AbortError") {
      node.fault = fault.message;
      if (fault.status === 401) askKey();
      if (fault.code === "context_length_exceeded" && (asked.policy ?? "ask") === "ask" && chat === asked) askRoom(node, from);
    }
  }
  if (running === mine) {
    running = null;
    at("send").hidden = false;
    at("stop").hidden = true;
    at("speed").textContent = "";
  }
  view.wait();
  asked.updated = Date.now();
  await saveChat(asked).catch((fault) => notice(`The browser could not keep this chat: ${fault.message}`));
  if (chat !== asked) return;
  await view.update();
  showModels();
}

function stop() {
  running?.control.abort();
}

// Keeps the end in sight, unless the reader has scrolled away from it.
async function follow(change) {
  const log = at("log"), near = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  await change();
  if (near) log.scrollTop = log.scrollHeight;
}

// --- models, keys, files, theme ---

// Looks at the models a little later: one that an answer waits for may have to be loaded.
function look(pause = LOOK) {
  clearTimeout(looking);
  looking = setTimeout(showModels, pause);
}

async function showModels() {
  clearTimeout(looking);
  try {
    served = await models();
  } catch (fault) {
    if (fault.status === 401) return askKey();
    notice(fault.message);
    return look(3000);
  }
  const chosen = at("model").value || chat?.model, names = served.map((model) => (model.status === "loaded" ? model.id : `${model.id} (${model.status})`));
  if (names.join("\n") !== [...at("model").options].map((option) => option.textContent).join("\n")) {
    at("model").replaceChildren(...served.map((model, place) => el("option", { value: model.id, textContent: names[place] })));
    if (served.some((model) => model.id === chosen)) at("model").value = chosen;
  }
  const model = served.find((each) => each.status === "loading"), waits = running && !running.begun;
  at("loading").hidden = at("loading-text").hidden = !model;
  if (model) {
    at("loading").value = model.share ?? 0;
    at("loading-text").textContent = loading(model);
    if (waits) views.get(running.node.id)?.wait(`The model is ${loading(model)}`, model.total_bytes ? model.share : null);
  }
  if (model || preparing || (waits && chosenModel()?.status !== "loaded")) look();
  showGauge();
}

// Has the chosen model loaded while its user still writes.
async function prepare() {
  const model = chosenModel();
  if (!model || model.status === "loaded") return;
  preparing += 1;
  showModels();
  try {
    await load(model.id);
  } catch (fault) {
    if (fault.status === 401) askKey();
    else notice(fault.message);
  }
  preparing -= 1;
  showModels();
}

// Goes on with a model that was chosen among those of the machine.
async function useModel(id) {
  await showModels();
  at("model").value = id;
  at("model").onchange();
}

function askKey() {
  const dialog = at("key");
  if (dialog.open) return;
  dialog.showModal();
  dialog.onclose = () => {
    useKey(dialog.querySelector("input").value.trim());
    notice("");
    showModels();
    offerLibrary(useModel);
  };
}

// The chat no longer fits: what shall go? The answer, which has not begun, is asked for again.
function askRoom(node, from) {
  const dialog = at("room");
  dialog.returnValue = "";
  dialog.showModal();
  dialog.onclose = () => {
    if (!SHORTENINGS.includes(dialog.returnValue) || chat.nodes[node.id] !== node || running) return;
    chat.policy = dialog.returnValue;
    if (from) return respond(from);
    delete chat.nodes[node.id];
    chat.leaf = node.parent;
    respond();
  };
}

async function attach(files) {
  for (const file of files) {
    const text = await file.text();
    if (text.includes("\0") || text.length > FILE_LIMIT) notice(`${file.name} was not attached: ${text.includes("\0") ? "it is no text" : "it is too long"}.`);
    else attached.push({ name: file.name, text });
  }
  showFiles();
}

function showFiles() {
  at("files").replaceChildren(...attached.map((file) => el("li", {}, file.name, button("✕", () => {
    attached = attached.filter((other) => other !== file);
    showFiles();
  }, { ariaLabel: `Remove ${file.name}` }))));
}

function grow() {
  const area = at("text");
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function showTheme(theme) {
  localStorage.setItem("theme", theme);
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  at("theme").textContent = `Theme: ${theme}`;
}

function choose(accept, use) {
  const picker = at("picker");
  Object.assign(picker, { accept, value: "", onchange: () => use([...picker.files]) });
  picker.click();
}

// --- what the keys and buttons do ---

at("composer").onsubmit = (event) => {
  event.preventDefault();
  send();
};
at("text").oninput = grow;
at("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  } else if (event.key === "ArrowUp" && !at("text").value) {
    const last = path(chat).findLast((node) => node.role === "user");
    if (last) views.get(last.id).edit();
  }
};
at("stop").onclick = stop;
at("new").onclick = begin;
at("search").oninput = listChats;
at("attach").onclick = () => choose("text/*,.md,.py,.js,.json,.csv,.c,.cpp,.h,.rs,.go,.java,.toml,.yaml,.yml,.log", attach);
at("import").onclick = () => choose("application/json,.json", (files) => files.forEach(importChats));
at("export-all").onclick = () => download(chats, "causerie chats");
at("settings-open").onclick = async () => {
  if (await ask(chat)) await keep();
};
at("model").onchange = () => {
  chat.model = at("model").value;
  showGauge();
  prepare();
};
at("theme").onclick = () => showTheme({ auto: "light", light: "dark", dark: "auto" }[localStorage.getItem("theme") ?? "auto"]);
at("open-side").onclick = () => at("side").classList.add("open");
at("close-side").onclick = () => at("side").classList.remove("open");
document.onkeydown = (event) => {
  if (event.key === "Escape" && running && !document.querySelector("dialog[open]")) stop();
  if (event.altKey && event.key.toLowerCase() === "n") begin();
};
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  attach([...event.dataTransfer.files]);
};

showTheme(localStorage.getItem("theme") ?? "auto");
chats = await allChats().catch((fault) => {
  notice(`The browser keeps no chats here: ${fault.message}`);
  return [];
});
await showModels();
open(chats.find((each) => each.id === sessionStorage.getItem("chat")) ?? newChat(at("model").value));
document.body.dataset.ready = "true";
offerLibrary(useModel);
