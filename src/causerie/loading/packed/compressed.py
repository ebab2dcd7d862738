"""Checkpoints of compressed-tensors. What a matrix is held in is said by its tensors; config.json says which kinds
there are, and for which modules, which is not asked.

    weight_packed   words [outputs, inputs · bits / 32], one stream for each output (pack-quantized); bytes of two codes
                    of E2M1 (nvfp4-pack-quantized, mxfp4-pack-quantized)
    weight          E4M3 (float-quantized, mxfp8-quantized) or whole numbers of 8 bits (int-quantized)
    weight_scale    for the matrix, for each output, for groups of inputs or for blocks
    weight_zero_point    as the scale; of words, in streams along outputs
    weight_global_scale  by which scales of NVFP4 are divided
    weight_g_idx    the group of each input
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Expression, Rows, Transposed
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed.float_codes import EXPONENTS, float_matrix
from causerie.loading.packed.group_order import GroupOrder
from causerie.loading.packed.integer_codes import IntegerCodes
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of, width_of
from causerie.loading.packed.stored import CountedFromZero, Repeated, RowBytes
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet
from causerie.loading.packed.words import WORD, CodesAcross
from causerie.quant.float_formats import NVFP4_GROUP, NVFP4_OVER
from causerie.quant.formats import MXFP4
from causerie.quant.integer_formats import INTEGER_BITS, Kind

METHOD = "compressed-tensors"
FORMATS = (
    *("pack-quantized", "int-quantized", "float-quantized", "naive-quantized"),
    *("nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized", "mixed-precision", "dense"),
)
(_MX_GROUP,) = MXFP4.groups


class CompressedTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises Unsupported for a format that is not read, ConfigError where no kinds of weights are said."""
        groups = values.get("config_groups")
        if not isinstance(groups, Mapping) or not all(isinstance(group, Mapping) for group in groups.values()):
            raise ConfigError(
                "quantization_config of config.json has no 'config_groups', which should say in what weights are held."
            )
        for format in (values.get("format", "dense"), *(group.get("format") or "dense" for group in groups.values())):
            if format not in FORMATS:
                raise _refusal(f"the format is {format!r}; {', '.join(FORMATS)} are read here")
        if (values.get("sparsity_config") or {}).get("format", "dense") != "dense":
            raise _refusal("zeros are left out (sparsity_config), which is not read here")
        if (values.get("transform_config") or {}).get("config_groups"):
            raise _refusal("activations are turned before they are read (transform_config), which is not done here")
        kinds = [weights for group in groups.values() if isinstance(weights := group.get("weights"), Mapping)]
        self._kinds = {(weights.get("type", "int"), weights.get("num_bits", 8)) for weights in kinds}
        self._asymmetric = bool(kinds) and all(weights.get("symmetric") is False for weights in kinds)
        self._blocks = next((blocks for weights in kinds if (blocks := _blocks(weights)) is not None), None)

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a matrix that has a scale beside it."""
        base = matrix.tensor
        if base is None:
            return None
        tensors = TensorSet(index, matrix, base)
        words, weight = f"{tensors.module}.weight_packed", base.name
        if words in tensors:
            pairs = tensors.dtype(words) == "U8"
            whole = self._of_bytes(tensors, words) if pairs else self._of_words(tensors, words, matrix)
        elif weight in tensors and tensors.dtype(weight) == "F8_E4M3":
            self._expect(tensors, weight, "float", (8,))
            whole = float_matrix(tensors, weight, f"{tensors.module}.weight_scale", self._blocks)
        elif weight in tensors and tensors.dtype(weight) == "I8":
            whole = self._of_integers(tensors, weight)
        else:
            return None
        return part_of(matrix, index, whole)

    def _expect(self, tensors: TensorSet, name: str, kind: str, bits: tuple[int, ...]) -> None:
        """That config.json says such a kind of weights."""
        if not any((kind, each) in self._kinds for each in bits):
            said = ", ".join(f"{each} of {count} bits" for each, count in sorted(self._kinds, key=str)) or "none"
            size = " or ".join(map(str, bits))
            tensors.fault(f"{name!r} holds numbers of type {kind} in {size} bits, and config.json says: {said}")

    def _of_words(self, tensors: TensorSet, words: str, matrix: ModelMatrix) -> PackedMatrix:
        """Streams of codes in words of 32 bits."""
        scale, zero, shape, groups_of = (
            f"{tensors.module}.weight_{kind}" for kind in ("scale", "zero_point", "shape", "g_idx")
        )
        stored = tensors.require(words, ("I32",), (), axes=2)
        n, count = tensors.sizes(words)
        k = width_of(matrix) or tensors.numbers(shape, 2)[1]
        bits = next((each for each in INTEGER_BITS if -(-k * each // WORD) == count), 0)
        if not bits:
            tensors.fault(f"{words!r} has {count} words for each output, which no number of bits fills with {k} inputs")
            tensors.settle()
        self._expect(tensors, words, "int", (bits,))
        tensors.require(scale, NUMBERS, (), axes=2)
        _, groups = tensors.sizes(scale)
        scales = tensors.require(scale, NUMBERS, [(n, groups)])
        tensors.require_groups(scale, groups, k)
        numbers: dict[str, Expression] = {"scale": scales}
        if self._asymmetric or zero in tensors:
            zeros = tensors.require(zero, ("I32",), [(-(-n * bits // WORD), groups)])
            numbers["zero"] = Rows(CodesAcross(Transposed(zeros), bits), 0, n)
        order = None
        if groups_of in tensors:
            order = GroupOrder(tensors.require(groups_of, ("I32", "I64"), [(k,)]), k, groups)
        tensors.settle()
        kind: Kind = "asym" if "zero" in numbers else "sym"
        codes = RowBytes(stored, k * bits // 8)
        whole = IntegerCodes(kind, bits, (n, k), groups, tensors.dtype(scale), codes, numbers)
        return whole.matrix(words, tuple(each for each in (shape,) if each in tensors), order)

    def _of_integers(self, tensors: TensorSet, weight: str) -> PackedMatrix:
        """A byte for each, in two's complement."""
        scale, zero = (f"{tensors.module}.weight_{kind}" for kind in ("scale", "zero_point"))
        self._expect(tensors, weight, "int", INTEGER_BITS)
        stored = tensors.require(weight, ("I8",), (), axes=2)
        n, k = tensors.sizes(weight)
        shape = tensors.shape(scale) if scale in tensors else ()
        groups = shape[1] if len(shape) == 2 else 1
        per_output = shape == (n, groups) or shape == (n,)
        shapes: list[tuple[int, ...]] = [(n, groups), (1,), (), (n,)]
        tensors.require_groups(scale, groups, k)
        numbers: dict[str, Expression] = {"scale": tensors.require(scale, NUMBERS, shapes)}
        if self._asymmetric or zero in tensors:
            numbers["zero"] = CountedFromZero(tensors.require(zero, ("I8",), [shape]))
        tensors.settle()
        if not per_output:
            numbers = {name: Repeated(array, n, n) for name, array in numbers.items()}
        kind: Kind = "asym" if "zero" in numbers else "sym"
        whole = IntegerCodes(kind, 8, (n, k), groups, tensors.dtype(scale), CountedFromZero(stored), numbers)
        return whole.matrix(weight)

    def _of_bytes(self, tensors: TensorSet, codes: str) -> PackedMatrix:
        """Bytes of two 4-bit floats."""
        scale, whole = (f"{tensors.module}.weight_{kind}" for kind in ("scale", "global_scale"))
        self._expect(tensors, codes, "float", (4,))
        stored = tensors.require(codes, ("U8",), (), axes=2)
        n, k = tensors.sizes(codes)
        k *= 2
        arrays: dict[str, Expression] = {"codes": stored}
        if whole not in tensors:
            arrays["scale"] = RowBytes(tensors.require(scale, EXPONENTS, [(n, k // _MX_GROUP)]))
            tensors.settle()
            return PackedMatrix(MXFP4, (n, k), arrays)
        arrays["scale"] = RowBytes(tensors.require(scale, ("F8_E4M3",), [(n, k // NVFP4_GROUP)]))
        arrays["whole"] = Repeated(tensors.require(whole, ("F32",), [(1,), ()]), 1, 1)
        tensors.settle()
        return PackedMatrix(NVFP4_OVER, (n, k), arrays)


def _blocks(weights: Mapping[str, Any]) -> tuple[int, int] | None:
    """Outputs and inputs that share a scale. Raises ConfigError for what are none."""
    blocks = weights.get("block_structure")
    if isinstance(blocks, str):  # as old ones write it
        blocks = [int(part) for part in blocks.split("x") if part.isdecimal()]
    if blocks is None:
        return None
    if not (isinstance(blocks, list) and len(blocks) == 2 and all(type(each) is int and each > 0 for each in blocks)):
        raise ConfigError(
            f"quantization_config of config.json sets 'block_structure' to {weights['block_structure']!r}; two whole "
            "numbers above 0, outputs and inputs that share a scale, are expected."
        )
    return blocks[0], blocks[1]


def _refusal(why: str) -> Unsupported:
    return Unsupported(
        f"The checkpoint is quantized by compressed-tensors, and {why}. Use its float16 or bfloat16 checkpoint, with "
        "quantization='int4' for 4 bits."
    )
