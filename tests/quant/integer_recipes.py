"""Whole numbers of few bits with scales and zero points, drawn for a matrix: what the recipes of tests pack in the ways
of several programs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Integers:
    """Of a matrix [outputs, inputs]: its codes, and the scale and the zero point of each group [outputs, groups]."""

    codes: Tensor
    scales: Tensor
    zeros: Tensor
    group: int

    @property
    def values(self) -> Tensor:
        """(code - zero) · scale in float32."""
        zeros, scales = (each.float().repeat_interleave(self.group, 1) for each in (self.zeros, self.scales))
        return (self.codes.float() - zeros) * scales


def quantized(
    rows: Tensor, bits: int, group: int, *, symmetric: bool = False, dtype: torch.dtype = torch.float16
) -> Integers:
    """The nearest of the numbers that a group has between its smallest and its largest weight."""
    n, k = rows.shape
    size = k if group == -1 else group
    groups, most = rows.reshape(n, k // size, size), 2**bits - 1
    low, high = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
    if symmetric:
        scales = (torch.maximum(-low, high) / 2 ** (bits - 1)).to(dtype)
        zeros = torch.full_like(low, 2 ** (bits - 1)).int()
    else:
        scales = ((high - low) / most).to(dtype)
        zeros = torch.round(-low / scales.float()).clamp(0, most).int()
    codes = torch.round(groups / scales.float()[..., None] + zeros[..., None]).clamp(0, most).int()
    return Integers(codes.reshape(n, k), scales, zeros, size)


def stream(codes: Tensor, bits: int) -> Tensor:
    """Codes [rows, count] as words [rows, count · bits / 32], one after the other from the lowest bits on, by Python's
    whole numbers."""
    rows = []
    for row in codes.tolist():
        number = sum(code << (bits * i) for i, code in enumerate(row))
        words = [(number >> (32 * i)) & (2**32 - 1) for i in range(-(-len(row) * bits // 32))]
        rows.append([word - 2**32 if word >= 2**31 else word for word in words])
    return torch.tensor(rows, dtype=torch.int32)
