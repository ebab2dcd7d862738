// Files that go with the next message: chosen, dropped or pasted, shown as chips. Knows no chat.

import { chooseFiles } from "/page/scripts/chats/files.js";
import { el, icon, iconButton, slot } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";
import { phrases } from "/page/scripts/words.js";

const KINDS = "text/*,.md,.py,.js,.json,.csv,.c,.cpp,.h,.rs,.go,.java,.toml,.yaml,.yml,.log";
const MOST = 1 << 20;  // characters of a file

const chips = el("ul", { className: "chips", ariaLabel: phrases.attachedFiles, hidden: true });
let files = [], changed = () => {};

export const attachments = () => files;

export function clearAttachments() {
  files = [];
  show();
}

async function attach(chosen) {
  for (const file of chosen) {
    const text = await file.text();
    if (text.includes("\0")) notice(phrases.fileNoText(file.name));
    else if (text.length > MOST) notice(phrases.fileTooLong(file.name));
    else files.push({ name: file.name, text });
  }
  show();
}

function show() {
  chips.replaceChildren(...files.map((file) => el("li", { className: "chip" }, icon("file", true), file.name, iconButton("close", phrases.removeFile(file.name), () => {
    files = files.filter((other) => other !== file);
    show();
  }, {}, true))));
  chips.hidden = !files.length;
  changed();
}

export const attachButton = () => iconButton("plus", phrases.attachFiles, () => chooseFiles(KINDS, attach));

// The row of chips; `then` is called when they change. Files can be dropped anywhere on the page.
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
  return chips;
}
