"""Checkpoints of AWQ in its layout `gemm`: `<module>.qweight`, words [inputs, outputs / 8] that hold outputs 0, 2, 4,
6, 1, 3, 5 and 7 of eight from their lowest bits on; `<module>.qzeros`, zero points [groups, outputs / 8] in the same
order; and `<module>.scales` [groups, outputs]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression, Transposed
from causerie.checkpoint.index import TensorIndex
from causerie.errors import Unsupported
from causerie.loading.packed.integer_codes import IntegerCodes
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet
from causerie.loading.packed.words import CodesAcross, PackedCodes

METHOD = "awq"
BITS = 4
PLACES = (0, 4, 1, 5, 2, 6, 3, 7)
"""Where in its word each of eight outputs lies."""
_WORDS = ("I32",)


class AwqTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises Unsupported for other layouts and bits."""
        for key, expected in (("bits", BITS), ("version", "gemm")):
            said = values.get(key, expected)
            if said != expected and str(said).lower() != expected:
                raise Unsupported(
                    f"quantization_config of config.json sets {key!r} to {said!r}; of AWQ's checkpoints those of "
                    f"{BITS} bits in the layout 'gemm' are read. Use the float16 or bfloat16 checkpoint, with "
                    "quantization='int4' for 4 bits."
                )

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a matrix whose words are there."""
        base = matrix.tensor
        if base is None:
            return None
        tensors = TensorSet(index, matrix, base)
        words, zeros, scales = (f"{tensors.module}.{kind}" for kind in ("qweight", "qzeros", "scales"))
        if words not in tensors:
            return None
        stored = tensors.require(words, _WORDS, (), axes=2)
        inputs, outputs = tensors.sizes(words)
        outputs *= len(PLACES)
        groups, _ = tensors.sizes(scales)
        numbers: dict[str, Expression] = {"scale": Transposed(tensors.require(scales, NUMBERS, [(groups, outputs)]))}
        zero = tensors.require(zeros, _WORDS, [(groups, outputs // len(PLACES))])
        numbers["zero"] = CodesAcross(zero, BITS, PLACES)
        tensors.require_groups(scales, groups, inputs)
        tensors.settle()
        codes = PackedCodes(CodesAcross(stored, BITS, PLACES), BITS)
        whole = IntegerCodes("asym", BITS, (outputs, inputs), groups, tensors.dtype(scales), codes, numbers)
        return part_of(matrix, index, whole.matrix(words))
