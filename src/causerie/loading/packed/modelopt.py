"""Checkpoints of NVIDIA's ModelOpt: in NVFP4 `<module>.weight` (bytes of two codes of E2M1), `<module>.weight_scale`
(E4M3 [outputs, inputs / 16]) and `<module>.weight_scale_2`, by which scales are multiplied; in FP8 `<module>.weight`
(E4M3) and `<module>.weight_scale`. What config.json does not say, hf_quant_config.json may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.errors import Unsupported
from causerie.loading.packed.float_codes import float_matrix
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of
from causerie.loading.packed.stored import Repeated, RowBytes
from causerie.loading.packed.tensor_set import TensorSet
from causerie.quant.float_formats import NVFP4, NVFP4_GROUP

METHOD = "modelopt"
ALGORITHMS = ("NVFP4", "FP8", "FP8_PER_CHANNEL_PER_TOKEN", "MIXED_PRECISION")


class ModelOptTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises Unsupported for an algorithm that is not read."""
        inner = values.get("quantization")
        algorithm = values.get("quant_algo") or (inner.get("quant_algo") if isinstance(inner, Mapping) else None)
        if algorithm is not None and algorithm not in ALGORITHMS:
            raise Unsupported(
                f"The checkpoint is quantized by ModelOpt's {algorithm!r}; {', '.join(ALGORITHMS)} are read here. Use "
                "its bfloat16 checkpoint, with quantization='int4' for 4 bits."
            )

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a tensor of bytes or of 8-bit floats."""
        base = matrix.tensor
        if base is None or base.name not in index:
            return None
        tensors, dtype = TensorSet(index, matrix, base), index.info(base.name).dtype
        scale, whole = f"{tensors.module}.weight_scale", f"{tensors.module}.weight_scale_2"
        if dtype == "F8_E4M3":
            return part_of(matrix, index, float_matrix(tensors, base.name, scale, None))
        if dtype != "U8":
            return None
        codes = tensors.require(base.name, ("U8",), (), axes=2)
        n, pairs = tensors.sizes(base.name)
        scales = RowBytes(tensors.require(scale, ("F8_E4M3",), [(n, 2 * pairs // NVFP4_GROUP)]))
        factor = Repeated(tensors.require(whole, ("F32",), [(), (1,)]), 1, 1)
        arrays: dict[str, Expression] = {"codes": codes, "scale": scales, "whole": factor}
        tensors.settle()
        return part_of(matrix, index, PackedMatrix(NVFP4, (n, 2 * pairs), arrays))
