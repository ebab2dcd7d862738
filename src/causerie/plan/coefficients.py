"""How close steps come to what a machine gives in the mean: shares of bandwidth and of arithmetic, and times that each
step costs. By instruction set and format, measured with bench/forecast.py, which prints how well they hold.
Knows no machine and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causerie.plan.computer import Computer


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
    alone: float  # of the peak, while one row looks back
    arithmetic: float  # of the peak, while many rows do


_ZEN5 = {
    "bfloat16": Coefficients(reading=0.94, alone=0.32, arithmetic=0.88, step=1e-4, layer=4e-6),
    "int8": Coefficients(reading=0.93, alone=0.21, arithmetic=0.59, step=1e-4, layer=8e-6),
    "int4": Coefficients(reading=0.83, alone=0.16, arithmetic=0.61, step=1e-4, layer=14e-6),
    "q4_0": Coefficients(reading=0.83, alone=0.16, arithmetic=0.35, step=1e-4, layer=14e-6),
    "nf4": Coefficients(reading=0.83, alone=0.32, arithmetic=0.82, step=1e-4, layer=14e-6),
}
_AVX2 = {
    "bfloat16": Coefficients(reading=0.94, alone=0.23, arithmetic=0.69, step=1e-4, layer=6e-6),
    "int8": Coefficients(reading=0.93, alone=0.20, arithmetic=0.55, step=1e-4, layer=8e-6),
    "int4": Coefficients(reading=0.95, alone=0.245, arithmetic=0.52, step=1e-4, layer=8e-6),
}
_GPU = {
    "bfloat16": Coefficients(reading=0.80, alone=0.30, arithmetic=0.50, step=2e-4, layer=1e-4),
    "int8": Coefficients(reading=0.60, alone=0.30, arithmetic=0.40, step=2e-4, layer=1e-4),
    "int4": Coefficients(reading=0.50, alone=0.30, arithmetic=0.40, step=2e-4, layer=1e-4),
}
_TABLES: Mapping[str, Mapping[str, Coefficients]] = {
    "avx512_bf16": _ZEN5,
    "avx512": _ZEN5,
    "avx2_vnni": _AVX2,
    "avx2": _AVX2,
    "gpu": _GPU,
}
_ATTENTION: Mapping[str, AttentionCoefficients] = {
    "avx512_bf16": AttentionCoefficients(reading=0.72, alone=0.21, arithmetic=0.69),
    "avx512": AttentionCoefficients(reading=0.72, alone=0.21, arithmetic=0.69),
    "avx2_vnni": AttentionCoefficients(reading=0.63, alone=0.265, arithmetic=0.55),
    "avx2": AttentionCoefficients(reading=0.63, alone=0.265, arithmetic=0.55),
    "gpu": AttentionCoefficients(reading=0.60, alone=0.30, arithmetic=0.35),
}
EXPERT_LAYER = 12e-6
"""Seconds that a layer with experts takes besides: its router, and matrices that end before they are read at speed."""
EXPERT_ROWS = 1.2
"""How many times as long many rows take where each expert gets a few of them."""
_GGUF = ("q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs")
_LIKE = {
    "float32": "bfloat16",
    "float16": "bfloat16",
    "bnb_int8": "int8",
    "int6": "int8",
    "int5": "int8",
    "q8_0": "int8",
    "fp4": "nf4",
    **dict.fromkeys(_GGUF, "q4_0"),
}
"""Plain formats read as bfloat16 does; what is not named is nearest to int4."""


def is_measured(computer: Computer) -> bool:
    """Whether the coefficients of a computer come from steps that ran on its kind of processor."""
    return computer.instruction_set in ("avx512_bf16", "avx2")


def coefficients(computer: Computer, format: str) -> Coefficients:
    """Those of weights held in `format`; where nobody has measured that, those of what is nearest."""
    table = _TABLES[_table(computer)]
    alike = _LIKE.get(format, "int4")
    return table.get(format) or table.get(alike) or table["int4"]


def attention_coefficients(computer: Computer) -> AttentionCoefficients:
    """Those of looking back."""
    return _ATTENTION[_table(computer)]


def _table(computer: Computer) -> str:
    if computer.kind == "gpu":
        return "gpu"
    name = computer.instruction_set or "avx2"
    return name if name in _TABLES else "avx2"
