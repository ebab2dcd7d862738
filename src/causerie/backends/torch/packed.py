"""Quantized matrices as torch tensors in the reference layout, and their values by plain arithmetic: the oracle of
every kernel that reads the same formats. Values are float32 and equal `Format.decode` to the last bit.

Reads the description of a format (quant/packed_format.py); knows no format by name, and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.backends.torch.transform import TransformTensors
from causerie.quant.code_bits import CodeBits
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import CODES, PackedFormat

FEW = 8  # codes of a run that are taken one by one
CHUNK = 2**24  # elements of a matrix that are dequantized at once


@dataclass(frozen=True)
class QuantizedMatrix:
    """One matrix of a quantized format."""

    format: PackedFormat
    shape: tuple[int, int]
    arrays: Mapping[str, Tensor]  # as the format names them
    inputs: TransformTensors | None = None  # what activations have gone through that `linear` is given

    def rows(self, index: Tensor) -> Tensor:
        """The values [len(index), k], float32, of the rows that `index` (int64) names."""
        format, k = self.format, self.shape[1]
        codes = self._codes(index)
        line = format.line(k)
        known = codes.float() if format.table is None else _table(format.table, index)[codes.int()]
        values = known.unflatten(-1, (-1, line))
        # The first weights of the lines, numbered along the flattened matrix.
        at = index[:, None] * k + torch.arange(0, k, line, device=index.device)
        if format.zero:
            values = values - format.zero
        if format.zeros is not None:
            values = values - (self._numbers(format.zeros, at) / format.zero_parts)[..., None]
        values = values * self._numbers(format.scale, at)[..., None]
        if format.low is not None:
            values = values + self._numbers(format.low, at)[..., None]
        return (values if format.factor == 1.0 else values * format.factor).flatten(-2)

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

    def _codes(self, index: Tensor) -> Tensor:
        """The codes [len(index), k] of rows: of those that are whole runs at once, else each where it lies."""
        k, bits, stored = self.shape[1], self.format.codes, self.arrays[CODES]
        if k % bits.run == 0:
            runs = stored.view(torch.uint8).view(self.shape[0], -1, bits.run_bytes)[index]
            return _unpacked(bits, runs).flatten(-2)
        at = index[:, None] * k + torch.arange(k, device=index.device)
        runs = _unpacked(bits, stored.view(torch.uint8).view(-1, bits.run_bytes)[at // bits.run])
        return runs.gather(-1, (at % bits.run)[..., None])[..., 0]

    def _numbers(self, numbers: Numbers, at: Tensor) -> Tensor:
        """Those of the weights `at`, float32."""
        width = self.shape[1]
        stored = self.arrays[numbers.array].flatten()
        if numbers.bits is not None:
            stored = _unpacked(numbers.bits, stored.view(-1, numbers.bits.run_bytes)).flatten()
        elements = stored[numbers.index(at, width, self.format.group(width))]
        values = elements.float() if numbers.table is None else _table(numbers.table, at)[elements.int()]
        if numbers.times is not None:
            values = values * self._numbers(numbers.times, at)
        if numbers.over is not None:
            values = values / self._numbers(numbers.over, at)
        if numbers.plus is not None:
            values = values + self._numbers(numbers.plus, at)
        return values


def _unpacked(bits: CodeBits, runs: Tensor) -> Tensor:
    """The codes [..., run] of runs [..., run_bytes] of bytes, of any type; see `CodeBits`."""
    if bits.bits == 8 and bits.run == 1:
        return runs.view(torch.int8) if bits.signed else runs
    codes, shift = _field(bits, 0, runs), bits.planes[0].bits
    for i in range(1, len(bits.planes)):
        codes = codes | _field(bits, i, runs) << shift
        shift += bits.planes[i].bits
    if not bits.signed:
        return codes
    signed = codes.int()
    return signed - ((signed >> (bits.bits - 1)) << bits.bits)


def _field(bits: CodeBits, plane: int, runs: Tensor) -> Tensor:
    """The bits of one plane of every code: a slice for each where a run has few, for torch is slow on short axes."""
    own = bits.planes[plane]
    first = [own.beginning(i) for i in range(bits.run)]
    last = [begin + own.bits - 1 for begin in first]
    if any(begin // 8 != end // 8 for begin, end in zip(first, last, strict=True)):
        runs = runs.int()
        both = runs[..., [begin // 8 for begin in first]] | runs[..., [end // 8 for end in last]] << 8
        shifts = torch.tensor([begin % 8 for begin in first], dtype=torch.int32, device=runs.device)
        return (both >> shifts) & (2**own.bits - 1)  # of codes in one byte the second is that again, and masked off
    if bits.run <= FEW:
        return torch.stack([(runs[..., begin // 8] >> begin % 8) & (2**own.bits - 1) for begin in first], dim=-1)
    shifts = torch.tensor([begin % 8 for begin in first], dtype=runs.dtype, device=runs.device)
    return (runs[..., [begin // 8 for begin in first]] >> shifts) & (2**own.bits - 1)


def _table(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device)
