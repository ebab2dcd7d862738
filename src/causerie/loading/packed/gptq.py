"""Checkpoints of GPTQ: `<module>.qweight`, words [inputs · bits / 32, outputs], one stream of codes for each output;
`<module>.qzeros`, zero points [groups, outputs · bits / 32] in streams along outputs, of which the layout `gptq` stores
one less and `gptq_v2` what they are; `<module>.scales` [groups, outputs]; and `<module>.g_idx`, the group of each
input. How many bits a matrix has, and how large its groups are, may differ from layer to layer: its tensors say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression, Transposed
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed.group_order import GroupOrder
from causerie.loading.packed.integer_codes import IntegerCodes
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of, width_of
from causerie.loading.packed.stored import RowBytes
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet
from causerie.loading.packed.words import WORD, CodesAcross

METHOD = "gptq"
BITS = (2, 3, 4, 8)
LAYOUTS = {"gptq": 1, "gptq_v2": 0}
"""By the name of a layout, how much less than a zero point it stores."""
_WORDS = ("I32",)


class GptqTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises Unsupported for another layout, ConfigError for bits that it does not have."""
        layout = values.get("checkpoint_format") or values.get("format") or "gptq"
        if layout not in LAYOUTS or values.get("is_marlin_format"):
            said = layout if layout not in LAYOUTS else "marlin"
            raise Unsupported(
                f"quantization_config of config.json says that the layout is {said!r}, which is made for one kind of "
                f"GPU; {' and '.join(LAYOUTS)} are read here. Use the checkpoint in one of these, or the float16 or "
                "bfloat16 one."
            )
        bits = values.get("bits")
        if type(bits) is not int or bits not in BITS:
            raise ConfigError(
                f"quantization_config of config.json sets 'bits' to {bits!r}; one of {', '.join(map(str, BITS))} is "
                "expected."
            )
        self._bits = bits
        self._less = LAYOUTS[layout]

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a matrix whose words are there."""
        base = matrix.tensor
        if base is None:
            return None
        tensors = TensorSet(index, matrix, base)
        words, scales, groups_of = (f"{tensors.module}.{kind}" for kind in ("qweight", "scales", "g_idx"))
        if words not in tensors:
            return None
        stored = tensors.require(words, _WORDS, (), axes=2)
        stored_rows, outputs = tensors.sizes(words)
        inputs, bits = self._inputs(tensors, groups_of, stored_rows * WORD, width_of(matrix))
        tensors.require(words, _WORDS, [(inputs * bits // WORD, outputs)])
        groups, _ = tensors.sizes(scales)
        tensors.require_groups(scales, groups, inputs)
        numbers: dict[str, Expression] = {"scale": Transposed(tensors.require(scales, NUMBERS, [(groups, outputs)]))}
        zero = tensors.require(f"{tensors.module}.qzeros", _WORDS, [(groups, outputs * bits // WORD)])
        numbers["zero"] = CodesAcross(zero, bits, plus=self._less)
        order = None
        if groups_of in tensors:
            order = GroupOrder(tensors.require(groups_of, ("I32", "I64"), [(inputs,)]), inputs, groups)
        tensors.settle()
        codes = RowBytes(Transposed(stored))
        whole = IntegerCodes("asym", bits, (outputs, inputs), groups, tensors.dtype(scales), codes, numbers)
        return part_of(matrix, index, whole.matrix(words, order=order))

    def _inputs(self, tensors: TensorSet, groups_of: str, stored: int, width: int | None) -> tuple[int, int]:
        """How many inputs a matrix has of which so many bits are stored for each output, and in how many bits."""
        inputs = width or stored // self._bits
        if groups_of in tensors and len(tensors.shape(groups_of)) == 1:
            (inputs,) = tensors.shape(groups_of)
        return inputs, next((bits for bits in BITS if inputs * bits == stored), self._bits)
