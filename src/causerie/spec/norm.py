"""Norms, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.weight import WeightSpec, vector


@dataclass(frozen=True)
class Norm:
    """Root-mean-square norm: x / sqrt(mean(x²) + eps) · weight (Zhang & Sennrich, 2019). Where it is `centered`, the
    mean of x is taken off first: layer norm (Ba et al., 2016)."""

    eps: float
    centered: bool = False
    weight: bool = True
    bias: bool = False  # is added to the product

    def weights(self, name: str, length: int) -> Iterator[WeightSpec]:
        """What it has of them, for rows of `length`."""
        if self.weight:
            yield vector(name, length)
        if self.bias:
            yield vector(f"{name}_bias", length)

    def forward(self, ops: Ops, x: Value, weights: Weights, name: str, group: int | None = None) -> Value:
        """The norm of each `group` of elements of a row; of the whole row where it is None."""
        return ops.norm(x, weights.get(name), self, group, weights.get(f"{name}_bias"))
