"""A format is one entry: made-up ones (tests/quant/made_up.py) run in the kernels as those of the list do. Products are
those of their values, embedded rows their values to the last bit, and all is `==` however it is run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.native.quantized import code_bytes, code_panels
from causerie.models.model import Model
from causerie.quant.float_formats import FLOAT_FORMATS
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED
from causerie.quant.gguf_formats import GGUF_FORMATS
from causerie.quant.packed_format import PackedFormat
from causerie.quant.tables import E4M3
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Linear, Ops, Weights
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    logits_only,
    prompt_logits,
    random_weights,
    some_tokens,
    to_bf16,
    widened,
)
from tests.kernels.reference import reference_logits
from tests.quant.made_up import MADE_UP
from tests.quant.made_up import random_arrays as drawn_arrays

PUBLISHED = (
    "asym4_g128_f16",
    "asym8_g64_bf16",
    "affine3_g32_f16",
    "affine5_g64_bf16",
    "affine6_row_f16",
    "sym7_row_f32",
)
FORMATS = {
    **MADE_UP,
    **{format.name: format for format in (*GGUF_FORMATS, *FLOAT_FORMATS)},
    **{name: QUANTIZED[name] for name in PUBLISHED},
}
WIDTHS = {32: 70, 64: 130, 96: 67, 256: 65, 768: 203, 2304: 64}  # and rows


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are entries of the list."""
    for name, format in MADE_UP.items():
        monkeypatch.setitem(QUANTIZED, name, format)


def random_arrays(format: PackedFormat, shape: tuple[int, int], seed: int = 0) -> dict[str, Any]:
    """Without codes that are no number."""
    arrays = drawn_arrays(format, shape, seed)
    if format.table == E4M3:
        arrays["codes"][arrays["codes"] & 127 == 127] = 126
    return arrays


def cases() -> Iterator[tuple[PackedFormat, int, int]]:
    for format in FORMATS.values():
        for width, rows in ({40: 70, 101: 67, 256: 64} if format.flat else WIDTHS).items():
            if format.refusal(width) is None:
                yield format, width, rows


CASES = list(cases())
IDS = [f"{format.name}-{width}x{rows}" for format, width, rows in CASES]


def input_group(format: PackedFormat, width: int) -> int:
    """128 for codes of up to 4 bits, and for scales that count what many weights share; else 64."""
    stepped = isinstance(unit := format.scale.times and format.scale.times.span, int) and unit == 256
    return math.gcd(128 if format.codes.bits <= 4 or stepped else 64, width)


def in_8_bits(x: Array, group: int) -> Array:
    """Activations as integer kernels read them."""
    groups = x.astype(np.float32).reshape(*x.shape[:-1], -1, group)
    peak = np.abs(groups).max(-1, keepdims=True)
    return (np.rint(groups * (np.float32(127) / peak)) * (peak / np.float32(127)).astype(np.float64)).reshape(x.shape)


def one_matrix(width: int, rows: int) -> tuple[Decoder, Any]:
    spec = replace(Shape(width=width, vocab=rows, tied=False).decoder(), layers=())
    draw = np.random.default_rng(7)
    embed = draw.normal(0, 1, (rows, width)) * draw.lognormal(0, 1, (rows, 1))
    return spec, {"embed": embed.astype(np.float32), "norm": np.ones(width, np.float32)}


def head_only(ops: Ops, spec: Decoder, weights: Weights) -> Any:
    (out,) = ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["head"]))
    return out


def embedded(ops: Ops, spec: Decoder, weights: Weights) -> Any:
    return ops.select(ops.embed(weights["embed"]))


def built(format: PackedFormat, arrays: Buffers, spec: Decoder, stored: Any, **options: Any) -> Model:
    return build(spec, stored, packed={"head": (format.name, arrays)}, forward=logits_only(head_only), **options)


@pytest.mark.parametrize(("format", "width", "rows"), CASES, ids=IDS)
def test_a_matrix_is_the_product_of_its_values(format: PackedFormat, width: int, rows: int) -> None:
    spec, stored = one_matrix(width, rows)
    arrays = random_arrays(format, (rows, width))
    (found,) = prompt_logits(built(format, arrays, spec, stored), [range(37)])
    x = stored["embed"][:37].astype(np.float64)
    if format.arithmetic == "int8":
        x = in_8_bits(x, input_group(format, width))
    elif format.arithmetic == "bfloat16":
        x = widened(to_bf16(x))
    weights = format.decode(arrays, (rows, width)).astype(np.float64)
    # Codes and lowest values are summed apart: a weight may be smaller than what it is made of.
    whole = np.abs(weights)
    if format.low is not None:
        whole = whole + 2 * np.abs(format.shared(format.low, arrays, (rows, width))).repeat(format.line(width), 1)
    assert (np.abs(found - x @ weights.T) <= 2e-6 * (np.abs(x) @ whole.T)).all()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_rows_of_a_table_are_its_values(format: PackedFormat, instruction_set: str) -> None:
    spec, stored = one_matrix(768, 768)
    arrays = random_arrays(format, (768, 768))
    model = build(
        spec,
        stored | {"head": stored["embed"]},
        packed={"embed": (format.name, arrays)},
        forward=logits_only(embedded),
        instruction_set=instruction_set,
    )
    (found,) = prompt_logits(model, [range(0, 768, 5)])
    np.testing.assert_array_equal(found, format.decode(arrays, (768, 768))[::5])


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_the_same_on_every_instruction_set_in_any_number(format: PackedFormat) -> None:
    spec, stored = one_matrix(2304, 203)
    arrays = random_arrays(format, (203, 2304))
    model = built(format, arrays, spec, stored)
    alone = np.concatenate([prompt_logits(model, [[token]])[0] for token in range(100)])
    for instruction_set in RUNNABLE:
        model = built(format, arrays, spec, stored, threads=2, instruction_set=instruction_set)
        for count in (1, 2, 3, 4, 5, 7, 99, 100):
            (found,) = prompt_logits(model, [range(count)])
            np.testing.assert_array_equal(found, alone[:count])


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize(
    "name", ["two", "three-steps", "four-zeros", "four-far", "five", "six-low", "eight", "eight-signed"]
)
def test_the_largest_sums(name: str, instruction_set: str) -> None:
    """Every activation and every code at its limit: nothing may run over."""
    format, shape = MADE_UP[name], (64, 256)
    spec, stored = one_matrix(256, 64)
    signs = np.where(np.random.default_rng(2).random((2, 256)) < 0.5, -1, 1)
    stored["embed"][:4] = np.concatenate([np.ones((1, 256)), -np.ones((1, 256)), signs])
    for fill in (0, 127, 128, 255):
        arrays = random_arrays(format, shape)
        for each, array in arrays.items():
            if array.dtype.itemsize == 1:
                arrays[each] = np.full_like(array.view(np.uint8), fill).view(array.dtype)
        (found,) = prompt_logits(built(format, arrays, spec, stored, instruction_set=instruction_set), [range(4)])
        x = in_8_bits(stored["embed"][:4].astype(np.float64), input_group(format, 256))
        values = format.decode(arrays, shape).astype(np.float64)
        assert np.abs(found - x @ values.T).max() <= 4e-6 * 256 * 255 * np.abs(arrays["s"].astype(np.float64)).max()


