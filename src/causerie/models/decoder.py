"""The forward pass, written once: embed → layers → norm → head.

It speaks the vocabulary of spec/ops.py and nothing else: it cannot tell a torch tensor from a line of a traced program,
a prefill from a decode step, or a bf16 weight from a 4-bit one. What a layer does, its parts say (spec/layer.py).
"""

from __future__ import annotations

from causerie.backends.ops import Passes
from causerie.spec.decoder import EMBEDDING, NORM, Decoder
from causerie.spec.ops import Ops, Value, Weights, linear_parts


def forward(ops: Ops, spec: Decoder, weights: Weights) -> Value:
    """Logits [rows, vocab] of the step that `ops` was made for; see `Step` for what a step is."""
    x = states(ops, spec, weights)
    (logits,) = ops.linear(x, *linear_parts(weights, "", [spec.head]))
    return logits


def states(ops: Ops, spec: Decoder, weights: Weights) -> Value:
    """Hidden states [rows, width] of the same step, after the last norm: what the head reads."""
    x = ops.embed(weights[EMBEDDING], spec.embedding_scale)
    if not spec.layers:
        x = ops.select(x)
    for index, layer in enumerate(spec.layers):
        x = layer.forward(ops, x, index, weights, last=index == len(spec.layers) - 1)
    return ops.norm(x, weights[NORM], spec.norm)


PASSES = Passes(forward, states)
