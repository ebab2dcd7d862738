// Two copies of a chat, made one of: what two devices, or two tabs, did to it apart from each other. Nothing that was said is lost. Pure.

const SHOWN = ["leaf", "model", "updated"];  // what goes with the last message
const FIXED = ["id", "created", "nodes", ...SHOWN];  // all else is what a reader sets: names, places, settings

const later = (mine, theirs, field) => (theirs[field] ?? 0) > (mine[field] ?? 0);

// Messages only grow: the one that is whole is the later one, else the one that says more.
function fuller(mine, theirs) {
  if (Boolean(mine.partial) !== Boolean(theirs.partial)) return Boolean(mine.partial);
  return JSON.stringify(theirs).length > JSON.stringify(mine).length;
}

// Puts what `theirs` has more, or later, into `mine`. A message that becomes another one is another object; the one that is `growing`
// stays as it is.
export function merge(mine, theirs, growing = null) {
  if (later(mine, theirs, "changed") || (!mine.changed && later(mine, theirs, "updated"))) for (const name of Object.keys(theirs)) if (!FIXED.includes(name)) mine[name] = theirs[name];
  if (later(mine, theirs, "updated")) for (const name of SHOWN) mine[name] = theirs[name];
  for (const [id, node] of Object.entries(theirs.nodes)) {
    const own = mine.nodes[id];
    if (!own || (own !== growing && fuller(own, node))) mine.nodes[id] = node;
  }
  if (!mine.nodes[mine.leaf]) mine.leaf = Object.keys(mine.nodes).at(-1) ?? null;
}
