// Requests to the server that served the page, and streams of answers. Tells when it is gone, and when it is back. Knows no element.

import { accessKey } from "/page/scripts/access.js";
import { state, tell } from "/page/scripts/state.js";
import { phrases } from "/page/scripts/words.js";

export class Refused extends Error {
  constructor(status, message, code = null, said = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.said = said;  // the whole answer
  }
}

function present(server) {
  if (state.server === server) return;
  state.server = server;
  tell("server");
}

async function request(route, options = {}) {
  const key = accessKey(), headers = { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...(options.body ? { "Content-Type": options.type ?? "application/json" } : {}) };
  let response;
  try {
    response = await fetch(route, { ...options, headers });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    present("away");
    throw new Refused(0, phrases.serverSilent);
  }
  present("here");
  if (!response.ok) {
    const said = await response.json().catch(() => null);
    throw new Refused(response.status, said?.error?.message ?? phrases.serverStatus(response.status), said?.error?.code, said);
  }
  return response;
}

const post = (route, body, signal) => request(route, { method: "POST", body: JSON.stringify(body), signal });

export const models = async () => (await (await request("/v1/models")).json()).data;

// Markdown as HTML. What a turn of the page asks for goes in few requests: a long chat is many texts, and a browser keeps few
// connections to one server, of which an answer needs one.
const MOST_TEXTS = 16, MOST_CHARACTERS = 40_000;  // of one request, if it has more than one text
let waiting = [];

export const rendered = (texts) => Promise.all(texts.map((text) => new Promise((done, fail) => {
  if (!waiting.length) setTimeout(renderAll);
  waiting.push({ text, done, fail });
})));

async function renderAll() {
  const all = waiting;
  waiting = [];
  while (all.length) {
    let count = 0, characters = 0;
    while (count < Math.min(all.length, MOST_TEXTS) && (!count || characters + all[count].text.length <= MOST_CHARACTERS)) {
      characters += all[count].text.length;
      count += 1;
    }
    const some = all.splice(0, count);
    try {
      const { html } = await (await post("/render", { texts: some.map(({ text }) => text) })).json();
      some.forEach(({ done }, place) => done(html[place]));
    } catch (fault) {
      for (const { fail } of some) fail(fault);
    }
  }
}

// The data of a stream of events, as it comes.
async function* events(response) {
  const decoder = new TextDecoder(), reader = response.body.getReader();
  let rest = "";
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (fault) {
      if (fault.name === "AbortError") throw fault;
      throw new Refused(0, phrases.connectionLost);
    }
    if (piece.done) return;
    rest += decoder.decode(piece.value, { stream: true });
    const whole = rest.split("\n\n");
    rest = whole.pop();
    for (const event of whole) if (event.startsWith("data: ")) yield event.slice(6);
  }
}

// Chunks of a streamed answer, one JSON object after the other, with the counts so far in each, and before the first text how
// much of the prompt is read. Throws Refused for an error, before or within.
export async function* answer(body, signal) {
  const told = { stream: true, stream_options: { include_usage: true, continuous_usage_stats: true }, return_progress: true, return_timings: true };
  for await (const data of events(await post("/v1/chat/completions", { ...body, ...told }, signal))) {
    if (data === "[DONE]") return;
    const value = JSON.parse(data);
    if (value.error) throw new Refused(500, value.error.message);
    yield value;
  }
  throw new Refused(0, phrases.answerCutOff);
}

// Has a model loaded; returns when it is. How far it is stands in the list of models. Throws Refused.
export async function load(model) {
  for await (const data of events(await post("/load_model", { model }))) {
    const event = JSON.parse(data);
    if (event.status === "error") throw new Refused(503, phrases.notLoaded(model, event.message));
  }
}

// The text of a file as the server takes it: {kind, text, characters, pages, pages_read, pages_without_text}. Throws Refused.
export const textOfFile = async (file, signal) => (await request("/text-of-file", { method: "POST", body: file, type: "application/octet-stream", signal })).json();

// Text as a model's tokens, and back. Each throws Refused.
export const tokensOf = async (model, prompt) => (await (await post("/tokenize", { model, prompt, add_special_tokens: false })).json()).tokens;
export const textOfTokens = async (model, tokens) => (await (await post("/detokenize", { model, tokens })).json()).prompt;

// Frees the memory of a model. Throws Refused while requests use it.
export const unload = (model) => post("/unload_model", { model });

// What the memory of the machine holds: {total, other, models, chats, free}, in bytes.
export const memory = async () => (await request("/memory")).json();

// Models to choose from, as far as the server lets its users choose. Each throws Refused.
export const library = async () => (await request("/library")).json();
export const serve = (model) => post("/library/serve", { model });
export const searchHub = async (words) => (await (await post("/library/search", { words })).json()).models;
export const download = (model) => post("/library/download", { model });
export const downloads = async () => (await request("/library/downloads")).json();

// The tools of this server, and what comes of a call. Each throws Refused.
export const toolList = async () => (await request("/tools")).json();
export const callTool = async (name, given, signal) => (await post("/tools/call", { name, arguments: given }, signal)).json();

export const cancelDownload = (model) => post("/library/cancel", { model });

// Chats that the server keeps, where it was started so. Each throws Refused; of a chat that was changed meanwhile with status 409,
// and what it is now as `newer` in what was said.
export const keptChats = async () => (await request("/chats")).json();
export const keptChat = async (id) => (await request(`/chats/${id}`)).json();
export const putChat = async (chat, revision) => (await request(`/chats/${chat.id}`, { method: "PUT", body: JSON.stringify({ chat, revision }) })).json();
export const removeKeptChat = (id, revision) => request(`/chats/${id}?revision=${revision}`, { method: "DELETE" });
