"""Arrays of a packed format as other arrays hold them: expressions over tensors of a checkpoint that give its bytes.

Knows no program that quantizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import ALL, Expression, Shape
from causerie.checkpoint.index import TensorIndex


@dataclass(frozen=True)
class Stored:
    """What is made of one expression, and is called as that is."""

    of: Expression

    @property
    def key(self) -> str:
        """Of the tensor."""
        return self.of.key

    @property
    def tensors(self) -> tuple[str, ...]:
        """Those of the inner one."""
        return self.of.tensors

    def named(self, rename: Callable[[str], str]) -> Self:
        """The same of the inner one, named anew."""
        return replace(self, of=self.of.named(rename))


@dataclass(frozen=True)
class FlatBytes(Stored):
    """The bytes of a whole tensor, one after the other, whatever numbers they are stored as."""

    def shape(self, index: TensorIndex) -> Shape:
        """As many as there are."""
        return (sum(index.info(name).nbytes for name in self.tensors),)

    def dtype(self, index: TensorIndex) -> str:
        """Bytes."""
        return "U8"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole numbers of the tensor; of their one axis, there are no columns."""
        (name,) = self.tensors
        info = index.info(name)
        first, last, _ = rows.indices(info.nbytes)
        size = info.array_dtype.itemsize
        begin = first // size
        numbers = index.read(name, slice(begin, -(-last // size)), (prod(info.shape),))
        return numbers.view(np.uint8)[first - begin * size : last - begin * size]
