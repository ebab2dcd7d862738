"""A description is a format: made-up ones of every kind have the values that their bits say, here and in torch; slices
of their arrays are matrices; and descriptions that contradict themselves are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from causerie.backends.torch.packed import QuantizedMatrix
from causerie.checkpoint.bfloat16 import widen
from causerie.quant.code_bits import CodeBits, Plane, high_first, low_first
from causerie.quant.format import bits_per_weight, concatenated, held_bytes, ranges
from causerie.quant.formats import INT4, QUANTIZED
from causerie.quant.numbers import Numbers
from causerie.quant.packed_format import PackedFormat
from causerie.quant.tables import E2M1, E4M3
from tests.quant.made_up import MADE_UP, SIX, code, random_arrays, values


def shapes(format: PackedFormat) -> list[tuple[int, int]]:
    """Of its smallest and of larger groups, and for flat formats of any width."""
    if format.flat:
        return [(9, 40), (7, 101), (3, 128)]
    return [shape for shape in ((11, 32), (3, 96), (9, 256), (3, 512)) if format.refusal(shape[1]) is None]


INTEGERS = [
    QUANTIZED[name]
    for name in (
        *("sym2_g64_f16", "sym3_g128_bf16", "sym4_g32_f32", "sym8_row_bf16"),
        *("asym2_g32_f16", "asym3_g64_f16", "asym4_g128_f16", "asym8_row_f32"),
        *("affine2_g32_f16", "affine3_g64_bf16", "affine5_g64_f32", "affine6_g128_f16", "affine8_g64_bf16"),
    )
]
"""Some of quant/integer_formats.py."""
EVERY = [(format, shape) for format in (*MADE_UP.values(), *QUANTIZED.values(), *INTEGERS) for shape in shapes(format)]
IDS = [f"{format.name}-{shape[0]}x{shape[1]}" for format, shape in EVERY]


def test_every_kind_is_there() -> None:
    """2 to 8 bits, linear and with tables, around zero and not, groups of 16 to 128, byte and float scales."""
    formats = MADE_UP.values()
    assert {format.codes.bits for format in formats} == {2, 3, 4, 5, 6, 7, 8}
    assert {format.codes.bits for format in formats if format.table} >= {3, 4, 5, 8}
    assert {group for format in formats for group in format.groups} == {16, 32, 64, 128}
    assert {format.scale.dtype for format in formats} == {"F32", "F16", "BF16", "U8", "I8"}
    assert {bool(format.zeros) for format in formats} == {bool(format.low) for format in formats} == {True, False}


@pytest.mark.parametrize(("format", "shape"), EVERY, ids=IDS)
def test_values_are_those_that_the_bits_say(format: PackedFormat, shape: tuple[int, int]) -> None:
    arrays = random_arrays(format, shape)
    decoded = format.decode(arrays, shape)
    expected = values(format, arrays, shape)
    assert format.factor != 1.0 or np.array_equal(decoded, expected)
    assert np.array_equal(decoded, expected * np.float32(format.factor)) and len(np.unique(decoded)) > 3


@pytest.mark.parametrize(("format", "shape"), EVERY, ids=IDS)
def test_torch_has_the_same_values(format: PackedFormat, shape: tuple[int, int]) -> None:
    arrays = random_arrays(format, shape)
    declared = format.buffers(shape)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    for name, buffer in declared.items():
        if buffer.dtype == "BF16":
            tensors[name] = torch.from_numpy(arrays[name].view(np.int16)).view(torch.bfloat16)
    matrix = QuantizedMatrix(format, shape, tensors)
    some = [shape[0] - 1, 0, 1, shape[0] - 1]
    assert np.array_equal(matrix.rows(torch.tensor(some)).numpy(), format.decode(arrays, shape)[some])
    assert matrix.nbytes == held_bytes(format, shape)


@pytest.mark.parametrize("format", MADE_UP.values(), ids=MADE_UP)
def test_slices_are_matrices(format: PackedFormat) -> None:
    shape = (520, 64 if format.refusal(64) is None else 256)
    arrays = random_arrays(format, shape)
    step = format.row_step(shape[1])
    assert format.flat or step == max(each.rows for own in format.numbers for each in own.all())
    whole, parts = format.decode(arrays, shape), []
    for start, stop in ((0, step), (step, 3 * step), (3 * step, shape[0])):
        places = ranges(format, shape[1], start, stop)
        parts.append({name: arrays[name][place] for name, place in places.items()})
        assert np.array_equal(format.decode(parts[-1], (stop - start, shape[1])), whole[start:stop])
    joined = concatenated(format, shape[1], parts)
    assert all(np.array_equal(joined[name], arrays[name]) for name in arrays)


def test_what_a_weight_takes() -> None:
    assert bits_per_weight(QUANTIZED["mxfp4"], (64, 128)) == 4.25
    assert bits_per_weight(MADE_UP["three"], (64, 128)) == 3 + 16 / 128
    assert bits_per_weight(MADE_UP["four-super"], (64, 256)) == 4 + 2 * 8 / 32 + 2 * 16 / 256
    assert bits_per_weight(MADE_UP["six"], (64, 256)) == 6 + 8 / 16 + 16 / 256


@pytest.mark.parametrize("bits", [*map(low_first, range(1, 9)), high_first(1), high_first(2), high_first(4), SIX])
def test_codes_there_and_back(bits: CodeBits) -> None:
    codes = np.random.default_rng(bits.bits).integers(0, 2**bits.bits, 5 * bits.run).astype(np.uint8)
    data = bits.packed(codes)
    assert data.size == bits.nbytes(codes.size) == 5 * bits.run_bytes
    assert np.array_equal(bits.unpacked(data), codes)
    assert [code(bits, data, i) for i in range(codes.size)] == codes.tolist()
    assert np.array_equal(bits.unpacked(bits.packed(codes[:-1])), np.append(codes[:-1], 0)) or bits.run == 1


def test_signed_codes() -> None:
    for bits in range(2, 9):
        codes = np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1)).astype(np.int8)
        codes = np.concatenate((codes, codes, codes[::-1], codes))
        kind = low_first(bits, signed=True)
        assert np.array_equal(kind.unpacked(kind.packed(codes)), codes)


SCALE = Numbers("scale", "F32")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"table": (*E2M1, 1.0)}, "more values than codes"),
        ({"table": E2M1, "zero": 8}, "zero points beside a table"),
        ({"zero": 8, "low": SCALE}, "two of a zero point"),
        ({"zeros": SCALE, "low": SCALE}, "two of a zero point"),
        ({"table": E2M1, "codes": low_first(4, signed=True)}, "codes below zero"),
        ({"flat": True}, "of values from a table"),
        ({"table": E2M1, "flat": True, "groups": (64, 32)}, "of several sizes"),
        ({"table": E2M1, "flat": True, "scale": replace(SCALE, rows=2)}, "by rows"),
        ({"table": E2M1, "flat": True, "scale": replace(SCALE, bits=SIX)}, "by rows"),
        ({"zeros": SCALE}, "no whole numbers"),
        ({"zeros": replace(SCALE, dtype="U8", times=SCALE)}, "no whole numbers"),
        ({"zeros": replace(SCALE, dtype="U8"), "zero_parts": 10}, "no power of two"),
        ({"scale": replace(SCALE, times=Numbers("d", "F32", 48))}, r"numbers for \[48\]"),
        ({"exact_inputs": True}, "codes with a sign"),
        ({"exact_inputs": True, "codes": low_first(4, signed=True)}, "whole rows around 0"),
        ({"exact_inputs": True, "codes": low_first(4, signed=True), "groups": (), "zero": 8}, "whole rows around 0"),
        ({"factor": 0.5}, "a factor"),
        ({"table_step": 0.5}, "no small numbers of steps"),
        ({"table": E2M1, "table_step": 1.0}, "no small numbers of steps"),
        ({"table": E2M1, "table_step": 0.0}, "no small numbers of steps"),
        ({"table": (-64.0, 128.0), "table_step": 1.0}, "no small numbers of steps"),
        ({"table": E2M1, "table_step": 0.5, "codes": low_first(5)}, "no small numbers of steps"),
        ({"table": E2M1, "table_step": 0.5, "flat": True}, "of values from a table"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=rf"the format wrong cannot have .*{why}"):
        replace(PackedFormat("wrong", low_first(4), SCALE, (32,)), **changes)


def test_bits_that_cannot_lie_so() -> None:
    for planes, run_bytes in (
        ((Plane(4, (0, 0)),), 1),
        ((Plane(4, (0, 2)),), 1),
        ((Plane(4, (0, 1)), Plane(1, (8, 7))), 2),
        ((Plane(4, (0, 1)), Plane(1, (8,))), 2),
        ((Plane(9, (0,)),), 2),
    ):
        with pytest.raises(ValueError, match=r"share a place|1 to 8"):
            CodeBits(planes, run_bytes)


def test_widths_that_a_format_cannot_have() -> None:
    assert INT4.refusal(48) == "int4 shares a scale among 32 inputs, which must divide the width"
    assert MADE_UP["four-super"].refusal(128) == "four-super has blocks of 256 inputs, which must divide the width"
    assert MADE_UP["four-signed"].refusal(48) == "four-signed has blocks of 32 inputs, which must divide the width"
    assert MADE_UP["four-float-16"].refusal(48) is None
    assert MADE_UP["five-table"].refusal(7) is None


def test_integer_formats_are_made_from_their_names() -> None:
    assert bits_per_weight(QUANTIZED["asym4_g128_f16"], (64, 256)) == 4 + 16 / 128 + 8 / 128
    assert bits_per_weight(QUANTIZED["affine3_g64_bf16"], (64, 256)) == 3 + 2 * 16 / 64
    for name in ("asym9_g128_f16", "asym1_g128_f16", "sym4_g16_f16", "sym4_g128_f8", "sym4_g128_f16 ", "sym4"):
        assert name not in QUANTIZED
        with pytest.raises(KeyError):
            QUANTIZED[name]


def test_values_of_8_bit_floats_are_those_of_torch() -> None:
    bytes_of_all = torch.arange(256, dtype=torch.uint8)
    expected = bytes_of_all.view(torch.float8_e4m3fn).float().numpy()
    np.testing.assert_array_equal(np.array(E4M3, np.float32), expected)
    arrays = {"codes": bytes_of_all.numpy().reshape(2, 128), "scale": np.array([1.5, -2], np.float32)}
    expected = expected.reshape(2, 128) * np.array([[1.5], [-2]], np.float32)
    np.testing.assert_array_equal(QUANTIZED["fp8"].decode(arrays, (2, 128)), expected)
    assert np.isnan(expected).sum() == 2


def test_bfloat16_numbers_are_widened() -> None:
    format = MADE_UP["seven"]
    arrays = random_arrays(format, (1, 32))
    arrays["codes"] = low_first(7).packed(np.full(32, 65, np.uint8)).reshape(1, -1)
    assert np.array_equal(format.decode(arrays, (1, 32)), np.repeat(widen(arrays["s"]), 32, 1))
