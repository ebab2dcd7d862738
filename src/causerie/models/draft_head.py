"""The draft head of a decoder as a decoder of its own: one block over the other's embedding, its head and a part of its
cache. Its pass reads, beside each token, what the other made of the token before.

Knows no drafting.
"""

from __future__ import annotations

from dataclasses import replace

from causerie.backends.ops import Excerpt
from causerie.errors import EngineError
from causerie.spec.decoder import EMBEDDING, Decoder
from causerie.spec.draft_head import DRAFT, draft_prefix
from causerie.spec.ops import Ops, Value, Weights, linear_parts


def excerpt_of(spec: Decoder, number: int = 0) -> Excerpt:
    """The head of a decoder that has one, or one of several."""
    head = spec.draft_head
    if head is None:
        raise EngineError(f"This {spec.family} model holds no draft head.")
    names = {own: name for name, own in lone_names(spec, number).items()}
    present = {weight.name for weight in spec.weights()}
    names |= {name: name for name in (EMBEDDING, spec.head, f"{spec.head}_bias") if name in present}
    return Excerpt(replace(spec, layers=(head.block,)), names, (len(spec.layers) + number,))


def lone_head(spec: Decoder) -> Decoder:
    """One of the heads of a decoder, all of which are alike, as a decoder without layers: the block of the head is its
    first, and what it shares with the other is its own."""
    head = spec.draft_head
    if head is None:
        raise EngineError(f"This {spec.family} model holds no draft head.")
    return replace(spec, layers=(), drafting_layers=0, draft_head=replace(head, count=1))


def lone_names(spec: Decoder, number: int) -> dict[str, str]:
    """By the names that a decoder has of one of its heads' weights, what `lone_head` calls them."""
    homes = {f"layers.{len(spec.layers) + number}.": "layers.0.", draft_prefix(number): DRAFT}
    return {
        weight.name: instead + weight.name.removeprefix(home)
        for weight in spec.head_weights(number)
        for home, instead in homes.items()
        if weight.name.startswith(home)
    }


def draft_forward(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, ...]:
    """Logits [r, vocab] of what follows the step's tokens, each of which comes with a row of features, and the hidden
    states [h, width] with which a further guess is made."""
    head = spec.draft_head
    if head is None:
        raise EngineError(f"This {spec.family} model holds no draft head.")
    tokens = ops.embed(weights[EMBEDDING], spec.embedding_scale)
    x = head.entry(ops, tokens, ops.features(spec.width), weights)
    x = head.block.forward(ops, x, 0, weights, last=True)
    read, states = (head.exit(ops, each, weights) for each in ops.exits(x))
    (logits,) = ops.linear(read, *linear_parts(weights, "", [spec.head]))
    if spec.logits_scale != 1.0 or spec.logits_softcap is not None:
        logits = ops.softcap(logits, spec.logits_scale, spec.logits_softcap)
    return logits, states
