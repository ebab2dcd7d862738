// Answers: asked for, taken in as they come, ended. Knows no element; what changes is told.

import { keepChat } from "/page/scripts/chats/chats.js";
import { Pace } from "/page/scripts/figures.js";
import { askKey } from "/page/scripts/notices/key.js";
import { notice } from "/page/scripts/notices/notice.js";
import { answer } from "/page/scripts/server.js";
import { state, tell } from "/page/scripts/state.js";
import { add, path, saveChat, show, SHORTENINGS, siblings } from "/page/scripts/store.js";

const SAVING = 1000;  // milliseconds between two times that a growing answer is kept

const wishes = [];

// A module that wants more of an answer: `wish(chat)` gives further fields of the request.
export const addWish = (wish) => wishes.push(wish);

const contentOf = (node) => [...node.files.map((file) => `${file.name}:\n\`\`\`\n${file.text}\n\`\`\`\n`), node.text].join("\n");

// A message as the server takes it.
export function messageOf(node) {
  const calls = node.calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
  const asked = node.role === "tool" ? { tool_call_id: node.call ?? "" } : {};
  return { role: node.role, content: contentOf(node), ...(calls.length ? { tool_calls: calls } : {}), ...asked };
}

// The request for an answer to these messages of a chat.
export function requestOf(chat, nodes, model = state.model) {
  const system = chat.system ? [{ role: "system", content: chat.system }] : [];
  const shortening = SHORTENINGS.includes(chat.policy) ? { context_policy: chat.policy } : {};
  const further = Object.assign({}, ...wishes.map((wish) => wish(chat)));
  return { model, messages: [...system, ...nodes.map(messageOf)], ...chat.settings, repetition_detection: chat.repetition !== "allow", ...shortening, ...further };
}

// Takes one chunk of an answer into its message.
export function take(chunk, node, pace) {
  if (chunk.usage) {
    pace.count(chunk.usage.completion_tokens);
    Object.assign(node, { tokens: chunk.usage.total_tokens, stats: pace.whole, speed: pace.speed });
  }
  if (chunk.context) Object.assign(node, { forgotten: chunk.context.dropped, summary: chunk.context.summary ?? "" });
  const [choice] = chunk.choices;
  if (!choice) return;
  node.text += choice.delta.content ?? "";
  node.reasoning += choice.delta.reasoning_content ?? "";
  for (const call of choice.delta.tool_calls ?? []) node.calls.push({ id: call.id, name: call.function.name, arguments: call.function.arguments });
  if (!choice.finish_reason) return;
  node.partial = choice.finish_reason === "length";
  if (node.partial) node.fault = "The answer was cut at its longest.";
  if (choice.stop_reason === "repetition_detected") node.fault = "The answer repeated itself and was ended; the settings can let it go on.";
}

// What is waited for, as the answer's turn shows it: {kind: "reading", prompt_progress} or nothing once text comes.
function waitOf(chunk, pace) {
  if (chunk.prompt_progress) return { kind: "reading", ...chunk.prompt_progress };
  if (pace.tokens || !chunk.usage) return null;
  return { kind: "reading", total: chunk.usage.prompt_tokens, cache: 0, processed: 0 };
}

// Asks for an answer to the chat as it is shown; with `from`, for the rest of that one.
export async function respond(from = null) {
  const chat = state.chat, before = path(chat).filter((node) => node !== from), node = from ?? add(chat, chat.leaf, "assistant", { model: state.model });
  Object.assign(node, { partial: true, fault: "", ended: "", forgotten: 0, summary: "" });
  notice("");
  const running = (state.running = { chat, node, control: new AbortController(), begun: false, wait: null, pace: new Pace() });
  tell("chat", node);
  tell("running");
  const request = { ...requestOf(chat, from ? [...before, node] : before), ...(from ? { continue_final_message: true } : {}) };
  try {
    await receive(request, running);
  } catch (fault) {
    if (fault.name === "AbortError") node.ended = "stopped";
    else refused(fault, node, from);
  }
  if (state.running === running) state.running = null;
  tell("running");
  await keepChat(chat);
  tell("answered", { chat, node });
}

async function receive(request, running) {
  const { chat, node, pace } = running;
  let saved = performance.now();
  for await (const chunk of answer(request, running.control.signal)) {
    running.begun = true;
    take(chunk, node, pace);
    running.wait = waitOf(chunk, pace);
    if (chunk.context) tell("memory", node);
    tell("grew", node);
    if (performance.now() - saved > SAVING) {
      saved = performance.now();
      saveChat(chat).catch(() => {});  // the end says it
    }
  }
}

function refused(fault, node, from) {
  node.fault = fault.message;
  if (fault.status === 401) askKey(() => tell("key"));
  if (fault.status === 0) node.ended = "broken";
  if (fault.code === "context_length_exceeded" && (state.chat.policy ?? "ask") === "ask") tell("full", { node, from });
}

export const stop = () => state.running?.control.abort();

// Another answer to the same message.
export function answerAgain(node) {
  stop();
  state.chat.leaf = node.parent;
  return respond();
}

// The rest of an answer that was stopped, cut or broken off.
export function goOn(node) {
  stop();
  state.chat.leaf = node.id;
  return respond(node);
}

// A message in other words, beside the one that was.
export async function reword(node, text) {
  stop();
  add(state.chat, node.parent, node.role, { text, files: node.files, ...(node.model ? { model: node.model } : {}) });
  await keepChat();
  if (node.role === "user") return respond();
  tell("chat");
}

// Which of how many versions of a message is shown.
export function versions(node) {
  const all = siblings(state.chat, node);
  return { place: all.indexOf(node), count: all.length };
}

export async function showVersion(node, by) {
  const other = siblings(state.chat, node)[versions(node).place + by];
  if (!other) return;
  stop();
  show(state.chat, other);
  await keepChat();
  tell("chat");
}

// Sends a message, and asks for its answer.
export async function send(text, files) {
  const { chat } = state;
  add(chat, chat.leaf, "user", { text, files });
  chat.title ||= (text.trim() || files[0].name).split("\n")[0].slice(0, 60);
  chat.model = state.model;
  await keepChat();
  tell("chats");
  await respond();
}
