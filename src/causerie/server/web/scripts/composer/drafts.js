// What was written and not sent yet, for each chat, as long as this tab lives. Knows no element.

const PREFIX = "draft ";

export const draftOf = (chat) => sessionStorage.getItem(PREFIX + chat.id) ?? "";

export function keepDraft(chat, text) {
  if (text) sessionStorage.setItem(PREFIX + chat.id, text);
  else sessionStorage.removeItem(PREFIX + chat.id);
}
