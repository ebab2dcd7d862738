"""Parts of packed matrices: what a model asks for may be some rows of one that files hold, or be made of its values.

Knows no program that quantizes, and no backend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from causerie.checkpoint.expression import (
    ALL,
    Derived,
    Expression,
    Place,
    Rows,
    Shape,
    ShapeError,
    Tensor,
    Transposed,
)
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.leaves import is_of_rows, with_leaves
from causerie.errors import Unsupported, WeightFileError
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix


@dataclass(frozen=True)
class Values:
    """What a packed matrix stands for, as plain numbers: of it parts are made that are no rows of it."""

    packed: PackedMatrix
    name: str

    @property
    def key(self) -> str:
        """The matrix, as files that hold it plain call it."""
        return self.name

    @property
    def tensors(self) -> tuple[str, ...]:
        """Those of the packed one."""
        return self.packed.all_tensors

    def shape(self, index: TensorIndex) -> Shape:
        """The same."""
        return self.packed.shape

    def dtype(self, index: TensorIndex) -> str:
        """Every value is a float32."""
        return "F32"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Decodes whole rows."""
        count, width = self.packed.shape
        first, last, _ = rows.indices(count)
        step = self.packed.format.row_step(width)
        begin, end = first // step * step, min(-(-last // step) * step, count)
        packed, transform = self.packed.in_order(index)
        values = packed.format.decode(packed.read(index, begin, end), (end - begin, width))
        if transform is not None and transform.order is not None:
            values[:, transform.order] = values.copy()
        return values[first - begin : last - begin, columns]

    def named(self, rename: Callable[[str], str]) -> Values:
        """The same: where its tensors lie is settled."""
        return self


def part_of(
    matrix: ModelMatrix, index: TensorIndex, whole: PackedMatrix | None, *, by_outputs: bool = True
) -> PackedMatrix | Expression | None:
    """What a model asks for, of the packed tensor that it is made of: in the same format where it is made of rows and
    may be quantized, else of its values. `by_outputs` says that rows are outputs also where those of the plain tensor
    are inputs. Raises WeightFileError for a matrix of another shape."""
    base, expression = matrix.tensor, matrix.expression
    if base is None or whole is None:
        return None
    if by_outputs:
        expression = _upright(expression)
    _check_rows(matrix, base, whole)
    values = _in_place(expression, Values(whole, base.name))
    try:
        shape, expected = values.shape(index), str(matrix.shape)
    except ShapeError as error:
        shape, expected = (), str(error)
    if shape != matrix.shape:
        raise WeightFileError(
            f"The quantized matrix {base.name!r} is {whole.shape}, and config.json makes it {expected}. The config "
            "belongs to another checkpoint."
        )
    packed = None if matrix.plain else _rows_of(expression, matrix.shape, base, whole)
    if packed is not None:
        packed.check(index)
    return packed or values


def width_of(matrix: ModelMatrix) -> int | None:
    """How wide the tensor is of which a matrix is made, where it is made of its rows; None where that is not known."""
    return matrix.shape[1] if is_of_rows(_upright(matrix.expression)) else None


def _rows_of(
    expression: Expression, shape: tuple[int, int], base: Tensor | Place, whole: PackedMatrix
) -> PackedMatrix | None:
    """Rows of a packed matrix in the same format; None for what is no rows of it, or begins inside of a block."""
    if expression == base:
        return whole
    if (step := whole.format.row_step(whole.shape[1])) != 1:
        if not isinstance(expression, Rows) or expression.of != base:
            return None
        return replace(whole, first=_first_row(expression.start, step, base, whole))
    if not is_of_rows(expression):
        return None
    shared = {name for name, buffer in whole.format.buffers(whole.shape).items() if buffer.whole}
    arrays = {name: each if name in shared else _in_place(expression, each) for name, each in whole.arrays.items()}
    return replace(whole, shape=shape, arrays=arrays)


def _first_row(start: int, step: int, base: Tensor | Place, whole: PackedMatrix) -> int:
    """Where rows of a fused matrix begin whose groups run on from row to row."""
    if start % step:
        raise Unsupported(
            f"{base.name!r} holds several matrices, quantized together in {whole.format.name}, and one begins at row "
            f"{start}, inside a block. Load the model that it was made from, with quantization here."
        )
    return start


def _check_rows(matrix: ModelMatrix, base: Tensor | Place, whole: PackedMatrix) -> None:
    """That a fused matrix has as many rows as the model's parts of it."""
    rows = matrix.sizes[1:] if isinstance(base, Place) else matrix.sizes
    if rows and rows != whole.shape[:1]:
        raise WeightFileError(
            f"The quantized matrix {base.name!r} has {whole.shape[0]} rows, and config.json makes it {rows[0]}. The "
            "config belongs to another checkpoint."
        )


def _in_place(expression: Expression, array: Expression) -> Expression:
    """The same of an array in the place of the tensor."""
    return with_leaves(expression, lambda _: array)


def _upright(expression: Expression) -> Expression:
    """The same of a tensor whose rows are outputs."""
    match expression:
        case Transposed(Tensor() | Place() as of):
            return of
        case Derived(of):
            return replace(expression, of=_upright(of))
    return expression
