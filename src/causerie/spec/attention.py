"""Grouped-query attention: a part of a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Pages
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
    rope: Rope | None  # None: positions turn nothing
    window: int | None = None  # a token sees itself and the window - 1 tokens before it; None sees everything
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Norm | None = None  # on every query and key head, before the rotation
    qk_norm_own: bool = False  # each head has weights of its own in it
    clip: float | None = None  # queries, keys and values are cut off at ± this, before anything else is done with them
    slopes: tuple[float, ...] | None = None  # of each head: what a score loses for each token that lies between (ALiBi)
    qk_norm_whole: bool = False  # on all query heads together, and on all key heads, instead
    qk_norm_last: bool = False  # after the rotation instead
    query_rope: Rope | None = None  # the rotation of queries, where it is not that of keys
    softcap: float | None = None  # a score s becomes softcap · tanh(s / softcap)
    gated: bool = False  # what heads give is multiplied by sigmoid(gate(x)), element by element

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
    def ropes(self) -> tuple[Rope, ...]:
        """The rotations of queries and of keys, where positions turn them."""
        return () if self.rope is None else (self.query_rope or self.rope, self.rope)

    @property
    def cache(self) -> Pages:
        """Keys and values."""
        return Pages(self.kv_heads, self.head_dim, self.window)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, rows in (("q", self.query_width), ("k", self.key_width), ("v", self.key_width)):
            yield WeightSpec(name, (rows, width), "attention")
            if self.qkv_bias:
                yield vector(f"{name}_bias", rows)
        if self.gated:
            yield WeightSpec("gate", (self.query_width, width), "attention")
        if self.qk_norm is not None:
            whole = self.qk_norm_whole or self.qk_norm_own
            yield from self.qk_norm.weights("q_norm", self.query_width if whole else self.head_dim)
            yield from self.qk_norm.weights("k_norm", self.key_width if whole else self.head_dim)
        yield WeightSpec("o", (width, self.query_width), "attention")
        if self.out_bias:
            yield vector("o_bias", width)

    def cost(self, width: int) -> PartCost:
        """Four matrices or five, and for each position that a token sees its score and its value in every head."""
        gate = self.query_width if self.gated else 0
        return PartCost((2 * (self.query_width + self.key_width) + gate) * width, 2 * self.query_width)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """softmax(rope(q)·rope(k)ᵀ · scale) · v, projected back: [n, width] → [n, width] (Vaswani et al., 2017). Of
        slopes: Press et al., "Train short, test long" (2021)."""
        names = ["q", "k", "v", "gate"] if self.gated else ["q", "k", "v"]
        q, k, v, *gate = ops.linear(x, *linear_parts(weights, prefix, names))
        if self.clip is not None:
            q, k, v = (ops.clip(each, self.clip) for each in (q, k, v))
        if self.qk_norm is not None and not self.qk_norm_last:
            group = None if self.qk_norm_whole else self.head_dim
            q = self.qk_norm.forward(ops, q, weights, prefix + "q_norm", group)
            k = self.qk_norm.forward(ops, k, weights, prefix + "k_norm", group)
        norms = (weights[prefix + "q_norm"], weights[prefix + "k_norm"]) if self.qk_norm_last else None
        mixed = ops.attention(q, k, v, layer, self, norms)
        if self.gated:
            mixed = ops.glu(gate[0], mixed, "sigmoid")
        (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ["o"]))
        return out
