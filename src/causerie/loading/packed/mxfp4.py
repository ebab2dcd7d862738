"""gpt-oss's own MXFP4: stacks of experts as `<stack>_blocks` [experts, outputs, groups, 16] and `<stack>_scales`, whose
rows are outputs, also where the plain stack has them in columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression, Place
from causerie.checkpoint.index import TensorIndex
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of
from causerie.loading.packed.tensor_set import TensorSet
from causerie.quant.formats import MXFP4

METHOD = "mxfp4"
(_GROUP,) = MXFP4.groups


class Mxfp4Tensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """All is said by the tensors."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a place of a stack whose blocks are there."""
        stack = matrix.tensor
        if not isinstance(stack, Place) or not any(f"{stack.name}_{kind}" in index for kind in ("blocks", "scales")):
            return None
        tensors = TensorSet(index, matrix, stack)
        blocks, scales = f"{stack.name}_blocks", f"{stack.name}_scales"
        groups = matrix.shape[1] // _GROUP
        (rows, *_) = tensors.shape(blocks if blocks in tensors else scales) or (0,)
        arrays = {
            "codes": tensors.require(blocks, ("U8",), [(rows, groups, _GROUP // 2)]),
            "scale": tensors.require(scales, ("U8",), [(rows, groups)]),
        }
        tensors.settle()
        return part_of(matrix, index, PackedMatrix(MXFP4, (rows, matrix.shape[1]), arrays))
