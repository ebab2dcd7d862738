// The first part of the settings: which preset a chat has, those that its reader saved, and what the model is told first.

import { chooseFiles, saveFile } from "/page/scripts/chats/files.js";
import { button, el, iconButton } from "/page/scripts/elements.js";
import { chooseModel } from "/page/scripts/models/served.js";
import { notice } from "/page/scripts/notices/notice.js";
import { segments } from "/page/scripts/settings/segments.js";
import { apply, deviations, GIVEN, importPresets, presetFile, presetOf, removePreset, savedPresets } from "/page/scripts/settings/presets.js";
import { state, tell } from "/page/scripts/state.js";
import { toast } from "/page/scripts/toast.js";
import { phrases } from "/page/scripts/words.js";

const MINE = "mine";

function use(preset) {
  apply(state.chat, preset);
  if (preset.model && preset.model !== state.model && state.served.some(({ id }) => id === preset.model)) chooseModel(preset.model);
  tell("settings");
}

const download = (preset) => saveFile(presetFile([preset]), preset.name, { kind: "json", type: "application/json", unnamed: "preset" });

async function take(file) {
  try {
    use(importPresets(await file.text())[0]);
  } catch (fault) {
    notice(phrases.notImported(file.name, fault.message));
  }
}

export class Manner {
  constructor() {
    this.chat = null;  // that is shown
    this.opened = false;  // whether "Mine" was pressed, before one of them is chosen
    this.choice = segments("manner", phrases.manner, [...GIVEN.map(({ id, name }) => [id, name]), [MINE, phrases.mine]], (id) => this.choose(id));
    this.meaning = el("p", { className: "hint after" });
    this.mine = el("ul", { className: "presets", ariaLabel: phrases.savedPresets });
    const bring = button(phrases.import, () => chooseFiles("application/json,.json", (files) => files.forEach(take)), "bare", "fetch");
    this.own = el("div", {}, this.mine, bring);
    this.system = el("textarea", { id: "system", name: "system", rows: 3, dir: "auto" });
    this.system.oninput = () => {
      state.chat.system = this.system.value;
      tell("settings");
    };
    const label = el("label", { className: "name", htmlFor: "system", textContent: phrases.toldFirst });
    this.element = el("fieldset", {}, el("legend", { textContent: phrases.manner }), this.choice.element, this.meaning, this.own, label, this.system);
  }

  choose(id) {
    this.opened = id === MINE;
    const given = GIVEN.find((each) => each.id === id), saved = savedPresets();
    if (given) use(given);
    else if (saved.length === 1) use(saved[0]);
    else this.show();
  }

  show() {
    const { chat } = state;
    if (chat !== this.chat) Object.assign(this, { chat, opened: false });
    const saved = savedPresets(), preset = presetOf(chat), changes = deviations(chat), isMine = !GIVEN.includes(preset), mine = this.opened || isMine;
    this.choice.show(mine ? MINE : preset.id);
    const meaning = isMine ? (changes ? phrases.presetNamed(preset.name) : phrases.mannerOfYourOwn) : mine ? (saved.length ? phrases.chooseOne : phrases.noneSaved) : preset.meaning;
    this.meaning.textContent = changes && (!mine || isMine) ? phrases.changedHere(meaning, changes) : meaning;
    this.own.hidden = !mine;
    this.mine.replaceChildren(...saved.map((each) => this.row(each)));
    if (document.activeElement !== this.system) this.system.value = chat.system;
  }

  // The list stays open, also where the one in use has gone.
  remove(preset) {
    const restore = removePreset(preset);
    this.opened = true;
    this.show();
    toast(phrases.presetDeleted(preset.name), () => {
      restore();
      this.show();
    });
  }

  row(preset) {
    const chosen = preset.id === state.chat.manner;
    const choose = el("button", { type: "button", className: "open cut", ariaPressed: String(chosen), textContent: preset.name, title: preset.model, onclick: () => use(preset) });
    return el("li", {}, choose, iconButton("export", phrases.exportPreset(preset.name), () => download(preset), {}, true), iconButton("trash", phrases.deletePreset(preset.name), () => this.remove(preset), {}, true));
  }
}
