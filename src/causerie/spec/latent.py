"""Multi-head latent attention: a part of a decoder that keeps one short vector for the keys and values of all heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.attention import Attention
from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Pages
from causerie.spec.norm import Norm
from causerie.spec.ops import Linear, Ops, Value, Weights, linear_parts
from causerie.spec.rope import Rope
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class LatentAttention:
    """Every head makes its key and its value of the same latent, a normed vector of `rank` elements; one more piece of
    key, which turns by position, is shared by all of them (DeepSeek-AI, "DeepSeek-V2", 2024, section 2.1).

    Nothing but the latent and that piece is kept. A score is q · (K · latent) = (Kᵀ · q) · latent, so each query goes
    through the matrix of its head's keys and meets latents as they are; what it gathers of them goes through the matrix
    of its head's values.
    """

    heads: int
    rank: int
    plain_dim: int  # elements of a query that do not turn
    value_dim: int  # elements that a head gives
    scale: float  # scores are q·k times this
    rope: Rope  # of the other elements of queries, and of the piece of key
    norm: Norm  # of latents
    query_rank: int | None = None  # queries are made of a normed vector of so many elements; None: of the input
    bias: bool = False  # where vectors are made of the input, and on what is given

    @property
    def key_dim(self) -> int:
        """Elements that are kept of a position."""
        return self.rank + self.rope.dims

    @property
    def over_latents(self) -> Attention:
        """The attention that queries have which went through the matrices of keys: all share one key head."""
        return Attention(self.heads, 1, self.key_dim, self.scale, rope=None)

    @property
    def ropes(self) -> tuple[Rope, ...]:
        """The one rotation."""
        return (self.rope,)

    @property
    def cache(self) -> Pages:
        """Latents, each with its piece of key."""
        return Pages(1, self.key_dim, 0)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        if self.query_rank is not None:
            yield from self._reading("query", self.query_rank, width)
            yield from self.norm.weights("query_norm", self.query_rank)
        for name, rows in (("q", self.heads * self.plain_dim), ("q_turning", self.heads * self.rope.dims)):
            yield WeightSpec(name, (rows, self.query_rank or width), "attention")
        yield from self._reading("latent", self.rank, width)
        yield from self._reading("k_turning", self.rope.dims, width)
        yield from self.norm.weights("latent_norm", self.rank)
        for head in range(self.heads):
            yield WeightSpec(f"keys.{head}", (self.rank, self.plain_dim), "attention")
        for head in range(self.heads):
            yield WeightSpec(f"values.{head}", (self.value_dim, self.rank), "attention")
        yield from self._reading("o", width, self.heads * self.value_dim)

    def _reading(self, name: str, rows: int, width: int) -> Iterator[WeightSpec]:
        yield WeightSpec(name, (rows, width), "attention")
        if self.bias:
            yield vector(f"{name}_bias", rows)

    def cost(self, width: int) -> PartCost:
        """Its matrices, and for each position that a token sees its score and its latent in every head."""
        matrices = sum(weight.parameters for weight in self.weights(width) if len(weight.shape) == 2)
        return PartCost(matrices, self.heads * (self.key_dim + self.rank))

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]."""
        queries = ("q", "q_turning") if self.query_rank is None else ("query",)
        *query, latent, k_turning = ops.linear(x, *linear_parts(weights, prefix, (*queries, "latent", "k_turning")))
        if self.query_rank is not None:
            normed = self.norm.forward(ops, query[0], weights, prefix + "query_norm")
            query[:] = ops.linear(normed, *linear_parts(weights, prefix, ("q", "q_turning")))
        q, q_turning = query
        latent = self.norm.forward(ops, latent, weights, prefix + "latent_norm")
        q = ops.block_diagonal(q, self._of_heads(weights, prefix, "keys"))
        mixed = ops.latent_attention(q, q_turning, latent, k_turning, layer, self)
        mixed = ops.block_diagonal(mixed, self._of_heads(weights, prefix, "values"))
        (out,) = ops.linear(mixed, *linear_parts(weights, prefix, ("o",)))
        return out

    def _of_heads(self, weights: Weights, prefix: str, name: str) -> tuple[Linear, ...]:
        return linear_parts(weights, f"{prefix}{name}.", [str(head) for head in range(self.heads)])
