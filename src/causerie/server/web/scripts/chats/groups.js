// The order of the list: pinned chats, folders, then the others by the day of their last message. Pure; knows no page.

import { locale, phrases } from "/page/scripts/words.js";

const DAY = 24 * 60 * 60 * 1000;

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

// Under which heading a chat of this time stands.
function age(time, now) {
  const days = Math.round((midnight(now) - midnight(time)) / DAY);
  if (days < 1) return phrases.today;
  if (days < 2) return phrases.yesterday;
  if (days < 8) return phrases.lastWeek;
  if (days < 31) return phrases.lastMonth;
  return new Date(time).toLocaleDateString(locale, { month: "long", year: "numeric" });
}

export const latest = (chats) => [...chats].sort((a, b) => b.updated - a.updated);

export const folderNames = (chats) => [...new Set(chats.map((chat) => chat.folder).filter(Boolean))].sort((a, b) => a.localeCompare(b, locale, { numeric: true }));

// [{heading, chats}], and for folders {heading, folders: [{name, chats}]}. A pinned chat stands among the pinned ones alone.
export function groups(chats, now = Date.now()) {
  const pinned = latest(chats.filter((chat) => chat.pinned)), others = latest(chats.filter((chat) => !chat.pinned));
  const folders = folderNames(others).map((name) => ({ name, chats: others.filter((chat) => chat.folder === name) }));
  const days = Map.groupBy(others.filter((chat) => !chat.folder), (chat) => age(chat.updated, now));
  const made = [];
  if (pinned.length) made.push({ heading: phrases.pinned, chats: pinned });
  if (folders.length) made.push({ heading: phrases.folders, folders });
  for (const [heading, some] of days) made.push({ heading, chats: some });
  return made;
}
