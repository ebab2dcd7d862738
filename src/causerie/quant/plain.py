"""Weights as they are: float32, float16 and bfloat16. The last two round to the nearest, ties to even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import round_to_bits, widen
from causerie.quant.format import Buffer, Buffers, Rows

STORED_AS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""Each plain format and what safetensors files call it."""


@dataclass(frozen=True)
class Plain:
    """One number for each weight."""

    name: str  # a key of STORED_AS

    @property
    def arithmetic(self) -> str:
        """float16 is widened."""
        return "bfloat16" if self.name == "bfloat16" else "float32"

    def refusal(self, width: int) -> str | None:
        """Any width."""
        return None

    def row_step(self, width: int) -> int:
        """Any slice."""
        return 1

    def buffers(self, shape: tuple[int, int]) -> dict[str, Buffer]:
        """values [n, k]."""
        return {"values": Buffer(STORED_AS[self.name], shape)}

    def decode(self, buffers: Buffers, shape: tuple[int, int]) -> Rows:
        """Widened."""
        return to_float32(buffers["values"], self.name).reshape(shape)


def to_plain(values: NDArray[np.float32], format: str) -> NDArray[Any]:
    """float32 values in a plain format; bfloat16 as uint16 bit patterns. What float16 cannot hold becomes infinite."""
    if format == "bfloat16":
        return round_to_bits(values)
    with np.errstate(over="ignore"):
        return values.astype(np.float32 if format == "float32" else np.float16)


def to_float32(values: NDArray[Any], stored: str) -> NDArray[np.float32]:
    """The float32 values of an array in a plain format."""
    return widen(values) if stored == "bfloat16" else values.astype(np.float32, copy=False)
