"""Rows of random records of each of GGUF's kinds, for tests, and what the gguf package makes of them."""

from __future__ import annotations

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from numpy.typing import NDArray

from causerie.checkpoint.gguf.block_types import BLOCK_TYPES

BLOCKS = {block.name: block for block in BLOCK_TYPES.values()}
NUMBERS = {block.name: number for number, block in BLOCK_TYPES.items()}
HALVES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("Q4_0", "Q5_0", "Q8_0", "IQ4_NL", "IQ4_XS", "IQ3_S", "IQ3_XXS", "IQ2_XXS", "IQ2_XS"), (0,)),
    **dict.fromkeys(("IQ2_S", "IQ1_S", "Q1_0", "Q2_0"), (0,)),
    **dict.fromkeys(("Q4_1", "Q5_1", "Q4_K", "Q5_K"), (0, 2)),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q6_K": (208,),
    "TQ1_0": (52,),
    "TQ2_0": (64,),
    "MXFP4": (),
    "NVFP4": (),
    "IQ1_M": (),
}
"""Where the float16 numbers of a record lie."""
EDGES = np.array([0.0, -0.0, 2.0**-24, -(2.0**-24), 1023 * 2.0**-24, 65504.0, -65504.0, 1.0, 0.1], np.float16)


def random_rows(name: str, rows: int, width: int, seed: int = 0, *, edges: bool = True) -> NDArray[np.uint8]:
    """Rows of records of random bits, with small scales and, in the first ones, `edges` of what scales can be."""
    block, draw = BLOCKS[name], np.random.default_rng(seed)
    records = draw.integers(0, 256, (rows * width // block.elements, block.nbytes)).astype(np.uint8)
    for place in HALVES[name]:
        halves = draw.normal(0, 0.01, len(records)).astype(np.float16)
        if edges:
            halves[: len(EDGES)] = np.roll(EDGES, place)[: len(halves)]
        records[:, place : place + 2] = halves[:, None].view(np.uint8)
    if name == "MXFP4":  # from 253 on values are none of float32
        records[:, 0] = np.arange(len(records)) % 253 if edges else draw.integers(118, 124, len(records))
    if name == "NVFP4":  # 255 is no number
        records[:, :4] = draw.integers(0, 255, (len(records), 4)) if edges else draw.integers(8, 24, (len(records), 4))
    if name == "IQ1_M":  # the highest bits of four numbers are a float16
        records[:, 55] = records[:, 55] & 0x0F | (0x00 if edges else 0x20)
    return records.reshape(rows, -1)


def weight_rows(name: str, rows: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Rows whose values are about as large as a model's weights: some hundredths."""
    records = random_rows(name, rows, width, seed, edges=False)
    size = float(oracle(name, records).std())
    flat = records.reshape(-1, BLOCKS[name].nbytes)
    for place in HALVES[name]:
        halves = np.ascontiguousarray(flat[:, place : place + 2]).view(np.float16).astype(np.float32) * 0.04 / size
        flat[:, place : place + 2] = halves.astype(np.float16).view(np.uint8)
    return records


def oracle(name: str, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The values by the gguf package, and by their definition in llama.cpp of the two kinds that it does not read."""
    if name in ("Q1_0", "Q2_0"):
        records = rows.reshape(-1, BLOCKS[name].nbytes)
        bits = 1 if name == "Q1_0" else 2
        codes = records[:, 2:, None] >> np.arange(0, 8, bits, dtype=np.uint8) & np.uint8(2**bits - 1)
        signed = codes.reshape(len(records), -1) * (2.0 if bits == 1 else 1.0) - 1
        scale = np.ascontiguousarray(records[:, :2]).view("<f2").astype(np.float32)
        return np.asarray((signed * scale).reshape(len(rows), -1), np.float32)
    with np.errstate(over="ignore"):
        values = dequantize(rows, GGMLQuantizationType[name])
    return np.asarray(values.reshape(len(rows), -1), np.float32)
