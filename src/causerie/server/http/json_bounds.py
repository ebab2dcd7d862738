"""How deep a JSON text nests and how many values it has, found without making any of them.

Decoding millions of values takes the event loop from everybody for seconds; looking at their bytes does not. Knows no
field.
"""

from __future__ import annotations

import numpy as np

MOST_DEPTH = 64  # brackets within each other
MOST_VALUES = 1_000_000
MOST_MEMBERS = 200_000  # lists, objects and entries of objects, which take twenty times as long as a number to decode
_CHUNK = 1 << 18  # bytes looked at together

_QUOTE = ord('"')
_COMMA = ord(",")
_COLON = ord(":")
_STEP = np.zeros(256, np.int8)  # what a byte outside strings does to the depth
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1


class TooDeep(Exception):
    """More brackets within each other than MOST_DEPTH."""


class TooMany(Exception):
    """More values than MOST_VALUES, or MOST_MEMBERS."""


def check_bounds(text: bytes) -> None:
    """Raises TooDeep and TooMany. What is no JSON is somebody else's affair: its bytes are counted as if it were."""
    # Without escapes every quote begins or ends a string: `\\` stands for a backslash, and any `\"` that is left for a
    # quote within one.
    plain = text.replace(rb"\\", b"  ").replace(rb"\"", b"  ") if b"\\" in text else text
    octets = np.frombuffer(plain, np.uint8)
    inside, depth, values, members = 0, 0, 0, 0
    for start in range(0, len(octets), _CHUNK):
        chunk = octets[start : start + _CHUNK]
        quotes = np.cumsum(chunk == _QUOTE, dtype=np.uint32)
        within = (quotes + inside) & 1 == 1
        outside = np.where(within, np.uint8(0), chunk)
        steps = _STEP[outside]
        depths = np.cumsum(steps, dtype=np.int32) + depth
        if depths.max(initial=0) > MOST_DEPTH:
            raise TooDeep
        values += int(np.count_nonzero(outside == _COMMA))
        members += int(np.count_nonzero(outside == _COLON)) + int(np.count_nonzero(steps == 1))
        if values > MOST_VALUES or members > MOST_MEMBERS:
            raise TooMany
        inside, depth = int(quotes[-1] + inside) & 1, int(depths[-1])
