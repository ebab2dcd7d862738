"""The forward pass, written once: embed → layers → norm → head.

It speaks the vocabulary of spec/ops.py and nothing else: it cannot tell a torch tensor from a line of a traced program,
a prefill from a decode step, or a bf16 weight from a 4-bit one. What a layer does, its parts say (spec/layer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from causerie.spec.decoder import EMBEDDING, EMBEDDING_NORM, NORM, POSITIONS, Decoder
from causerie.spec.ops import Ops, Value, Weights, linear_parts


def forward(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, ...]:
    """Logits [r, vocab] of the step that `ops` was made for, and hidden states [h, width] after the last norm, each of
    the rows that want them; see `Step` for what a step is."""
    return _forward(ops, spec, weights, ())


def tapped(places: Sequence[int]) -> Callable[[Ops, Decoder, Weights], tuple[Value, ...]]:
    """The same pass with taps, which give besides [n, width] of every row of the step: at place i as layer i reads it,
    behind the last layer as the head does, after the last norm. Logits and states are the same."""
    return lambda ops, spec, weights: _forward(ops, spec, weights, tuple(places))


def _forward(ops: Ops, spec: Decoder, weights: Weights, places: tuple[int, ...]) -> tuple[Value, ...]:
    count = len(spec.layers)
    to_head = count in places  # then the last layer is computed for rows of which nothing else is wanted, too
    x = ops.embed(weights[EMBEDDING], spec.embedding_scale)
    if spec.positions is not None:
        x = ops.add(x, ops.positions(weights[POSITIONS], spec.positions.offset))
    if spec.embedding_norm is not None:
        x = spec.embedding_norm.forward(ops, x, weights, EMBEDDING_NORM)
    if not spec.layers and not to_head:
        x = ops.select(x)
    extra = None if spec.layer_input is None else spec.layer_input.shared(ops, x, weights, spec.width)
    x = x if spec.streams is None else spec.streams.entry(ops, x, weights)
    taps: dict[int, Value] = {}
    for index, layer in enumerate(spec.layers):
        taps[index] = x
        x = layer.forward(ops, x, index, weights, last=index == count - 1 and not to_head, extra=extra)
    x = x if spec.streams is None else spec.streams.exit(ops, x, weights)
    if to_head:
        taps[count] = spec.norm.forward(ops, x, weights, NORM)
        read, states = ops.exits(ops.select(taps[count]))
    else:
        read, states = (spec.norm.forward(ops, each, weights, NORM) for each in ops.exits(x))
    (logits,) = ops.linear(read, *linear_parts(weights, "", [spec.head]))
    if spec.logits_scale != 1.0 or spec.logits_softcap is not None:
        logits = ops.softcap(logits, spec.logits_scale, spec.logits_softcap)
    return logits, states, *(taps[place] for place in places)
