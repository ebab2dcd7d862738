"""Inputs whose groups do not lie one after the other: a tensor says of each to which group it belongs, as GPTQ does
where it reads inputs by how much they matter (`desc_act`, `actorder`).

A matrix is then held with its inputs in the order of their groups, and activations go through that order first
(quant/transform.py). Knows no program that quantizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError


@dataclass(frozen=True)
class GroupOrder:
    """Of a matrix that is `width` inputs wide, in so many groups of one size; `place` is the tensor that says which."""

    place: Expression
    width: int
    groups: int

    def read(self, index: TensorIndex) -> NDArray[np.int32] | None:
        """The inputs, group by group; None where they lie so already. Raises WeightFileError where groups are not of
        one size."""
        groups = self.place.read(index).reshape(-1)
        size = self.width // self.groups
        outside = groups[(groups < 0) | (groups >= self.groups)]
        if len(outside):
            raise WeightFileError(
                f"{self.place.key!r} puts an input into group {outside[0]}, and the scales are those of {self.groups} "
                "groups, from 0 on. The file is damaged: download it again."
            )
        counts = np.bincount(groups, minlength=self.groups)
        if (counts != size).any():
            group = int((counts != size).argmax())
            raise WeightFileError(
                f"{self.place.key!r} puts {counts[group]} inputs into group {group}; of {self.width} inputs in "
                f"{self.groups} groups each has {size}. The file is damaged: download it again."
            )
        order = np.argsort(groups, kind="stable").astype(np.int32)
        return None if np.array_equal(order, np.arange(self.width)) else order
