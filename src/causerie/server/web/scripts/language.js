// The page's language: the words of the frame, and the choice of another. Knows no chat.

import { chosenLanguage, chooseLanguage, languages, locale, phrases } from "/page/scripts/words.js";

// The entries of a menu: the language that the browser asks for, and each there is.
export function languageEntries() {
  const now = chosenLanguage();
  return [{ id: "", name: phrases.languageAuto }, ...languages].map(({ id, name }) => ({ words: name, sign: id === now ? "check" : "none", act: () => change(id) }));
}

// What is written and not sent, and the chat that is open, are there again when the page is.
function change(id) {
  if (id === chosenLanguage()) return;
  chooseLanguage(id);
  location.reload();
}

export function begin() {
  document.documentElement.lang = locale;
  for (const part of document.querySelectorAll("[data-words]")) part.textContent = phrases[part.dataset.words];
  for (const part of document.querySelectorAll("[data-label]")) part.ariaLabel = phrases[part.dataset.label];
}
