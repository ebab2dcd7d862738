"""Checkpoints of MLX: `<module>.weight`, words [outputs, inputs · bits / 32] with one stream of codes for each output,
beside `<module>.scales` and `<module>.biases` [outputs, groups], which say of each group what a step and the lowest
value are (`qbiases` where transformers wrote them). Without lowest values the codes are floats: MXFP4, MXFP8 or NVFP4,
with bytes as scales. Bits and groups may differ from module to module, and are what its tensors say. Experts lie in
stacks: `<mlp>.switch_mlp.gate_proj.weight`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from causerie.checkpoint.expression import Expression, Place, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed.integer_codes import IntegerCodes
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.loading.packed.parts import part_of, width_of
from causerie.loading.packed.stored import RowBytes
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet
from causerie.loading.packed.words import WORD
from causerie.quant.float_formats import MXFP8, NVFP4
from causerie.quant.formats import MXFP4
from causerie.quant.packed_format import PackedFormat

METHODS = ("mlx", "metal")
BITS = (2, 3, 4, 5, 6, 8)
MODES = ("affine", "mxfp4", "nvfp4", "mxfp8")
_FLOATS = (MXFP4, NVFP4, MXFP8)
_EXPERT = re.compile(r"(.*)\.experts\.(\d+)\.(\w+)\.weight")
_STACKED = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
"""What stacks of experts are called whose matrices have these names alone."""


def is_mlx(values: Mapping[str, Any]) -> bool:
    """Whether this is how MLX says how it quantized, which names no method."""
    return "quant_method" not in values and type(values.get("bits")) is int and "group_size" in values


class MlxTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises ConfigError for bits that MLX does not have, Unsupported for another mode."""
        bits, mode = values.get("bits"), values.get("mode", "affine")
        if bits not in BITS:
            raise ConfigError(
                f"config.json says that MLX quantized to {bits!r} bits; one of {', '.join(map(str, BITS))} is expected."
            )
        if mode not in MODES:
            raise Unsupported(
                f"config.json says that MLX quantized in the mode {mode!r}; {', '.join(MODES)} are read here. Use the "
                "bfloat16 checkpoint that it was made from, with quantization='int4' for 4 bits."
            )
        self._bits = int(bits)
        self._judged: TensorIndex | None = None

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """Parts of a tensor of words. Raises Unsupported for a model whose other tensors MLX changes as well."""
        if index is not self._judged:
            _refuse_changed_tensors(index)
            self._judged = index
        matrix = _stacked(index, matrix)
        base = matrix.tensor
        if base is None or base.name not in index or index.info(base.name).dtype != "U32":
            return None
        tensors = TensorSet(index, matrix, base)
        scales = f"{tensors.module}.scales"
        lows = next((low for kind in ("biases", "qbiases") if (low := f"{tensors.module}.{kind}") in tensors), None)
        stored = tensors.require(base.name, ("U32",), (), axes=2)
        n, words = tensors.sizes(base.name)
        k = width_of(matrix) or words * WORD // self._bits
        codes = RowBytes(stored)
        if lows is None and scales in tensors and tensors.dtype(scales) == "U8":
            return part_of(matrix, index, _of_floats(tensors, scales, codes, (n, k), words))
        bits = next((each for each in BITS if k * each == words * WORD), 0)
        if not bits:
            tensors.fault(f"{base.name!r} has {words} words for each output, which no bits fill with {k} inputs")
        tensors.require(scales, NUMBERS, (), axes=2)
        _, groups = tensors.sizes(scales)
        tensors.require_groups(scales, groups, k)
        numbers: dict[str, Expression] = {"scale": tensors.require(scales, NUMBERS, [(n, groups)])}
        kinds = (tensors.dtype(scales),) if scales in tensors else NUMBERS
        numbers["low"] = tensors.require(lows or f"{tensors.module}.biases", kinds, [(n, groups)])
        tensors.settle()
        whole = IntegerCodes("affine", bits, (n, k), groups, tensors.dtype(scales), codes, numbers)
        return part_of(matrix, index, whole.matrix(base.name))


def _of_floats(tensors: TensorSet, scales: str, codes: Expression, shape: tuple[int, int], words: int) -> PackedMatrix:
    """Codes of the one of these formats that has as many words and scales."""
    n, k = shape
    sizes = {format.name: (k * format.codes.bits // WORD, k // format.groups[0]) for format in _FLOATS}
    _, groups = tensors.sizes(scales)
    format: PackedFormat | None = next((each for each in _FLOATS if sizes[each.name] == (words, groups)), None)
    if format is None:
        said = ", ".join(f"{size[1]} for {size[0]} ({name})" for name, size in sizes.items())
        tensors.fault(f"{scales!r} has {groups} scales for {words} words of each output; expected are: {said}")
    scale = RowBytes(tensors.require(scales, ("U8",), [(n, groups)]))
    tensors.settle()
    assert format is not None  # or there was a fault
    constants = {"whole": np.ones(1, np.float32)} if format == NVFP4 else {}
    return PackedMatrix(format, shape, {"codes": codes, "scale": scale}, constants)


def _stacked(index: TensorIndex, matrix: ModelMatrix) -> ModelMatrix:
    """The same where the matrix of an expert is a place of a stack."""
    base = matrix.tensor
    parts = _EXPERT.fullmatch(base.name) if isinstance(base, Tensor) else None
    if parts is None:
        return matrix
    name = f"{parts[1]}.switch_mlp.{_STACKED.get(parts[3], parts[3])}.weight"
    if name not in index or matrix.expression != base:
        return matrix
    return replace(matrix, expression=Place(name, int(parts[2])), sizes=tuple(index.info(name).shape[:1]))


def _refuse_changed_tensors(index: TensorIndex) -> None:
    """Raises Unsupported for a model whose other tensors MLX changes as well."""
    convolution = next((name for name in index.names() if name.endswith(".conv1d.weight")), None)
    if convolution is not None:
        raise Unsupported(
            f"{convolution!r} belongs to a family of which MLX changes further tensors (norms, multipliers), in ways "
            "that its files do not tell. Use the bfloat16 checkpoint that it was made from, with quantization='int4'."
        )
