// What the page knows at this moment, and who wants to hear that it changed. Knows no element.
//
// Events: "chats" (the list changed), "chat" (another chat is open, or its messages changed), "models" (what the server
// has, or which is chosen), "running" (an answer begins or ends), "grew" (the answer that comes has more; with the node),
// "answered" (an answer is whole or broken; with {chat, node}), "settings" (of the open chat), "server" (it is gone, or
// back), "capabilities", "times" and "probabilities" (a reader asks for them; with {node, anchor}).

export const state = {
  chats: [],           // all that are kept, the newest first
  chat: null,          // the one that is open
  served: [],          // models as /v1/models gives them
  model: "",           // the id of the one that answers next
  running: null,       // the answer that comes: {chat, node, control, begun}
  server: "here",      // or "away"
  capabilities: {},    // what this server offers beyond answers: {downloads, tools, keptChats}
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

// A model's id without whose it is: what people call it.
export const shortName = (id) => id.split("/").at(-1);
