"""bfloat16 as numpy can hold it: the upper half of a float32, in a uint16. Knows no file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def widen(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 values of bfloat16 bits, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def round_to_bits(values: NDArray[Any]) -> NDArray[np.uint16]:
    """The bits of the nearest bfloat16 of each float32, ties to even, as every framework rounds; a NaN stays a NaN."""
    wide = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = ((wide + np.uint32(0x7FFF) + ((wide >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)
    nan = (wide & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
    return np.where(nan, (wide >> np.uint32(16)).astype(np.uint16) | np.uint16(0x40), rounded)
