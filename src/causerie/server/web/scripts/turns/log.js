// The chat that is open, turn below turn. Knows no server.

import { announce } from "/page/scripts/announce.js";
import { el, slot } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { chosenModel, on, state, tell } from "/page/scripts/state.js";
import { path } from "/page/scripts/store.js";
import { showVersion, stop, versions } from "/page/scripts/turns/answering.js";
import { copyText } from "/page/scripts/turns/copying.js";
import { showEmpty } from "/page/scripts/turns/empty.js";
import { Following } from "/page/scripts/turns/following.js";
import { memoryLine } from "/page/scripts/turns/memory.js";
import { endOf } from "/page/scripts/turns/ending.js";
import { makeTurn } from "/page/scripts/turns/turn.js";
import { phrases } from "/page/scripts/words.js";

const NEAR = 12;  // last turns that are always laid out
const LAID_OUT = 100;  // milliseconds, until what was put into the page has its place

const log = slot("log"), column = el("div", { className: "col" });
let turns = new Map(), shownChat = null, following = null, memory = null, whole = null, rendering = 0;

// Shows the chat; `comes` is the message that still grows. Turns that were shown already stay as they are.
function showChat(comes = null) {
  const nodes = shared(), other = shownChat !== state.chat;
  const before = other ? new Map() : new Map([...turns].filter(([id, { node }]) => state.chat.nodes[id] === node));
  shownChat = state.chat;
  turns = new Map(nodes.map((node) => [node.id, before.get(node.id) ?? begunTurn(node)]));
  const updates = [...turns.values()].map((turn) => {
    if (turn.node === comes) return turn.live(state.running);
    return before.has(turn.node.id) && !turn.edits ? showActionsOf(turn) : turn.update();
  });
  arrange([...turns.values()].map((turn) => turn.element));
  showTitle();
  showMemory();
  showEmpty(!nodes.length);
  if (comes) placeAnswer(nodes, comes);
  else if (other) following.end();
  whole = render(Promise.all(updates));
}

function showTitle() {
  const title = slot("title");
  title.textContent = state.chat?.title ?? "";
  title.ariaLabel = state.chat?.title ? null : phrases.newChat;
  document.title = state.chat?.title ? `${state.chat.title} · Causerie` : "Causerie";
}

// Brings a message into sight, once all heights are what they will be.
async function showFound(node) {
  await whole;
  turns.get(node.id)?.element.scrollIntoView({ block: "center" });
}

// The end is followed while the page itself changes what is shown, and until that is laid out.
async function render(updates) {
  rendering += 1;
  await updates;
  setTimeout(() => { rendering -= 1; }, LAID_OUT);
}

// What the row of actions of a turn depends on.
function shapeOf(node) {
  const { place, count } = versions(node);
  return `${place} of ${count}, ${node.id === state.chat.leaf}`;
}

const begunTurn = (node) => Object.assign(makeTurn(node), { shape: shapeOf(node) });

// Makes the row of actions anew where it would be another.
function showActionsOf(turn) {
  const shape = shapeOf(turn.node);
  if (turn.shape !== shape) turn.showActions();
  turn.shape = shape;
}

// The messages of the chat; of one that two models answer, those before they part.
function shared() {
  const nodes = state.chat ? path(state.chat) : [], { pair } = state;
  const parting = pair?.rounds.length ? nodes.findIndex((node) => node.id === pair.last) : -1;
  return parting < 0 ? nodes : nodes.slice(0, parting + 1);
}

// An answer begins below its question, or goes on below its earlier parts.
function placeAnswer(nodes, comes) {
  const before = nodes.slice(0, nodes.indexOf(comes)), asked = before.findLastIndex((node) => node.role === "user");
  const [question, ...parts] = before.slice(Math.max(0, asked)).map((node) => turns.get(node.id).element);
  following.place(question, turns.get(comes.id).element, parts);
}

