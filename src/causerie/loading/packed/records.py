"""Matrices of GGUF files: rows of records, whose kind the file says of each tensor. A matrix is held packed where it is
made of whole rows of one, and otherwise as the numbers that its records stand for, in float32.

Knows no architecture, and no backend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import ALL, Expression, Place, Rows, ShapeError, Tensor
from causerie.checkpoint.gguf.block_types import BlockIndex, BlockType
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.leaves import is_of_rows, with_leaves
from causerie.checkpoint.rearranged import ColumnBlocks
from causerie.errors import WeightFileError
from causerie.loading.packed.model_matrix import ModelMatrix
from causerie.quant.format import Buffers, Format
from causerie.quant.gguf_records import RECORDS, RecordKind, StoredRecords, no_numbers
from causerie.quant.numbers import Numbers
from causerie.quant.plain import STORED_AS
from causerie.quant.transform import Transform

PLAIN = {stored: format for format, stored in STORED_AS.items()}


@dataclass(frozen=True)
class RecordMatrix:
    """One matrix, packed: `rows` are rows of records, whose `columns` the model has in another order.
    Implements `model_matrix.StoredMatrix`."""

    kind: RecordKind
    shape: tuple[int, int]
    rows: Expression
    columns: ColumnBlocks | None = None

    @property
    def format(self) -> Format:
        """Into whose arrays the records are taken apart."""
        return self.kind.format

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """The tensor of its rows."""
        return self.rows.tensors

    def read(self, index: TensorIndex, start: int, stop: int) -> Buffers:
        """The arrays of rows start..stop-1. Raises WeightFileError for a scale that is no number."""
        return _arrays(self.kind, self.rows, index, slice(start, stop), self.shape[1])

    def records(self, index: TensorIndex) -> StoredRecords | None:
        """Where its rows lie in the file; None where they do not follow one another there."""
        inner: Expression = self.rows
        first = 0
        while isinstance(inner, Rows):
            first += inner.start
            inner = inner.of
        if self.columns is not None or not isinstance(inner, Tensor | Place):
            return None
        if isinstance(inner, Place):
            first += inner.place * inner.shape(index)[0]
        row = self.shape[1] // self.kind.block.elements * self.kind.block.nbytes
        whole = index.extent(inner.tensors[0])
        extent = replace(whole, begin=whole.begin + first * row, nbytes=self.shape[0] * row)
        return StoredRecords(self.kind, extent, self.rows.key)

    def in_order(self, index: TensorIndex) -> tuple[RecordMatrix, Transform | None]:
        """The same with its columns as the file has them, and what activations go through where that is another
        order."""
        if self.columns is None:
            return self, None
        return replace(self, columns=None), Transform(np.argsort(self.columns.columns).astype(np.int32))


class RecordTensors:
    """Implements `model_matrix.PackedTensors`."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> RecordMatrix | None:
        """Whole rows of one tensor of records; none where they are to be plain numbers. Raises WeightFileError where
        they are not as many or not as wide."""
        columns = matrix.expression if isinstance(matrix.expression, ColumnBlocks) else None
        expression = matrix.expression if columns is None else columns.of
        if matrix.plain or not is_of_rows(expression) or (kind := record_kind(index, expression)) is None:
            return None
        info, block = index.info(expression.tensors[0]), _block(index, expression.tensors[0])
        assert block is not None
        try:
            rows, nbytes = expression.shape(index)
            fits = info.shape[: len(matrix.sizes)] == matrix.sizes
            fits = fits and matrix.shape == (rows, nbytes // block.nbytes * block.elements)
            fits = fits and (columns is None or len(columns.columns) == matrix.shape[1])
        except (ShapeError, ValueError):
            fits = False
        if not fits:
            width = info.shape[-1] // block.nbytes * block.elements
            raise WeightFileError(
                f"{info.file}: tensor {info.name!r} has shape {(*info.shape[:-1], width)}, and the file's metadata "
                f"makes it {(*matrix.sizes[:-1], *matrix.shape)}. The file is damaged, or made for another program."
            )
        return RecordMatrix(kind, matrix.shape, expression, columns)


def block_kinds(index: TensorIndex) -> set[str]:
    """The types of blocks that a file has; none where it is no GGUF file."""
    blocks = (index.block_type(name) for name in index.names()) if isinstance(index, BlockIndex) else ()
    return {block.name for block in blocks if block is not None}


def usual_format(index: BlockIndex) -> str:
    """What a file's model computes in beside its weights: bfloat16 where there are blocks, else as most of its matrices
    are stored."""
    if block_kinds(index):
        return "bfloat16"
    sizes = Counter(dict.fromkeys(PLAIN.values(), 0))
    for info in map(index.info, index.names()):
        if len(info.shape) > 1 and info.dtype in PLAIN:
            sizes[PLAIN[info.dtype]] += info.nbytes
    return sizes.most_common(1)[0][0]


def record_kind(index: TensorIndex, expression: Expression) -> RecordKind | None:
    """How the first tensor of an expression that is made of records is read; None where all are plain."""
    for name in expression.tensors:
        block = _block(index, name)
        if block is not None:
            return RECORDS[block.name]
    return None


def as_numbers(expression: Expression, index: TensorIndex) -> Expression:
    """The same expression over numbers, where tensors of it are made of records."""

    def leaf(tensor: Tensor | Place) -> Expression:
        kind = record_kind(index, tensor)
        return tensor if kind is None else Decoded(tensor, kind)

    return expression if record_kind(index, expression) is None else with_leaves(expression, leaf)


@dataclass(frozen=True)
class Decoded:
    """The numbers of a tensor of records, or of a place of a stack of them. Implements `expression.Expression`."""

    of: Tensor | Place
    kind: RecordKind

    @property
    def key(self) -> str:
        """The tensor's."""
        return self.of.key

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensor."""
        return self.of.tensors

    def shape(self, index: TensorIndex) -> tuple[int, ...]:
        """Its rows, as wide as their records are long."""
        *rows, nbytes = self.of.shape(index)
        return (*rows, nbytes // self.kind.block.nbytes * self.kind.block.elements)

    def dtype(self, index: TensorIndex) -> str:
        """What they are computed in."""
        return "F32"

    def read(self, index: TensorIndex, rows: slice = ALL, columns: slice = ALL) -> NDArray[Any]:
        """Reads whole rows. Raises WeightFileError for a scale that is no number."""
        axes = self.shape(index)
        if len(axes) == 1:
            arrays = _arrays(self.kind, self.of, index, ALL, axes[0])
            return self.kind.format.decode(arrays, (1, axes[0])).reshape(-1)[rows]
        first, last, _ = rows.indices(axes[0])
        arrays = _arrays(self.kind, self.of, index, rows, axes[-1])
        values = self.kind.format.decode(arrays, (prod((last - first, *axes[1:-1])), axes[-1]))
        values = values.reshape(last - first, *axes[1:])
        return values if columns == ALL else values[:, columns]

    def named(self, rename: Callable[[str], str]) -> Decoded:
        """The same of another tensor."""
        return replace(self, of=self.of.named(rename))


def _block(index: TensorIndex, name: str) -> BlockType | None:
    return index.block_type(name) if isinstance(index, BlockIndex) and name in index else None


def _arrays(
    kind: RecordKind, rows: Expression, index: TensorIndex, part: slice, width: int
) -> Mapping[str, NDArray[Any]]:
    data = rows.read(index, part)
    arrays = kind.arrays(data.reshape(-1, width // kind.block.elements * kind.block.nbytes), width)
    for numbers in (part for own in kind.format.numbers for part in own.all()):
        if not _are_numbers(arrays[numbers.array], numbers):
            raise no_numbers(index.info(rows.tensors[0]).file, rows.key, numbers.array)
    return arrays


def _are_numbers(array: NDArray[Any], numbers: Numbers) -> bool:
    """Whether all are finite that can be anything else: halves, and codes that name numbers."""
    if numbers.bits is None and numbers.table is not None:
        array = np.array(numbers.table, np.float32)[array]
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
