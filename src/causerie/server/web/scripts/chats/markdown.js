// A chat as Markdown, as it is shown: without its other branches. Knows no element and no server.

import { shortName } from "/page/scripts/state.js";
import { nameOf, path } from "/page/scripts/store.js";
import { locale, phrases } from "/page/scripts/words.js";

// A fence that nothing within the text can close.
function fenced(text, language = "") {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/, "")}\n${fence}`;
}

// On one line, and nothing in it is read as Markdown.
const plain = (text) => text.replace(/\s+/g, " ").trim().replace(/[\\`*_[\]<>#|~]/g, "\\$&");

const folded = (words, inside) => `<details>\n<summary>${words}</summary>\n\n${inside}\n\n</details>`;

export const speaker = (node, chat) => ({ user: phrases.you, tool: phrases.tool })[node.role] ?? shortName(node.model || chat.model || phrases.model);

function turn(node, chat) {
  const parts = [`## ${plain(speaker(node, chat))}`];
  for (const file of node.files) parts.push(`**${plain(file.name)}**`, fenced(file.text));
  if (node.reasoning) parts.push(folded(phrases.thought, fenced(node.reasoning, "text")));
  if (node.text.trim()) parts.push(node.text.trim());
  for (const call of node.calls) parts.push(phrases.askedTool(`**${plain(call.name)}**`), fenced(call.arguments, "json"), ...(call.result ? [fenced(call.result.text, "text")] : []));
  return parts.join("\n\n");
}

export const day = (time) => new Date(time).toLocaleDateString(locale, { day: "numeric", month: "long", year: "numeric" });

function asMarkdown(chat) {
  const about = [chat.model && plain(chat.model), day(chat.updated)].filter(Boolean).join(", ");
  const parts = [`# ${plain(nameOf(chat))}`, about];
  if (chat.system.trim()) parts.push(`## ${phrases.toldFirst}`, chat.system.trim());
  return [...parts, ...path(chat).map((node) => turn(node, chat))].join("\n\n");
}

// Several chats follow each other in one text.
export const allAsMarkdown = (chats) => `${chats.map(asMarkdown).join("\n\n---\n\n")}\n`;
