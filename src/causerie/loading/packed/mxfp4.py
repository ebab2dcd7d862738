"""gpt-oss's own MXFP4: stacks of experts as `<stack>_blocks` [experts, outputs, groups, 16] and `<stack>_scales`, whose
rows are outputs, also where the plain stack has them in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from causerie.checkpoint.expression import Place, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix, of_outputs
from causerie.quant.formats import MXFP4

METHOD = "mxfp4"
_ENDINGS = {"codes": "_blocks", "scale": "_scales"}  # what the arrays of the format are called, behind the stack's name


class Mxfp4Tensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """All is said by the tensors."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | None:
        """A place of a stack whose blocks are there."""
        stack = matrix.tensor
        if not isinstance(stack, Place) or not any(stack.name + ending in index for ending in _ENDINGS.values()):
            return None
        arrays = {}
        for name, ending in _ENDINGS.items():

            def array(tensor: Tensor | Place, ending: str = ending) -> Tensor | Place:
                return replace(tensor, name=tensor.name + ending)

            if (expression := of_outputs(matrix.expression, array)) is None:
                return None
            arrays[name] = expression
        packed = PackedMatrix(MXFP4, matrix.shape, arrays)
        packed.check(index)
        (group,) = MXFP4.groups
        rows, groups = matrix.shape[0], matrix.shape[1] // group
        for name, axes in (("codes", (rows, groups, group // 2)), ("scale", (rows, groups))):
            info = index.info(arrays[name].tensors[0])
            if info.shape[:1] != matrix.sizes[:1] or arrays[name].shape(index) != axes:
                raise WeightFileError(
                    f"Tensor {info.name!r} has shape {info.shape}; config.json makes it {matrix.sizes[0]} experts, of "
                    f"each of which {axes} are a matrix. The config belongs to another checkpoint."
                )
        return packed
