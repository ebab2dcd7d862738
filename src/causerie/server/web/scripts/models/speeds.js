// How quickly models wrote here: of each, in each precision, what its last long answer gave. Knows no server.

import { on, state } from "/page/scripts/state.js";

const KEY = "speeds", LEAST = 1000;  // milliseconds of writing from which on an answer says something
const speeds = JSON.parse(localStorage.getItem(KEY) ?? "{}");
const nameOf = (id, format) => `${format} ${id}`;

// Tokens a second; undefined where no answer came yet.
export const measured = (id, format) => speeds[nameOf(id, format)];

function noteSpeed(id, pace) {
  const format = state.served.find((model) => model.id === id)?.format;
  if (!format || pace.last - pace.first < LEAST) return;
  speeds[nameOf(id, format)] = Number(((pace.tokens - pace.before) / (pace.last - pace.first) * 1000).toFixed(2));
  localStorage.setItem(KEY, JSON.stringify(speeds));
}

export function begin() {
  on("ended", ({ node, pace, beside }) => beside || noteSpeed(node.model, pace));  // two at once take longer than one alone
}
