// Numbers as a language writes them, and the words that go with them. Knows no page.

// `number(n)` writes a number; `precise(n, digits)` one of so many digits in all; `counted(n, forms)` puts it in the place of
// "#" in the form that the language uses with it: {one, other}, or {other} alone.
export function counting(locale) {
  const rules = new Intl.PluralRules(locale);
  const number = (n) => n.toLocaleString(locale);
  const precise = (n, digits) => n.toLocaleString(locale, { minimumSignificantDigits: digits, maximumSignificantDigits: digits });
  const counted = (n, forms) => (forms[rules.select(n)] ?? forms.other).replace("#", number(n));
  return { number, precise, counted };
}
