"""Values that codes name: NF4 of Dettmers et al., "QLoRA" (2023), bitsandbytes' FP4, and the 8-bit dynamic map of
Dettmers et al., "8-bit Optimizers via Block-wise Quantization" (2022), for which bitsandbytes' functions are the oracle
in tests/quant; E2M1 and E8M0 of the OCP's "Microscaling Formats (MX)" (2023): numbers of 4 bits with 2 of them for an
exponent, and powers of two; E4M3 of the OCP's "8-bit Floating Point Specification (OFP8)" (2023), which has no
infinities, and NaN where all bits but the sign are set.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# fmt: off
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], np.float32)
# fmt: on
_FP4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3], np.float32) / np.float32(12)
FP4 = np.concatenate([_FP4, -_FP4])
TABLES = {"nf4": NF4, "fp4": FP4}
E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)
E8M0 = (*(2.0 ** (byte - 127) for byte in range(255)), float("nan"))


def _e4m3(byte: int) -> float:
    """What a byte of E4M3 stands for."""
    exponent, mantissa = byte >> 3 & 15, byte & 7
    if exponent == 15 and mantissa == 7:
        return float("nan")
    size = mantissa / 8 * 2.0**-6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    return -size if byte & 128 else size


E4M3 = tuple(_e4m3(byte) for byte in range(256))


@cache
def dynamic_map() -> NDArray[np.float32]:
    """The 256 values of the signed 8-bit dynamic map, ascending: seven decades with 2 to 128 values each on either
    side, zero and one."""
    values = [0.0, 1.0]
    for decade in range(7):
        means = _means(2**decade + 1) * np.float32(10.0 ** (decade - 6))
        values += [float(mean) for mean in means] + [-float(mean) for mean in means]
    return np.sort(np.array(values, np.float32))


def _means(count: int) -> NDArray[np.float32]:
    """The middles between `count` numbers from 0.1 to 1, evenly apart: reckoned from both ends with a float32 step, and
    rounded to float32 once, as torch does, so that the last bits agree."""
    first, last = float(np.float32(0.1)), 1.0
    step = float((np.float32(last) - np.float32(first)) / np.float32(count - 1))
    at = np.arange(count)
    ends = np.where(at < count // 2, first + step * at, last - step * at[::-1]).astype(np.float32)
    return (ends[:-1] + ends[1:]) / np.float32(2)
