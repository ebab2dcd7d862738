// The models to choose from: those that the server has, those of this machine and of the hub where it lets its users
// choose, and downloads. Knows no chat.

import { button, el, icon, openPopover, slot } from "/page/scripts/elements.js";
import { amounts, bytes } from "/page/scripts/figures.js";
import { key } from "/page/scripts/keys.js";
import { chooseModel, lookAtModels } from "/page/scripts/models/served.js";
import { cancelDownload, download, downloads, library, searchHub, serve } from "/page/scripts/server.js";
import { chosenModel, on, shortName, state, tell } from "/page/scripts/state.js";

const LOOK = 500;  // milliseconds between two looks at downloads
const ID = /^[\w.-]+\/[\w.:@-]+$/;  // a name as the hub's, with a revision or a file's type

const dot = el("span", { className: "dot" }), name = el("span", { className: "cut" }), about = el("small", { className: "wide-only" });
const pick = el("button", { type: "button", className: "pick", "aria-haspopup": "dialog", "aria-expanded": "false" }, dot, name, about, icon("down", true));
const words = el("input", { type: "search", placeholder: "Search models, or paste a name from the Hub", maxLength: 200 });
const fault = el("p", { className: "hint", role: "alert", hidden: true });
const loaded = el("div", { ariaLabel: "Models of this server", role: "group" }), here = el("div", { ariaLabel: "Models of this machine", role: "group" });
const there = el("div", { ariaLabel: "Models of the hub", role: "group" }), coming = el("div", { ariaLabel: "Downloads", role: "group" });
let popover = null, looking = null, ended = new Set();

function notice(text) {
  fault.textContent = text;
  fault.hidden = !text;
}

function showPick() {
  const model = chosenModel(), away = state.server === "away";
  name.textContent = model ? shortName(model.id) : "No model";
  pick.title = model?.id ?? "";
  const loading = model?.status === "loading";
  about.textContent = away ? "away" : loading ? (model.total_bytes ? `loading ${amounts(model.read_bytes, model.total_bytes)}` : "loading") : "";
  dot.className = `dot ${away ? "bad" : model?.status === "loaded" ? "" : "off"}`.trim();
  if (popover) showServed();
}

const row = (id, told, ...acts) => el("div", { className: "model" }, el("span", { className: "dot off" }), el("span", {}, el("b", { textContent: id }), el("small", { textContent: told.filter(Boolean).join(" · ") })), ...acts);

const labelled = (words, label, act, kind = "") => Object.assign(button(words, act, kind), { ariaLabel: label });

function showServed() {
  loaded.replaceChildren(...state.served.map((model) => row(model.id, [model.status, model.context ? `${model.context} tokens` : ""], labelled("Use", `Use ${model.id}`, () => {
    popover.close();
    chooseModel(model.id);
  }, model.id === state.model ? "main" : ""))));
}

const parameters = (number) => (number === null ? "" : number >= 1e9 ? `${(number / 1e9).toPrecision(3)} B parameters` : `${(number / 1e6).toPrecision(3)} M parameters`);
const fits = (said) => ({ stored: "fits", no: "too large" })[said] ?? (said ? `fits in ${said}` : "");
const speed = (span, measuring) => (span ? `about ${span.usual.toFixed(span.usual < 10 ? 1 : 0)} tokens/s` : measuring ? "… tokens/s" : "");

async function showLibrary() {
  let answer;
  try {
    answer = await library();
  } catch (failure) {
    return notice(failure.message);
  }
  const told = (model) => [parameters(model.parameters), model.bytes === null ? "" : bytes(model.bytes), fits(model.fits), speed(model.expected_tokens_per_second, answer.measuring)];
  here.replaceChildren(...answer.models.map((model) => row(model.id, told(model), labelled("Use", `Use ${model.id}`, () => take(model.id)))),
    ...answer.suggested.map((model) => row(model.id, told(model), labelled("Download", `Download ${model.id}`, () => fetchModel(model.id)))));
  if (answer.may_download) await showDownloads();
  if (answer.measuring && popover) await showLibrary();  // answered when the machine is measured
}

// Has a model served, and goes on with it.
async function take(id) {
  try {
    await serve(id);
  } catch (failure) {
    return notice(failure.message);
  }
  popover?.close();
  await lookAtModels();
  chooseModel(id);
}

async function fetchModel(id) {
  notice("");
  ended.delete(id);
  try {
    await download(id);
  } catch (failure) {
    return notice(failure.message);
  }
  await showDownloads();
}

// Those that run, and how those ended that were begun here; again a little later while one runs.
async function showDownloads() {
  clearTimeout(looking);
  let all;
  try {
    all = await downloads();
  } catch (failure) {
    return notice(failure.message);
  }
  coming.replaceChildren(...all.map(line));
  const fresh = all.filter((each) => each.state === "done" && !ended.has(each.model));
  for (const each of fresh) ended.add(each.model);
  if (fresh.length) return showLibrary();
  if (popover && all.some((each) => each.state === "running")) looking = setTimeout(showDownloads, LOOK);
}

function line({ model, state: how, bytes: done, total, note }) {
  if (how !== "running") return row(model, [{ done: "is here", cancelled: "cancelled; what came is kept", failed: note }[how]]);
  const cancel = labelled("Cancel", `Cancel the download of ${model}`, async () => {
    await cancelDownload(model).catch((failure) => notice(failure.message));
    await showDownloads();
  });
  return row(model, [note || (total ? amounts(done, total) : "asking the hub")], cancel);
}

async function search() {
  const sought = words.value.trim();
  if (!sought) return;
  notice("");
  const offer = (id, told) => row(id, told, labelled("Download", `Download ${id}`, () => fetchModel(id)));
  there.replaceChildren(...(ID.test(sought) ? [offer(sought, [])] : []));
  try {
    const hits = (await searchHub(sought)).filter((hit) => hit.id !== sought);
    there.append(...hits.map((hit) => offer(hit.id, [hit.gated ? "gated" : "", parameters(hit.parameters), hit.bytes === null ? "" : bytes(hit.bytes), fits(hit.fits), hit.licence ?? ""])));
    if (!there.children.length) notice("The hub has no such model. Fewer words give more.");
  } catch (failure) {
    notice(failure.message);
  }
}

async function open() {
  if (popover) return popover.close();
  notice("");
  there.replaceChildren();
  const find = el("div", { className: "top", hidden: !state.capabilities.downloads }, el("label", { className: "find" }, icon("search", true), el("span", { className: "said", textContent: "Search models" }), words));
  popover = openPopover(pick, [find, el("div", { className: "list num" }, fault, loaded, coming, here, there)], { label: "Models", className: "models", into: slot("floats"), onclose: () => {
    popover = null;
    clearTimeout(looking);
  } });
  showServed();
  if (state.capabilities.downloads) await showLibrary();
}

// Whether this server lets its users choose.
async function lookAtLibrary() {
  state.capabilities.downloads = await downloads().then(() => true, () => false);
  tell("capabilities");
}

export function begin() {
  pick.onclick = open;
  words.onkeydown = (event) => event.key === "Enter" && search();
  slot("pick").append(pick);
  on("models", showPick);
  on("server", showPick);
  on("key", lookAtLibrary);
  key("Alt+M", "Models", open);
  lookAtLibrary();
}
