// Calls of tools: asked about or not, made, and the answer gone on with. Knows no element but where the focus is.

import { announce } from "/page/scripts/announce.js";
import { keepChat } from "/page/scripts/chats/chats.js";
import { Pace } from "/page/scripts/figures.js";
import { callTool, toolList } from "/page/scripts/server.js";
import { chosenModel, on, state, tell } from "/page/scripts/state.js";
import { path } from "/page/scripts/store.js";
import { isLast } from "/page/scripts/tools/calls.js";
import { allTools, decide, isOn, ruleOf, toolFields, toolOf } from "/page/scripts/tools/rules.js";
import { addWish, respond } from "/page/scripts/turns/answering.js";
import { phrases } from "/page/scripts/words.js";

const NOT_ALLOWED = { text: "The user did not allow this call.", failed: true, cut: false, seconds: null };
const STOPPED = { text: "The user stopped this call.", failed: true, cut: false, seconds: null };
const unknown = (name) => ({ text: `There is no tool named ${name}.`, failed: true, cut: false, seconds: null });

const lifted = new Set();  // answers whose reader let them go on after too many in a row

// How many answers in a row have called tools, up to this one.
function roundsUpTo(chat, node) {
  const nodes = path(chat), before = nodes.slice(0, nodes.indexOf(node) + 1).reverse();
  const end = before.findIndex((each) => !each.calls?.length || lifted.has(each.id));
  return end < 0 ? before.length : end;
}

// Whether so many answers in a row have called tools that the reader says first whether it may go on.
export const tooMany = (node) => roundsUpTo(state.chat, node) > (state.capabilities.rounds ?? Infinity);

export function letGoOn(node) {
  lifted.add(node.id);
  tell("calls", node);
  return follow(state.chat, node);
}

// What the reader says to a card.
export async function answerCard(node, call, word) {
  const { chat } = state;
  if (word !== "once") decide(chat, call.name, word);
  if (word === "never") call.result = NOT_ALLOWED;
  else await make(chat, node, call);
  await follow(chat, node);
}

// Makes a call. It can be stopped like an answer.
async function make(chat, node, call) {
  const running = (state.running = { chat, node, call, control: new AbortController(), begun: true, answersNow: false, wait: null, pace: new Pace() });
  tell("calls", node);
  tell("running");
  try {
    call.result = await callTool(call.name, JSON.parse(call.arguments || "{}"), running.control.signal);
  } catch (fault) {
    const stopped = fault.name === "AbortError";
    call.result = stopped ? STOPPED : { text: fault.message, failed: true, cut: false, seconds: 0 };
    if (stopped) for (const other of node.calls) other.result ??= STOPPED;
    if (stopped) running.stopped = true;
  }
  if (state.running === running) state.running = null;
  if (running.stopped) node.ended = "stopped";
  await keepChat(chat);
  tell("running");
  tell("calls", node);
}

// Does with the calls of an answer what needs no word of its reader, and when all are done asks for the next.
async function follow(chat, node) {
  if (state.chat !== chat || !isLast(chat, node) || node.partial || node.ended || tooMany(node)) return tell("calls", node);
  for (const call of node.calls) {
    if (call.result) continue;
    const rule = ruleOf(chat, call.name);
    if (!toolOf(call.name) || !isOn(chat, call.name)) call.result = unknown(call.name);
    else if (rule === "never") call.result = NOT_ALLOWED;
    else if (rule === "always") await make(chat, node, call);
    if (state.chat !== chat || !isLast(chat, node) || node.ended) return;
  }
  await keepChat(chat);
  tell("calls", node);
  const waiting = node.calls.find((call) => !call.result);
  if (!waiting && !state.running) return respond();
  if (waiting) askFor(waiting);
}

// Says that a call waits. The button has the focus unless its reader writes.
function askFor(call) {
  announce(phrases.callWaits(call.name));
  const box = document.querySelector("#text"), writes = document.activeElement === box && box.value;
  if (!writes) document.querySelector(".call .b.main")?.focus();
}

async function look() {
  try {
    const { tools, rounds } = await toolList();
    Object.assign(state.capabilities, { tools, rounds });
  } catch {  // one that knows no tools
    Object.assign(state.capabilities, { tools: [] });
  }
  tell("capabilities");
  const last = state.chat ? path(state.chat).at(-1) : null;
  if (last?.calls.length) tell("calls", last);  // a chat that was left while a call waited
}

export function begin() {
  addWish((chat) => (state.pair ? {} : toolFields(chat, chosenModel())));  // of two answers side by side none calls
  on("answered", ({ chat, node }) => node.calls.length && allTools().length && follow(chat, node));
  on("admitted", look);
}
