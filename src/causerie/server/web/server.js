// Requests to the server that served the page, and streams of answers. Knows no page.

let key = sessionStorage.getItem("key") ?? "";
export function useKey(given) {
  key = given;
  sessionStorage.setItem("key", given);
}

export class Refused extends Error {
  constructor(status, message, code = null) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function request(route, options = {}) {
  const headers = { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...(options.body ? { "Content-Type": "application/json" } : {}) };
  let response;
  try {
    response = await fetch(route, { ...options, headers });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Refused(0, "The server does not answer. Is it still running?");
  }
  if (!response.ok) {
    const said = await response.json().catch(() => null);
    throw new Refused(response.status, said?.error?.message ?? `The server answered with status ${response.status}.`, said?.error?.code);
  }
  return response;
}

const post = (route, body, signal) => request(route, { method: "POST", body: JSON.stringify(body), signal });

export const models = async () => (await (await request("/v1/models")).json()).data;

// Markdown as HTML. What a turn of the page asks for goes in few requests: a long chat is many texts, and a browser keeps few
// connections to one server, of which an answer needs one.
const MOST_TEXTS = 16;
let waiting = [];

export const rendered = (texts) => Promise.all(texts.map((text) => new Promise((done, fail) => {
  if (!waiting.length) setTimeout(renderAll);
  waiting.push({ text, done, fail });
})));

async function renderAll() {
  const all = waiting;
  waiting = [];
  for (let begin = 0; begin < all.length; begin += MOST_TEXTS) {
    const some = all.slice(begin, begin + MOST_TEXTS);
    try {
      const { html } = await (await post("/render", { texts: some.map(({ text }) => text) })).json();
      some.forEach(({ done }, place) => done(html[place]));
    } catch (fault) {
      for (const { fail } of some) fail(fault);
    }
  }
}

// Chunks of a streamed answer, one JSON object after the other. Throws Refused for an error, before or within.
export async function* answer(body, signal) {
  const response = await post("/v1/chat/completions", { ...body, stream: true, stream_options: { include_usage: true } }, signal);
  const decoder = new TextDecoder(), reader = response.body.getReader();
  let rest = "", ended = false;
  while (!ended) {
    let piece;
    try {
      piece = await reader.read();
    } catch (fault) {
      if (fault.name === "AbortError") throw fault;
      throw new Refused(0, "The connection to the server was lost; what came is kept.");
    }
    if (piece.done) throw new Refused(0, "The server ended the answer before it was whole; what came is kept.");
    rest += decoder.decode(piece.value, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice(6);
      if (data === "[DONE]") {
        ended = true;
        break;
      }
      const value = JSON.parse(data);
      if (value.error) throw new Refused(500, value.error.message);
      yield value;
    }
  }
}
