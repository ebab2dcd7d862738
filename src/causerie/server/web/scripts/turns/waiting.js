// What is waited for before an answer begins: a bar that is never without a number. Knows no server.

import { el } from "/page/scripts/elements.js";
import { amounts, seconds } from "/page/scripts/figures.js";
import { phrases } from "/page/scripts/words.js";

const APPEARS = 400;  // milliseconds; what takes less is not shown

// The words for a wait: {label, left, right, hint, share, had}, or null where there is nothing to show.
function waitWords(wait, took) {
  if (wait.kind === "loading") return loadingWords(wait, took);
  const { total, cache, processed } = wait, done = processed - cache, rest = total - processed;
  const left = done > 0 && rest > 0 ? phrases.aboutMore(seconds((took * rest) / done)) : "";
  const remembered = cache ? phrases.hadInMind(cache) : "";
  return { label: phrases.modelReads, left: phrases.readingNow, right: phrases.tokensOf(processed, total), hint: [left, remembered].filter(Boolean).join(" "), share: processed / total, had: cache / total };
}

function loadingWords({ read_bytes: read, total_bytes: total }, took) {
  const kept = phrases.answeredThen;
  const shown = { label: phrases.modelLoads, left: phrases.loadingNow, share: total ? read / total : null, had: 0 };
  if (!total) return { ...shown, right: "", hint: kept };
  const left = read > 0 && read < total && took > 0 ? phrases.aboutMore(seconds((took * (total - read)) / read)) : "";
  return { ...shown, right: amounts(read, total), hint: [left, kept].filter(Boolean).join(" ") };
}

export class Waiting {
  constructor() {
    this.left = el("span");
    this.right = el("span");
    this.hint = el("span", { className: "hint num" });
    this.had = el("span", { className: "had" });
    this.done = el("span");
    this.track = el("div", { className: "track", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, this.had, this.done);
    this.element = el("div", { className: "wait", hidden: true }, el("p", { className: "num" }, this.left, this.right), this.track, this.hint);
    this.kind = null;
    this.begun = 0;
  }

  // `wait` is null where nothing is waited for any more.
  show(wait) {
    if (!wait) {
      this.kind = null;
      this.element.hidden = true;
      return;
    }
    const now = performance.now();
    if (wait.kind !== this.kind) Object.assign(this, { kind: wait.kind, begun: now });
    const words = waitWords(wait, now - this.begun);
    this.left.textContent = words.left;
    this.right.textContent = words.right;
    this.hint.textContent = words.hint;
    this.track.ariaLabel = words.label;
    this.track.hidden = words.share === null;
    this.track.setAttribute("aria-valuenow", String(Math.round((words.share ?? 0) * 100)));
    this.had.style.setProperty("width", `${words.had * 100}%`);
    this.done.style.setProperty("width", `${((words.share ?? 0) - words.had) * 100}%`);
    this.element.hidden = now - this.begun < APPEARS;
    if (this.element.hidden) setTimeout(() => this.kind === wait.kind && (this.element.hidden = false), APPEARS);
  }
}
