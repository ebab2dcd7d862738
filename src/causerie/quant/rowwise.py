"""Quantizes to `bnb_int8` (formats.py) row by row. Weights are rounded to float16 first, as bitsandbytes does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.format import Rows
from causerie.quant.formats import BNB_INT8

LARGEST = np.float32(127)


class RowwiseEncoder:
    """Implements `encoder.Encoder`."""

    format = BNB_INT8

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
