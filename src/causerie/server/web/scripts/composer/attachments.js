// Files that go with the next message: chosen, dropped or pasted, shown as chips. The text of a PDF is taken by the server.
// Knows no chat.

import { announce } from "/page/scripts/announce.js";
import { chooseFiles } from "/page/scripts/chats/files.js";
import { fits } from "/page/scripts/composer/fitting.js";
import { el, icon, iconButton, slot } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";
import { textOfFile } from "/page/scripts/server.js";
import { phrases } from "/page/scripts/words.js";

const KINDS = "text/*,application/pdf,.pdf,.md,.py,.js,.json,.csv,.c,.cpp,.h,.rs,.go,.java,.toml,.yaml,.yml,.log";
const MOST = 1 << 20;  // characters of a file's text
const MOST_BYTES = 20 << 20;  // of a PDF

const chips = el("ul", { className: "chips", ariaLabel: phrases.attachedFiles, hidden: true });
const fitting = fits(show);
let files = [], changed = () => {};  // {name, text, whole (before it was cut), pages, reading (what ends the work)}

export const attachments = () => files.map(({ name, text }) => ({ name, text }));

// Whether the text of one is still being taken.
export const takesText = () => files.some((file) => file.reading);

export function clearAttachments() {
  files = [];
  show();
}

async function attach(chosen) {
  for (const given of chosen) {
    if (given.type === "application/pdf" || /\.pdf$/i.test(given.name)) attachPdf(given);
    else attachText(given.name, await given.text());
  }
}

function attachText(name, text) {
  if (text.includes("\0")) return notice(phrases.fileNoText(name));
  if (text.length > MOST) return notice(phrases.fileTooLong(name));
  files.push({ name, text });
  show();
}

// The chip is there at once; who removes it ends the reading.
async function attachPdf(given) {
  if (given.size > MOST_BYTES) return notice(phrases.fileTooLarge(given.name));
  const file = { name: given.name, text: "", reading: new AbortController() };
  files.push(file);
  show();
  try {
    const taken = await textOfFile(given, file.reading.signal);
    Object.assign(file, { text: taken.text, pages: pagesOf(taken), reading: null });
    announce(phrases.fileIsAttached(file.name, amountOf(file)));
  } catch (fault) {
    files = files.filter((other) => other !== file);
    if (fault.name !== "AbortError") notice(phrases.fileNotAttached(file.name, fault.message));
  }
  show();
}

function pagesOf({ pages, pages_read: read, pages_without_text: empty }) {
  if (read < pages) return phrases.firstPagesOf(read, pages);
  return empty ? phrases.pagesWithoutText(pages, empty) : phrases.pages(pages);
}

function amountOf(file) {
  if (file.reading) return phrases.readingText;
  const parts = [file.pages, phrases.characters(file.text.length), file.whole === undefined ? null : phrases.cutToFit];
  return parts.filter(Boolean).join(", ");
}

function chip(file) {
  const remove = iconButton("close", phrases.removeFile(file.name), () => {
    file.reading?.abort();
    files = files.filter((other) => other !== file);
    show();
  }, {}, true);
  const words = el("span", { className: "named" }, el("span", { className: "cut", textContent: file.name }), el("small", { className: "num", textContent: amountOf(file) }));
  return el("li", { className: "chip" }, icon("file", true), words, remove);
}

function show() {
  chips.replaceChildren(...files.map(chip));
  chips.hidden = !files.length;
  fitting.look(files);
  changed();
}

export const attachButton = () => iconButton("plus", phrases.attachFiles, () => chooseFiles(KINDS, attach));

// The row of chips, and what is said of them; `then` is called when they change. Files can be dropped anywhere on the page.
export function attachmentChips(then) {
  changed = then;
  const zone = el("div", { className: "drop", hidden: true }, icon("file"), el("span", { textContent: phrases.letGo }), el("span", { className: "hint", textContent: phrases.whatCanBeAttached }));
  slot("floats").append(zone);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.hidden = !event.dataTransfer.types.includes("Files");
  });
  document.addEventListener("dragleave", (event) => { zone.hidden ||= !event.relatedTarget; });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.hidden = true;
    attach([...event.dataTransfer.files]);
  });
  return [chips, fitting.line];
}
