// The box in which one writes: text that grows, files, what the tray offers, send and stop. Knows no server.

import { attachButton, attachmentChips, attachments, clearAttachments, takesText } from "/page/scripts/composer/attachments.js";
import { draftOf, keepDraft } from "/page/scripts/composer/drafts.js";
import { whereChatsGo } from "/page/scripts/composer/destination.js";
import { contextRing } from "/page/scripts/composer/ring.js";
import { thinkingButton } from "/page/scripts/composer/thinking.js";
import { el, icon, slot } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { notice } from "/page/scripts/notices/notice.js";
import { on, state } from "/page/scripts/state.js";
import { send, stop } from "/page/scripts/turns/answering.js";
import { editLast } from "/page/scripts/turns/log.js";
import { phrases } from "/page/scripts/words.js";

const text = el("textarea", { id: "text", rows: 1, dir: "auto", enterKeyHint: "send" });
const offers = el("span", { className: "slot" });
const sending = el("button", { type: "submit", className: "send", ariaLabel: phrases.send, title: `${phrases.send} (Enter)` }, icon("send"));
const stopping = el("button", { type: "button", className: "send stop", ariaLabel: phrases.stop, title: `${phrases.stop} (Esc)`, hidden: true, onclick: stop }, icon("stop"));
const box = el("form", { className: "box", ariaLabel: phrases.yourMessage });
let sender = send, waits = false, drafted = null;

// A module that offers something for the next message: its button stands in the tray.
export const offerInTray = (button) => offers.append(button);

// Whoever takes what is written instead of the open chat, `(text, files)`; null gives it back.
export function divertMessages(taker) {
  sender = taker ?? send;
}

// Sends what is written; while the server is gone it waits in the box.
function submit() {
  const files = attachments();
  if (!text.value.trim() && !files.length) return;
  if (takesText()) {
    notice(phrases.fileStillRead);
    return;
  }
  waits = state.server === "away";
  if (waits || state.running) return;
  const written = text.value;
  write("");
  clearAttachments();
  sender(written, files);
}

function sendWaiting() {
  if (waits && state.server === "here" && !state.running) submit();
}

// Puts words into the box.
function write(words) {
  text.value = words;
  changed();
}

function changed() {
  grow();
  box.classList.toggle("ready", Boolean(text.value.trim() || attachments().length));
  if (state.chat) keepDraft(state.chat, text.value);
}

// Another chat is open: what was written there comes back.
function showDraft() {
  if (drafted === state.chat) return;
  drafted = state.chat;
  waits = false;
  write(draftOf(state.chat));
  if (matchMedia("(pointer: fine)").matches) text.focus();
}

// The box grows with its text; `field-sizing` does it where the browser knows that.
function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  text.style.setProperty("height", "auto");
  text.style.setProperty("height", `${text.scrollHeight}px`);
}

function invitation() {
  if (state.running && !state.running.node.text) return phrases.writeOn;
  if (state.pair) return phrases.askBoth;
  return state.chat?.leaf ? phrases.reply : phrases.saySomething;
}

function show() {
  sending.hidden = Boolean(state.running);
  stopping.hidden = !state.running;
  if (state.server === "away") text.placeholder = phrases.keptUntilSent;
  else text.placeholder = invitation();
}

function onKey(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && !text.value) {
    event.preventDefault();
    editLast();
  }
}

export function begin() {
  box.append(...attachmentChips(changed), el("label", { className: "said", htmlFor: "text", textContent: phrases.message }), text,
    el("div", { className: "tray" }, attachButton(), thinkingButton(), offers, el("span", { className: "grow" }), contextRing(), sending, stopping));
  box.onsubmit = (event) => {
    event.preventDefault();
    submit();
  };
  text.oninput = changed;
  text.onkeydown = onKey;
  slot("composer").append(box, underline());
  for (const event of ["chat", "running", "server", "grew", "pair"]) on(event, show);
  for (const event of ["running", "server"]) on(event, sendWaiting);
  on("chat", showDraft);
  on("draft", (words) => {
    write(words);
    text.focus();
  });
  key("↑", phrases.editLastKey);
}

const underline = () => el("p", { className: "under" }, el("span", {}, icon("lock", true), whereChatsGo(location.hostname)), el("span", { textContent: phrases.dropAnywhere }));
