"""The two passes of an EAGLE3 head: over what a decoder's layers made of tokens, and over its own rows where it guesses
further than the decoder has read. Both give logits of the tokens that it may guess, and the rows before the last norm.

Written over the vocabulary of spec/ops.py, as models/decoder.py.
"""

from __future__ import annotations

from causerie.spec.decoder import EMBEDDING, NORM, Decoder
from causerie.spec.eagle3 import FUSION, FUSION_NORM, Eagle3
from causerie.spec.ops import Ops, Value, Weights, linear_parts


def reading(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, Value]:
    """A step that comes with the rows of all taps, side by side."""
    assert isinstance(spec, Eagle3)
    features = ops.features(spec.states_width)
    if spec.taps_normed:
        features = spec.norm.forward(ops, features, weights, FUSION_NORM)
    (x,) = ops.linear(features, *linear_parts(weights, "", [FUSION]))
    return _layers(ops, spec, weights, x)


def guessing(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, Value]:
    """A step that comes with rows of its own."""
    assert isinstance(spec, Eagle3)
    return _layers(ops, spec, weights, ops.features(spec.width))


def _layers(ops: Ops, spec: Eagle3, weights: Weights, x: Value) -> tuple[Value, Value]:
    tokens = ops.embed(weights[EMBEDDING])
    for index, layer in enumerate(spec.layers):
        x = layer.forward(ops, x, index, weights, last=index == len(spec.layers) - 1, extra=tokens)
    read, states = ops.exits(x)
    (logits,) = ops.linear(spec.norm.forward(ops, read, weights, NORM), *linear_parts(weights, "", [spec.head]))
    return logits, states
