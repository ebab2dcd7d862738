// What was done, with a way back for some seconds. Knows nothing of what it was.

import { button, el, slot } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const SECONDS = 10;
let shown = null;

// Says it; `undo` takes it back. It stays while it is pointed at or focused.
export function toast(words, undo) {
  shown?.();
  const box = el("div", { className: "toast", role: "status" }, words, button(phrases.undo, () => {
    close();
    undo();
  }, "", "undo"));
  let timer = null;
  const close = () => {
    clearTimeout(timer);
    box.remove();
    shown = null;
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : close()), SECONDS * 1000);
  };
  shown = close;
  box.onpointerleave = box.onfocusout = wait;
  slot("toast").append(box);
  wait();
}
