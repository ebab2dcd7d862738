// Chats as one HTML file that needs nothing else: its own style, no script, no address that it asks. Knows no list of chats.
//
// What a model wrote is in it as the server has rendered and cleaned it. The file says, in a policy of its own, that no script may
// run and that nothing may be loaded: it lies on a disk, where this page's policy does not reach.

import { day, speaker } from "/page/scripts/chats/markdown.js";
import { dash, el } from "/page/scripts/elements.js";
import { nameOf, path } from "/page/scripts/store.js";
import { prose } from "/page/scripts/turns/prose.js";
import { phrases } from "/page/scripts/words.js";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'";
const STYLES = ["tokens", "frame", "turns", "prose", "paper"];

const FONT = "/page/fonts/radio-canada-latin-wght-normal.woff2";

async function asData(address) {
  const reader = new FileReader(), file = await (await fetch(address)).blob();
  await new Promise((done) => {
    reader.onload = done;
    reader.readAsDataURL(file);
  });
  return reader.result;
}

// The page's style. Of its fonts only the upright Latin one goes along; other scripts have the system's.
async function style() {
  const [font, ...sheets] = await Promise.all([asData(FONT), ...STYLES.map(async (name) => (await fetch(`/page/style/${name}.css`)).text())]);
  const face = `@font-face { font-family: "Radio Canada"; src: url(${font}) format("woff2"); font-weight: 300 700; }`;
  return `${face}\n${sheets.join("\n").replace(/@font-face\s*{[^}]*}/g, "")}`;
}

const fold = (words, inside, className = "plain") => el("details", { className: "fold" }, el("summary", { textContent: words }), el("div", { textContent: inside, className, dir: "auto" }));

// An answer's text without the buttons that the page puts into it.
async function text(node) {
  const shown = el("div", { className: "prose" }, await prose(node.text));
  for (const button of shown.querySelectorAll("button")) button.remove();
  for (const caption of shown.querySelectorAll("figcaption")) if (!caption.textContent) caption.remove();
  return shown;
}

async function turn(node, chat) {
  const name = speaker(node, chat), files = node.files.map((file) => fold(file.name, file.text, "plain mono"));
  if (node.role === "user") return el("article", { className: "turn you", ariaLabel: name }, ...files, el("div", { className: "bubble", dir: "auto", textContent: node.text }));
  return el("article", { className: "turn answer", ariaLabel: name },
    el("h3", { className: "voice" }, dash(), name), ...files,
    node.reasoning ? fold(phrases.thought, node.reasoning) : null, await text(node),
    ...node.calls.map((call) => fold(phrases.askedTool(call.name), [call.arguments, call.result?.text].filter(Boolean).join(" → "), "plain mono")));
}

async function section(chat) {
  return el("section", { className: "col" },
    el("h2", { className: "name", dir: "auto", textContent: nameOf(chat) }),
    el("p", { className: "hint", textContent: [chat.model, day(chat.updated)].filter(Boolean).join(", ") }),
    chat.system.trim() ? fold(phrases.toldFirst, chat.system) : null,
    ...(await Promise.all(path(chat).map((node) => turn(node, chat)))));
}

export async function asDocument(chats) {
  const [look, ...sections] = await Promise.all([style(), ...chats.map(section)]);
  const title = el("title", { textContent: chats.length === 1 ? nameOf(chats[0]) : phrases.chats });
  const body = el("body", { className: "paper" }, el("main", {}, ...sections));
  return `<!doctype html>
<html lang="${document.documentElement.lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${title.outerHTML}
<style>
${look}
</style>
</head>
${body.outerHTML}
</html>
`;
}