// The end moves when Markdown has come; what a reader unfolds moves nothing.
function followGrowth() {
  if (rendering || state.running?.chat === state.chat) following.grew();
}

// Puts the turns into the column; those at the beginning that stand there already are not touched.
function arrange(elements) {
  memory?.remove();
  memory = null;
  const same = elements.findIndex((element, place) => column.children[place] !== element), kept = same < 0 ? elements.length : same;
  while (column.children.length > kept) column.lastElementChild.remove();
  column.append(...elements.slice(kept));
  elements.forEach((element, place) => {
    element.classList.toggle("last", element === elements.at(-1));
    element.classList.toggle("far", place < elements.length - NEAR && !element.matches(":hover, :focus-within"));
  });
  if (column.parentElement !== log) log.replaceChildren(column);
}

// Where the context of the last answer begins.
function showMemory() {
  memory?.remove();
  memory = null;
  const nodes = state.chat ? path(state.chat) : [], last = nodes.findLast((node) => node.role === "assistant"), first = last?.forgotten ? nodes[last.forgotten] : null;
  nodes.forEach((node, place) => turns.get(node.id)?.element.classList.toggle("faded", Boolean(first) && place < last.forgotten));
  if (!first) return;
  memory = memoryLine(last);
  turns.get(first.id).element.before(memory);
}

// What has come since the last frame.
function showGrowth() {
  const { running } = state;
  if (!running || running.call || running.chat !== state.chat) return;  // a call that is made lets no text grow
  turns.get(running.node.id)?.live(running);
}

// What an answer waits for, where that is a model which loads.
function showLoading() {
  const { running } = state, model = chosenModel();
  if (!running || running.begun || model?.status !== "loading") return;
  running.wait = { kind: "loading", ...model };
  tell("grew", running.node);
}

async function showAnswer({ chat, node }) {
  const turn = turns.get(node.id);
  if (chat !== state.chat || !turn) return;
  const update = turn.update();
  render(update);
  await update;
  announce(`${turn.untold} ${endOf(node).words || phrases.finished(node.stats ?? "")}`);
}

// What is pointed at may let something float out of it.
const draw = (event) => event.target.closest(".turn")?.classList.remove("far");

// On a screen that is touched, a tap on a turn shows what can be done with it.
function showTapped(event) {
  const tapped = event.target.closest(".turn");
  for (const turn of turns.values()) turn.element.classList.toggle("tapped", turn.element === tapped);
}

const lastAnswer = () => [...turns.values()].findLast((turn) => turn.node.role === "assistant");

// Opens the reader's last message for other words.
export const editLast = () => [...turns.values()].findLast((turn) => turn.node.role === "user")?.edit();

function focusedNode() {
  const focused = document.activeElement?.closest("[data-id]") ?? lastAnswer()?.element;
  return turns.get(focused?.dataset.id)?.node;
}

const turnVersion = (by) => {
  const node = focusedNode();
  if (node) showVersion(node, by);
};

export function begin() {
  following = new Following(log);
  new ResizeObserver(followGrowth).observe(column);
  column.onclick = showTapped;
  for (const event of ["pointerover", "focusin"]) column.addEventListener(event, draw);
  on("chat", showChat);
  on("chats", showTitle);
  on("found", showFound);
  on("memory", showMemory);
  on("grew", showGrowth);
  on("models", showLoading);
  on("answered", showAnswer);
  on("calls", (node) => {
    turns.get(node.id)?.showCalls();
    turns.get(node.id)?.showEnd();
    following.grew();
  });
  key("Esc", phrases.escKey, stop, true);
  key("Alt+C", phrases.copyLastKey, () => {
    const turn = lastAnswer(), copy = turn?.element.querySelector(`[aria-label="${phrases.copy}"]`);
    if (copy) copyText(copy, turn.node.text);
  });
  key("Alt+←", phrases.earlierKey, () => turnVersion(-1));
  key("Alt+→", phrases.laterKey, () => turnVersion(1));
}
