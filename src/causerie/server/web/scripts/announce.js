// What readers of screens are told, in whole sentences, when they have a moment. Knows no chat.

import { slot } from "/page/scripts/elements.js";

export function announce(sentence) {
  slot("announcements").textContent = sentence;
}
