"""Weights as expressions over the tensors of a checkpoint: a tensor, rows or columns of one, turned over, taken apart.

Files name and arrange weights in their own ways; an expression says how to read a matrix as the program knows it,
always by slices, so that no more than a slice need be in memory. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import ColumnIndex, TensorIndex

Shape: TypeAlias = tuple[int, ...]
ALL = slice(None)


@runtime_checkable
class Expression(Protocol):
    """A matrix or a vector made of tensors."""

    @property
    def key(self) -> str:
        """What a file calls it that holds it alone: the tensor's own name where it is all of one."""
        ...

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that it reads."""
        ...

    def shape(self, index: TensorIndex) -> Shape:
        """Its shape, by the shapes of its tensors. Raises WeightFileError as `index.info`, ShapeError for a tensor that
        it cannot be made of."""
        ...

    def dtype(self, index: TensorIndex) -> str:
        """What its numbers are stored as, by the files' name."""
        ...

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Rows of it, or of these columns of it; BF16 as uint16."""
        ...

    def named(self, rename: Callable[[str], str]) -> Self:
        """The same over tensors of other names."""
        ...


class ShapeError(Exception):
    """A tensor's shape is not one that an expression can be made of; says what was expected."""


@dataclass(frozen=True)
class Tensor:
    """All of a tensor."""

    name: str

    @property
    def key(self) -> str:
        """Its name."""
        return self.name

    @property
    def tensors(self) -> tuple[str, ...]:
        """Itself."""
        return (self.name,)

    def shape(self, index: TensorIndex) -> Shape:
        """As the file says."""
        return tuple(index.info(self.name).shape)

    def dtype(self, index: TensorIndex) -> str:
        """As the file says."""
        return index.info(self.name).dtype

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows, but for columns of all of them."""
        if rows == ALL and columns != ALL and isinstance(index, ColumnIndex):
            return index.read_columns(self.name, columns)
        part = index.read(self.name, None if rows == ALL else rows)
        return part if columns == ALL else part[:, columns]

    def named(self, rename: Callable[[str], str]) -> Tensor:
        """Another tensor."""
        return Tensor(rename(self.name))


@dataclass(frozen=True)
class Derived:
    """An expression of one other. One of `whole_rows` only says which rows of it there are, and where."""

    whole_rows: ClassVar[bool] = False

    of: Expression

    @property
    def tensors(self) -> tuple[str, ...]:
        """Those of the inner one."""
        return self.of.tensors

    def dtype(self, index: TensorIndex) -> str:
        """That of the inner one."""
        return self.of.dtype(index)

    def named(self, rename: Callable[[str], str]) -> Self:
        """The same of the inner one, named anew."""
        return replace(self, of=self.of.named(rename))


@dataclass(frozen=True)
class Rows(Derived):
    """Rows start..stop-1: a part of a fused tensor."""

    whole_rows = True

    start: int
    stop: int

    @property
    def key(self) -> str:
        """The tensor and the rows."""
        return f"{self.of.key}[{self.start}:{self.stop}]"

    def shape(self, index: TensorIndex) -> Shape:
        """So many rows."""
        whole = self.of.shape(index)
        if whole[0] < self.stop:
            raise ShapeError(f"at least {self.stop} rows")
        return (self.stop - self.start, *whole[1:])

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Those rows of the inner one."""
        first, last, _ = rows.indices(self.stop - self.start)
        return self.of.read(index, slice(self.start + first, self.start + last), columns)


@dataclass(frozen=True)
class Columns(Derived):
    """Columns start..stop-1."""

    start: int
    stop: int

    @property
    def key(self) -> str:
        """The tensor and the columns."""
        return f"{self.of.key}[:,{self.start}:{self.stop}]"

    def shape(self, index: TensorIndex) -> Shape:
        """So many columns."""
        rows, width = _matrix(self.of.shape(index))
        if width < self.stop:
            raise ShapeError(f"at least {self.stop} columns")
        return (rows, self.stop - self.start)

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Those columns of the inner one."""
        first, last, _ = columns.indices(self.stop - self.start)
        return self.of.read(index, rows, slice(self.start + first, self.start + last))


@dataclass(frozen=True)
class Transposed(Derived):
    """Rows for columns: a matrix that is stored (inputs, outputs)."""

    @property
    def key(self) -> str:
        """The tensor, turned over."""
        return f"{self.of.key}.T"

    def shape(self, index: TensorIndex) -> Shape:
        """The other way round."""
        return _matrix(self.of.shape(index))[::-1]

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Columns of the inner one, as rows."""
        return np.ascontiguousarray(self.of.read(index, columns, rows).T)


