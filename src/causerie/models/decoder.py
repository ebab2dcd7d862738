"""The forward pass, written once: embed → layers → norm → head.

It speaks the vocabulary of backends/ops.py and nothing else: it cannot tell a torch tensor from a line of a traced
program, a prefill from a decode step, or a bf16 weight from a 4-bit one.
"""

from __future__ import annotations

from causerie.backends.ops import Ops, Passes, Value, Weights, linear_parts
from causerie.models.layers import attention, mlp
from causerie.spec.decoder import Decoder


def forward(ops: Ops, spec: Decoder, weights: Weights) -> Value:
    """Logits [rows, vocab] of the step that `ops` was made for; see `Step` for what a step is."""
    x = states(ops, spec, weights)
    (logits,) = ops.linear(x, *linear_parts(weights, "", ["embed" if spec.tied else "head"]))
    return logits


def states(ops: Ops, spec: Decoder, weights: Weights) -> Value:
    """Hidden states [rows, width] of the same step, after the last norm: what the head reads."""
    x = ops.embed(weights["embed"])
    if not spec.layers:
        x = ops.select(x)
    for index, layer in enumerate(spec.layers):
        prefix = f"layers.{index}."
        h = ops.norm(x, weights[prefix + "mixer_norm"], layer.norm)
        x = ops.add(x, attention(ops, h, index, layer.mixer, weights))
        if index == len(spec.layers) - 1:  # nobody attends to what follows, so only wanted rows go on
            x = ops.select(x)
        h = ops.norm(x, weights[prefix + "ffn_norm"], layer.norm)
        x = ops.add(x, mlp(ops, h, index, layer.ffn, weights))
    return ops.norm(x, weights["norm"], spec.norm)


PASSES = Passes(forward, states)
