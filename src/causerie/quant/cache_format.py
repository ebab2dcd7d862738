"""The formats in which a cache keeps keys and values, and what they cost. Knows no backend's layout.

int8 keeps round(x / scale), -127 to 127, with a bfloat16 scale of largest / 127: for keys one per position, head and 32
elements, since few elements of a key are often far larger than the rest; for values one per position and head.
"""

from __future__ import annotations

from causerie.quant.weight import BYTES

CACHE_FORMATS = ("float32", "float16", "bfloat16", "int8")
KEY_GROUP = 32
"""Elements of an int8 key that share a scale."""


def bytes_per_head(format: str, head_dim: int) -> int:
    """Bytes of the key and the value of one position and head."""
    if format != "int8":
        return int(2 * head_dim * BYTES[format])
    return 2 * head_dim + 2 * (-(-head_dim // KEY_GROUP) + 1)
