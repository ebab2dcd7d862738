"""Matrices of whole numbers of few bits with scales, and perhaps zero points or lowest values, of groups of inputs.

Knows no program that quantizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causerie.checkpoint.expression import Expression
from causerie.errors import Unsupported
from causerie.loading.packed.group_order import GroupOrder
from causerie.loading.packed.model_matrix import PackedMatrix
from causerie.loading.packed.stored import Repeated
from causerie.quant.formats import QUANTIZED
from causerie.quant.integer_formats import INTEGER_GROUPS, Kind, integer_name


@dataclass(frozen=True)
class IntegerCodes:
    """What is stored of a matrix: codes as streams of bits, and numbers of so many groups of inputs, each [outputs,
    groups] or, of one group, [outputs]."""

    kind: Kind
    bits: int
    shape: tuple[int, int]
    groups: int
    dtype: str  # of the scale
    codes: Expression
    numbers: Mapping[str, Expression]  # scale, and zero or low, by the names of the format's arrays

    def matrix(self, name: str, others: tuple[str, ...] = (), order: GroupOrder | None = None) -> PackedMatrix:
        """The matrix, which files call `name`. Raises Unsupported for groups or a width that no format has."""
        n, k = self.shape
        size = k // self.groups
        group = None if self.groups == 1 else next((each for each in INTEGER_GROUPS if size % each == 0), 0)
        if group == 0:
            raise Unsupported(
                f"{name!r} has a scale for every {size} of {k} inputs; multiples of {min(INTEGER_GROUPS)} and whole "
                "rows are read here. Use the float16 or bfloat16 checkpoint, with quantization='int4' for 4 bits."
            )
        format = QUANTIZED[integer_name(self.kind, self.bits, group, self.dtype)]
        if (why := format.refusal(k)) is not None:
            raise Unsupported(
                f"{name!r} is {k} inputs wide, and {why}. Use the float16 or bfloat16 checkpoint of the model."
            )
        numbers = dict(self.numbers)
        if group is not None and size != group:
            numbers = {each: Repeated(array, n, 1, k // group, size // group) for each, array in numbers.items()}
        return PackedMatrix(format, self.shape, {"codes": self.codes, **numbers}, others=others, order=order)
