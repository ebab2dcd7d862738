// Text to the clipboard, with a tick on the button for a moment. Knows nothing else.

import { announce } from "/page/scripts/announce.js";
import { el, icon } from "/page/scripts/elements.js";
import { phrases } from "/page/scripts/words.js";

const SHOWN = 1200;  // milliseconds

// Browsers have a clipboard for pages of their own machine, and for those that came by https. From another one in the house
// comes neither; what is selected can be copied there too.
function copySelected(text) {
  const focused = document.activeElement, field = el("textarea", { className: "said", value: text, readOnly: true });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

export async function copyText(button, text) {
  const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => false) : copySelected(text);
  const drawn = button.querySelector(".i"), sign = icon(done ? "check" : "warn", drawn.classList.contains("small"));
  announce(done ? phrases.copied : phrases.mayNotCopy);
  drawn.replaceWith(sign);
  setTimeout(() => sign.isConnected && sign.replaceWith(drawn), SHOWN);
}
