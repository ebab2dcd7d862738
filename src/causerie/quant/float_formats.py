"""Formats of floating-point numbers of 8 and 4 bits, by which checkpoints are published.

`fp8`: bytes of E4M3, with a scale for each output; `fp8_128`, `fp8_64`, `fp8_32`, `fp8_16`: one for so many inputs. A
file whose scales are of blocks of outputs, or of the whole matrix, has each of them several times here. 8.03 to 10
bits. A byte that says NaN is one.

    codes  uint8    [n, k]
    scale  float32  [n] or [n, k / g]   value = E4M3[code] · scale

`mxfp8`, of the OCP's "Microscaling Formats (MX)": a power of two for every 32 inputs. 8.25 bits.

    codes  uint8  [n, k]
    scale  uint8  [n, k / 32]   value = E4M3[code] · 2^(scale - 127)

`nvfp4`: codes into E2M1, a scale in E4M3 for every 16 inputs, and a number of the whole matrix by which scales are
multiplied, or in `nvfp4_over` divided. 4.5 bits. The values are whole numbers of halves, by which products are made.

    codes  uint8    [n, k / 2]    byte i of a row holds input 2i in its low nibble and input 2i + 1 in its high one
    scale  uint8    [n, k / 16]
    whole  float32  [1]           value = E2M1[code] · (E4M3[scale] · whole), or E2M1[code] · (E4M3[scale] / whole)
"""

from __future__ import annotations

from causerie.quant.code_bits import BYTES, low_first
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat
from causerie.quant.tables import E2M1, E4M3, E8M0

FP8_GROUPS = (128, 64, 32, 16)
NVFP4_GROUP = 16
_WHOLE = Numbers("whole", "F32", "matrix")

FP8 = PackedFormat("fp8", BYTES, Numbers("scale", "F32", "row"), table=E4M3)
FP8_GROUPED = {
    group: PackedFormat(f"fp8_{group}", BYTES, Numbers("scale", "F32"), (group,), table=E4M3) for group in FP8_GROUPS
}
MXFP8 = PackedFormat("mxfp8", BYTES, Numbers("scale", "U8", table=E8M0), (32,), table=E4M3)


def _nvfp4(name: str, scale: Numbers) -> PackedFormat:
    return PackedFormat(name, low_first(4), scale, (NVFP4_GROUP,), table=E2M1, table_step=0.5)


NVFP4 = _nvfp4("nvfp4", Numbers("scale", "U8", table=E4M3, times=_WHOLE))
NVFP4_OVER = _nvfp4("nvfp4_over", Numbers("scale", "U8", table=E4M3, over=_WHOLE))

FLOAT_FORMATS = (FP8, *FP8_GROUPED.values(), MXFP8, NVFP4, NVFP4_OVER)
