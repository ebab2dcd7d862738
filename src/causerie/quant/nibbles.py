"""Two 4-bit codes in a byte, in either order. Knows no format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def joined(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes 0 … 15 [..., 2m] as bytes [..., m], the first of each pair in the low nibble."""
    return codes[..., 0::2] | (codes[..., 1::2] << np.uint8(4))


def joined_high_first(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same with the first of each pair in the high nibble, as bitsandbytes packs."""
    return (codes[..., 0::2] << np.uint8(4)) | codes[..., 1::2]


def low_first(packed: NDArray[Any]) -> NDArray[np.uint8]:
    """The codes [..., 2m] of bytes [..., m] made by `joined`."""
    return np.stack((packed & np.uint8(15), packed >> np.uint8(4)), axis=-1).reshape(*packed.shape[:-1], -1)


def high_first(packed: NDArray[Any]) -> NDArray[np.uint8]:
    """The codes [..., 2m] of bytes [..., m] made by `joined_high_first`."""
    return np.stack((packed >> np.uint8(4), packed & np.uint8(15)), axis=-1).reshape(*packed.shape[:-1], -1)
