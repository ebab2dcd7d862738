// Two models that answer the same messages, each going on with its own answers. Both are versions in the chat's tree, so that
// either can be gone on with. Knows no element.

import { keepChat } from "/page/scripts/chats/chats.js";
import { divertMessages } from "/page/scripts/composer/composer.js";
import { Pace } from "/page/scripts/figures.js";
import { chooseModel, loadModel, lookAtModels } from "/page/scripts/models/served.js";
import { state, on, tell } from "/page/scripts/state.js";
import { add, path } from "/page/scripts/store.js";
import { noteEnd, receive, requestOf, titleOf } from "/page/scripts/turns/answering.js";

// From now on both models are asked: the one that is chosen, and this one.
export function beginPair(other) {
  const { chat } = state;
  state.pair = { chat, models: [state.model, other], last: path(chat).at(-1)?.id ?? null, rounds: [], leaf: chat.leaf };
  divertMessages(ask);
  tell("pair");
  loadModel(other);
}

const leavesOf = ({ rounds }) => rounds.at(-1)?.answers.map((node) => node.id) ?? null;

// One model answers again: the one at this place, with its answers. What the other said stays, as another version.
export async function goOnWith(place) {
  const { pair } = state, { chat } = pair, leaves = leavesOf(pair);
  endPair();
  if (leaves) chat.leaf = leaves[place];
  chooseModel(pair.models[place]);
  tell("chat");
  await keepChat(chat);
}

function endPair() {
  const { pair } = state;
  if (!pair) return;
  state.pair = null;
  pair.rounds.at(-1)?.running.forEach((each) => each.control.abort());
  divertMessages(null);
  tell("pair");
}

// Both are asked. The first message is one and the same; later ones stand below each one's own answer.
async function ask(text, files) {
  const { pair } = state, { chat, models } = pair, leaves = leavesOf(pair), one = leaves ? null : add(chat, chat.leaf, "user", { text, files });
  const asked = one ? [one, one] : leaves.map((leaf) => add(chat, leaf, "user", { text, files }));
  const answers = asked.map((node, place) => add(chat, node.id, "assistant", { model: models[place], partial: true, fault: "", ended: "" }));
  const running = answers.map((node) => ({ chat, node, control: new AbortController(), begun: false, beside: true, wait: null, pace: new Pace() }));
  const round = { asked: one ? null : asked[0], answers, running };
  if (one) pair.last = one.id;
  pair.rounds.push(round);
  pair.leaf = chat.leaf = answers[0].id;
  chat.title ||= titleOf(text, files);
  chat.model = models[0];
  await keepChat(chat);
  tell("chats");
  await receiveBoth(round, chat);
}

async function receiveBoth({ running }, chat) {
  const control = { abort: () => running.forEach((each) => each.control.abort()) };
  const both = (state.running = { ...running[0], control });
  tell("chat");
  tell("running");
  await Promise.all(running.map(receiveOne));
  if (state.running === both) state.running = null;
  tell("running");
  await keepChat(chat);
  lookAtModels();
}

// Calls are made where one model answers: what comes of one is nothing that both have asked for.
const withoutTools = ({ tools, ...request }) => request;

async function receiveOne(running, place) {
  const { chat, node } = running, { model } = node, nodes = path({ nodes: chat.nodes, leaf: node.parent });
  try {
    running.request = withoutTools(requestOf(chat, nodes, { model }));
    await receive(running);
  } catch (fault) {
    noteEnd(fault, node);
  }
  running.over = true;
  tell("ended", running);
  tell("paired", { node, place });
}

// What an answer waits for, where that is its model, which loads.
function noteLoading() {
  for (const running of state.pair?.rounds.at(-1)?.running ?? []) {
    const model = state.served.find((each) => each.id === running.node.model);
    if (running.begun || running.over || model?.status !== "loading") continue;
    running.wait = { kind: "loading", ...model };
    tell("grew", running.node);
  }
}

// Another chat, another way through it or another model: then one answers again.
function look() {
  const { pair } = state;
  if (pair && (state.chat !== pair.chat || state.chat.leaf !== pair.leaf || state.model !== pair.models[0])) endPair();
}

export function begin() {
  on("chat", look);
  on("models", look);
  on("models", noteLoading);
}
