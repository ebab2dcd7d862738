// The text of an answer as a row of words that can be walked through: lines under the unlikely ones, and at each what could
// have come there. Knows the answer's units; where they come from, and what a branch is, is told to it.

import { announce } from "/page/scripts/announce.js";
import { button, el, icon, openPopover } from "/page/scripts/elements.js";
import { decimal } from "/page/scripts/figures.js";
import { places } from "/page/scripts/probabilities/odds.js";
import { phrases } from "/page/scripts/words.js";

const NARROW = 320 + 16;  // pixels that the popover takes
const percent = (p) => (p >= 0.995 ? phrases.percent(99) : p < 0.005 ? `< ${phrases.percent(1)}` : phrases.percent(Math.round(100 * p)));
const SIGNS = { "\n": "↵", "\t": "⇥" };

// A text as a word to read: marks for what cannot be seen.
const marked = (text) => text.replace(/[\n\t]/g, (sign) => SIGNS[sign]) || "␣";
const bare = (text) => marked(text.trim() ? text.replace(/^ +| +$/g, "") : text.replaceAll(" ", "␣"));

// Words of a list; where two would look the same their spaces show.
function names(choices) {
  const plain = choices.map(({ text }) => bare(text));
  return plain.map((name, place) => (plain.indexOf(name) === plain.lastIndexOf(name) ? name : marked(choices[place].text).replaceAll(" ", "␣")));
}

export class Reading {
  // `branch(place, choice)` goes on from there; `closed` is called when the text is as it was.
  constructor(node, units, element, branch, closed) {
    Object.assign(this, { node, units, element, branch, closed });
    this.prose = element.querySelector(".prose");
    this.before = [...this.prose.childNodes];
    this.voice = element.querySelector(".voice");
    this.legend = el("small", { textContent: phrases.oddsLegend });
    this.words = [];
  }

  begin() {
    this.prose.classList.add("toks");
    this.prose.replaceChildren(...this.paragraphs());
    this.voice.append(this.legend);
    this.prose.onkeydown = (event) => this.onKey(event);
    const first = Math.max(0, this.units.findIndex(({ p }) => p < 0.8));
    this.reach(first);
    announce(phrases.oddsHelp);
  }

  close() {
    this.prose.classList.remove("toks");
    this.prose.onkeydown = null;
    this.prose.replaceChildren(...this.before);
    this.legend.remove();
    this.closed();
  }

  // Paragraphs of words: a space before a word stands outside of it, so that lines break there.
  paragraphs() {
    const all = [el("p", { dir: "auto" })];
    this.words = this.units.map((unit, place) => {
      const word = this.word(unit, place), space = /^ +/.exec(unit.text)?.[0] ?? "";
      if (space && unit.text.trim()) all.at(-1).append(space);
      all.at(-1).append(word);
      const breaks = unit.text.split("\n").length - 1;
      if (breaks > 1) all.push(el("p", { dir: "auto" }));
      else if (breaks) all.at(-1).append(el("br"));
      return word;
    });
    return all.filter((paragraph) => paragraph.childNodes.length);
  }

  word(unit, place) {
    const word = el("button", { type: "button", className: unit.text.trim() ? "tok" : "tok blank", textContent: bare(unit.text), tabIndex: -1, "data-text": unit.text, ariaLabel: `${bare(unit.text)}, ${percent(unit.p)}`, "aria-haspopup": "dialog", "aria-expanded": "false" });
    word.style.setProperty("--p", unit.p.toFixed(3));
    word.onclick = () => {
      this.reach(place);
      this.show(place);
    };
    return word;
  }

  // Makes a word the one that Tab comes to, and goes there.
  reach(place) {
    const word = this.words[place];
    if (!word) return;
    for (const other of this.prose.querySelectorAll(".tok[tabindex='0']")) other.tabIndex = -1;
    word.tabIndex = 0;
    word.focus();
  }

  onKey(event) {
    const place = this.words.indexOf(event.target), by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (place < 0 || event.altKey) return;
    const to = event.key === "Home" ? 0 : event.key === "End" ? this.words.length - 1 : by ? place + by : null;
    if (event.key === "Escape") this.close();
    else if (to !== null) this.reach(to);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // What could have come at a word.
  show(place) {
    const word = this.words[place], choices = places(this.units[place]), named = names(choices), rest = Math.max(0, 1 - choices.reduce((sum, { p }) => sum + p, 0));
    let aim = Math.max(0, choices.findIndex(({ drawn }) => !drawn));
    const go = button("", () => leave(), "main", "branch"), words = el("span");
    go.append(words);
    const rows = choices.map((choice, at) => {
      const row = el("button", { type: "button", onclick: () => point(at), onfocus: () => point(at) }, el("b", { textContent: named[at] }), el("span", { textContent: percent(choice.p) }), choice.drawn ? el("span", { className: "said", textContent: phrases.drawn }) : icon("branch", true));
      row.style.setProperty("--p", choice.p.toFixed(3));
      if (choice.drawn) row.setAttribute("aria-current", "true");
      return row;
    });
    const list = el("ol", { className: "num" }, ...rows.map((row, at) => el("li", { className: choices[at].drawn ? "drawn" : "" }, row)));
    const leave = () => {
      popover.close();
      this.branch(place, choices[aim]);
    };
    const point = (at) => {
      aim = at;
      rows.forEach((row, other) => row.parentElement.classList.toggle("aim", other === at));
      words.textContent = choices[at].drawn ? phrases.goOnAnew(named[at]) : phrases.branchWith(named[at]);
    };
    list.onkeydown = (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by) rows.at((aim + by) % rows.length).focus();
      else if (event.key === "Enter") leave();
      else return;
      event.preventDefault();
    };
    const { temperature } = this.node.asked ?? {};
    const note = phrases.othersTogether(percent(rest), temperature === undefined ? null : decimal(temperature));
    const popover = openPopover(word, [el("h2", { textContent: phrases.couldHaveCome }), list, el("p", { className: "hint", textContent: note }), go], { label: phrases.couldHaveCome, className: "odds", into: this.prose });
    this.lay(popover.box, word);
    point(aim);
    rows[aim].focus({ preventScroll: true });
    popover.box.scrollIntoView({ block: "nearest" });
  }

  // Below the word, within the text's width.
  lay(box, word) {
    const left = Math.min(word.offsetLeft - 16, this.prose.clientWidth - NARROW);
    box.style.setProperty("--x", `${Math.max(0, left)}px`);
    box.style.setProperty("--y", `${word.offsetTop + word.offsetHeight + 8}px`);
  }
}
