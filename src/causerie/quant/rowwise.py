"""`bnb_int8`, as bitsandbytes' 8-bit linear layers hold weights (Dettmers et al., "LLM.int8()", 2022).

    codes  int8     [n, k]   -127 … 127
    scale  float32  [n]      the largest magnitude of the row; value = code · scale / 127

Weights are rounded to float16 first, as bitsandbytes does. What LLM.int8() does with activations (outlier columns in
float16, the rest in 8 bits) is not part of this format: activations are not quantized row by row here, so that no
column needs a path of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.format import Buffer, Buffers, Rows

LARGEST = np.float32(127)
INVERSE = np.float32(7.874015718698502e-3)  # 1 / 127 as bitsandbytes writes it


class RowwiseInt8:
    """Implements `format.Format`."""

    name = "bnb_int8"

    def group(self, width: int) -> int:
        """The whole row."""
        return width

    def refusal(self, width: int) -> str | None:
        """Any width."""
        return None

    def row_step(self, width: int) -> int:
        """Any slice."""
        return 1

    def buffers(self, shape: tuple[int, int]) -> dict[str, Buffer]:
        """codes and scale."""
        return {"codes": Buffer("I8", shape), "scale": Buffer("F32", shape[:1])}

    def constant(self, slices: Iterable[Rows]) -> None:
        """Nothing."""

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """Row by row. Magnitudes above float16's 65504 are held as that."""
        half = np.clip(rows, -65504, 65504).astype(np.float16).astype(np.float32)
        scale = np.maximum(half.max(1), -half.min(1))
        factor = np.zeros_like(scale)
        np.divide(1, scale, out=factor, where=scale > 0)  # then · 127: as torch divides a number by a tensor
        half *= (factor * LARGEST)[:, None]
        return {"codes": np.rint(half, out=half).astype(np.int8), "scale": scale}

    def decode(self, buffers: Buffers, shape: tuple[int, int]) -> Rows:
        """(code · scale) · (1 / 127), each product rounded."""
        values = buffers["codes"].astype(np.float32) * buffers["scale"][:, None]
        return (values * INVERSE).reshape(shape)
