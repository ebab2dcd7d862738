"""Checkpoints in FP8 as DeepSeek, Qwen, MiniMax and Mistral publish them: `<tensor>` in E4M3 with `<tensor>_scale_inv`
beside it, by which it is multiplied in spite of the name: a number for each block (`weight_block_size`) or for all. Of
`fbgemm_fp8` the scales are `<tensor>_scale`, one for each output. Stacks of experts have stacks of scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed.float_codes import float_matrix
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of
from causerie.loading.packed.tensor_set import TensorSet

METHOD = "fp8"
ROWWISE_METHOD = "fbgemm_fp8"


class Fp8Tensors:
    """Implements `model_matrix.PackedTensors`."""

    ending = "_scale_inv"

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises ConfigError for blocks that are none."""
        blocks = values.get("weight_block_size")
        if blocks is not None and not (
            isinstance(blocks, list | tuple) and len(blocks) == 2 and all(type(n) is int and n > 0 for n in blocks)
        ):
            raise ConfigError(
                f"quantization_config of config.json sets 'weight_block_size' to {blocks!r}; two whole numbers above 0,"
                " outputs and inputs that share a scale, are expected."
            )
        self._blocks = None if blocks is None else (blocks[0], blocks[1])

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a tensor of 8-bit floats."""
        base = matrix.tensor
        if base is None or base.name not in index or not index.info(base.name).dtype.startswith("F8_"):
            return None
        if (dtype := index.info(base.name).dtype) != "F8_E4M3":
            raise Unsupported(
                f"{base.name!r} is stored as {dtype}; of 8-bit floats F8_E4M3 is read here. Use the bfloat16 "
                "checkpoint, with quantization='int8' for 8 bits."
            )
        tensors = TensorSet(index, matrix, base)
        whole = float_matrix(tensors, base.name, base.name + self.ending, self._blocks)
        return part_of(matrix, index, whole, by_outputs=False)


class RowwiseFp8Tensors(Fp8Tensors):
    """The same of fbgemm."""

    ending = "_scale"
