// The models that the server has: looked at, chosen, loaded. Knows no element.

import { askKey } from "/page/scripts/notices/key.js";
import { notice } from "/page/scripts/notices/notice.js";
import { load, models } from "/page/scripts/server.js";
import { chosenModel, on, state, tell } from "/page/scripts/state.js";

const LOOK = 500;  // milliseconds between two looks at a model that loads
let looking = null, preparing = 0;

const waits = () => state.running && !state.running.begun && chosenModel()?.status !== "loaded";

// Looks now, and again a little later while something loads or an answer waits for it.
export async function lookAtModels() {
  clearTimeout(looking);
  try {
    state.served = await models();
  } catch (fault) {
    if (fault.status === 401) askKey();
    else if (fault.status) notice(fault.message);
    return;
  }
  if (!state.served.some((model) => model.id === state.model)) state.model = state.served.find((model) => model.id === state.chat?.model)?.id ?? state.served[0]?.id ?? "";
  tell("models");
  admit();
  if (preparing || waits() || state.served.some((model) => model.status === "loading")) looking = setTimeout(lookAtModels, LOOK);
}

// The server answers us, with the key that we have: what else it offers can be asked for.
function admit() {
  if (state.admitted) return;
  state.admitted = true;
  tell("admitted");
}

function tryKey() {
  state.admitted = false;
  return lookAtModels();
}

// The model that answers from now on. It is loaded while its user still writes.
export function chooseModel(id) {
  state.model = id;
  if (state.chat) state.chat.model = id;
  tell("models");
  loadModel(id);
}

// Has a model loaded, if it is not.
export async function loadModel(id) {
  const model = state.served.find((each) => each.id === id);
  if (!model || model.status === "loaded") return;
  preparing += 1;
  lookAtModels();
  try {
    await load(model.id);
  } catch (fault) {
    if (fault.status === 401) askKey();
    else notice(fault.message);
  }
  preparing -= 1;
  lookAtModels();
}

export async function begin() {
  on("running", () => state.running && setTimeout(lookAtModels, LOOK));
  on("answered", lookAtModels);
  on("key", tryKey);
  on("server", () => state.server === "here" && lookAtModels());
  await lookAtModels();
}
