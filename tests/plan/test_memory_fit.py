"""Whether a model finds room: at once, only after others went, or not at all, and in which precision."""

from __future__ import annotations

import pytest

from causerie.plan.fit import best_precision
from causerie.plan.memory_fit import FreeMemory, MemoryFit, fit_by_size, memory_fit

NEEDED = {"bfloat16": 1000, "int8": 550, "int4": 300}


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (FreeMemory(1100), MemoryFit("bfloat16", 1000, "fits")),
        (FreeMemory(1099), MemoryFit("bfloat16", 1000, "tight")),
        (FreeMemory(605), MemoryFit("int8", 550, "fits")),
        (
            FreeMemory(605, 5000),
            MemoryFit("int8", 550, "fits"),
        ),  # what is free now goes first: nothing need be unloaded
        (FreeMemory(299, 5000), MemoryFit("bfloat16", 1000, "tight")),
        (FreeMemory(299, 1), MemoryFit("int4", 300, "tight")),
        (FreeMemory(200, 50), MemoryFit("int4", 300, "too_large", 50)),
    ],
)
def test_memory_fit(memory: FreeMemory, expected: MemoryFit) -> None:
    assert memory_fit(NEEDED, memory) == expected


@pytest.mark.parametrize("gigabytes", [1, 5, 9, 17, 40])
def test_by_sizes_it_is_the_precision_that_the_terminal_offers(gigabytes: int) -> None:
    parameters, memory = 8_000_000_000, gigabytes * 10**9
    sized = fit_by_size(parameters, 2 * parameters, FreeMemory(memory))
    best = best_precision(parameters, 2 * parameters, memory)
    assert (sized.precision if sized.fits != "too_large" else None) == best
