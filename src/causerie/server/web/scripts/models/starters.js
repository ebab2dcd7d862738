// Four ways to begin a chat, which suit a model: by what it says of itself and, where that says nothing, by its name. Knows
// no element.

// Each: the name of an icon, words, a hint, and what then stands in the box.
const FILE = ["file", "Read a file with me", "Drop a text, ask about it", "Read the file that I attach, and tell me what is in it."];
const WORDING = ["edit", "Find a better wording", "For a letter or a message", "Find a better wording for this: "];
const ERROR = ["code", "Explain this error", "Paste what the program said", "Explain this error: "];
const THINK = ["think", "Think something through", "Step by step, aloud", "Think this through with me, step by step: "];

const STARTERS = {
  anything: [FILE, WORDING, ERROR, THINK],
  code: [
    ERROR,
    ["edit", "Write a function", "Say what goes in and comes out", "Write a Python function that merges two sorted lists."],
    ["check", "Review this code", "Faults, names, simpler ways", "Review this code, and say what you would change and why:\n"],
    ["tool", "Write tests for it", "The usual case and the corners", "Write tests for this function, also for its corner cases:\n"],
  ],
  puzzles: [
    ["think", "Solve a puzzle", "One that needs several steps", "Three friends share 17 apples: the second gets twice as many as the first, and the third two more than the second. How many has each?"],
    THINK,
    ["compare", "Weigh two choices", "What speaks for each", "Help me choose. Weigh what speaks for each of these two: "],
    ["search", "Find the flaw", "In an argument or a plan", "Find the weakest point of this argument: "],
  ],
  program: [
    ["help", "How do I begin?", "The first steps", "How do I start a chat?"],
    ["fetch", "Get a larger model", "This one is made to help", "How do I download a model?"],
    ["sliders", "Change how it writes", "Temperature and the like", "How do I set the temperature?"],
    ["think", "What is a token?", "And other words of the trade", "What is a token?"],
  ],
  beginnings: [
    ["edit", "Begin a story", "It writes on from your words", "The lighthouse keeper opened the letter, and "],
    ["many", "Begin a list", "It finds what comes next", "Ten things to see in Lyon:\n1. "],
    ["code", "Begin a program", "A comment or a first line", "# Merge two sorted lists.\ndef merge(left, right):\n"],
    ["file", "Begin a letter", "It keeps the tone", "Dear neighbours,\n\nnext Saturday we "],
  ],
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
