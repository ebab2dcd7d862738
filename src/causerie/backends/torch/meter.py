"""What memory and arithmetic of one of torch's devices give, measured by a copy and a product. Knows no model."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

COPIED = 2**28
"""Bytes that are copied: several times any cache of a device."""
SIDE = 4096
"""Of the matrices that are multiplied; on a processor a quarter of it."""
SECONDS = 0.2


def bandwidth(device: str) -> float:
    """Bytes per second, of the best of several copies; each byte is read and written."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / _least_seconds(device, lambda: target.copy_(source))


def operations(device: str) -> float:
    """Operations per second of products of bfloat16 matrices, the best of several."""
    side = SIDE // 4 if device == "cpu" else SIDE
    matrix = torch.ones(side, side, dtype=torch.bfloat16, device=device)
    return 2 * side**3 / _least_seconds(device, lambda: matrix @ matrix)


def _least_seconds(device: str, work: Callable[[], object]) -> float:
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < SECONDS:
        before = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - before)
    return min(times[1:])


def _wait(device: str) -> None:
    """Devices compute while the program goes on; a time is only known once they are done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()
