// Light, dark, or as the system says. Knows no chat.

import { phrases } from "/page/scripts/words.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const WORDS = { auto: phrases.themeAuto, light: phrases.themeLight, dark: phrases.themeDark };

const chosen = () => localStorage.getItem("theme") ?? "auto";

export const themeWords = () => WORDS[chosen()];

export function nextTheme() {
  localStorage.setItem("theme", NEXT[chosen()]);
  begin();
}

export function begin() {
  if (chosen() === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen();
}