def test_matrices_of_many_formats_in_one_decoder() -> None:
    """Those that read one value share a pass where they read it alike, and one embeds."""
    shape = Shape(vocab=203, width=256, hidden=512, heads=4, kv_heads=2, head_dim=64, tied=False)
    spec = shape.decoder()
    stored = random_weights(spec, "float32")
    names = [name for name, shape, _ in spec.weights() if len(shape) == 2]
    formats = [*MADE_UP.values(), QUANTIZED["int4"], QUANTIZED["int8"]]
    packed, values = {}, dict(stored)
    for i, name in enumerate(names):
        format = formats[i % len(formats)]
        rows, width = stored[name].shape
        arrays = random_arrays(format, (rows, width), seed=i)
        drawn = format.decode(arrays, (rows, width))
        for numbers in (format.scale, format.low):  # to the size of real weights
            while numbers is not None and numbers.times is not None and numbers.times.span != "row":
                numbers = numbers.times
            if numbers is not None and numbers.dtype in ("F16", "F32"):
                size = 1.5 * width**-0.5 / drawn.std()
                arrays[numbers.array] = (arrays[numbers.array] * size).astype(arrays[numbers.array].dtype)
        packed[name], values[name] = (format.name, arrays), format.decode(arrays, (rows, width))
    assert len({format for format, _ in packed.values()}) >= 12
    tokens = some_tokens(60, spec.vocab)
    alone = prompt_logits(build(spec, stored, packed=packed), [tokens])[0]
    again = prompt_logits(build(spec, stored, packed=packed, threads=2), [tokens, tokens[:7]], chunk=9)
    np.testing.assert_array_equal(again[0], alone)
    np.testing.assert_array_equal(again[1], alone[:7])
    expected = reference_logits(spec, values, tokens)
    assert np.corrcoef(alone.ravel(), expected.ravel())[0, 1] > 0.995


KEPT = {
    "two": 16 + 8,
    "three": 16,
    "three-steps": 16,
    "four-halves": 16,
    "four-zeros": 16 + 8,
    "four-super": 8 + 8 + 2 * 16 / 8,
    "four-steps": 8,
    "four-far": 16,
    "four-far-super": 8 + 16 / 8,
    "three-super": 8 + 16 / 16,
    "five-super": 8 + 8 + 2 * 16 / 8,
    "five-low": 2 * 16,
    "five-signed": 16,
    "six": 8 + 16 / 16,
    "six-low": 2 * 16,
    "seven": 16,
    "eight": 16 + 8,
    "eight-signed": 16,
}
"""Bits beside the codes of a group that stay what they are."""


def test_few_bits_stay_few_bytes() -> None:
    """Codes of up to 4 bits take 4, those of 5 and 6 as many where products are of whole numbers, others 8; scales of
    16 bits, bytes that count a float16, and zero points in a byte stay what they are. Other numbers become float32."""
    for name, format in MADE_UP.items():
        panels = code_panels(name, 2304)
        assert panels is not None
        bits = 8 * code_bytes(panels, (6400, 2304)) / (6400 * 2304)
        whole = format.arithmetic == "int8"
        codes = 4 if format.codes.bits <= 4 and not format.exact_inputs else 8
        if format.codes.bits in (5, 6) and whole:
            codes = format.codes.bits
        numbers = KEPT.get(name, 32 * len(format.numbers))
        assert bits == pytest.approx(codes + numbers / int(panels["group"][0]), abs=0.01), name


def test_our_own_formats_take_no_more_than_their_arrays() -> None:
    """Their scales and zero points stay in as many bits; int4 has a unit in four bytes for each row."""
    for name, expected in (("int8", 8 + 16 / 64), ("int4", 4 + 2 * 8 / 32 + 32 / 2304)):
        panels = code_panels(name, 2304)
        assert panels is not None
        assert 8 * code_bytes(panels, (6400, 2304)) / (6400 * 2304) == pytest.approx(expected), name