@dataclass(frozen=True)
class Every(Derived):
    """Rows first, first + step, …: one of several matrices whose rows take turns."""

    whole_rows = True

    first: int
    step: int

    @property
    def key(self) -> str:
        """The tensor and the rows."""
        return f"{self.of.key}[{self.first}::{self.step}]"

    def shape(self, index: TensorIndex) -> Shape:
        """One row of each `step`."""
        whole = self.of.shape(index)
        if whole[0] % self.step:
            raise ShapeError(f"a multiple of {self.step} rows")
        return (whole[0] // self.step, *whole[1:])

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads all that take turns and keeps its own."""
        first, last, _ = rows.indices(self.shape(index)[0])
        turns = self.of.read(index, slice(first * self.step, last * self.step), columns)
        return np.ascontiguousarray(turns[self.first :: self.step])


@dataclass(frozen=True)
class Place:
    """One matrix (or vector) of a tensor that is a stack of them: one expert of many."""

    name: str
    place: int

    @property
    def key(self) -> str:
        """The tensor and the place."""
        return f"{self.name}[{self.place}]"

    @property
    def tensors(self) -> tuple[str, ...]:
        """The stack."""
        return (self.name,)

    def shape(self, index: TensorIndex) -> Shape:
        """Of one of the stack."""
        whole = tuple(index.info(self.name).shape)
        if len(whole) < 2 or whole[0] <= self.place:
            raise ShapeError(f"a stack of more than {self.place}")
        return whole[1:]

    def dtype(self, index: TensorIndex) -> str:
        """That of the stack."""
        return index.info(self.name).dtype

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads no more of the stack than these rows."""
        shape = self.shape(index)
        first, last, _ = rows.indices(shape[0])
        begin = self.place * shape[0]
        flat = (index.info(self.name).shape[0] * shape[0], *shape[1:])
        part = index.read(self.name, slice(begin + first, begin + last), flat)
        return part if columns == ALL else part[:, columns]

    def named(self, rename: Callable[[str], str]) -> Place:
        """The same place of another stack."""
        return Place(rename(self.name), self.place)


@dataclass(frozen=True)
class Squeezed(Derived):
    """Without the axes of length 1."""

    @property
    def key(self) -> str:
        """Of the tensor."""
        return self.of.key

    def shape(self, index: TensorIndex) -> Shape:
        """The other axes."""
        return tuple(size for size in self.of.shape(index) if size != 1)

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """The same numbers."""
        part = self.of.read(index, rows)
        return part.reshape(part.shape[0], *self.shape(index)[1:])[:, columns]


@dataclass(frozen=True)
class Flattened(Derived):
    """A matrix as one vector, row after row."""

    @property
    def key(self) -> str:
        """Of the matrix."""
        return self.of.key

    def shape(self, index: TensorIndex) -> Shape:
        """As long as the rows together."""
        return (prod(_matrix(self.of.shape(index))),)

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows of the matrix."""
        count, width = _matrix(self.of.shape(index))
        first, last, _ = rows.indices(count * width)
        begin = first // width
        flat = self.of.read(index, slice(begin, -(-last // width))).reshape(-1)
        return flat[first - begin * width : last - begin * width]


@dataclass(frozen=True)
class Joined:
    """Vectors, one after the other."""

    parts: tuple[Expression, ...]

    @property
    def key(self) -> str:
        """The first's, and how many follow."""
        return f"{self.parts[0].key} and {len(self.parts) - 1} more"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Those of all."""
        return tuple(name for part in self.parts for name in part.tensors)

    def shape(self, index: TensorIndex) -> Shape:
        """As long as all together."""
        return (sum(prod(part.shape(index)) for part in self.parts),)

    def dtype(self, index: TensorIndex) -> str:
        """That of all."""
        (dtype, *others) = {part.dtype(index) for part in self.parts}
        if others:
            raise ShapeError("vectors of one dtype")
        return dtype

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads all of them; of their one axis, there are no columns."""
        return np.concatenate([part.read(index) for part in self.parts])[rows]

    def named(self, rename: Callable[[str], str]) -> Joined:
        """The same of parts named anew."""
        return Joined(tuple(part.named(rename) for part in self.parts))


def innermost(expression: Expression) -> Expression:
    """What an expression is made of in the end: a tensor, a place of a stack, or several joined."""
    while isinstance(expression, Derived):
        expression = expression.of
    return expression


def _matrix(shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise ShapeError("a matrix")
    return shape[0], shape[1]
