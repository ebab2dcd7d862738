// The button with the model's name in the bar, and the models to choose from, with what memory holds. Knows no chat.

import { button, el, icon, openPopover, slot } from "/page/scripts/elements.js";
import { amounts } from "/page/scripts/figures.js";
import { key } from "/page/scripts/keys.js";
import * as store from "/page/scripts/models/library.js";
import { diskRows, downloadRows, hubRows, memoryRows } from "/page/scripts/models/listing.js";
import { MemoryBar } from "/page/scripts/models/memory_bar.js";
import { showRows } from "/page/scripts/models/rows.js";
import { chooseModel } from "/page/scripts/models/served.js";
import * as speeds from "/page/scripts/models/speeds.js";
import { chosenModel, on, shortName, state } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const LOOK = 1000;  // milliseconds between two looks at memory and downloads, while the models are shown

const dot = el("span", { className: "dot" }), name = el("span", { className: "cut" }), about = el("small", { className: "wide-only" });
const pick = el("button", { type: "button", className: "pick", "aria-haspopup": "dialog", "aria-expanded": "false" }, dot, name, about, icon("down", true));
const words = el("input", { type: "search", maxLength: 200 });
const bar = new MemoryBar(), fault = el("p", { className: "hint bad", role: "alert", hidden: true }), rest = el("p", { className: "hint" });
const ask = button("", search, "bare", "search"), asked = el("span");
const GROUPS = [phrases.inMemory, phrases.onTheWay, phrases.onThisDisk, phrases.onTheHub].map((heading) => ({ heading: el("h3", { textContent: heading }), list: el("div", { role: "group", ariaLabel: heading }) }));
const list = el("div", { className: "list num" }, fault, ...GROUPS.flatMap((group) => [group.heading, group.list]), rest, ask);
let popover = null, looking = null, searching = false, loaded = "";

// A module that offers something with models: its button stands below them, and closes them.
export function offerBelow(button) {
  button.addEventListener("click", () => popover?.close(), { capture: true });
  list.append(button);
}

function showPick() {
  const model = chosenModel(), away = state.server === "away", loads = model?.status === "loading";
  name.textContent = state.pair ? phrases.twoModels : model ? shortName(model.id) : phrases.noModel;
  pick.title = state.pair?.models.join(", ") ?? model?.id ?? "";
  about.textContent = away ? phrases.away : state.pair ? "" : loads ? (model.total_bytes ? phrases.loadingAmounts(amounts(model.read_bytes, model.total_bytes)) : phrases.loading) : model?.format ?? "";
  about.hidden = !about.textContent;
  dot.className = `dot ${away ? "bad" : model?.status === "loaded" ? "" : "off"}`.trim();
  show();
  lookAgain();
}

// What fits is another matter when a model has come into memory, or has left it.
function lookAgain() {
  const now = state.served.filter((model) => model.status === "loaded").map((model) => model.id).join();
  if (popover && now !== loaded) store.lookAtLibrary();
  loaded = now;
}

// Everything that is listed, as it is now.
function show() {
  if (!popover) return;
  const sought = words.value.trim(), { downloads } = state.capabilities;
  words.placeholder = downloads ? phrases.searchModelsAndHub : phrases.searchModels;
  bar.show(store.library.memory);
  fault.textContent = store.library.fault;
  fault.hidden = !store.library.fault;
  const rows = [memoryRows(sought, use), downloadRows(), diskRows(sought, use), hubRows(sought)];
  GROUPS.forEach(({ heading, list: group }, place) => {
    heading.hidden = group.hidden = !rows[place].length;
    showRows(group, rows[place]);
  });
  asked.textContent = searching ? phrases.searchingHub(sought) : phrases.searchHub(sought);
  ask.hidden = !downloads || !sought || (store.library.hits !== null && !searching);
  rest.textContent = restWords(sought, rows);
  rest.hidden = !rest.textContent;
}

// What is to be said where the lists say too little.
function restWords(sought, rows) {
  const { choosing, downloads } = state.capabilities, [memory, , disk, hub] = rows, none = [memory, disk, hub].every((group) => !group.length);
  if (!store.library.models && !store.library.fault) return phrases.lookingAtModels;
  if (none && sought) return store.library.hits ? phrases.hubHasNone : phrases.noneHere;
  if (sought || downloads) return "";
  return choosing ? phrases.downloadsPossible : phrases.modelsAreGiven;
}

// Goes on with a model; one of this machine that the server does not have yet is added to those that it has.
async function use(id) {
  await store.attempt(async () => {
    await store.serveModel(id);
    popover?.close();
    chooseModel(id);
  });
}

async function search() {
  const sought = words.value.trim();
  if (!sought || searching || !state.capabilities.downloads) return;
  searching = true;
  show();
  await store.findModels(sought);
  searching = false;
  show();
}

async function look() {
  clearTimeout(looking);
  await Promise.all([store.lookAtMemory(), store.lookAtDownloads()]);
  if (popover) looking = setTimeout(look, LOOK);
}

function open() {
  if (popover) return popover.close();
  words.value = "";
  store.library.fault = "";
  store.forgetHits();
  words.autofocus = matchMedia("(pointer: fine)").matches;  // elsewhere it would open a keyboard over the models
  const find = el("label", { className: "find" }, icon("search", true), el("span", { className: "said", textContent: phrases.searchModels }), words);
  popover = openPopover(pick, [el("h2", { className: "said", textContent: phrases.models }), el("div", { className: "top" }, find, bar.element), list], { label: phrases.models, className: "models", into: slot("floats"), onclose: () => {
    popover = null;
    clearTimeout(looking);
  } });
  show();
  look();
  store.lookAtLibrary();
}

export function begin() {
  pick.onclick = open;
  ask.append(asked);
  words.onkeydown = (event) => event.key === "Enter" && search();
  words.oninput = () => {
    store.forgetHits();
    show();
  };
  slot("pick").append(pick);
  for (const event of ["models", "server", "pair"]) on(event, showPick);
  for (const event of ["library", "capabilities"]) on(event, show);
  key("Alt+M", phrases.models, open);
  speeds.begin();
  store.begin();
}
