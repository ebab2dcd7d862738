// Whether attached files fit the context of the model, which is said before they are sent, and the cut that makes them fit.
// Knows no chip.

import { amounts } from "/page/scripts/composer/ring.js";
import { button, el, icon } from "/page/scripts/elements.js";
import { notice } from "/page/scripts/notices/notice.js";
import { textOfTokens, tokensOf } from "/page/scripts/server.js";
import { on, state } from "/page/scripts/state.js";
import { toast } from "/page/scripts/toast.js";
import { phrases } from "/page/scripts/words.js";

const SPARE = 1024, SPARE_SHARE = 1 / 4;  // of the context, for the question and the answer
const CUT_WORDS = 40;  // tokens of the sentence that says what was cut
const LAST_WORD = 100;  // characters within which a word ends

// Tokens that files may have: what the chat leaves of the context. Infinity where nobody knows.
function room() {
  const { tokens, context } = amounts();
  return context ? Math.max(0, context - tokens - Math.round(Math.min(SPARE, context * SPARE_SHARE))) : Infinity;
}

// No text has more tokens than bytes, but for a few at its beginning.
const surelyFit = (files, most) => files.reduce((all, file) => all + 3 * file.text.length, 0) <= most;

// The tokens of a file's text, counted once for each model.
async function counted(file) {
  const { model } = state;
  if (file.counted?.model !== model || file.counted.text !== file.text) file.counted = { model, text: file.text, tokens: await tokensOf(model, file.text) };
  return file.counted.tokens;
}

// How many tokens each may keep: short ones all of theirs, long ones equally many.
function sharesOf(sizes, most) {
  const shares = sizes.map(() => 0), shortest = sizes.map((_, place) => place).sort((one, other) => sizes[one] - sizes[other]);
  let left = most;
  shortest.forEach((place, done) => {
    shares[place] = Math.min(sizes[place], Math.floor(left / (sizes.length - done)));
    left -= shares[place];
  });
  return shares;
}

// The beginning of a text that has so many tokens, up to the end of a word, and a sentence that says so.
async function beginning(file, tokens, share) {
  const whole = file.whole ?? file.text;
  const text = (await textOfTokens(state.model, tokens.slice(0, Math.max(0, share - CUT_WORDS)))).replace(/\uFFFD+$/, "");
  const word = text.search(/\s\S*$/), kept = word > text.length - LAST_WORD ? text.slice(0, word) : text;
  return `${kept}\n\n[${phrases.cutHere(phrases.percent(Math.floor((kept.length / whole.length) * 100)))}]`;
}

// Cuts what is too long; what is returned takes it back.
async function cut(files, most) {
  const all = await Promise.all(files.map(counted)), shares = sharesOf(all.map(({ length }) => length), most);
  const texts = await Promise.all(files.map((file, place) => (shares[place] < all[place].length ? beginning(file, all[place], shares[place]) : null)));
  const before = files.map(({ text, whole }) => ({ text, whole }));
  files.forEach((file, place) => {
    if (texts[place] !== null) Object.assign(file, { whole: file.whole ?? file.text, text: texts[place] });
  });
  return () => files.forEach((file, place) => Object.assign(file, before[place]));
}

// The line that says that files do not fit. `changed` is called when their texts are others.
export function fits(changed) {
  const line = el("div", { className: "fit", role: "alert", hidden: true });
  let files = [], looks = 0, most = null, judge = "";

  async function cutAll() {
    try {
      const back = await cut(files, most);
      changed();
      toast(phrases.cutToWhatFits, () => {
        back();
        changed();
      });
    } catch (fault) {
      notice(fault.message);
    }
  }

  function say(tokens) {
    const words = phrases.filesDoNotFit(tokens, most);
    line.replaceChildren(icon("warn", true), el("span", { textContent: words }), ...(most > 2 * CUT_WORDS ? [button(phrases.cutToWhatFits, cutAll, "bare")] : []));
    line.hidden = false;
  }

  async function look(given) {
    files = given.filter((file) => !file.reading);
    most = room();
    judge = state.model;
    const round = ++looks;
    if (!files.length || surelyFit(files, most)) {
      line.hidden = true;
      return;
    }
    try {
      const tokens = (await Promise.all(files.map(counted))).reduce((all, each) => all + each.length, 0);
      if (round !== looks) return;
      if (tokens > most) say(tokens);
      else line.hidden = true;
    } catch {
      if (round === looks) line.hidden = true;  // who cannot count says nothing: the server will say it
    }
  }

  for (const event of ["models", "chat", "answered"]) on(event, () => {
    if (files.length && (room() !== most || judge !== state.model)) look(files);
  });
  return { line, look };
}
