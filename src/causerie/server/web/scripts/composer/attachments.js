// Files that go with the next message: chosen, dropped or pasted, shown as chips. Knows no chat.

import { chooseFiles } from "/page/scripts/chats/files.js";
import { el, icon, iconButton, slot } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";

const KINDS = "text/*,.md,.py,.js,.json,.csv,.c,.cpp,.h,.rs,.go,.java,.toml,.yaml,.yml,.log";
const MOST = 1 << 20;  // characters of a file

const chips = el("ul", { className: "chips", ariaLabel: "Attached files", hidden: true });
let files = [], changed = () => {};

export const attachments = () => files;

export function clearAttachments() {
  files = [];
  show();
}

async function attach(chosen) {
  for (const file of chosen) {
    const text = await file.text();
    if (text.includes("\0")) notice(`${file.name} was not attached: it is no text.`);
    else if (text.length > MOST) notice(`${file.name} was not attached: it is too long; texts of up to 1 MB can be.`);
    else files.push({ name: file.name, text });
  }
  show();
}

function show() {
  chips.replaceChildren(...files.map((file) => el("li", { className: "chip" }, icon("file", true), file.name, iconButton("close", `Remove ${file.name}`, () => {
    files = files.filter((other) => other !== file);
    show();
  }, {}, true))));
  chips.hidden = !files.length;
  changed();
}

export const attachButton = () => iconButton("plus", "Attach files", () => chooseFiles(KINDS, attach));

// The row of chips; `then` is called when they change. Files can be dropped anywhere on the page.
export function attachmentChips(then) {
  changed = then;
  const zone = el("div", { className: "drop", hidden: true }, icon("file"), el("span", { textContent: "Let go to attach" }), el("span", { className: "hint", textContent: "Texts, code, tables, up to 1 MB each" }));
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
  return chips;
}
