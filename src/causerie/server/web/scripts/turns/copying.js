// Text to the clipboard, with a tick on the button for a moment. Knows nothing else.

import { announce } from "/page/scripts/announce.js";
import { icon } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const SHOWN = 1200;  // milliseconds

export async function copyText(button, text) {
  const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
  const drawn = button.querySelector(".i"), sign = icon(done ? "check" : "warn", drawn.classList.contains("small"));
  announce(done ? phrases.copied : phrases.mayNotCopy);
  drawn.replaceWith(sign);
  setTimeout(() => sign.isConnected && sign.replaceWith(drawn), SHOWN);
}
