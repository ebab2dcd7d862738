"""Grouped-query attention: a part of a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.kept import Pages
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from causerie.spec.rope import Rope
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class Attention:
    """Grouped-query attention over a causal, optionally sliding, window."""

    heads: int
    kv_heads: int
    head_dim: int
    scale: float  # scores are q·k times this
    rope: Rope
    window: int | None = None  # a token sees itself and the window - 1 tokens before it; None sees everything
    qkv_bias: bool = False
    out_bias: bool = False
    sinks: bool = False  # of each head a score that takes its share of attention and adds nothing
    qk_norm: Norm | None = None  # on every query and key head, before the rotation

    @property
    def group(self) -> int:
        """How many query heads share one key/value head."""
        return self.heads // self.kv_heads

    @property
    def query_width(self) -> int:
        """Elements of all query heads."""
        return self.heads * self.head_dim

    @property
    def key_width(self) -> int:
        """Elements of all key heads, and of all value heads."""
        return self.kv_heads * self.head_dim

    @property
    def keeps(self) -> Pages:
        """Keys and values."""
        return Pages(self.kv_heads, self.head_dim, self.window)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, rows in (("q", self.query_width), ("k", self.key_width), ("v", self.key_width)):
            yield WeightSpec(name, (rows, width), "attention")
            if self.qkv_bias:
                yield vector(f"{name}_bias", rows)
        if self.qk_norm is not None:
            yield vector("q_norm", self.head_dim)
            yield vector("k_norm", self.head_dim)
        if self.sinks:
            yield vector("sinks", self.heads)
        yield WeightSpec("o", (width, self.query_width), "attention")
        if self.out_bias:
            yield vector("o_bias", width)

    def cost(self, width: int) -> PartCost:
        """Four matrices, and for each position that a token sees its score and its value in every head."""
        return PartCost(2 * (self.query_width + self.key_width) * width, 2 * self.query_width)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """softmax(rope(q)·rope(k)ᵀ · scale) · v, projected back: [n, width] → [n, width] (Vaswani et al., 2017)."""
        q, k, v = ops.linear(x, *linear_parts(weights, prefix, ["q", "k", "v"]))
        if self.qk_norm is not None:
            q = ops.norm(q, weights[prefix + "q_norm"], self.qk_norm)
            k = ops.norm(k, weights[prefix + "k_norm"], self.qk_norm)
        mixed = ops.attention(q, k, v, layer, self, weights.get(prefix + "sinks"))
        (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ["o"]))
        return out
