// Two answers side by side, round below round; on a phone one of them, by tabs. Knows no server.

import { announce } from "/page/scripts/announce.js";
import { goOnWith } from "/page/scripts/compare/pairing.js";
import { button, el, iconButton, slot } from "/page/scripts/elements.js";
import { seconds } from "/page/scripts/figures.js";
import { on, shortName, state } from "/page/scripts/state.js";
import { makeTurn } from "/page/scripts/turns/turn.js";
import { phrases } from "/page/scripts/words.js";

const rounds = el("div"), tabs = el("div", { className: "tabs", role: "tablist", ariaLabel: phrases.whichAnswer });
const box = el("div", { className: "pairs" }, tabs, rounds);
const TOP = 24;  // pixels above a question
let columns = new Map();  // by the ids of their answers

// One answer, how quickly it comes, and what can be done with it.
class Column {
  constructor(running, place) {
    this.running = running;
    this.turn = makeTurn(running.node);
    const { model } = running.node, name = shortName(model);
    this.speed = el("span", { className: "hint num" });
    this.stop = iconButton("stop", phrases.stopModel(name), () => running.control.abort(), {}, true);
    this.choose = Object.assign(button(phrases.goOnWithThis, () => goOnWith(place)), { title: phrases.goOnWithModel(name) });
    this.keep = el("div", { className: "keep" }, this.choose, el("span", { className: "grow" }), this.speed, this.stop);
    this.format = el("small");
    this.turn.element.querySelector(".voice").append(this.format);
    this.turn.element.append(this.keep);
    this.turn.element.id = `answer-${running.node.id}`;
    this.turn.element.addEventListener("focusin", () => showColumn(place));
  }

  async show() {
    const { running } = this, { pace, over, node } = running;
    this.choose.disabled = !over;
    this.stop.hidden = Boolean(over);
    this.format.textContent = state.served.find((model) => model.id === node.model)?.format ?? "";
    const took = over && pace.tokens ? seconds(pace.last - pace.begun) : "";
    this.speed.textContent = [pace.speed, over ? took : node.text ? phrases.writing : ""].filter(Boolean).join(", ");
    await (over ? this.turn.update() : this.turn.live(running));
  }
}

function makeRound({ asked, answers, running }) {
  const pair = answers.map((node, place) => new Column(running[place], place));
  for (const column of pair) columns.set(column.running.node.id, column);
  const question = asked && makeTurn(asked);
  question?.update();
  return el("div", { className: "round" }, question && el("div", { className: "col" }, question.element), el("div", { className: "pair", role: "group", ariaLabel: phrases.twoAnswers }, ...pair.map((column) => column.turn.element)));
}

// Shows the rounds that there are; what is there already stays.
function showRounds() {
  const { pair } = state;
  document.body.classList.toggle("has-pair", Boolean(pair?.rounds.length));
  if (!pair?.rounds.length) {
    columns = new Map();
    rounds.replaceChildren();
    return box.remove();
  }
  if (box.parentElement !== slot("log")) slot("log").append(box);
  while (rounds.children.length < pair.rounds.length) {
    rounds.append(makeRound(pair.rounds[rounds.children.length]));
    showTabs(pair);
    for (const running of pair.rounds.at(-1).running) columns.get(running.node.id).show();
    bringUp(rounds.lastElementChild);
  }
  for (const [place, round] of [...rounds.children].entries()) round.classList.toggle("last", place === rounds.children.length - 1);
}

// A question stands near the top of the sheet, as in any chat.
function bringUp(round) {
  const log = slot("log"), question = round.querySelector(".you") ?? [...log.querySelectorAll(":scope > .col > .you")].at(-1) ?? round;
  log.scrollTop += question.getBoundingClientRect().top - log.getBoundingClientRect().top - TOP;
}

function showTabs({ models, rounds: all }) {
  tabs.replaceChildren(...models.map((model, place) => {
    const tab = button(shortName(model), () => showColumn(place), "bare");
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `answer-${all.at(-1).answers[place].id}`);
    tab.onkeydown = ({ key }) => ["ArrowLeft", "ArrowRight"].includes(key) && tabs.children[showColumn(1 - place)].focus();
    return tab;
  }));
  showColumn(Number(box.classList.contains("second")));
}

function showColumn(place) {
  box.classList.toggle("second", place === 1);
  [...tabs.children].forEach((tab, each) => {
    tab.ariaSelected = String(each === place);
    tab.tabIndex = each === place ? 0 : -1;
  });
  return place;
}

function showGrowth() {
  for (const column of columns.values()) if (!column.running.over) column.show();
}

async function showEnd({ node }) {
  await columns.get(node.id)?.show();
  announce(node.fault || phrases.modelFinished(shortName(node.model), node.stats ?? ""));
}

export function begin() {
  on("pair", showRounds);
  on("chat", showRounds);
  on("grew", (node) => columns.has(node.id) && showGrowth());
  on("paired", showEnd);
}
