// Four ways to begin a chat, which suit a model: by what it says of itself and, where that says nothing, by its name. Knows
// no element.

import { phrases } from "/page/scripts/words.js";

// Each: the name of an icon, words, a hint, and what then stands in the box.
const FILE = ["file", ...phrases.startFile];
const THINK = ["think", ...phrases.startThink];
const ERROR = ["code", ...phrases.startError];

const STARTERS = {
  anything: [FILE, ["edit", ...phrases.startWording], ERROR, THINK],
  code: [ERROR, ["edit", ...phrases.startFunction], ["check", ...phrases.startReview], ["tool", ...phrases.startTests]],
  puzzles: [["think", ...phrases.startPuzzle], THINK, ["compare", ...phrases.startChoice], ["search", ...phrases.startFlaw]],
  program: [["help", ...phrases.startProgram], ["fetch", ...phrases.startLarger], ["sliders", ...phrases.startManner], ["think", ...phrases.startToken]],
  beginnings: [["edit", ...phrases.startStory], ["many", ...phrases.startList], ["code", ...phrases.startCode], ["file", ...phrases.startLetter]],
};

const CODE = /cod(e|er|ing|estral)|starcoder|program|devstral/i;
const PUZZLES = /math|reason|think|(^|[^a-z])(r1|qwq)([^a-z]|$)/i;
const BASE = /([-_ ]|^)(base|pt)$/i;

// Which of them suit a model, as /v1/models tells of it.
export function kindOf(model) {
  if (!model) return "anything";
  const name = model.id.split("/").at(-1).replace(/\.gguf$/, "");
  if (model.id === "builtin") return "program";
  if (model.chats === false || (model.chats === undefined && BASE.test(name))) return "beginnings";
  if (CODE.test(name)) return "code";
  return PUZZLES.test(name) || model.thinking_budget ? "puzzles" : "anything";
}

export const startersOf = (kind) => STARTERS[kind];
