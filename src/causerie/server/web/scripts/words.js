// The words of the page, in its reader's language: the one that was chosen here, else the first of the browser's languages
// that there are words in, else English. Knows no element.
//
// They are chosen before any other module begins; another choice shows when the page is loaded again.

import { phrases as english } from "/page/words/en.js";

const KEY = "language";

// Each: what it is called in itself, how the browser's formats name it, and its file, of which the chosen one alone is loaded.
const LANGUAGES = {
  en: { name: "English", locale: "en-GB", file: null },
  de: { name: "Deutsch", locale: "de", file: "/page/words/de.js" },
  fr: { name: "Français", locale: "fr", file: "/page/words/fr.js" },
  es: { name: "Español", locale: "es", file: "/page/words/es.js" },
  zh: { name: "简体中文", locale: "zh-Hans", file: "/page/words/zh.js" },
};

export const languages = Object.entries(LANGUAGES).map(([id, { name }]) => ({ id, name }));

const known = (id) => Object.hasOwn(LANGUAGES, id);

// The language that was chosen here; "" where the browser says.
export function chosenLanguage() {
  const id = localStorage.getItem(KEY) ?? "";
  return known(id) ? id : "";
}

export function chooseLanguage(id) {
  if (id) localStorage.setItem(KEY, id);
  else localStorage.removeItem(KEY);
}

const { locale, file } = LANGUAGES[chosenLanguage() || (navigator.languages.map((name) => name.split("-")[0].toLowerCase()).find(known) ?? "en")];

export { locale };

// What a language lacks is said in English.
export const phrases = file ? { ...english, ...(await import(file)).phrases } : english;
