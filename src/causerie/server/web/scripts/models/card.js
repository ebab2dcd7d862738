// What stands below the box of a new chat: beginnings that suit the model, and the model's card. Knows no chat.

import { el, icon } from "/page/scripts/elements.js";
import { amounts, bytes, rate, thousands } from "/page/scripts/figures.js";
import { badgeOf, outlookOf, speedOf } from "/page/scripts/models/figures_of.js";
import { library, lookAtLibrary } from "/page/scripts/models/library.js";
import { kindOf, startersOf } from "/page/scripts/models/starters.js";
import { chosenModel, longName, tell } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const PAGE = 546;  // tokens of a printed page, some 400 words

const list = el("ul", { className: "starts" }), head = el("header"), figures = el("dl"), remark = el("p", { className: "hint" });
const card = el("section", { className: "card", ariaLabel: phrases.theModel }, head, figures, remark);
let kind = null, shown = "";

// The beginnings; one that is chosen stands in the box.
export function starters() {
  const now = kindOf(chosenModel());
  if (now !== kind) list.replaceChildren(...startersOf(now).map(([sign, words, hint, text]) =>
    el("li", {}, el("button", { type: "button", onclick: () => tell("draft", text) }, icon(sign), el("span", {}, words, el("small", { textContent: hint }))))));
  kind = now;
  return list;
}

// What the model takes and gives here: as it is in memory, or as it would be.
export function modelCard() {
  const model = chosenModel(), loaded = model?.status === "loaded", outlook = model && outlookOf(model.id);
  if (!model) return null;
  if (!loaded && !library.models && !library.fault) lookAtLibrary();
  const told = loaded ? { ...model, needed_bytes: model.weight_bytes } : { ...outlook };
  const entries = [
    told.needed_bytes ? [phrases.inMemory, bytes(told.needed_bytes), told.format] : null,
    speedEntry(model.id, told),
    told.context ? [phrases.holds, thousands(told.context), phrases.tokensAndPages(Math.round(told.context / PAGE))] : null,
    told.expected_read_tokens_per_second ? [phrases.reads, rate(told.expected_read_tokens_per_second), phrases.perSecond] : null,
  ].filter(Boolean);
  const now = JSON.stringify([model.id, model.status, model.read_bytes, entries, outlook?.fits]);
  if (now !== shown) show(model, entries, outlook);
  shown = now;
  return card;
}

function speedEntry(id, { format, expected_tokens_per_second: expected }) {
  const speed = speedOf(id, format, expected);
  return speed && [phrases.speedHere, speed.number, phrases.perSecond];
}

function show(model, entries, outlook) {
  const loaded = model.status === "loaded", fits = badgeOf(outlook?.fits), large = outlook?.fits === "too_large";
  const badge = loaded ? { kind: "", sign: "check", words: phrases.fitsHere } : fits && { ...fits, words: { fits: phrases.fitsHere, tight: phrases.tightHere, too_large: phrases.tooLargeHere }[outlook.fits] };
  head.replaceChildren(el("span", { className: loaded ? "dot" : "dot off" }), el("span", { className: "cut", textContent: longName(model.id) }), el("span", { className: "grow" }));
  if (badge) head.append(el("span", { className: `badge ${badge.kind}`.trim() }, icon(badge.sign, true), badge.words));
  figures.replaceChildren(...entries.map(([term, number, unit]) => el("div", {}, el("dt", { textContent: term }), el("dd", {}, `${number} `, el("small", { textContent: unit })))));
  remark.textContent = model.chats === false ? phrases.baseModel : large ? phrases.needsMore(bytes(outlook.missing_bytes)) : waiting(model);
  remark.hidden = !remark.textContent;
}

const waiting = ({ status, read_bytes: read, total_bytes: total }) => (status === "loading" ? phrases.comesIntoMemory(total ? amounts(read, total) : "") : status === "unloaded" ? phrases.loadedLater : "");
