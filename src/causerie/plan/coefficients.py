"""How close steps come to what a machine gives in the mean: shares of bandwidth and of arithmetic, and times that each
step costs. By instruction set and format, measured with bench/forecast.py, which prints how well they hold.
Knows no machine and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causerie.plan.computer import Computer
from causerie.quant.formats import QUANTIZED


@dataclass(frozen=True)
class Coefficients:
    """Of the steps of one format on one kind of processor."""

    reading: float  # of the bandwidth, while one row reads weights
    alone: float  # of the peak of arithmetic, while one row is multiplied by them
    arithmetic: float  # the same of many rows
    step: float  # seconds that each step takes besides
    layer: float  # seconds that each of its layers takes besides


@dataclass(frozen=True)
class AttentionCoefficients:
    """Of attention over a cache of one format."""

    reading: float  # of the bandwidth, while one row looks back
    fetching: float  # bytes of the cache, for each operation of the peak, that one row takes in where memory is fast
    alone: float  # of the peak, while one row looks back
    arithmetic: float  # of the peak, while many rows do


_ZEN5 = {
    "bfloat16": Coefficients(reading=1.00, alone=0.18, arithmetic=0.95, step=1e-4, layer=4e-6),
    "int8": Coefficients(reading=1.00, alone=0.105, arithmetic=0.59, step=1e-4, layer=8e-6),
    "int4": Coefficients(reading=0.95, alone=0.19, arithmetic=0.61, step=1e-4, layer=14e-6),
    "q4_k": Coefficients(reading=0.96, alone=0.20, arithmetic=0.50, step=1e-4, layer=14e-6),
    "nf4": Coefficients(reading=1.00, alone=0.80, arithmetic=0.86, step=1e-4, layer=14e-6),
    "fp8": Coefficients(reading=0.95, alone=0.25, arithmetic=0.77, step=1e-4, layer=14e-6),
}
_AVX2 = {
    "bfloat16": Coefficients(reading=0.97, alone=0.60, arithmetic=0.82, step=1e-4, layer=6e-6),
    "int8": Coefficients(reading=0.95, alone=0.65, arithmetic=0.68, step=1e-4, layer=8e-6),
    "int4": Coefficients(reading=0.95, alone=0.90, arithmetic=0.81, step=1e-4, layer=14e-6),
    "fp8": Coefficients(reading=0.95, alone=0.60, arithmetic=0.60, step=1e-4, layer=14e-6),  # not measured
}
_AVX2_VNNI = {  # not measured: its peak of int8 is a multiple of that of AVX2 alone, and the shares are smaller
    **_AVX2,
    "int8": Coefficients(reading=0.95, alone=0.20, arithmetic=0.64, step=1e-4, layer=8e-6),
    "int4": Coefficients(reading=0.95, alone=0.30, arithmetic=0.62, step=1e-4, layer=14e-6),
}
_GPU = {
    "bfloat16": Coefficients(reading=0.80, alone=0.30, arithmetic=0.50, step=2e-4, layer=1e-4),
    "int8": Coefficients(reading=0.60, alone=0.30, arithmetic=0.40, step=2e-4, layer=1e-4),
    "int4": Coefficients(reading=0.50, alone=0.30, arithmetic=0.40, step=2e-4, layer=1e-4),
}
_TABLES: Mapping[str, Mapping[str, Coefficients]] = {
    "avx512_bf16": _ZEN5,
    "avx512": _ZEN5,
    "avx2_vnni": _AVX2_VNNI,
    "avx2": _AVX2,
    "gpu": _GPU,
}
_ATTENTION: Mapping[str, AttentionCoefficients] = {
    "avx512_bf16": AttentionCoefficients(reading=1.00, fetching=0.055, alone=0.21, arithmetic=0.67),
    "avx512": AttentionCoefficients(reading=1.00, fetching=0.055, alone=0.21, arithmetic=0.67),
    "avx2_vnni": AttentionCoefficients(reading=0.90, fetching=0.25, alone=0.33, arithmetic=0.75),
    "avx2": AttentionCoefficients(reading=0.90, fetching=0.25, alone=0.33, arithmetic=0.75),
    "gpu": AttentionCoefficients(reading=0.60, fetching=0.55, alone=0.30, arithmetic=0.35),
}
EXPERT_LAYER = 12e-6
"""Seconds that a layer with experts takes besides: its router, and matrices that end before they are read at speed."""
EXPERT_ROWS = 1.2
"""How many times as long many rows take where each expert gets a few of them."""
_FEW_BITS = 6
"""Of a code, up to which it is unpacked from less than a byte."""


def is_measured(computer: Computer) -> bool:
    """Whether the coefficients of a computer come from steps that ran on its kind of processor."""
    return computer.instruction_set in ("avx512_bf16", "avx2")


def coefficients(computer: Computer, format: str) -> Coefficients:
    """Those of weights held in `format`; where nobody has measured that, those of what kernels read most like it."""
    table = _TABLES[_table(computer)]
    return table.get(format) or table.get(alike(format)) or table["int4"]


def alike(format: str) -> str:
    """The format that was measured of those which kernels read like this one: plain numbers, numbers of fewer bits that
    become such, values of a table, bytes, and codes of fewer bits whose scales are numbers of their own, or steps of
    what a super-block shares."""
    if format not in QUANTIZED:
        return "bfloat16"
    packed = QUANTIZED[format]
    if packed.arithmetic != "int8":
        return "nf4" if packed.arithmetic == "float32" else "fp8"
    if packed.codes.bits > _FEW_BITS:
        return "int8"
    unit = packed.scale.times
    return "q4_k" if unit is not None and isinstance(unit.span, int) else "int4"


def attention_coefficients(computer: Computer) -> AttentionCoefficients:
    """Those of looking back."""
    return _ATTENTION[_table(computer)]


def _table(computer: Computer) -> str:
    if computer.kind == "gpu":
        return "gpu"
    name = computer.instruction_set or "avx2"
    return name if name in _TABLES else "avx2"
