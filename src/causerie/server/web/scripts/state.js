// What the page knows at this moment, and who wants to hear that it changed. Knows no element.
//
// Events: "chats" (the list changed), "chat" (another chat is open, or its messages changed), "models" (what the server
// has, or which is chosen), "running" (an answer begins or ends), "grew" (the answer that comes has more; with the node),
// "chunk" (a piece of it came; with {node, chunk, running}), "ended" (no more will come; with what was `running`, before it is kept),
// "answered" (an answer is whole or broken; with {chat, node}), "settings" (of the open chat), "server" (it is gone, or
// back), "key" (there is another one for it), "admitted" (it has answered us: what else it offers can be asked for),
// "library" (models of this machine and of the hub, downloads, memory), "pair" (two models answer, or one
// again), "paired" (one of the two has answered; with {node, place}), "capabilities", "saved" (something was kept in this
// browser), "found" (a search leads to this message), "calls" (what came of an answer's calls; with the node), "times" (a
// reader asks for them; with {node, anchor}), "memory" (what an answer could not have in mind any more; with the node), "full" (the chat no
// longer fits; with the answer that was to go on, or null), "draft" (words for the box).

export const state = {
  chats: [],           // all that are kept, the newest first
  chat: null,          // the one that is open
  served: [],          // models as /v1/models gives them
  model: "",           // the id of the one that answers next
  pair: null,          // two models that answer side by side: {chat, models (their ids), last (the last message they share), rounds}
  running: null,       // the answer that comes: {chat, node, control, begun}; or the call of a tool: {…, call}
  server: "here",      // or "away"
  admitted: false,     // whether the server has answered with the key that we have, or without one
  capabilities: {},    // what this server offers beyond answers: {choosing, downloads, tools, keptChats}
};

const listeners = new Map();

export function on(event, act) {
  if (!listeners.has(event)) listeners.set(event, []);
  listeners.get(event).push(act);
}

export function tell(event, detail = null) {
  for (const act of listeners.get(event) ?? []) act(detail);
}

export const chosenModel = () => state.served.find((model) => model.id === state.model);

// A model's id as people say it: without whose it is, and without what says that it was taught to answer, as most were.
export const longName = (id) => id.replace(/\/+$/, "").split("/").at(-1).replace(/\.gguf$/, "").replaceAll("-", " ");
export const shortName = (id) => longName(id).replace(/ (instruct|chat|it|hf)\b/gi, "");
