"""Quantizes to `mxfp4` (formats.py) as the OCP's "Microscaling Formats (MX)" says: the scale of 32 inputs is the power
of two that brings the largest to 4 … 8, and each becomes the nearest of the values, of two equally near ones that whose
code is even; what is beyond 6 becomes 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.encoder import encoded_in_parts
from causerie.quant.format import Rows
from causerie.quant.formats import MXFP4
from causerie.quant.tables import E2M1

(GROUP,) = MXFP4.groups
BIAS = 127  # of the exponent in a scale's byte
HIGHEST = 2  # the exponent of the largest value
SIGN = np.uint8(8)
PART = 2**18  # elements worked on at once, so that all of it stays in a core's own cache


class Mxfp4Encoder:
    """Implements `encoder.Encoder`."""

    format = MXFP4

    def constant(self, slices: Iterable[Rows]) -> None:
        """Nothing."""

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """Rows by themselves, some at a time."""
        return encoded_in_parts(rows, PART, _encoded)


def _encoded(rows: Rows) -> dict[str, NDArray[Any]]:
    n = rows.shape[0]
    groups = rows.reshape(n, -1, GROUP)
    exponent = np.frexp(np.abs(groups).max(-1))[1] - 1  # of the largest of a group, in 1 … 2 times a power of two
    scale = np.clip(exponent - HIGHEST + BIAS, 0, 2 * BIAS)
    scaled = np.ldexp(groups, (BIAS - scale)[..., None])
    codes = np.searchsorted(_EDGES, np.abs(scaled)).astype(np.uint8) | np.signbit(scaled) * SIGN
    return {"codes": MXFP4.codes.packed(codes).reshape(n, -1), "scale": scale.astype(np.uint8)}


def _edges() -> NDArray[np.float32]:
    """Between the values 0 … 6: what lies above one is nearer the next, or as near where the next has the even code."""
    values = np.array(E2M1[: len(E2M1) // 2], np.float32)
    middles = (values[:-1] + values[1:]) / np.float32(2)
    below = np.nextafter(middles, np.float32(0))
    return np.where(np.arange(len(middles)) % 2, below, middles)


_EDGES = _edges()
