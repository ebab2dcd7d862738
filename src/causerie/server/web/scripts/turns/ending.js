// Why an answer is not whole, in words. Knows no element.

const WORDS = {
  stopped: "You stopped here.",
  cut: "The answer reached the longest that the settings allow.",
  repeated: "The answer repeated itself and was ended; the settings can let it go on.",
  broken: "The answer broke off here. It is kept.",
};

// The words, and whether the answer can be gone on with.
export function endOf(node) {
  const words = node.fault || WORDS[node.ended] || (node.partial ? "The answer is not whole." : "");
  return { words, goesOn: Boolean(node.partial && (node.text || node.reasoning)) };
}
