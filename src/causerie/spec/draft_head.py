"""The head that some checkpoints ship to guess with: one more block, which reads what the decoder made of a token
together with the token that came next, and guesses the one after it (DeepSeek-AI, "DeepSeek-V3", 2024: multi-token
prediction)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.layer import Layer
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.weight import WeightSpec

DRAFT = "draft."  # how canonical names begin of what is no block's


def draft_prefix(number: int) -> str:
    """The same of one head of several."""
    return f"{DRAFT}{number}." if number else DRAFT


@dataclass(frozen=True)
class DraftHead:
    """Its embedding, and the matrix that makes logits of what it gives, are the decoder's. What it gives, behind its
    norm, stands for what the decoder would make of the guess, and so it reads that for a further one. Of several heads
    alike each guesses one token: the first the next but one, each other one a token further, which reads what the
    decoder made of the same token together with the one that the head before it guessed (Xiaomi, "MiMo-V2-Flash",
    2025)."""

    block: Layer
    norm: Norm  # of both things that it reads, and of what it gives
    count: int = 1

    def weights(self, width: int, number: int) -> Iterator[WeightSpec]:
        """All of one head but its block's, for rows of `width`."""
        prefix = draft_prefix(number)
        for name in ("token", "state"):
            yield from self.norm.weights(f"{prefix}{name}_norm", width)
            yield WeightSpec(prefix + name, (width, width), "feed-forward")
        yield from self.norm.weights(f"{prefix}norm", width)

    def entry(self, ops: Ops, tokens: Value, states: Value, weights: Weights) -> Value:
        """What the block reads: both rows side by side, each normed, through one matrix, of which each row has its own
        columns."""
        made: list[Value] = []
        for name, rows in (("token", tokens), ("state", states)):
            rows = self.norm.forward(ops, rows, weights, f"{DRAFT}{name}_norm")
            made += ops.linear(rows, *linear_parts(weights, DRAFT, [name]))
        return ops.add(made[0], made[1])

    def exit(self, ops: Ops, x: Value, weights: Weights) -> Value:
        """What the head reads, or the block for a further guess."""
        return self.norm.forward(ops, x, weights, f"{DRAFT}norm")
