"""Attention and feed-forward as they read in a paper, over the vocabulary of backends/ops.py."""

from __future__ import annotations

from causerie.backends.ops import Ops, Value, Weights, linear_parts
from causerie.spec.attention import Attention
from causerie.spec.mlp import MLP


def attention(ops: Ops, x: Value, index: int, spec: Attention, weights: Weights) -> Value:
    """softmax(rope(q)·rope(k)ᵀ · scale) · v, projected back: [n, width] → [n, width] (Vaswani et al., 2017)."""
    prefix = f"layers.{index}.mixer."
    q, k, v = ops.linear(x, *linear_parts(weights, prefix, ["q", "k", "v"]))
    if spec.qk_norm is not None:
        q = ops.norm(q, weights[prefix + "q_norm"], spec.qk_norm)
        k = ops.norm(k, weights[prefix + "k_norm"], spec.qk_norm)
    mixed = ops.attention(q, k, v, index, spec)
    (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ["o"]))
    return out


def mlp(ops: Ops, x: Value, index: int, spec: MLP, weights: Weights) -> Value:
    """down(act(gate(x)) · up(x)): [n, width] → [n, width] (Shazeer, "GLU variants improve Transformer", 2020)."""
    prefix = f"layers.{index}.ffn."
    gate, up = ops.linear(x, *linear_parts(weights, prefix, ["gate", "up"]))
    (out,) = ops.linear(ops.glu(gate, up, spec.act), *linear_parts(weights, prefix, ["down"]))
    return out
