"""Matrices of bytes of E4M3 with their scales, which files give for the matrix, for each output, or for blocks.

Knows no program that quantizes.
"""

from __future__ import annotations

from math import gcd

from causerie.checkpoint.expression import Expression
from causerie.errors import Unsupported
from causerie.loading.packed.model_matrix import PackedMatrix
from causerie.loading.packed.stored import Float32, Repeated, RowBytes
from causerie.loading.packed.tensor_set import NUMBERS, TensorSet
from causerie.quant.float_formats import FP8, FP8_GROUPED, MXFP8
from causerie.quant.packed_format import PackedFormat

FLOAT_CODES = ("F8_E4M3",)
EXPONENTS = ("F8_E8M0", "U8")
"""What powers of two are stored as."""
(_MX_GROUP,) = MXFP8.groups


def float_matrix(
    tensors: TensorSet, weight: str, scale: str, blocks: tuple[int, int] | None, others: tuple[str, ...] = ()
) -> PackedMatrix:
    """The matrix of these codes and scales; `blocks` are outputs and inputs that share one, where the config says it.
    Raises WeightFileError, Unsupported for blocks that no format has."""
    codes = RowBytes(tensors.require(weight, FLOAT_CODES, (), axes=2))
    n, k = tensors.sizes(weight)
    columns = [k // each for each in (*FP8_GROUPED, _MX_GROUP) if k % each == 0]
    shapes: list[tuple[int, ...]] = [(n, 1), (1,), *((n, count) for count in columns), (), (1, 1), (n,)]
    if blocks is not None:
        shapes = [(-(-n // blocks[0]), -(-k // blocks[1])), *shapes]
    stored = tensors.require(scale, (*NUMBERS, *EXPONENTS), shapes)
    tensors.settle()
    if tensors.dtype(scale) in EXPONENTS and tensors.shape(scale) == (n, k // _MX_GROUP):
        return PackedMatrix(MXFP8, (n, k), {"codes": codes, "scale": RowBytes(stored)}, others=others)
    format, scales = _scaled(tensors, scale, (n, k), blocks, Float32(stored))
    return PackedMatrix(format, (n, k), {"codes": codes, "scale": scales}, others=others)


def _scaled(
    tensors: TensorSet, scale: str, shape: tuple[int, int], blocks: tuple[int, int] | None, stored: Expression
) -> tuple[PackedFormat, Expression]:
    """The format of float32 scales, and one of them for each output or each group of one."""
    (n, k), grid = shape, tensors.shape(scale)
    if blocks is not None and grid == (-(-n // blocks[0]), -(-k // blocks[1])):
        rows, inputs = blocks
    else:
        rows, inputs = (n, k) if len(grid) < 2 and grid != (n,) else (n // grid[0], k // grid[-1] if grid[1:] else k)
    if inputs >= k:
        return FP8, Repeated(stored, n, rows)
    group = next((each for each in FP8_GROUPED if gcd(inputs, k) % each == 0), None)
    if group is None:
        raise Unsupported(
            f"{scale!r} has a scale for {inputs} of {k} inputs; a multiple of {min(FP8_GROUPED)} that divides both is "
            "read here. Use the float16 or bfloat16 checkpoint, with quantization='int8' for 8 bits."
        )
    return FP8_GROUPED[group], Repeated(stored, n, rows, k // group, inputs // group)
