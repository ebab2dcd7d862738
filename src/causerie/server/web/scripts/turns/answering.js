// Answers: asked for, taken in as they come, ended. Knows no element; what changes is told.

import { keepChat } from "/page/scripts/chats/chats.js";
import { Pace } from "/page/scripts/figures.js";
import { askKey } from "/page/scripts/notices/key.js";
import { notice } from "/page/scripts/notices/notice.js";
import { answer } from "/page/scripts/server.js";
import { on, state, tell } from "/page/scripts/state.js";
import { add, path, saveChat, show, SHORTENINGS, siblings } from "/page/scripts/store.js";

const SAVING = 1000;  // milliseconds between two times that a growing answer is kept

const LONGEST_TITLE = 60;  // characters of a title that is made of a message
const UNANSWERED = "The user did not say whether this may be called.";

const wishes = [];
let frame = 0;

// A module that wants more of an answer: `wish(chat, model)` gives further fields of the request, the model as it is served.
export const addWish = (wish) => wishes.push(wish);

const contentOf = (node) => [...node.files.map((file) => `${file.name}:\n\`\`\`\n${file.text}\n\`\`\`\n`), node.text].join("\n");

// A message as the server takes it, and what came of its calls. One that is gone on with has its reasoning, so that it is not thought again.
function messagesOf(node, continued = false) {
  const calls = node.calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
  const asked = node.role === "tool" ? { tool_call_id: node.call ?? "" } : {};
  const thought = (continued || calls.length) && node.reasoning ? { reasoning_content: node.reasoning } : {};
  const said = { role: node.role, content: contentOf(node), ...(calls.length ? { tool_calls: calls } : {}), ...thought, ...asked };
  return [said, ...node.calls.map((call) => ({ role: "tool", tool_call_id: call.id, name: call.name, content: call.result?.text ?? UNANSWERED }))];
}

// The request for an answer to these messages of a chat; with `from` for the rest of that answer.
export function requestOf(chat, nodes, { model = state.model, from = null } = {}) {
  const system = chat.system ? [{ role: "system", content: chat.system }] : [];
  const shortening = SHORTENINGS.includes(chat.policy) ? { context_policy: chat.policy } : {};
  const served = state.served.find(({ id }) => id === model);
  const further = Object.assign({}, ...wishes.map((wish) => wish(chat, served)), from ? { continue_final_message: true } : {});
  const messages = [...system, ...nodes.flatMap((node) => messagesOf(node)), ...(from ? messagesOf(from, true) : [])];
  return { model, messages, ...shortening, ...further };
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
  if (choice.delta.reasoning_content) {
    node.reasoning += choice.delta.reasoning_content;
    node.thought = pace.think();
  }
  for (const call of choice.delta.tool_calls ?? []) node.calls.push({ id: call.id, name: call.function.name, arguments: call.function.arguments });
  if (!choice.finish_reason) return;
  node.partial = choice.finish_reason === "length";
  if (node.partial) node.ended = "cut";
  if (choice.stop_reason === "repetition_detected") node.ended = "repeated";
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
  const running = (state.running = { chat, node, control: new AbortController(), begun: false, answersNow: false, wait: null, pace: new Pace() });
  tell("chat", node);
  tell("running");
  running.request = requestOf(chat, before, { from });
  try {
    await receive(running);
  } catch (fault) {
    refused(fault, running, from);
  }
  tell("ended", running);
  if (state.running === running) state.running = null;
  tell("running");
  await keepChat(chat);
  tell("answered", { chat, node });
  if (running.answersNow && state.chat === chat && !state.running) await respond(node);
}

// How many turns so many messages of the request are: what came of a call is a message of its own there.
function turnsGone(nodes, messages) {
  let left = messages, gone = 0;
  while (gone < nodes.length && left > 0) left -= 1 + nodes[gone++].calls.length;
  return gone;
}

// At most once a frame, however quickly pieces come.
function tellGrowth(node) {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    tell("grew", node);
  });
}

// Takes an answer in as it comes. Throws Refused, or an AbortError.
export async function receive(running) {
  const { chat, node, pace, request } = running;
  let saved = performance.now();
  for await (const chunk of answer(request, running.control.signal)) {
    running.begun = true;
    take(chunk, node, pace);
    tell("chunk", { node, chunk, running });
    running.wait = waitOf(chunk, pace);
    if (chunk.context) {
      node.forgotten = turnsGone(path(chat), chunk.context.dropped);
      tell("memory", node);
    }
    tellGrowth(node);
    if (performance.now() - saved > SAVING) {
      saved = performance.now();
      saveChat(chat).catch(() => {});  // the end says it
    }
  }
}

function refused(fault, { chat, node, begun }, from) {
  if (fault.status === 0 && !begun && !from) return postpone(chat, node);
  if (fault.code === "context_length_exceeded" && (chat.policy ?? "ask") === "ask") return askRoom(chat, from ?? node, from);
  noteEnd(fault, node);
}

// Why an answer is not whole, as its message says it: its reader stopped it, the server was gone, or would not.
export function noteEnd(fault, node) {
  node.ended = fault.name === "AbortError" ? "stopped" : fault.status === 0 ? "broken" : "refused";
  node.fault = node.ended === "refused" ? fault.message : "";
  if (fault.status === 401) askKey();
}

// Takes an answer away that has not begun; its question stays.
function withdraw(chat, node) {
  delete chat.nodes[node.id];
  chat.leaf = node.parent;
  if (state.chat === chat) tell("chat");
}

// The chat no longer fits, and nobody has said what shall go. What was there of an answer stays.
function askRoom(chat, node, from) {
  if (from) node.ended = "stopped";
  else withdraw(chat, node);
  if (state.chat === chat) tell("full", from);
}

let postponed = null;  // the chat whose last message waits for the server

// The server was gone before the answer began: the message is answered when it is back.
function postpone(chat, node) {
  postponed = chat;
  withdraw(chat, node);
}

function catchUp() {
  const chat = postponed;
  if (state.server === "away" || !chat) return;
  postponed = null;
  if (chat === state.chat && !state.running && path(chat).at(-1)?.role === "user") respond();
}

export const stop = () => state.running?.control.abort();

// Ends the reasoning that comes; the model goes on with its answer.
export function answerNow() {
  if (!state.running) return;
  state.running.answersNow = true;
  stop();
}

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

// The first line of a message or the name of its first file, cut between words.
export function titleOf(text, files) {
  const [line] = (text.trim() || files[0].name).split("\n");
  return line.length <= LONGEST_TITLE ? line : `${line.slice(0, LONGEST_TITLE).replace(/\s+\S*$/, "")} …`;
}

// Sends a message, and asks for its answer.
export async function send(text, files) {
  const { chat } = state;
  add(chat, chat.leaf, "user", { text, files });
  chat.title ||= titleOf(text, files);
  chat.model = state.model;
  await keepChat();
  tell("chats");
  await respond();
}

export const begin = () => on("server", catchUp);
