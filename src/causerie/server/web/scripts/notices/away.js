// The server is gone: said once, tried again and again, and taken back when it answers.

import { button, el, icon } from "/page/scripts/elements.js";
import { showNotice } from "/page/scripts/notices/notice.js";
import { lookAtModels } from "/page/scripts/models/served.js";
import { on, state } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const LONGEST = 30;  // seconds between two tries
const rest = el("span", { className: "num" });
let shown = null, timer = null, pause = 1, left = 0;

function begun() {
  pause = 1;
  shown = el("div", { className: "notice bad" }, icon("plug"), el("b", { role: "alert", textContent: phrases.serverAway }),
    el("p", {}, ...phrases.nextTry(rest, el("span", { className: "mono", textContent: "causerie serve" }))), button(phrases.tryNow, tryNow, "", "retry"));
  showNotice(shown);
  wait();
}

function wait() {
  left = pause;
  pause = Math.min(LONGEST, pause * 2);
  clearInterval(timer);
  rest.textContent = String(left);
  timer = setInterval(() => {
    left -= 1;
    rest.textContent = String(Math.max(0, left));
    if (left <= 0) tryNow();
  }, 1000);
}

async function tryNow() {
  clearInterval(timer);
  await lookAtModels();
  if (state.server === "away") wait();
}

function ended() {
  clearInterval(timer);
  shown?.remove();
  shown = null;
}

export function begin() {
  on("server", () => (state.server === "away" ? begun() : ended()));
  if (state.server === "away") begun();
}
