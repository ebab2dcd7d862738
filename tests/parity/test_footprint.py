"""Sizes follow from the spec, agree with what is really held, and refusals carry their numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from causerie.backends.torch.backend import TorchBackend
from causerie.errors import OutOfMemory, UsageError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.plan.footprint import cache_bytes_per_token, cache_shape, cache_sizer, weight_bytes
from tests.parity.configs import CASES, Case
from tests.parity.harness import load
from tests.parity.test_config import PUBLISHED

LLAMA_1B = spec_from_config(PUBLISHED[2][2])


@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_as_predicted(case: Case, dtype: str, folder_of: Callable[[Case], Path]) -> None:
    folder = folder_of(case)
    model = load(folder, TorchBackend(), dtype=dtype)
    assert model.weight_bytes == weight_bytes(spec_from_config(read_config(folder)), dtype)


def test_a_published_model() -> None:
    assert weight_bytes(LLAMA_1B, "bfloat16") == 2 * 1_235_814_400
    assert cache_bytes_per_token(LLAMA_1B, "bfloat16") == 16 * 2 * 8 * 64 * 2


def test_the_default_cache() -> None:
    per_token = cache_bytes_per_token(LLAMA_1B, "bfloat16")
    roomy = cache_shape(LLAMA_1B, 32, "bfloat16", 10**12)
    assert (roomy.blocks * 32, roomy.dtype) == (2 * 131072, "bfloat16")
    quarter = cache_shape(LLAMA_1B, 32, "bfloat16", 8 * 10**9)
    assert quarter.blocks * 32 == pytest.approx(2 * 10**9 / per_token, abs=32)
    least = cache_shape(LLAMA_1B, 32, "bfloat16", 2 * 10**8)
    assert least.blocks * 32 == 4096
    assert cache_shape(LLAMA_1B, 32, "float32", 10**12).dtype == "float32"


def test_too_little_memory() -> None:
    with pytest.raises(OutOfMemory, match=r"4096 tokens needs 0\.13 GB and 0\.10 GB are free.*at most 3051 tokens"):
        cache_shape(LLAMA_1B, 32, "bfloat16", 10**8)
    with pytest.raises(OutOfMemory, match="100000 tokens"):
        cache_shape(LLAMA_1B, 32, "bfloat16", 10**9, tokens=100_000)
    with pytest.raises(OutOfMemory, match=r"needs 2\.47 GB in bfloat16 and 1\.00 GB are free"):
        cache_sizer(32, 10**9)(LLAMA_1B, "bfloat16")
    with pytest.raises(UsageError, match="at least one"):
        cache_shape(LLAMA_1B, 32, "bfloat16", 10**9, tokens=0)
