// The dialog of models: those of this machine, those of the hub, and downloads. Knows no chat.

import { bytes } from "/page/figures.js";
import { cancelDownload, download, downloads, library, searchHub, serve } from "/page/server.js";
import { button, el } from "/page/view.js";

const at = (id) => document.getElementById(id);
const LOOK = 500;  // milliseconds between two looks at downloads
const ID = /^[\w.-]+\/[\w.:@-]+$/;  // a name as the hub's, with a revision or a file's type
let looking = null, use = null, ended = new Set();

const count = (number) => (number === null ? "?" : number >= 1e9 ? `${(number / 1e9).toPrecision(3)} B` : `${(number / 1e6).toPrecision(3)} M`);
const size = (number) => (number === null ? "?" : bytes(0, number).replace(/^.* of /, ""));
const fits = (said) => ({ fits: "yes", tight: "tight", too_large: "no" })[said] ?? "?";
const speed = (span, measuring) => (span ? span.usual.toFixed(span.usual < 10 ? 1 : 0) : measuring ? "…" : "?");
const row = (...cells) => el("tr", {}, ...cells.map((cell) => (cell instanceof HTMLElement ? el("td", {}, cell) : el("td", { textContent: cell.text ?? cell, className: cell.text ? "number" : "" }))));
const number = (text) => ({ text });

function notice(text) {
  at("models-notice").textContent = text;
  at("models-notice").hidden = !text;
}

// Whether this server lets its users choose; the button that opens the dialog is shown then.
export async function offerLibrary(choose) {
  use = choose;
  const answer = await downloads().catch(() => null);
  at("models-open").hidden = !answer;
}

export async function openLibrary() {
  notice("");
  at("models-there").replaceChildren();
  at("models").showModal();
  at("models").onclose = () => clearTimeout(looking);
  await showLibrary();
}

async function showLibrary() {
  let answer;
  try {
    answer = await library();
  } catch (fault) {
    return notice(fault.message);
  }
  const told = (model) => [model.id, number(count(model.parameters)), number(size(model.bytes)), fits(model.fits), number(speed(model.expected_tokens_per_second, answer.measuring))];
  const here = answer.models.map((model) => row(...told(model), button("Use", () => take(model.id), { ariaLabel: `Use ${model.id}` })));
  const wanted = answer.suggested.map((model) => row(...told(model), button("Download", () => fetchModel(model.id), { ariaLabel: `Download ${model.id}` })));
  at("models-here").replaceChildren(...here, ...wanted);
  at("models-hub").hidden = !answer.may_download;
  if (answer.may_download) await showDownloads();
  if (answer.measuring && at("models").open) await showLibrary();  // answered when the machine is measured
}

// Has a model served, and goes on with it.
async function take(id) {
  try {
    await serve(id);
  } catch (fault) {
    return notice(fault.message);
  }
  at("models").close();
  use(id);
}

async function fetchModel(id) {
  notice("");
  ended.delete(id);
  try {
    await download(id);
  } catch (fault) {
    return notice(fault.message);
  }
  await showDownloads();
}

// Those that run, and how those ended that were begun here; again a little later while one runs.
async function showDownloads() {
  clearTimeout(looking);
  let all;
  try {
    all = await downloads();
  } catch (fault) {
    return notice(fault.message);
  }
  at("downloads").replaceChildren(...all.map(line));
  const fresh = all.filter((each) => each.state === "done" && !ended.has(each.model));
  for (const each of fresh) ended.add(each.model);
  if (fresh.length) return showLibrary();
  if (at("models").open && all.some((each) => each.state === "running")) looking = setTimeout(showDownloads, LOOK);
}

function line({ model, state, bytes: done, total, note }) {
  if (state !== "running") return el("li", {}, `${model}: ${{ done: "is here", cancelled: "cancelled; what came is kept", failed: note }[state]}`);
  const how = note || (total ? bytes(done, total) : "asking the hub");
  return el("li", { className: "row" }, el("span", { textContent: model }), el("progress", { max: 1, ariaLabel: `${model} is being downloaded`, ...(total ? { value: done / total } : {}) }),
    el("span", { className: "quiet", textContent: how }), button("Cancel", async () => {
      await cancelDownload(model).catch((fault) => notice(fault.message));
      await showDownloads();
    }, { ariaLabel: `Cancel the download of ${model}` }));
}

async function search() {
  const words = at("hub-words").value.trim();
  if (!words) return;
  notice("");
  at("hub-search").disabled = true;
  at("models-there").replaceChildren(...(ID.test(words) ? [row(words, button("Download", () => fetchModel(words), { ariaLabel: `Download ${words}` }))] : []));
  try {
    const hits = await searchHub(words);
    const others = hits.filter((hit) => hit.id !== words);
    at("models-there").append(...others.map((hit) => row(hit.id + (hit.gated ? " (gated)" : ""), number(count(hit.parameters)), number(size(hit.bytes)), `fits: ${fits(hit.fits)}`, hit.licence ?? "",
      button("Download", () => fetchModel(hit.id), { ariaLabel: `Download ${hit.id}` }))));
    if (!at("models-there").children.length) notice("The hub has no such model. Fewer words give more.");
  } catch (fault) {
    notice(fault.message);
  }
  at("hub-search").disabled = false;
}

at("hub-search").onclick = search;
at("hub-words").onkeydown = (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();  // it would close the dialog
  search();
};
at("models-open").onclick = openLibrary;
