"""Attention and a recurrence side by side: a mixer of two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.attention import Attention
from causerie.spec.cost import PartCost
from causerie.spec.layer_cache import Pages, Slot
from causerie.spec.mamba2 import Mamba2
from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.weight import WeightSpec


@dataclass(frozen=True)
class SideBySide:
    """Both read the same rows; what they give is added, each times a number (Falcon-LLM Team, "Falcon-H1", 2025)."""

    attention: Attention
    recurrence: Mamba2
    attention_scale: float = 1.0
    recurrence_scale: float = 1.0

    @property
    def cache(self) -> tuple[Pages, Slot]:
        """What each of them keeps."""
        return self.attention.cache, self.recurrence.cache

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """Those of both, for rows of `width`."""
        for name, part in (("attention", self.attention), ("recurrence", self.recurrence)):
            for weight in part.weights(width):
                yield weight.within(f"{name}.")

    def cost(self, width: int) -> PartCost:
        """Of both."""
        return self.attention.cost(width) + self.recurrence.cost(width)

    def forward(self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str) -> Value:
        """[n, width] → [n, width]"""
        remembered = self.recurrence.forward(ops, x, layer, weights, prefix + "recurrence.")
        if self.recurrence_scale != 1.0:
            remembered = ops.softcap(remembered, self.recurrence_scale, None)
        attended = self.attention.forward(ops, x, layer, weights, prefix + "attention.")
        return ops.add(remembered, attended, self.attention_scale)
