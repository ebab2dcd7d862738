"""The roofline, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causerie.plan.speed import Cost, Limits, active_bytes, step_work
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from causerie.spec.short_conv import ShortConv

NORM = Norm(1e-6)


def decoder(*, tied: bool = True, window: int | None = None) -> Decoder:
    mixer = Attention(4, 2, 8, 8**-0.5, Rope(1e4, 8, 512), window=window)
    return Decoder("llama", 100, 32, (Layer(mixer, MLP(64), NORM),) * 3, NORM, tied, 512)


def matrices(spec: Decoder) -> int:
    return sum(shape[0] * shape[1] for _, shape, role in spec.weights() if role in ("attention", "feed-forward"))


def test_the_half_billion_of_the_note() -> None:
    mixer = Attention(14, 2, 64, 64**-0.5, Rope(1e6, 64, 32768), qkv_bias=True)
    spec = Decoder("qwen2", 151936, 896, (Layer(mixer, MLP(4864), NORM),) * 24, NORM, True, 32768)
    read = active_bytes(spec, 2 * spec.parameters, "bfloat16")
    decode = step_work(spec, read, ("bfloat16", "bfloat16"), rows=1, depth=0, sequences=1, outputs=1)
    assert decode.bytes == pytest.approx(0.99e9, rel=0.01)
    prefill = step_work(spec, read, ("bfloat16", "bfloat16"), rows=512, depth=0, sequences=1, outputs=1)
    assert prefill.operations["bfloat16"] / 512 == pytest.approx(0.72e9, rel=0.05)


def test_matrices_are_multiplied_for_each_row_and_the_head_for_each_wanted_one() -> None:
    spec = decoder()
    work = step_work(spec, 1000, ("int8", "float32"), rows=5, depth=0, sequences=2, outputs=2)
    assert work.operations["int8"] == 2 * (matrices(spec) * 10 + 100 * 32 * 2)


def test_attention_reads_the_cache_once_for_each_sequence_and_sees_the_mean_of_its_rows() -> None:
    work = step_work(decoder(), 1000, ("float32", "bfloat16"), rows=4, depth=10, sequences=3, outputs=3)
    assert work.bytes == 1000 + 3 * 3 * 2 * 2 * 8 * 2 * 14  # sequences, layers, k and v, heads, head_dim, bytes, seen
    assert work.operations["bfloat16"] == 3 * 3 * 4 * 4 * 8 * (11 + 12 + 13 + 14)


def test_a_window_bounds_what_is_seen() -> None:
    formats = ("float32", "float32")
    near = step_work(decoder(window=16), 0, formats, rows=1, depth=15, sequences=1, outputs=1)
    assert step_work(decoder(window=16), 0, formats, rows=1, depth=400, sequences=1, outputs=1) == near


def test_an_embedding_that_is_not_the_head_is_not_read() -> None:
    assert active_bytes(decoder(), 50_000, "float32") == 50_000
    assert active_bytes(decoder(tied=False), 50_000, "float32") == 50_000 - 100 * 32 * 4


def test_the_longer_of_reading_and_computing_bounds() -> None:
    limits = Limits(100.0, {"int8": 1000.0, "float32": 10.0})
    assert Cost(200.0, {"int8": 1000.0}).least_seconds(limits) == (2.0, "memory")
    assert Cost(200.0, {"int8": 1000.0, "float32": 30.0}).least_seconds(limits) == (4.0, "arithmetic")


def test_what_could_not_be_measured_is_not_guessed() -> None:
    limits = Limits(100.0, {"float32": 1000.0})
    assert Cost(100.0, {"bfloat16": 5000.0}).least_seconds(limits) is None
    assert Cost(100.0, {"bfloat16": 150.0}).least_seconds(limits) == (1.0, "memory")


def test_a_slot_is_read_once_for_each_sequence() -> None:
    """Whatever the depth, and without pairs of positions to multiply."""
    whole = decoder()
    spec = replace(whole, layers=(replace(whole.layers[0], mixer=ShortConv(32, 4)), *whole.layers[1:]))
    works = [
        step_work(each, 1000, ("bfloat16", "float32"), rows=1, depth=99, sequences=3, outputs=3)
        for each in (replace(whole, layers=whole.layers[1:]), spec)
    ]
    without, with_slots = works
    assert with_slots.bytes - without.bytes == 3 * 4 * 3 * 32
    assert with_slots.operations["float32"] == without.operations["float32"]
