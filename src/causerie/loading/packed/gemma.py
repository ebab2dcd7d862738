"""Gemma's own checkpoints of few bits, as it was trained to be held: `<module>.weight`, bytes of two or four codes, the
first in the lowest bits, or whole numbers of 8 bits, beside `<module>.weight_scale`, one for each output; of embeddings
`<module>.embedding_quantized` and `<module>.embedding_scale`. How many bits a matrix has is what its tensors say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.loading.packed.integer_codes import IntegerCodes
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of, width_of
from causerie.loading.packed.stored import CountedFromZero, Float32
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet

METHOD = "gemma"
BITS = (2, 4)  # of codes that share a byte
_NAMES = (("weight", "weight_scale"), ("embedding_quantized", "embedding_scale"))


class GemmaTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """All is said by the tensors."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a matrix of bytes."""
        base = matrix.tensor
        if base is None:
            return None
        tensors = TensorSet(index, matrix, base)
        for kind, scaled in _NAMES:
            name, scale = f"{tensors.module}.{kind}", f"{tensors.module}.{scaled}"
            if name in tensors and tensors.dtype(name) in ("U8", "I8"):
                return part_of(matrix, index, _matrix(tensors, name, scale, width_of(matrix)))
        return None


def _matrix(tensors: TensorSet, name: str, scale: str, width: int | None) -> PackedMatrix:
    stored = tensors.require(name, ("U8", "I8"), (), axes=2)
    n, count = tensors.sizes(name)
    tensors.require(scale, NUMBERS, (), axes=2)
    _, groups = tensors.sizes(scale)
    scales = Float32(tensors.require(scale, NUMBERS, [(n, groups)]))
    bits, k, codes = 8, count, CountedFromZero(stored)
    if tensors.dtype(name) == "U8":
        k = width or 2 * count
        bits = next((each for each in BITS if k * each == 8 * count), 0)
        if not bits:
            tensors.fault(f"{name!r} has {count} bytes for each output, and {k} codes of 2 or 4 bits do not fill")
    tensors.require_groups(scale, groups, k)
    tensors.settle()
    array: Expression = codes if bits == 8 else stored
    return IntegerCodes("sym", bits, (n, k), groups, "F32", array, {"scale": scales}).matrix(name)
