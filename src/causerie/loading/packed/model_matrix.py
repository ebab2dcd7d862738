"""A matrix of a model as a quantized checkpoint is asked for it, and as it is answered: which tensors make it up, and
reading slices of them in the reference layout of their format.

Knows no program that quantizes, and no backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Expression, Place, ShapeError, Tensor, innermost
from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError
from causerie.loading.input_factors import read_factors
from causerie.loading.packed.group_order import GroupOrder
from causerie.loading.packed.words import ReorderedCodes
from causerie.quant.format import Buffers, Format, ranges
from causerie.quant.gguf_records import StoredRecords
from causerie.quant.packed_format import CODES, PackedFormat
from causerie.quant.transform import Transform


@dataclass(frozen=True)
class ModelMatrix:
    """What a model asks for: `sizes` are those of the first axes of its tensor where that is taken apart, as far as the
    model's parts of it make them. A `plain` one is of a role that is never held quantized."""

    expression: Expression
    shape: tuple[int, int]
    sizes: tuple[int, ...] = ()
    plain: bool = False

    @property
    def tensor(self) -> Tensor | Place | None:
        """The tensor, or the place of a stack, of whose rows it is made; None for several."""
        inner = innermost(self.expression)
        return inner if isinstance(inner, Tensor | Place) else None


@dataclass(frozen=True)
class PackedMatrix:
    """One matrix in quantized form."""

    format: PackedFormat
    shape: tuple[int, int]
    arrays: Mapping[str, Expression]  # those of the format, where the files have them
    constants: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # arrays that are no tensor of their own
    others: tuple[str, ...] = ()  # tensors that say the same again
    first: int = 0  # where the model's rows begin, of all that were quantized together
    order: GroupOrder | None = None  # which inputs belong to which group, where a tensor says that
    factors: str | None = None  # a tensor of what inputs are multiplied with before they are turned; without an order

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to the matrix."""
        order = () if self.order is None else self.order.place.tensors
        factors = () if self.factors is None else (self.factors,)
        return (*(name for array in self.arrays.values() for name in array.tensors), *order, *factors, *self.others)

    def read(self, index: TensorIndex, start: int, stop: int) -> Buffers:
        """The arrays of rows start..stop-1; see `quant.format.ranges`."""
        places = ranges(self.format, self.shape[1], self.first + start, self.first + stop)
        row = self.format.buffers((1, self.shape[1]))
        arrays = {
            name: self.arrays[name].read(index, place).reshape(-1, *row[name].shape[1:])
            for name, place in places.items()
            if name not in self.constants
        }
        return {**arrays, **self.constants}

    def in_order(self, index: TensorIndex) -> tuple[PackedMatrix, Transform | None]:
        """The same with its inputs in the order of their groups, and what activations go through, where that is another
        one or they are evened. Raises WeightFileError where groups are not of one size."""
        order = None if self.order is None else self.order.read(index)
        if order is None:
            transform = None if self.factors is None else read_factors(index, self.factors, self.shape[1])
            return replace(self, order=None), transform
        codes = ReorderedCodes(self.arrays[CODES], self.format.codes.bits, order)
        return replace(self, arrays={**self.arrays, CODES: codes}, order=None), Transform(order)

    def records(self, index: TensorIndex) -> None:
        """Its arrays are tensors of their own."""

    def check(self, index: TensorIndex) -> None:
        """That every array is there, of its dtype and with as many elements as its format wants. Raises
        WeightFileError."""
        for name, buffer in self.format.buffers(self.shape).items():
            if name in self.constants:
                continue
            expression = self.arrays[name]
            info = index.info(expression.tensors[0])  # says which names are near where it is missing
            try:
                count = prod(expression.shape(index))
            except ShapeError:
                count = -1
            if expression.dtype(index) != buffer.dtype or count != prod(buffer.shape):
                raise WeightFileError(
                    f"Tensor {info.name!r} is {info.dtype} {info.shape}; {self.format.name} of {self.shape} needs "
                    f"{buffer.dtype} {buffer.shape}. The config belongs to another checkpoint."
                )


class StoredMatrix(Protocol):
    """A matrix in quantized form, however files hold it."""

    @property
    def format(self) -> Format: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to it."""
        ...

    def read(self, index: TensorIndex, start: int, stop: int) -> Buffers:
        """The arrays of rows start..stop-1; see `quant.format.ranges`."""
        ...

    def in_order(self, index: TensorIndex) -> tuple[StoredMatrix, Transform | None]:
        """The same with its inputs in the order of their groups, and what activations go through where that is another
        one. Raises WeightFileError where groups are not of one size."""
        ...

    def records(self, index: TensorIndex) -> StoredRecords | None:
        """Where rows of records of it follow one another in a file; None where there are no such."""
        ...


class PackedTensors(Protocol):
    """How the checkpoints of one program hold quantized matrices, made from what config.json says of one."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> StoredMatrix | Expression | None:
        """Where a matrix lies, or how it is made of the values of one; None where it is held plain. Raises
        WeightFileError where its arrays are not those of its format, Unsupported for a variant that is not read."""
        ...


def small_tensor(index: TensorIndex, name: str, count: int) -> NDArray[Any]:
    """A tensor of so many elements; a file may say that it has more."""
    if prod(index.info(name).shape) != count:
        raise WeightFileError(f"{name!r} has shape {index.info(name).shape}; {count} elements are expected.")
    return np.asarray(index.read(name).reshape(-1))
