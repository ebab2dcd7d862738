// Which models are listed under which heading, and what can be done with each. Knows no element.

import { badgeOf, downloadFigures, hubFigures, loadedFigures, loadingFigures, outlookFigures, outlookOf } from "/page/scripts/models/figures_of.js";
import { fetchModel, library, pauseDownload, unloadModel } from "/page/scripts/models/library.js";
import { longName, state } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

const ID = /^[\w.-]+\/[\w.:@-]+$/;  // a name as the hub's, with a revision or a file's type
const ORDER = ["fits", "tight", "too_large"];

const row = (id, rest) => ({ key: id, name: longName(id), title: id, ...rest });

// Whether a model's name has all of these words in it.
export const matches = (id, words) => words.toLowerCase().split(/\s+/).every((word) => id.toLowerCase().includes(word) || longName(id).toLowerCase().includes(word));

const inMemory = () => state.served.filter((model) => model.status !== "unloaded");

// The models in memory, and the one that comes into it. `use` is what a press on one does.
export const memoryRows = (words, use) => inMemory().filter((model) => matches(model.id, words)).map((model) => {
  const name = longName(model.id), unload = { words: phrases.unload, label: phrases.unloadModel(name), act: () => unloadModel(model.id) };
  if (model.status === "loading") return row(model.id, { sign: "off", facts: loadingFigures(model), badge: null, acts: [], share: model.share });
  if (model.id === state.model) return row(model.id, { sign: "on", facts: loadedFigures(model), badge: { kind: "", sign: "check", words: phrases.inUse }, acts: [unload] });
  return row(model.id, { sign: "on", facts: loadedFigures(model), badge: null, acts: [{ ...unload, kind: "bare" }, { words: phrases.use, label: phrases.useModel(name), act: () => use(model.id) }] });
});

// Those that are on this disk and not in memory: those of the server, and those that its users may choose.
export function diskRows(words, use) {
  const there = new Set(inMemory().map((model) => model.id)), served = state.served.map((model) => model.id);
  const ids = [...new Set([...served, ...(library.models ?? []).map((model) => model.id)])].filter((id) => !there.has(id) && matches(id, words));
  const every = ids.map((id) => ({ id, outlook: outlookOf(id) }));
  const rank = ({ outlook }) => (outlook ? ORDER.indexOf(outlook.fits) : ORDER.length);
  every.sort((one, other) => rank(one) - rank(other));
  return every.map(({ id, outlook }, place) => {
    const large = outlook?.fits === "too_large", first = place === 0 && outlook?.fits === "fits";
    const load = { words: phrases.load, label: phrases.loadModel(longName(id)), act: () => use(id), kind: first ? "main" : "", disabled: large };
    return row(id, { sign: "off", facts: outlook ? outlookFigures(outlook) : [], badge: badgeOf(outlook?.fits), acts: [load] });
  });
}

// Those that could answer beside the one that is chosen: in memory, or on this disk with room for them.
export const otherRows = (use) => [...memoryRows("", use), ...diskRows("", use)].filter(({ key }) => key !== state.model).map((told) => {
  const last = told.acts.at(-1);
  return { ...told, acts: last && !last.disabled ? [{ ...last, words: phrases.compare, label: phrases.compareWithModel(told.name), kind: "" }] : [] };
}).filter(({ acts }) => acts.length);

// Downloads that run, were paused or failed.
export const downloadRows = () => library.downloads.filter(({ state: how }) => how !== "done").map((each) => {
  const { model, state: how, bytes, total, fits } = each, name = longName(model);
  const runs = how === "running", [words, label] = runs ? [phrases.pause, phrases.pauseDownload(name)] : how === "failed" ? [phrases.tryAgain, phrases.tryDownloadAgain(name)] : [phrases.goOn, phrases.goOnWithDownload(name)];
  const act = { words, label, act: () => (runs ? pauseDownload : fetchModel)(model) };
  return row(model, { sign: "fetch", facts: downloadFigures(each), badge: how === "failed" ? { kind: "bad", sign: "warn", words: phrases.failed } : badgeOf(fits, true), acts: [act], ...(how === "failed" ? {} : { share: total ? bytes / total : null }) });
});

// Those of the hub: what was searched for, or, where nothing was, the one to begin with.
export function hubRows(words) {
  if (!state.capabilities.downloads) return [];
  const here = new Set([...(library.models ?? []), ...library.downloads.filter(({ state: how }) => how !== "done").map(({ model }) => ({ id: model }))].map(({ id }) => id));
  const hits = library.hits ?? library.suggested.filter((model) => matches(model.id, words));
  const named = ID.test(words) && !hits.some((hit) => hit.id === words) ? [{ id: words, bytes: null, parameters: null }] : [];
  return [...named, ...hits].filter(({ id }) => !here.has(id)).map((hit) => row(hit.id, {
    name: hit.id, sign: "off", facts: hubFigures(hit), badge: badgeOf(hit.fits, true),
    acts: [{ words: phrases.download, label: phrases.downloadModel(hit.id), act: () => fetchModel(hit.id), disabled: hit.fits === "too_large" }],
  }));
}
