// The rows of the list: a chat, a folder. Knows neither what is kept nor what a press does: `acts` says that.

import { pieces } from "/page/scripts/chats/search.js";
import { dash, el, icon, iconButton } from "/page/scripts/elements.js";
import { LONGEST_NAME, nameOf } from "/page/scripts/store.js";
import { phrases } from "/page/scripts/words.js";

const marked = (text, sought) => (sought.length ? pieces(text, sought).map(([piece, isHit]) => (isHit ? el("mark", { textContent: piece }) : piece)) : [text]);

// The button of a row's menu, which a press on the row with the other button opens too.
function offerMore(row, label, open) {
  const more = iconButton("more", label, () => open(more), { className: "ib more", title: phrases.more, ariaHasPopup: "menu" });
  row.append(more);
  row.oncontextmenu = (event) => {
    event.preventDefault();
    open(more);
  };
}

// A chat. With `chosen` true or false it can be ticked; with `excerpt`, that is where a search found it.
export function chatRow(chat, acts, { now = false, chosen = null, inside = false, sought = [], excerpt = null, node = null } = {}) {
  const name = nameOf(chat), row = el("li", { className: [now && chosen === null && "now", inside && "inside", excerpt && "hit"].filter(Boolean).join(" "), "data-chat": chat.id });
  const words = [el("span", { className: "cut", dir: "auto" }, ...marked(name, sought)), excerpt === null ? null : el("small", { dir: "auto" }, ...marked(excerpt, sought))];
  if (chosen !== null) {
    const box = el("input", { type: "checkbox", id: `choose-${chat.id}`, checked: chosen, ariaLabel: phrases.chooseChat(name), onclick: (event) => acts.choose(chat, event.shiftKey) });
    row.append(box, el("label", { className: "open", htmlFor: box.id }, ...words));
    return row;
  }
  const open = el("button", { type: "button", className: "open", title: name, onclick: (event) => acts.open(chat, event, node) }, ...words);
  if (now) open.setAttribute("aria-current", "page");
  row.append(now ? dash() : "", open);
  offerMore(row, phrases.moreFor(name), (more) => acts.more(chat, more));
  return row;
}

export function folderRow({ name, chats }, acts, { open, choosing }) {
  const show = el("button", { type: "button", className: "open cut", dir: "auto", ariaExpanded: String(open), textContent: name, title: name, onclick: () => acts.fold(name) });
  const row = el("li", { className: "folder", "data-folder": name }, icon("folder", true), show, el("span", { className: "hint num count", textContent: chats.length }));
  if (!choosing) offerMore(row, phrases.moreForFolder(name), (more) => acts.moreOfFolder(name, more));
  return row;
}

// A field in place of the row's name. `keep` gets the new name, or null where the old one stays.
export function nameField(row, name, keep) {
  const field = el("input", { type: "text", className: "name", value: name, ariaLabel: phrases.newNameFor(name), maxLength: LONGEST_NAME, dir: "auto" });
  let ended = false;
  const end = (given) => {
    if (ended) return;
    ended = true;
    keep(given?.trim() || null);
  };
  field.onkeydown = (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter" ? field.value : null);
  };
  field.onblur = () => end(field.value);
  row.querySelector(".open").replaceWith(field);
  row.querySelector(".more")?.remove();
  field.focus();
  field.select();
}
