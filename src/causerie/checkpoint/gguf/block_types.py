"""The element types of GGUF files by their numbers: plain ones, and blocks of so many elements in so many bytes.

Knows how large a block is and not what is in it (quant/gguf_formats.py and loading/block_records.py do).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from causerie.checkpoint.index import TensorIndex


@dataclass(frozen=True)
class BlockType:
    """A type whose elements come in blocks along a row."""

    name: str
    elements: int
    nbytes: int


@runtime_checkable
class BlockIndex(TensorIndex, Protocol):
    """The tensors of a GGUF file, some of which are rows of such blocks, and what it says of its model."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Strings, numbers, truth values, tuples of strings, and arrays of numbers."""
        ...

    def block_type(self, name: str) -> BlockType | None:
        """The blocks that a tensor's rows of bytes are made of; None for one of plain numbers."""
        ...


PLAIN_TYPES: Mapping[int, str] = {
    0: "F32",
    1: "F16",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    30: "BF16",
}
"""Types of single elements, as `checkpoint.index.DTYPES` spells them."""

BLOCK_TYPES: Mapping[int, BlockType] = {
    number: BlockType(name, elements, nbytes)
    for number, name, elements, nbytes in (
        (2, "Q4_0", 32, 18),
        (3, "Q4_1", 32, 20),
        (6, "Q5_0", 32, 22),
        (7, "Q5_1", 32, 24),
        (8, "Q8_0", 32, 34),
        (10, "Q2_K", 256, 84),
        (11, "Q3_K", 256, 110),
        (12, "Q4_K", 256, 144),
        (13, "Q5_K", 256, 176),
        (14, "Q6_K", 256, 210),
        (16, "IQ2_XXS", 256, 66),
        (17, "IQ2_XS", 256, 74),
        (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50),
        (20, "IQ4_NL", 32, 18),
        (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82),
        (23, "IQ4_XS", 256, 136),
        (29, "IQ1_M", 256, 56),
        (34, "TQ1_0", 256, 54),
        (35, "TQ2_0", 256, 66),
        (39, "MXFP4", 32, 17),
        (40, "NVFP4", 64, 36),
        (41, "Q1_0", 128, 18),
        (42, "Q2_0", 64, 18),
    )
}
"""Types of blocks."""

NO_MODEL_TYPES: Mapping[int, str] = {
    4: "Q4_2",
    5: "Q4_3",
    9: "Q8_1",
    15: "Q8_K",
    31: "Q4_0_4_4",
    32: "Q4_0_4_8",
    33: "Q4_0_8_8",
    36: "IQ4_NL_4_4",
    37: "IQ4_NL_4_8",
    38: "IQ4_NL_8_8",
}
"""Types that old files have and nobody reads any more, and those of activations."""
