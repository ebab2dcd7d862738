// What was written and not sent yet, for each chat, as long as this tab lives. Knows no element.

// A chat in which nothing was said yet is another one when the page is loaded again; its draft is the same.
const keyOf = (chat) => `draft ${chat.leaf === null ? "new" : chat.id}`;

export const draftOf = (chat) => sessionStorage.getItem(keyOf(chat)) ?? "";

export function keepDraft(chat, text) {
  if (text) sessionStorage.setItem(keyOf(chat), text);
  else sessionStorage.removeItem(keyOf(chat));
}
