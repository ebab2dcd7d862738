"""Sizes follow from the spec, agree with what is really held, and refusals carry their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from causerie.backends.ops import BlockCount
from causerie.backends.torch.backend import TorchBackend
from causerie.checkpoint.elementwise import Plus
from causerie.errors import OutOfMemory, UsageError
from causerie.models.config import read_config
from causerie.models.registry import family, spec_from_config
from causerie.plan.footprint import cache_bytes_per_token, cache_cost, cache_shape, cache_sizer, weight_bytes
from causerie.quant.weight import BYTES
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.short_conv import ShortConv
from tests.parity.cases import CASES, Case
from tests.parity.harness import load
from tests.parity.test_config import PUBLISHED

LLAMA_1B = spec_from_config(PUBLISHED[2][2])


@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_as_predicted(case: Case, dtype: str, folder_of: Callable[[Case], Path]) -> None:
    """But for norms by 1 + w, which are not rounded either, and which a spec does not tell from others."""
    folder = folder_of(case)
    values = read_config(folder)
    spec = spec_from_config(values)
    names = family(values).names(spec)
    sums = sum(each.parameters for each in spec.weights() if isinstance(names.expression(each.name), Plus))
    model = load(folder, TorchBackend(), dtype=dtype)
    assert model.weight_bytes == weight_bytes(spec, dtype) + (4 - BYTES[dtype]) * sums


def test_a_published_model() -> None:
    assert weight_bytes(LLAMA_1B, "bfloat16") == 2 * 1_235_814_400
    assert cache_bytes_per_token(LLAMA_1B, "bfloat16") == 16 * 2 * 8 * 64 * 2


def test_the_default_cache() -> None:
    per_token = cache_bytes_per_token(LLAMA_1B, "bfloat16")
    roomy = cache_shape(LLAMA_1B, 32, "bfloat16", 10**12)
    assert (roomy.groups, roomy.dtype, roomy.slots) == ((BlockCount(2 * 131072 // 32),), "bfloat16", 0)
    quarter = cache_shape(LLAMA_1B, 32, "bfloat16", 8 * 10**9)
    assert quarter.groups[0].blocks * 32 == pytest.approx(2 * 10**9 / per_token, abs=32)
    least = cache_shape(LLAMA_1B, 32, "bfloat16", 2 * 10**8)
    assert least.groups[0].blocks * 32 == 4096
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


def made_of(*mixers: Attention | int, context: int = 8192) -> Decoder:
    """A decoder of attention, or of slots of so many elements."""
    layer = LLAMA_1B.layers[0]
    layers = tuple(replace(layer, mixer=ShortConv(each, 2) if isinstance(each, int) else each) for each in mixers)
    return replace(LLAMA_1B, layers=layers, context=context)


PAGES = LLAMA_1B.layers[0].mixer
TOKEN = 2 * 8 * 64 * 2  # bytes of a position in a layer of it
NARROW, WIDE = replace(PAGES, window=512), replace(PAGES, window=2048)


def test_layers_with_a_window_keep_a_quarter_or_a_window_and_two_steps() -> None:
    spec = made_of(PAGES, NARROW, WIDE, NARROW, PAGES)
    assert cache_bytes_per_token(spec, "bfloat16") == 5 * TOKEN
    for tokens, narrow, wide in ((1000, 1000, 1000), (4096, 1536, 3072), (10_000, 2500, 3072), (40_000, 10**4, 10**4)):
        shape = cache_shape(spec, 8, "bfloat16", 10**10, tokens)
        assert shape.groups == (
            BlockCount(-(-tokens // 8)),
            BlockCount(-(-narrow // 8), 512),
            BlockCount(-(-wide // 8), 2048),
        )
        needed = sum(each.blocks * 8 * TOKEN * count for each, count in zip(shape.groups, (2, 2, 1), strict=True))
        assert cache_shape(spec, 8, "bfloat16", needed, tokens) == shape
        with pytest.raises(OutOfMemory, match=f"A cache of {tokens} tokens needs .*{5 * TOKEN} bytes per token of"):
            cache_shape(spec, 8, "bfloat16", needed - 1, tokens)


def test_a_default_cache_with_windows_takes_a_quarter_of_what_is_free() -> None:
    spec = made_of(PAGES, NARROW, NARROW, NARROW, context=1 << 20)
    free = 10**9
    shape = cache_shape(spec, 8, "bfloat16", free)
    full, narrow = (each.blocks * 8 * TOKEN for each in shape.groups)
    assert full + 3 * narrow == pytest.approx(free / 4, abs=5 * 8 * TOKEN)
    assert shape.groups[1].blocks == -(-shape.groups[0].blocks // 4)
    with pytest.raises(OutOfMemory) as refusal:
        cache_shape(spec, 8, "bfloat16", free, 1 << 22)
    most = int(re.findall(r"at most (\d+) tokens", str(refusal.value))[0])
    assert cache_cost(spec, "bfloat16").total(most) <= free < cache_cost(spec, "bfloat16").total(most + 1)


def test_slots_are_many_unless_they_are_large() -> None:
    tokens = 8000
    pages = tokens * TOKEN
    for elements, slots in ((100, 64), (pages // 7 // 4 // 20 // 2, 20), (10**6, 4)):
        spec = made_of(PAGES, elements, elements)
        shape = cache_shape(spec, 8, "bfloat16", 10**10, tokens)
        assert (shape.groups, shape.slots) == ((BlockCount(1000),), slots)
        needed = pages + 8 * elements * slots
        assert slots == 4 or 8 * elements * slots * 8 <= needed
        assert cache_shape(spec, 8, "bfloat16", needed, tokens) == shape
        with pytest.raises(OutOfMemory, match=rf"{TOKEN} bytes per token, {8 * elements} per chat of this"):
            cache_shape(spec, 8, "bfloat16", needed - 1, tokens)


def test_a_model_without_pages_has_slots_alone() -> None:
    spec = made_of(1000, 1000)
    assert cache_bytes_per_token(spec, "bfloat16") == 0
    shape = cache_shape(spec, 32, "bfloat16", 10**9)
    assert (shape.groups, shape.slots) == ((), 64)
    for free, slots in ((10**6, 10**6 // 4 // 8000), (10**5, 4)):
        assert cache_shape(spec, 32, "bfloat16", free).slots == slots
    with pytest.raises(OutOfMemory, match=r"0 bytes per token, 8000 per chat of this llama model\)\. Close"):
        cache_shape(spec, 32, "bfloat16", 31_999)
