"""A matrix of a model as a quantized checkpoint is asked for it, and as it is answered: which tensors make it up, and
reading slices of them in the reference layout of their format.

Knows no program that quantizes, and no backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import (
    Every,
    Expression,
    Place,
    Rows,
    ShapeError,
    Tensor,
    Transposed,
    Turns,
    Unpermuted,
    innermost,
)
from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError
from causerie.quant.format import Buffers, Format, ranges


@dataclass(frozen=True)
class ModelMatrix:
    """What a model asks for: `sizes` are those of the first axes of its tensor where that is taken apart, as far as the
    model's parts of it make them."""

    expression: Expression
    shape: tuple[int, int]
    sizes: tuple[int, ...] = ()

    @property
    def tensor(self) -> Tensor | Place | None:
        """The tensor, or the place of a stack, of whose rows it is made; None for several."""
        inner = innermost(self.expression)
        return inner if isinstance(inner, Tensor | Place) else None


@dataclass(frozen=True)
class PackedMatrix:
    """One matrix in quantized form."""

    format: Format
    shape: tuple[int, int]
    arrays: Mapping[str, Expression]  # those of the format, where the files have them
    constants: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # arrays that are no tensor of their own
    others: tuple[str, ...] = ()  # tensors that say the same again
    first: int = 0  # where the model's rows begin, of all that were quantized together

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to the matrix."""
        return (*(name for array in self.arrays.values() for name in array.tensors), *self.others)

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


class PackedTensors(Protocol):
    """How the checkpoints of one program hold quantized matrices, made from what config.json says of one."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | None:
        """Where a matrix lies; None where it is held plain. Raises WeightFileError where its arrays are not those of
        its format, Unsupported for a variant that is not read."""
        ...


def of_outputs(expression: Expression, array: Callable[[Tensor | Place], Expression]) -> Expression | None:
    """An array of the format in place of the tensor that a matrix is made of: its rows are outputs, also where those of
    the plain tensor are inputs. None where it is made of anything but rows."""
    match expression:
        case Tensor() | Place():
            return array(expression)
        case Transposed(of):
            return of_outputs(of, array)
        case Every(of) | Rows(of) | Turns(of) | Unpermuted(of):
            inner = of_outputs(of, array)
            return None if inner is None else replace(expression, of=inner)
    return None


def small_tensor(index: TensorIndex, name: str, count: int) -> NDArray[Any]:
    """A tensor of so many elements; a file may say that it has more."""
    if prod(index.info(name).shape) != count:
        raise WeightFileError(f"{name!r} has shape {index.info(name).shape}; {count} elements are expected.")
    return np.asarray(index.read(name).reshape(-1))
