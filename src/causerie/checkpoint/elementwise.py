"""Expressions that compute something of each element of another one: of files that hold numbers from which others are
made. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import widen
from causerie.checkpoint.expression import ALL, Derived, Shape
from causerie.checkpoint.index import TensorIndex


@dataclass(frozen=True)
class Elementwise(Derived):
    """Something computed of each element, in float32."""

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        return self.of.shape(index)

    def dtype(self, index: TensorIndex) -> str:
        """What is computed needs all of float32."""
        return "F32"

    def wide(self, index: TensorIndex, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The elements that something is computed of, in float32."""
        part = self.of.read(index, rows, columns)
        return widen(part) if self.of.dtype(index) == "BF16" else part.astype(np.float32)


@dataclass(frozen=True)
class Plus(Elementwise):
    """A number added to each: norms that multiply by 1 + w."""

    number: float = 1.0

    @property
    def key(self) -> str:
        """Of the tensor."""
        return f"{self.of.key}+{self.number:g}"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """The sums."""
        return self.wide(index, rows, columns) + np.float32(self.number)


@dataclass(frozen=True)
class LogOfNegated(Elementwise):
    """log(-x) of each: how fast states shrink, of files that hold by how much."""

    @property
    def key(self) -> str:
        """Of the tensor."""
        return f"log(-{self.of.key})"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """The logarithms; infinite or no number where x is not below 0."""
        wide = self.wide(index, rows, columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(-wide.astype(np.float64)).astype(np.float32)
