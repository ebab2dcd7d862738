"""Formats there and back: against bitsandbytes' own functions on random tensors, and against the laws that every format
must keep."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from causerie.errors import UnknownName
from causerie.quant.encoders import ENCODERS, encoder_named
from causerie.quant.format import Format, bits_per_weight, concatenated, held_bytes, ranges
from causerie.quant.formats import ALL, PLAIN, format_named
from causerie.quant.plain import to_plain
from causerie.quant.tables import TABLES, dynamic_map

SHAPES = [(24, 96), (7, 64), (1, 32), (130, 256), (3, 4864)]
ODD = [(7, 10), (33, 100), (9, 7), (1, 1), (300, 129)]


@pytest.fixture(scope="module")
def bnb() -> Any:
    return pytest.importorskip("bitsandbytes.functional", reason="bitsandbytes, the oracle, is not installed")


def drawn(shape: tuple[int, int], seed: int = 0, size: float = 0.02) -> NDArray[np.float32]:
    """Normal numbers with a zero row's beginning, an outlier and a whole row of zeros where there are rows enough."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, size, shape).astype(np.float32)
    rows[0, :3] = 0
    if shape[0] > 2:
        rows[1, -1] = 50 * size
        rows[2] = 0
    return rows


def there_and_back(format: Format, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return format.decode(encoded(format, rows), (rows.shape[0], rows.shape[1]))


def encoded(format: Format, rows: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    if format.name in PLAIN:
        return {"values": to_plain(rows, format.name)}
    encoder = encoder_named(format.name)
    return encoder.encode(rows, encoder.constant([rows]))


def fits(format: Format, shape: tuple[int, int]) -> bool:
    return format.refusal(shape[1]) is None


NAMES = (*PLAIN, *ENCODERS)
EVERY = [(name, shape) for name in NAMES for shape in (*SHAPES, *ODD) if fits(ALL[name], shape)]


@pytest.mark.parametrize(("name", "shape"), EVERY)
def test_arrays_are_those_that_the_format_declares(name: str, shape: tuple[int, int]) -> None:
    format = format_named(name)
    rows = drawn(shape)
    found = encoded(format, rows)
    declared = format.buffers(shape)
    assert list(found) == list(declared)
    sizes = {"BF16": np.uint16, "F32": np.float32, "F16": np.float16, "U8": np.uint8, "I8": np.int8}
    for key, buffer in declared.items():
        assert found[key].shape == buffer.shape and found[key].dtype == sizes[buffer.dtype], key
    assert held_bytes(format, shape) == sum(array.nbytes for array in found.values())
    decoded = format.decode(found, shape)
    assert decoded.shape == shape and decoded.dtype == np.float32 and np.isfinite(decoded).all()


@pytest.mark.parametrize("name", ENCODERS)
def test_slices_make_up_the_matrix(name: str) -> None:
    encoder, format = encoder_named(name), format_named(name)
    shape = (520, 96)
    rows = drawn(shape)
    constant = encoder.constant(iter([rows[:100], rows[100:]]) if "double" not in name else [rows])
    whole = encoder.encode(rows, constant)
    step = format.row_step(shape[1])
    bounds = [0, step, 2 * step, shape[0]] if 2 * step < shape[0] else [0, step, shape[0]]
    parts = [encoder.encode(rows[a:b], constant) for a, b in pairwise(bounds)]
    joined = concatenated(format, shape[1], parts)
    for key in whole:
        assert np.array_equal(joined[key], whole[key]), key
    for a, b in pairwise(bounds):
        cut = {key: whole[key][place] for key, place in ranges(format, shape[1], a, b).items()}
        assert np.array_equal(format.decode(cut, (b - a, shape[1])), format.decode(whole, shape)[a:b])


@pytest.mark.parametrize("name", ["int8", "int6", "int5", "int4"])
@pytest.mark.parametrize("size", [1e-35, 1e-20, 1e-6, 1.0, 1e6, 1e14])
def test_our_formats_hold_any_magnitude(name: str, size: float) -> None:
    rows = np.random.default_rng(0).normal(0, size, (16, 128)).astype(np.float32)
    decoded = there_and_back(format_named(name), rows).astype(np.float64)
    error = np.square(decoded - rows).sum() / np.square(rows.astype(np.float64)).sum()
    assert error <= (1.0 if size < 1e-30 else {"int8": 2e-4, "int6": 2e-3, "int5": 4e-3}.get(name, 2e-2))


@pytest.mark.parametrize("name", ["int8", "int6", "int5", "int4"])
@pytest.mark.parametrize("size", [0.0, 1e-33])
def test_what_is_too_small_to_be_divided_has_scales_of_zero(name: str, size: float) -> None:
    format = format_named(name)
    arrays = encoded(format, np.full((3, 128), size, np.float32))
    assert not arrays["scale"].any() and (format.codes.unpacked(arrays["codes"]) == format.zero).all()


@pytest.mark.parametrize(
    ("name", "limit", "bits"),
    [("int8", 4e-5, 8.25), ("int6", 6e-4, 6.25), ("int5", 2.6e-3, 5.25), ("int4", 5.5e-3, 4.6), ("nf4", 1e-2, 4.5)],
)
def test_the_error_of_normal_weights(name: str, limit: float, bits: float) -> None:
    rows = np.random.default_rng(1).normal(0, 0.02, (256, 512)).astype(np.float32)
    decoded = there_and_back(format_named(name), rows)
    assert np.square(decoded - rows).sum() / np.square(rows).sum() < limit
    assert bits_per_weight(format_named(name), (256, 512)) <= bits


@given(st.integers(0, 2**32 - 1), st.sampled_from(["int8", "int4"]), st.floats(-1, 1))
def test_no_weight_is_off_by_more_than_its_step(seed: int, name: str, shift: float) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.standard_t(3, (3, 64)) + shift).astype(np.float32)
    decoded = there_and_back(format_named(name), rows)
    span = np.abs(rows).max(1) if name == "int8" else np.maximum(rows.max(1), 0) - np.minimum(rows.min(1), 0)
    # int4 may cut what sticks out of a group, by at most what its smallest share of the range leaves out.
    most = span / 127 if name == "int8" else span * 0.25
    assert (np.abs(decoded - rows).max(1) <= most).all()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int8", "int4", "bnb_int8"])
def test_what_was_decoded_is_held_as_it_is(name: str) -> None:
    format = format_named(name)
    once = there_and_back(format, drawn((16, 128)))
    twice = there_and_back(format, once)
    assert np.abs(twice - once).max() <= (1e-6 if name != "int4" else 0.02 * np.abs(once).max())


# --- bitsandbytes ---


def test_tables_are_theirs(bnb: Any) -> None:
    assert np.array_equal(dynamic_map(), bnb.create_dynamic_map().numpy())
    for name, table in TABLES.items():
        assert np.array_equal(table, bnb.get_4bit_type(name, device="cpu").numpy())


@pytest.mark.parametrize("table", ["nf4", "fp4"])
@pytest.mark.parametrize("shape", [*SHAPES, *ODD])
def test_4_bit_values_are_theirs(bnb: Any, table: str, shape: tuple[int, int]) -> None:
    rows = drawn(shape)
    format = format_named(table)
    packed, state = bnb.quantize_4bit(torch.from_numpy(rows), quant_type=table, blocksize=64)
    ours = encoded(format, rows)
    assert np.array_equal(ours["codes"], packed.numpy().reshape(-1))
    assert np.array_equal(ours["absmax"], state.absmax.numpy())
    assert np.array_equal(format.decode(ours, shape), dequantized(bnb, packed, state))


def dequantized(bnb: Any, packed: torch.Tensor, state: Any) -> NDArray[np.float32]:
    """Their values. Where blocks span rows their C++ for the CPU reads wrong magnitudes, so their torch code judges."""
    if state.shape[-1] % 64 == 0:
        return np.asarray(bnb.dequantize_4bit(packed, state).numpy())
    from bitsandbytes.backends.default import ops

    absmax = (
        state.absmax if state.state2 is None else bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
    )
    plain = ops._dequantize_4bit_compute.__wrapped__  # without torch.compile
    return np.asarray(plain(packed.reshape(-1), absmax, state.code, 64, state.shape, torch.float32).numpy())


@pytest.mark.parametrize("table", ["nf4", "fp4"])
@pytest.mark.parametrize("shape", [(130, 256), (300, 129), (7, 10)])
def test_double_quantization_is_theirs(bnb: Any, table: str, shape: tuple[int, int]) -> None:
    rows = drawn(shape)
    format = format_named(f"{table}_double")
    packed, state = bnb.quantize_4bit(torch.from_numpy(rows), quant_type=table, blocksize=64, compress_statistics=True)
    theirs = {
        "codes": packed.numpy().reshape(-1),
        "absmax": state.absmax.numpy(),
        "nested_absmax": state.state2.absmax.numpy(),
        "offset": np.array([state.offset], np.float32),
    }
    # Their arrays mean the same to us, to the last bit.
    assert np.array_equal(format.decode(theirs, shape), dequantized(bnb, packed, state))
    ours = encoded(format, rows)
    assert np.array_equal(ours["codes"], theirs["codes"])
    np.testing.assert_allclose(ours["offset"], theirs["offset"], rtol=1e-6)
    np.testing.assert_allclose(ours["nested_absmax"], theirs["nested_absmax"], rtol=1e-5)
    # Their C++ takes a neighbour of the nearest value now and then; ours is always the nearest.
    same = ours["absmax"] == theirs["absmax"]
    assert same.mean() > 0.98
    ours_off, their_off = (np.abs(format.decode(found, shape) - rows).max() for found in (ours, theirs))
    assert ours_off <= their_off * 1.01


@pytest.mark.parametrize("shape", [*SHAPES, *ODD])
def test_8_bit_rows_are_theirs(bnb: Any, shape: tuple[int, int]) -> None:
    rows = drawn(shape)
    codes, scale, _ = bnb.int8_vectorwise_quant(torch.from_numpy(rows).half())
    format = format_named("bnb_int8")
    ours = encoded(format, rows)
    assert np.array_equal(ours["codes"], codes.numpy()) and np.array_equal(ours["scale"], scale.numpy())
    assert np.array_equal(format.decode(ours, shape), bnb.int8_vectorwise_dequant(codes, scale).numpy())


@pytest.mark.parametrize("sign", [1, -1])
def test_8_bit_rows_hold_what_float16_cannot_as_its_largest(sign: int) -> None:
    rows = np.array([[1e6 * sign, 65504, -65504, 0]], np.float32)
    decoded = there_and_back(format_named("bnb_int8"), rows)
    np.testing.assert_allclose(decoded, [[65504 * sign, 65504, -65504, 0]], rtol=1e-6)


def test_unknown_formats_name_the_nearest() -> None:
    with pytest.raises(UnknownName, match="nearest first: int8"):
        format_named("int-8")
