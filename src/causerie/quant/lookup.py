"""Quantizes to `nf4` and `fp4` (formats.py) as bitsandbytes does, whose functions are the oracle in tests/quant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.code_bits import high_first
from causerie.quant.format import Rows
from causerie.quant.formats import BLOCK, NESTED, QUANTIZED
from causerie.quant.packed_format import PackedFormat
from causerie.quant.tables import TABLES, dynamic_map

PART = 2**17  # elements worked on at once, so that all of it stays in a core's own cache
LEAST = np.float32(1e-38)


@dataclass(frozen=True)
class LookupEncoder:
    """Implements `encoder.Encoder` for one table."""

    table: str  # a key of TABLES
    double: bool = False

    @property
    def format(self) -> PackedFormat:
        """nf4, fp4, nf4_double or fp4_double."""
        return QUANTIZED[f"{self.table}_double" if self.double else self.table]

    def constant(self, slices: Iterable[Rows]) -> np.float32 | None:
        """The mean of all magnitudes, where they are to be quantized."""
        if not self.double:
            return None
        magnitudes = np.concatenate([_magnitudes(rows.reshape(-1)) for rows in slices])
        return np.float32(magnitudes.astype(np.float64).mean())

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
    return high_first(4).packed(codes), largest


def _nested(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """8-bit codes of the dynamic map, and the largest magnitude of each 256 values."""
    table = dynamic_map()
    edges = (table[:-1] + table[1:]) / np.float32(2)
    blocks = _blocks(values, NESTED)
    largest = np.abs(blocks).max(1)
    scaled = _scaled(blocks, largest, len(values) % NESTED).reshape(-1)[: len(values)]
    return np.searchsorted(edges, scaled).astype(np.uint8), largest
