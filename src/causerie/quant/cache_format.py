"""The formats in which a cache keeps keys and values, and what they cost. Knows no backend's layout.

int8 keeps round(x / scale), -127 to 127, with a bfloat16 scale of largest / 127: for keys one per position, head and 32
elements, since few elements of a key are often far larger than the rest; for values one per position and head. For the
same reason keys are turned before, by `key_turning`, and so are the queries that meet them, which leaves products as
they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causerie.errors import Unsupported
from causerie.quant.transform import TURNED
from causerie.quant.weight import BYTES
from causerie.spec.layer_cache import Pages

CACHE_FORMATS = ("float32", "float16", "bfloat16", "int8")
KEY_GROUP = 32
"""Elements of an int8 key that share a scale."""


def check_kept(format: str, pages: Pages) -> None:
    """Raises Unsupported where these pages cannot be kept in this format."""
    if format == "int8" and not pages.value_dim:
        raise Unsupported(
            "Its layers keep latents, of which keys and values are made, and latents are not kept in int8. They are "
            "small as they are: take cache_dtype='bfloat16' (--cache-dtype bfloat16), float16 or float32."
        )


def key_turning(head_dim: int) -> NDArray[np.float32]:
    """What an int8 cache turns keys by, [head_dim, head_dim], its own inverse: Hadamard matrices of 64 along the
    diagonal as often as they find room, then those of the powers of two that are left, the largest first."""
    turning, first, size = np.zeros((head_dim, head_dim)), 0, TURNED
    while first < head_dim:
        if head_dim - first < size:
            size //= 2
            continue
        of = np.arange(size)
        common = np.array([[int(i & j).bit_count() for j in of] for i in of])
        turning[first : first + size, first : first + size] = (-1.0) ** common / size**0.5
        first += size
    return turning.astype(np.float32)


def bytes_per_position(format: str, pages: Pages) -> int:
    """Bytes of the keys and values of one position. Raises as `check_kept`."""
    check_kept(format, pages)
    if format != "int8":
        return int(pages.heads * (pages.head_dim + pages.value_dim) * BYTES[format])
    return pages.heads * (pages.head_dim + pages.value_dim + 2 * (-(-pages.head_dim // KEY_GROUP) + 1))
