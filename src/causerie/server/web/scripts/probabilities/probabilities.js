// How likely each word of an answer was: shown in the place of its text, with what could have come instead, and a branch
// from there. Collects what the server tells while answers come.

import { iconButton, narrow } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { asking, Odds, unitsOf } from "/page/scripts/probabilities/odds.js";
import { keepOdds, keptOdds, sweepOdds } from "/page/scripts/probabilities/odds_store.js";
import { Reading } from "/page/scripts/probabilities/reading.js";
import { on, state } from "/page/scripts/state.js";
import { add } from "/page/scripts/store.js";
import { addAction } from "/page/scripts/turns/actions.js";
import { addWish, goOn, stop } from "/page/scripts/turns/answering.js";
import { phrases } from "/page/scripts/words.js";

const coming = new Map();  // Odds by the id of the answer that comes

function take({ node, chunk }) {
  const tokens = chunk.choices[0]?.logprobs?.content;
  if (tokens) coming.get(node.id)?.take(tokens);
}

// An answer begins; of one that goes on there are odds already.
async function resume() {
  const { node } = state.running ?? {};
  if (!node || coming.has(node.id)) return;
  const odds = new Odds();
  coming.set(node.id, odds);
  if (node.odds) odds.units.unshift(...((await keptOdds(node.id).catch(() => null)) ?? []));
}

// The odds of an answer that has ended are kept; it knows that there are some.
function keep({ node }) {
  const units = unitsOf(coming.get(node.id)?.units ?? [], node.text);
  coming.delete(node.id);
  node.odds = Boolean(units);
  if (units) keepOdds(node.id, units).catch(() => { node.odds = false; });
}

// The answer goes on after other words than it did, as another version of it.
export async function branch(node, units, place, choice) {
  stop();
  const before = units.slice(0, place), chosen = { ...units[place], text: choice.text, p: choice.p };
  const text = [...before, chosen].map((unit) => unit.text).join("");
  const made = add(state.chat, node.parent, "assistant", { text, reasoning: node.reasoning, thought: node.thought, model: node.model, partial: true });
  coming.set(made.id, new Odds([...before, chosen]));
  return goOn(made);
}

async function open(node, element, button) {
  const units = await keptOdds(node.id).catch(() => null);
  if (!units) return;
  button.ariaPressed = "true";
  const reading = new Reading(node, units, element, (place, choice) => branch(node, units, place, choice), () => {
    button.ariaPressed = "false";
    button.focus();
    button.onclick = () => open(node, element, button);
  });
  button.onclick = () => reading.close();
  reading.begin();
}

function makeAction(node, element) {
  if (!node.odds) return null;
  const button = iconButton("bars", phrases.showOdds, () => open(node, element, button), { className: "ib wide-only", title: phrases.probabilities, ariaPressed: "false" });
  return button;
}

function makeEntry(node, element) {
  if (!node.odds || !narrow.matches) return null;
  const press = () => element.querySelector(`[aria-label="${phrases.showOdds}"]`)?.click();
  return { words: phrases.probabilities, sign: "bars", act: press };
}

export function begin() {
  addWish(() => asking);
  addAction({ make: makeAction, entry: makeEntry });
  on("chunk", take);
  on("running", resume);
  on("ended", keep);
  key("← →", phrases.oddsKey);
}

// Once the chats are there.
export const sweep = () => sweepOdds(state.chats).catch(() => {});  // where the browser keeps nothing there is nothing to sweep
