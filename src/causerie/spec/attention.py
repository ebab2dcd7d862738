"""Grouped-query attention: a part of a decoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

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
    sinks: bool = False  # of each head a score that takes its share of attention and adds nothing
    qk_norm: Norm | None = None  # on every query and key head, before the rotation
    qk_norm_own: bool = False  # each head has weights of its own in it
    clip: float | None = None  # queries, keys and values are cut off at ± this, before anything else is done with them
    slopes: tuple[float, ...] | None = None  # of each head: what a score loses for each token that lies between (ALiBi)
    qk_norm_whole: bool = False  # on all query heads together, and on all key heads, instead
    qk_norm_last: bool = False  # after the rotation instead
    query_rope: Rope | None = None  # the rotation of queries, where it is not that of keys
    softcap: float | None = None  # a score s becomes softcap · tanh(s / softcap)
    gated: bool = False  # what heads give is multiplied by sigmoid(gate(x)), element by element
    gate_act: Literal["sigmoid", "softplus"] = "sigmoid"  # in the place of sigmoid there
    gated_heads: bool = False  # then a gate is for a whole head
    chunked: bool = False  # of the window it sees what is in its own chunk, counting chunks of `window` from 0 on
    value_norm: Norm | None = None  # on every value head
    keys_as_values: bool = False  # what keys are made of, before norm and rotation, is what values are made of
    shares: int | None = None  # the layer whose keys and values it reads, having none of its own
    own_value_dim: int | None = None  # elements of a value, where they are not as many as those of a key
    value_scale: float = 1.0  # of values, and so of what is gathered of them
    keeps_all: bool = False  # of its window it forgets nothing: pages are kept of all positions

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
        """Elements of all key heads."""
        return self.kv_heads * self.head_dim

    @property
    def value_dim(self) -> int:
        """Elements of a value, and of what a query head gathers of them."""
        return self.own_value_dim or self.head_dim

    @property
    def value_width(self) -> int:
        """Elements of all value heads."""
        return self.kv_heads * self.value_dim

    @property
    def mixed_width(self) -> int:
        """Elements that all query heads gather of values."""
        return self.heads * self.value_dim

    @property
    def ropes(self) -> tuple[Rope, ...]:
        """The rotations of queries and of keys, where positions turn them."""
        return () if self.rope is None else (self.query_rope or self.rope, self.rope)

    @property
    def projections(self) -> Mapping[str, int]:
        """The matrices that queries, keys and values come from, and how many rows each has."""
        rows = {"q": self.query_width, "k": self.key_width, "v": self.value_width}
        if self.shares is not None:
            return {"q": rows["q"]}
        return {name: rows[name] for name in ("qk" if self.keys_as_values else "qkv")}

    @property
    def cache(self) -> Pages:
        """Keys and values, its own or another layer's."""
        window = None if self.keeps_all else self.window
        return Pages(self.kv_heads, self.head_dim, self.value_dim, window, self.shares)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, rows in self.projections.items():
            yield WeightSpec(name, (rows, width), "attention")
            if self.qkv_bias:
                yield vector(f"{name}_bias", rows)
        if self.gated:
            yield WeightSpec("gate", (self._gates, width), "attention")
        if self.qk_norm is not None:
            whole = self.qk_norm_whole or self.qk_norm_own
            yield from self.qk_norm.weights("q_norm", self.query_width if whole else self.head_dim)
            if self.shares is None:
                yield from self.qk_norm.weights("k_norm", self.key_width if whole else self.head_dim)
        if self.value_norm is not None:
            yield from self.value_norm.weights("v_norm", self.value_dim)
        if self.sinks:
            yield vector("sinks", self.heads)
        yield WeightSpec("o", (width, self.mixed_width), "attention")
        if self.out_bias:
            yield vector("o_bias", width)

    def cost(self, width: int) -> PartCost:
        """Its matrices, and for each position that a token sees its score and its value in every head."""
        rows = sum(self.projections.values()) + (self._gates if self.gated else 0)
        return PartCost((rows + self.mixed_width) * width, self.query_width + self.mixed_width)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """softmax(rope(q)·rope(k)ᵀ · scale) · v, projected back: [n, width] → [n, width] (Vaswani et al., 2017). Of
        slopes: Press et al., "Train short, test long" (2021)."""
        names = [*self.projections, *(["gate"] if self.gated else [])]
        made = dict(zip(names, ops.linear(x, *linear_parts(weights, prefix, names)), strict=True))
        return self.gathered(ops, made, layer, weights, prefix)

    def gathered(self, ops: Ops, made: dict[str, Value], layer: int, weights: Weights, prefix: str) -> Value:
        """The same of what the `projections` have made, and the gate where it has one."""
        gate = made.get("gate")
        made = {name: each for name, each in made.items() if name != "gate"}
        if self.clip is not None:
            made = {name: ops.clip(each, self.clip) for name, each in made.items()}
        if self.keys_as_values:
            made["v"] = made["k"]
        q, k, v = (self._normed(ops, made.get(name), weights, f"{prefix}{name}_norm") for name in "qkv")
        norms = (weights[prefix + "q_norm"], weights[prefix + "k_norm"]) if self.qk_norm_last else None
        writer = layer if self.shares is None else self.shares
        mixed = ops.attention(q, k, v, writer, self, norms, weights.get(prefix + "sinks"))
        if self.value_scale != 1.0:
            mixed = ops.softcap(mixed, self.value_scale, None)
        if gate is not None and self.gated_heads:
            mixed = ops.gate_heads(mixed, gate, self.gate_act)
        elif gate is not None:
            mixed = ops.glu(gate, mixed, self.gate_act)
        (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ["o"]))
        return out

    @property
    def _gates(self) -> int:
        return self.heads if self.gated_heads else self.mixed_width

    def _normed(self, ops: Ops, heads: Value | None, weights: Weights, name: str) -> Value | None:
        """Queries, keys or values with the norm that they have before the rotation."""
        values = name.endswith("v_norm")
        norm = self.value_norm if values else None if self.qk_norm_last else self.qk_norm
        if norm is None or heads is None:
            return heads
        one = self.value_dim if values else self.head_dim
        return norm.forward(ops, heads, weights, name, None if self.qk_norm_whole and not values else one)
