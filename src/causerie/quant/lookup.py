"""`nf4` and `fp4`, as bitsandbytes defines them: 4-bit codes into a table of 16 values, scaled by the largest magnitude
of each block of 64 weights. Blocks run over the flattened matrix and may span rows.

    codes   uint8    [⌈n·k / 2⌉]   byte i holds weight 2i in its high nibble and weight 2i + 1 in its low one
    absmax  float32  [⌈n·k / 64⌉]  value = table[code] · absmax

With a doubled quantization (`nf4_double`, `fp4_double`) the magnitudes are themselves 8-bit codes:

    absmax         uint8    [⌈n·k / 64⌉]
    nested_absmax  float32  [⌈n·k / 16384⌉]
    offset         float32  [1]    absmax = dynamic[code] · nested_absmax + offset

Tables: NF4 is of Dettmers et al., "QLoRA" (2023), FP4 bitsandbytes' own, the 8-bit dynamic map of Dettmers et al.,
"8-bit Optimizers via Block-wise Quantization" (2022). bitsandbytes' functions are the oracle in tests/quant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.format import Buffer, Buffers, Rows
from causerie.quant.nibbles import high_first, joined_high_first

BLOCK = 64  # weights that share a magnitude
NESTED = 256  # magnitudes that share a magnitude of theirs
PART = 2**17  # elements worked on at once, so that all of it stays in a core's own cache
LEAST = np.float32(1e-38)

# fmt: off
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], np.float32)
# fmt: on
_FP4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3], np.float32) / np.float32(12)
FP4 = np.concatenate([_FP4, -_FP4])
TABLES = {"nf4": NF4, "fp4": FP4}


@cache
def dynamic_map() -> NDArray[np.float32]:
    """The 256 values of the signed 8-bit dynamic map, ascending: seven decades with 2 to 128 values each on either
    side, zero and one."""
    found = [0.0, 1.0]
    for decade in range(7):
        means = _means(2**decade + 1) * np.float32(10.0 ** (decade - 6))
        found += [float(mean) for mean in means] + [-float(mean) for mean in means]
    return np.sort(np.array(found, np.float32))


def _means(count: int) -> NDArray[np.float32]:
    """The middles between `count` numbers from 0.1 to 1, evenly apart: reckoned from both ends with a float32 step, and
    rounded to float32 once, as torch does, so that the last bits agree."""
    first, last = float(np.float32(0.1)), 1.0
    step = float((np.float32(last) - np.float32(first)) / np.float32(count - 1))
    at = np.arange(count)
    ends = np.where(at < count // 2, first + step * at, last - step * at[::-1]).astype(np.float32)
    return (ends[:-1] + ends[1:]) / np.float32(2)


@dataclass(frozen=True)
class Lookup:
    """Implements `format.Format` for one table."""

    table: str  # a key of TABLES
    double: bool = False

    @property
    def name(self) -> str:
        """nf4, fp4, nf4_double or fp4_double."""
        return f"{self.table}_double" if self.double else self.table

    def group(self, width: int) -> int:
        """64."""
        return BLOCK

    def refusal(self, width: int) -> str | None:
        """Any width: blocks span rows."""
        return None

    def row_step(self, width: int) -> int:
        """Whole blocks, and whole blocks of magnitudes."""
        whole = BLOCK * NESTED if self.double else BLOCK
        return whole // gcd(whole, width)

    def buffers(self, shape: tuple[int, int]) -> dict[str, Buffer]:
        """codes and absmax; nested_absmax and offset."""
        count = shape[0] * shape[1]
        blocks = -(-count // BLOCK)
        found = {"codes": Buffer("U8", (-(-count // 2),)), "absmax": Buffer("U8" if self.double else "F32", (blocks,))}
        if self.double:
            found |= {
                "nested_absmax": Buffer("F32", (-(-blocks // NESTED),)),
                "offset": Buffer("F32", (1,), whole=True),
            }
        return found

    def constant(self, slices: Iterable[Rows]) -> np.float32 | None:
        """The mean of all magnitudes, where they are to be quantized."""
        if not self.double:
            return None
        found = np.concatenate([_magnitudes(rows.reshape(-1)) for rows in slices])
        return np.float32(found.astype(np.float64).mean())

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """Block by block; `constant` is what `constant` gave for the whole matrix."""
        flat = rows.reshape(-1)
        parts = [_encoded(flat[at : at + PART], TABLES[self.table]) for at in range(0, flat.size, PART)]
        codes, absmax = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if not self.double:
            return {"codes": codes, "absmax": absmax}
        offset = np.float32(0 if constant is None else constant)
        magnitudes, nested = _nested(absmax - offset)
        return {"codes": codes, "absmax": magnitudes, "nested_absmax": nested, "offset": np.array([offset])}

    def decode(self, buffers: Buffers, shape: tuple[int, int]) -> Rows:
        """table[code] · absmax, rounded once."""
        count = shape[0] * shape[1]
        values = TABLES[self.table][high_first(buffers["codes"])]
        values = np.pad(values, (0, -len(values) % BLOCK)).reshape(-1, BLOCK) * self.magnitudes(buffers)[:, None]
        return values.reshape(-1)[:count].reshape(shape)

    def magnitudes(self, buffers: Buffers) -> NDArray[np.float32]:
        """The scale of every block."""
        absmax = buffers["absmax"]
        if not self.double:
            return np.asarray(absmax, np.float32)
        nested = np.repeat(buffers["nested_absmax"], NESTED)[: len(absmax)]
        return np.asarray(dynamic_map()[absmax] * nested + buffers["offset"], np.float32)


def _blocks(flat: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """[blocks, size], the last one filled up with zeros."""
    return np.pad(flat, (0, -len(flat) % size)).reshape(-1, size)


def _magnitudes(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.abs(_blocks(flat, BLOCK)).max(1))


def _scaled(blocks: NDArray[np.float32], largest: NDArray[np.float32], tail: int) -> NDArray[np.float32]:
    """Blocks over their largest magnitudes, within -1 … 1: by its inverse, and by division in an unfinished last block
    (`tail` elements), as bitsandbytes does: codes on an edge would differ otherwise."""
    bounded = np.maximum(largest, LEAST)[:, None]
    scaled = np.asarray(blocks * (np.float32(1) / bounded), np.float32)
    if tail:
        scaled[-1] = blocks[-1] / bounded[-1]
    np.clip(scaled, -1, 1, out=scaled)
    return scaled


def _encoded(flat: NDArray[np.float32], table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    order = np.argsort(table, kind="stable")
    edges = (table[order][:-1] + table[order][1:]) / np.float32(2)
    largest = _magnitudes(flat)
    tail = len(flat) % BLOCK
    if tail:
        largest[-1] = max(largest[-1], LEAST)  # as bitsandbytes does, in an unfinished block alone
    scaled = _scaled(_blocks(flat, BLOCK), largest, tail)
    codes = order.astype(np.uint8)[np.searchsorted(edges, scaled.reshape(-1)[: len(flat) + len(flat) % 2])]
    return joined_high_first(codes), largest


def _nested(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """8-bit codes of the dynamic map, and the largest magnitude of each 256 values."""
    table = dynamic_map()
    edges = (table[:-1] + table[1:]) / np.float32(2)
    blocks = _blocks(values, NESTED)
    largest = np.abs(blocks).max(1)
    scaled = _scaled(blocks, largest, len(values) % NESTED).reshape(-1)[: len(values)]
    return np.searchsorted(edges, scaled).astype(np.uint8), largest
