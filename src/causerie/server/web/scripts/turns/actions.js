// What can be done with a message: the row of buttons below it. Knows no server.

import { el, iconButton, narrow, openMenu } from "/page/scripts/elements.js";
import { state, tell } from "/page/scripts/state.js";
import { answerAgain, respond, showVersion, versions } from "/page/scripts/turns/answering.js";
import { copyText } from "/page/scripts/turns/copying.js";
import { phrases } from "/page/scripts/words.js";

const further = [];

// A module that offers more: `make(node, element)` gives a button, or null where it does not fit; `entry(node, element)`
// an entry of the menu "More", or null.
export const addAction = ({ make = null, entry = null }) => further.push({ make, entry });

export function actionsOf(turn) {
  const { node } = turn;
  const copy = iconButton("copy", phrases.copy, () => copyText(copy, node.text));
  const edit = iconButton("edit", phrases.edit, () => turn.edit());
  if (node.role !== "assistant") return el("div", { className: "acts" }, versionsOf(node), unanswered(node), copy, edit);
  edit.classList.add("wide-only");
  const again = iconButton("retry", phrases.answerAgain, () => answerAgain(node));
  const more = further.map(({ make }) => make?.(node, turn.element)).filter(Boolean);
  return el("div", { className: "acts" }, versionsOf(node), copy, again, edit, ...more, menuOf(turn), speedOf(node));
}

// A message that nobody has answered, as the server was gone or the page was closed.
const unanswered = (node) => (node.role === "user" && state.chat.leaf === node.id && !state.running ? iconButton("retry", phrases.getAnswer, () => respond()) : null);

function versionsOf(node) {
  const { place, count } = versions(node);
  if (count < 2) return null;
  return el("span", { className: "versions", role: "group", ariaLabel: phrases.versionsOfMessage },
    iconButton("left", phrases.earlierVersion, () => showVersion(node, -1), { disabled: place === 0 }, true),
    el("span", { className: "num", textContent: phrases.versionOf(place + 1, count) }),
    iconButton("right", phrases.laterVersion, () => showVersion(node, 1), { disabled: place === count - 1 }, true));
}

// Entries that have no button of their own; on a phone, those that have none there.
function menuOf(turn) {
  const entries = further.map(({ entry }) => entry?.(turn.node, turn.element)).filter(Boolean);
  if (narrow.matches) entries.unshift({ words: phrases.edit, sign: "edit", act: () => turn.edit() });
  if (!entries.length) return null;
  const more = iconButton("more", phrases.more, () => openMenu(more, entries, { label: phrases.moreForAnswer }));
  return more;
}

function speedOf(node) {
  if (!node.speed && !node.stats) return null;
  const speed = el("button", { type: "button", className: "speed num", textContent: node.speed || node.stats, "aria-haspopup": "dialog", "aria-expanded": "false" });
  speed.onclick = () => tell("times", { node, anchor: speed });
  return speed;
}
