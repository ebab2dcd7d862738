"""One block of a decoder: its parts, and the norms around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from causerie.spec.attention import Attention
from causerie.spec.cost import PartCost
from causerie.spec.experts import Experts
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.short_conv import ShortConv
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class Layer:
    """One block: x += mixer(norm(x)); x += ffn(norm(x)). With a `norm_after` each half's result is normed before it is
    added."""

    mixer: Attention | ShortConv
    ffn: MLP | Experts
    norm: Norm
    norm_after: Norm | None = None

    def with_attention(self, **changes: Any) -> Layer:
        """The same block with these fields changed in its attention, where it has one."""
        return replace(self, mixer=replace(self.mixer, **changes)) if isinstance(self.mixer, Attention) else self

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, part in (("mixer", self.mixer), ("ffn", self.ffn)):
            yield vector(f"{name}_norm", width)
            for weight in part.weights(width):
                yield weight.within(f"{name}.")
            if self.norm_after is not None:
                yield vector(f"{name}_norm_after", width)

    def cost(self, width: int) -> PartCost:
        """Of both parts."""
        return self.mixer.cost(width) + self.ffn.cost(width)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """Weights that a step of `rows` tokens need not read, and how many of each it is expected to leave so."""
        return self.ffn.unread(width, rows)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, *, last: bool) -> Value:
        """[n, width] → [n, width]; of the last block only the rows that are wanted, as nobody attends to what
        follows."""
        prefix = f"layers.{layer}."
        h = ops.norm(x, weights[prefix + "mixer_norm"], self.norm)
        x = self._added(
            ops, x, self.mixer.forward(ops, h, layer, weights, prefix + "mixer."), weights, prefix + "mixer"
        )
        if last:
            x = ops.select(x)
        h = ops.norm(x, weights[prefix + "ffn_norm"], self.norm)
        h = self.ffn.forward(ops, h, layer, weights, prefix + "ffn.")
        return self._added(ops, x, h, weights, prefix + "ffn")

    def _added(self, ops: Ops, x: Value, result: Value, weights: Weights, half: str) -> Value:
        if self.norm_after is not None:
            result = ops.norm(result, weights[half + "_norm_after"], self.norm_after)
        return ops.add(x, result)
