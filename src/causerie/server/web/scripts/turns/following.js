// The end of the chat kept in sight, while its reader is there and does not read further up. Knows no message.

import { button, slot } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const NEAR = 80;  // pixels from the end
const TOP = 16;  // pixels between the bar and the message that was sent

export class Following {
  constructor(log) {
    this.log = log;
    this.follows = true;
    this.toEnd = button(phrases.toTheEnd, () => this.end(), "", "end");
    this.toEnd.classList.add("end");
    this.toEnd.hidden = true;
    slot("end").append(this.toEnd);
    log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.top = 0;  // where the log was scrolled to last, by whomever
  }

  get distance() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  // The reader has scrolled, or this did. Only a way up leads away from the end: the text may have grown meanwhile.
  scrolled() {
    const up = this.log.scrollTop < this.top - 1, near = this.distance < NEAR;
    this.top = this.log.scrollTop;
    if (near) this.follows = true;
    else if (up) this.follows = false;
    this.toEnd.hidden = this.follows;
  }

  end() {
    this.follows = true;
    this.log.scrollTop = this.log.scrollHeight;
    this.top = this.log.scrollTop;
    this.toEnd.hidden = true;
  }

  // A question was asked: it stands near the top of the sheet, and its answer has the room below it until it needs more.
  // `parts` are those that the answer had before this one.
  place(asked, answer, parts = []) {
    for (const part of parts) part.style.removeProperty("min-height");
    if (asked) {
      const above = answer.offsetTop - asked.offsetTop, gap = parseFloat(getComputedStyle(this.log).paddingBottom) + TOP;
      answer.style.setProperty("min-height", `${Math.max(0, this.log.clientHeight - above - gap)}px`);
    }
    this.end();
  }

  // The chat has grown.
  grew() {
    if (this.follows) this.end();
    else this.toEnd.hidden = this.distance < NEAR;
  }
}
