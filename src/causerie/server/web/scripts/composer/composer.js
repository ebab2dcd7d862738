// The box in which one writes: text that grows, files, what the tray offers, send and stop. Knows no server.

import { attachButton, attachmentChips, attachments, clearAttachments } from "/page/scripts/composer/attachments.js";
import { contextRing } from "/page/scripts/composer/ring.js";
import { el, icon, slot } from "/page/scripts/elements.js";
import { key } from "/page/scripts/keys.js";
import { on, state } from "/page/scripts/state.js";
import { send, stop } from "/page/scripts/turns/answering.js";
import { editLast } from "/page/scripts/turns/log.js";

const text = el("textarea", { id: "text", rows: 1, dir: "auto", enterKeyHint: "send" });
const offers = el("span", { className: "slot" });
const sending = el("button", { type: "submit", className: "send", ariaLabel: "Send", title: "Send (Enter)" }, icon("send"));
const stopping = el("button", { type: "button", className: "send stop", ariaLabel: "Stop", title: "Stop (Esc)", hidden: true, onclick: stop }, icon("stop"));
let sender = send;

// A module that offers something for the next message: its button stands in the tray.
export const offerInTray = (button) => offers.append(button);

// Whoever takes what is written instead of the open chat, `(text, files)`; null gives it back.
export function divertMessages(taker) {
  sender = taker ?? send;
}

function submit() {
  const files = attachments();
  if (state.running || (!text.value.trim() && !files.length)) return;
  const written = text.value;
  write("");
  clearAttachments();
  sender(written, files);
}

// Puts words into the box.
function write(words) {
  text.value = words;
  grow();
}

// The box grows with its text; `field-sizing` does it where the browser knows that.
function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  text.style.setProperty("height", "auto");
  text.style.setProperty("height", `${text.scrollHeight}px`);
}

function invitation() {
  if (state.running && !state.running.node.text) return "You can write on meanwhile";
  return state.chat?.leaf ? "Reply" : "Say something";
}

function show() {
  sending.hidden = Boolean(state.running);
  stopping.hidden = !state.running;
  if (state.server === "away") text.placeholder = "Your next message is kept until it can be sent";
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
  const ready = () => form.classList.toggle("ready", Boolean(text.value.trim() || attachments().length));
  const form = el("form", { className: "box", ariaLabel: "Your message" }, attachmentChips(() => ready()),
    el("label", { className: "said", htmlFor: "text", textContent: "Message" }), text,
    el("div", { className: "tray" }, attachButton(), offers, el("span", { className: "grow" }), contextRing(), sending, stopping));
  form.onsubmit = (event) => {
    event.preventDefault();
    submit();
  };
  text.oninput = () => {
    grow();
    ready();
  };
  text.onkeydown = onKey;
  slot("composer").append(form, underline());
  for (const event of ["chat", "running", "server", "grew"]) on(event, show);
  on("chat", () => matchMedia("(pointer: fine)").matches && !state.running && text.focus());
  on("draft", (words) => {
    write(words);
    ready();
    text.focus();
  });
  key("↑", "In the empty box: edit your last message");
}

const underline = () => el("p", { className: "under" }, el("span", {}, icon("lock", true), "Nothing leaves this machine"), el("span", { textContent: "Drop files anywhere on this page" }));
