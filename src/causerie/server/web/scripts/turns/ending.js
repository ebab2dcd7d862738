// Why an answer is not whole, in words. Knows no element.

import { phrases } from "/page/scripts/words.js";

const WORDS = {
  stopped: phrases.endedStopped,
  cut: phrases.endedCut,
  repeated: phrases.endedRepeated,
  broken: phrases.endedBroken,
};

// The words, and whether the answer can be gone on with.
export function endOf(node) {
  const words = node.fault || WORDS[node.ended] || (node.partial ? phrases.endedPartial : "");
  return { words, goesOn: Boolean(node.partial && (node.text || node.reasoning)) };
}
