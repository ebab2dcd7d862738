"""Quantized matrices as torch tensors in the reference layout, and their values by plain arithmetic: the oracle of
every kernel that reads the same formats. Values are float32 and equal `Format.decode` to the last bit.

Knows the layouts of quant/ and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.quant.int4 import GROUP
from causerie.quant.lookup import BLOCK, NESTED, TABLES, dynamic_map
from causerie.quant.rowwise import INVERSE

CHUNK = 2**24  # elements of a matrix that are dequantized at once


@dataclass(frozen=True)
class QuantizedMatrix:
    """One matrix of a quantized format."""

    format: str
    shape: tuple[int, int]
    arrays: Mapping[str, Tensor]  # as the format names them

    def rows(self, index: Tensor) -> Tensor:
        """The values [len(index), k], float32, of the rows that `index` (int64) names."""
        return _DECODE[self.format](self, index)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x · selfᵀ + bias, reckoned in float32 and given in x's dtype; rows are dequantized some at a time."""
        step = max(1, CHUNK // self.shape[1])
        wide = x.float()
        parts = []
        for start in range(0, self.shape[0], step):
            index = torch.arange(start, min(start + step, self.shape[0]), device=x.device)
            parts.append(F.linear(wide, self.rows(index)))
        out = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        return (out if bias is None else out + bias.float()).to(x.dtype)

    @property
    def nbytes(self) -> int:
        """Its size."""
        return sum(array.numel() * array.element_size() for array in self.arrays.values())


def _int8(matrix: QuantizedMatrix, index: Tensor) -> Tensor:
    scale = matrix.arrays["scale"][index].float()
    codes = matrix.arrays["codes"][index].float().unflatten(-1, (scale.shape[-1], -1))
    return (codes * scale[..., None]).flatten(-2)


def _int4(matrix: QuantizedMatrix, index: Tensor) -> Tensor:
    packed = matrix.arrays["codes"][index]
    codes = torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2).float().unflatten(-1, (-1, GROUP))
    step = matrix.arrays["unit"][index].float()[:, None] * matrix.arrays["scale"][index].float()
    zero = matrix.arrays["zero"][index].float() / 16
    return ((codes - zero[..., None]) * step[..., None]).flatten(-2)


def _rowwise(matrix: QuantizedMatrix, index: Tensor) -> Tensor:
    scaled = matrix.arrays["codes"][index].float() * matrix.arrays["scale"][index][:, None]
    return scaled * float(INVERSE)


def _lookup(matrix: QuantizedMatrix, index: Tensor) -> Tensor:
    device = index.device
    at = index[:, None] * matrix.shape[1] + torch.arange(matrix.shape[1], device=device)  # in the flattened matrix
    pair = matrix.arrays["codes"][at // 2]
    codes = torch.where(at % 2 == 0, pair >> 4, pair & 15).long()
    table, _, double = matrix.format.partition("_")
    values = torch.from_numpy(TABLES[table].copy()).to(device)[codes]
    block = at // BLOCK
    absmax = matrix.arrays["absmax"][block]
    if double:
        known = torch.from_numpy(dynamic_map().copy()).to(device)
        absmax = known[absmax.long()] * matrix.arrays["nested_absmax"][block // NESTED] + matrix.arrays["offset"]
    return values * absmax


_DECODE: Mapping[str, Callable[[QuantizedMatrix, Tensor], Tensor]] = {
    "int8": _int8,
    "int4": _int4,
    "bnb_int8": _rowwise,
    **{f"{table}{double}": _lookup for table in TABLES for double in ("", "_double")},
}
