// The text of an answer: Markdown that the server has rendered, and what this page adds to code and tables. Knows no chat.

import { copyText } from "/page/scripts/turns/copying.js";
import { el, iconButton } from "/page/scripts/elements.js";
import { rendered } from "/page/scripts/server.js";
import { phrases } from "/page/scripts/words.js";

const PART = 12;  // whole blocks that are put together, so that those out of sight cost nothing
const LONG = 4000;  // characters of a last paragraph from which on it is not rendered for each piece that comes
const PAUSE = 400;  // milliseconds between two times that such a paragraph is rendered
const LANGUAGES = { js: "JavaScript", javascript: "JavaScript", ts: "TypeScript", typescript: "TypeScript", cpp: "C++", "c++": "C++", csharp: "C#", html: "HTML", css: "CSS", json: "JSON", yaml: "YAML", toml: "TOML", sql: "SQL", bash: "Shell", sh: "Shell", shell: "Shell", py: "Python", php: "PHP", xml: "XML" };

const ITEM = /^ {0,3}([-*+]|\d{1,9}[.)])\s/;
const PERHAPS_ITEM = /^ {0,3}([-*+]|\d{1,9}[.)]?)?$/;  // the beginning of one, of a line that has not come whole
const WITHIN_ITEM = /^( {2,}|\t)/;
const FENCE = /^ {0,3}(```|~~~)/;
const DEFINITION = /^ {0,3}\[[^\]]+\]:/m;  // of a link or a footnote: what it means may stand far from where it is used

// Where the last block ends that will not be changed by what follows: a list goes on behind an empty line.
function settled(text, from) {
  let at = from, end = from, empty = 0, fenced = false, listed = false;
  for (const line of text.slice(from).split("\n")) {
    if (!fenced && line.trim() === "") {
      empty ||= at;
    } else {
      if (empty && !(listed && [ITEM, PERHAPS_ITEM, WITHIN_ITEM].some((form) => form.test(line)))) {
        end = at;
        listed = false;
      }
      empty = 0;
      if (FENCE.test(line)) fenced = !fenced;
      else if (!fenced) listed ||= ITEM.test(line);
    }
    at += line.length + 1;
  }
  return end;
}

// The text of an answer as it grows. Whole paragraphs are rendered once; only the last one again and again.
export class GrowingProse {
  // `told` gets the words of each paragraph that is whole.
  constructor(target, told) {
    this.target = target;
    this.told = told;
    this.caret = el("i", { className: "caret", ariaHidden: "true" });
    this.tail = [];
    this.text = "";
    this.settled = 0;
    this.busy = false;
    this.stale = false;
    this.closed = false;
    this.round = 0;  // of renderings; what an earlier one waited for comes too late
    target.replaceChildren();
  }

  async show(text) {
    this.text = text;
    this.stale = true;
    if (this.busy) return;
    this.busy = true;
    while (this.stale && !this.closed) {
      this.stale = false;
      await this.render();
      if (this.text.length - this.settled > LONG) await new Promise((done) => setTimeout(done, PAUSE));
    }
    this.busy = false;
  }

  // The text is whole: what is still on its way comes too late. Gives the words that were not told.
  async end(text) {
    this.closed = true;
    this.text = text;
    if (DEFINITION.test(text)) this.target.replaceChildren(await prose(text));
    else await this.render();
    this.caret.remove();
    return this.tail.map((node) => node.textContent).join(" ").trim();
  }

  async render() {
    const round = ++this.round, now = this.text, until = settled(now, this.settled);
    let whole = null, rest;
    try {
      const [one, other] = await rendered([now.slice(this.settled, until), now.slice(until)]);
      whole = until > this.settled ? dressed(one) : null;
      rest = dressed(other);
    } catch {
      rest = el("p", { className: "plain", textContent: now.slice(this.settled) });  // text is better than nothing
    }
    if (round !== this.round) return;
    for (const element of this.tail) element.remove();
    if (whole) {
      this.told(whole.textContent.trim());
      this.target.append(whole);
      this.settled = until;
      this.gather();
    }
    const before = this.target.childNodes.length;
    this.target.append(rest);
    this.tail = [...this.target.childNodes].slice(before);
    (lastLine(this.target) ?? this.target).append(this.caret);
  }

  // Puts blocks that are whole into a part of their own, all but the last ones.
  gather() {
    const blocks = [...this.target.querySelectorAll(":scope > :not(.part)")];
    if (blocks.length < 2 * PART) return;
    const part = el("div", { className: "part" });
    blocks[0].before(part);
    part.append(...blocks.slice(0, PART));
  }
}

// The element in which the text goes on: the last item of a list, the last line of a quotation; null after code or a table.
function lastLine(target) {
  let last = target.lastElementChild;
  while (last?.matches("ul, ol, blockquote") && last.lastElementChild) last = last.lastElementChild;
  return last?.matches("p, li, h1, h2, h3, h4, h5, h6") ? (last.lastElementChild?.matches("p") ? last.lastElementChild : last) : null;
}

// The whole text, rendered at once; as it was written, where the server cannot.
export async function prose(text) {
  try {
    const [html] = await rendered([text]);
    return dressed(html);
  } catch {
    return el("p", { className: "plain", textContent: text });
  }
}

// The server has removed everything but harmless tags, and this page's policy lets no script run but its own.
function dressed(html) {
  const template = el("template");
  template.innerHTML = html;
  const content = template.content;
  for (const block of content.children) block.dir = "auto";
  for (const pre of content.querySelectorAll("pre")) pre.replaceWith(codeBlock(pre));
  for (const table of content.querySelectorAll("table")) {
    const wide = el("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: phrases.table });
    table.replaceWith(wide);
    wide.append(table);
  }
  for (const link of content.querySelectorAll("a")) link.target = "_blank";
  return content;
}

function codeBlock(pre) {
  const code = pre.querySelector("code"), language = /language-(\S+)/.exec(code?.className ?? "")?.[1] ?? "";
  const wraps = localStorage.getItem("wrap") === "true";
  const wrap = iconButton("wrap", phrases.wrapLines, () => wrapAll(wrap.ariaPressed !== "true"), { ariaPressed: String(wraps) }, true);
  const copy = iconButton("copy", phrases.copyCode, () => copyText(copy, code?.textContent ?? ""), {}, true);
  const caption = el("figcaption", {}, el("span", { className: "grow", textContent: LANGUAGES[language] ?? language.replace(/^./, (first) => first.toUpperCase()) }), wrap, copy);
  const figure = el("figure", { className: `code${wraps ? " wraps" : ""}`, dir: "ltr" }, caption);
  const shown = pre.cloneNode(true);
  shown.tabIndex = 0;
  figure.append(shown);
  return figure;
}

// It holds for all blocks, and for those to come.
function wrapAll(wraps) {
  localStorage.setItem("wrap", String(wraps));
  for (const figure of document.querySelectorAll(".code")) {
    figure.classList.toggle("wraps", wraps);
    figure.querySelector("[aria-pressed]").ariaPressed = String(wraps);
  }
}
