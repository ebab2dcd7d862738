// What this page adds to the blocks of rendered Markdown: the buttons of code, tables that scroll by themselves, notes that
// jump within the turn, the direction of each block. Knows no chat.

import { copyText } from "/page/scripts/turns/copying.js";
import { el, iconButton } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const LANGUAGES = { js: "JavaScript", javascript: "JavaScript", ts: "TypeScript", typescript: "TypeScript", cpp: "C++", "c++": "C++", csharp: "C#", cs: "C#", html: "HTML", css: "CSS", json: "JSON", yaml: "YAML", yml: "YAML", toml: "TOML", sql: "SQL", bash: "Shell", sh: "Shell", shell: "Shell", py: "Python", rb: "Ruby", rs: "Rust", kt: "Kotlin", md: "Markdown", tex: "LaTeX", latex: "LaTeX", php: "PHP", xml: "XML", txt: "Text" };

// A list, a quotation and a table go by their own first words, and what is in them by its own (prose.css).
const BLOCKS = "p, h1, h2, h3, h4, h5, h6, li, blockquote, table";
const WITHIN = "li > p, blockquote > p";

let answers = 0;  // that have notes: an id stands once in a page

// The server has removed everything but harmless tags, and this page's policy lets no script run but its own.
export function dressed(html) {
  const template = el("template");
  template.innerHTML = html;
  const content = template.content;
  for (const block of content.querySelectorAll(BLOCKS)) if (!block.matches(WITHIN)) block.dir = "auto";
  for (const pre of content.querySelectorAll("pre")) pre.replaceWith(codeBlock(pre));
  for (const table of content.querySelectorAll("table")) table.replaceWith(scroller(table));
  for (const link of content.querySelectorAll("a")) link.target = "_blank";
  linkNotes(content);
  return content;
}

// The words of rendered Markdown for a reader of screens: of a formula, how it is written.
export function wordsOf(content) {
  const copy = el("div", {}, content.cloneNode(true));
  for (const formula of copy.querySelectorAll("math")) formula.replaceWith(formula.getAttribute("alttext") ?? "");
  return copy.textContent.trim();
}

function scroller(table) {
  const wide = el("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: phrases.tableOf(table.querySelector("th")?.textContent.trim() ?? "") });
  wide.append(table.cloneNode(true));
  return wide;
}

// A note and where it is named lead to each other, and the page's address stays what it is.
function linkNotes(content) {
  const ends = new Map([...content.querySelectorAll("[id]")].map((each) => [each.id, each]));
  if (!ends.size) return;
  answers += 1;
  for (const [id, end] of ends) end.id = `answer-${answers}-${id}`;
  for (const link of content.querySelectorAll(".footnote-ref a, .footnote-backref")) {
    const end = ends.get(link.hash.slice(1));
    if (!end) continue;
    link.href = `#${end.id}`;
    link.removeAttribute("target");
    link.removeAttribute("rel");
    link.ariaLabel = link.matches(".footnote-backref") ? phrases.backToText : phrases.note(link.textContent);
    link.onclick = (event) => jump(event, end);
  }
}

function jump(event, end) {
  event.preventDefault();
  if (end.tagName === "LI") end.tabIndex = -1;
  end.focus({ preventScroll: true });
  end.scrollIntoView({ block: "center" });
}

function codeBlock(pre) {
  const code = pre.querySelector("code"), language = /language-(\S+)/.exec(code?.className ?? "")?.[1] ?? "";
  const wraps = localStorage.getItem("wrap") === "true";
  const wrap = iconButton("wrap", phrases.wrapLines, () => wrapAll(wrap.ariaPressed !== "true"), { ariaPressed: String(wraps) }, true);
  const copy = iconButton("copy", phrases.copyCode, () => copyText(copy, code?.textContent ?? ""), {}, true);
  const caption = el("figcaption", {}, el("span", { className: "grow", textContent: LANGUAGES[language.toLowerCase()] ?? language.replace(/^./, (first) => first.toUpperCase()) }), wrap, copy);
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
